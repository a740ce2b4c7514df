package workload

import (
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// daemonSet is the kind DaemonSet. It has no number of replicas: an idle target has a node selector
// that no node satisfies, the marker.
type daemonSet struct{ podKind }

var _ Kind = daemonSet{}

// marker is the node selector of an idle target.
const marker = v1beta1.ScaleToZeroSelector

func (daemonSet) Resource() schema.GroupVersionResource {
	return appsv1.SchemeGroupVersion.WithResource("daemonsets")
}

func (daemonSet) Traits() Traits { return Traits{Pods: true} }

func (daemonSet) History() *History { return controllerRevisions }

// Cached leaves of the pod template the container ports and the marker.
func (daemonSet) Cached(o any) (Object, error) {
	d, err := cachedAs[appsv1.DaemonSet](o)
	if err != nil {
		return nil, err
	}
	d.ManagedFields = nil
	delete(d.Annotations, lastApplied)
	pod := corev1.PodSpec{Containers: portsOf(d.Spec.Template.Spec.Containers)}
	pod.NodeSelector = only(d.Spec.Template.Spec.NodeSelector, marker)
	d.Spec.Template = corev1.PodTemplateSpec{Spec: pod}
	return d, nil
}

// Check refuses an update strategy that would leave the old pods in place for ever.
func (daemonSet) Check(target Object) field.ErrorList {
	d, ok := target.(*appsv1.DaemonSet)
	if !ok {
		return nil
	}
	switch t := d.Spec.UpdateStrategy.Type; t {
	case "", appsv1.RollingUpdateDaemonSetStrategyType:
		return nil
	default:
		return field.ErrorList{field.Invalid(field.NewPath("spec", "updateStrategy", "type"), t,
			"its pods would keep the old revision until somebody deletes them; set RollingUpdate")}
	}
}

func (daemonSet) Pods(target Object) Pods {
	d, ok := target.(*appsv1.DaemonSet)
	if !ok {
		return Pods{}
	}
	return podsOf(d.Spec.Selector, d.Spec.Template.Spec.Containers)
}

// Target counts nodes as replicas. DaemonSets have no deadline of their own: that of the run, which
// begins with the run, is the only one (A9).
func (daemonSet) Target(target Object, history []*metav1.PartialObjectMetadata) rollout.Workload {
	d, ok := target.(*appsv1.DaemonSet)
	if !ok {
		return rollout.Workload{}
	}
	w := rollout.Workload{
		Exists:     true,
		Generation: d.Generation,
		// A DaemonSet that no node takes does not serve, and is not what is called scaled to zero.
		Replicas:  max(d.Status.DesiredNumberScheduled, 1),
		Total:     d.Status.CurrentNumberScheduled,
		Updated:   d.Status.UpdatedNumberScheduled,
		Available: d.Status.NumberAvailable,
	}
	if marked(d) {
		w.Replicas = 0
	}
	if d.Status.ObservedGeneration < d.Generation {
		return w
	}
	w.Revision, w.Since = newestControllerRevision(d, history)
	w.Observed = w.Revision != ""
	return w
}

func (k daemonSet) Primary(primary Object, history []*metav1.PartialObjectMetadata) rollout.Workload {
	w := k.Target(primary, history)
	if !w.Exists {
		return w
	}
	return primaryFacts(primary, w, history)
}

func (k daemonSet) Service(c *v1beta1.Canary, role Role, s Selector, target Object, live *corev1.Service) *corev1.Service {
	if target == nil {
		return nil
	}
	return renderService(c, role, s, k.Pods(target).Containers, live)
}

func (daemonSet) RenderPrimary(c *v1beta1.Canary, target *unstructured.Unstructured, how Copy) (*unstructured.Unstructured, error) {
	return renderPods(c, target, how, []string{"minReadySeconds", "revisionHistoryLimit", "updateStrategy"})
}

// Scale puts the marker on or takes it off. Each change makes another ControllerRevision, so it is
// made only when there is one to be made.
func (daemonSet) Scale(target Object, replicas int32) ([]byte, error) {
	d, ok := target.(*appsv1.DaemonSet)
	if !ok || marked(d) == (replicas == 0) {
		return nil, nil
	}
	var value any // Null removes it.
	if replicas == 0 {
		value = "true"
	}
	return json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"nodeSelector": map[string]any{marker: value},
	}}}})
}

func marked(d *appsv1.DaemonSet) bool {
	_, ok := d.Spec.Template.Spec.NodeSelector[marker]
	return ok
}

// dropMarker removes the marker from a pod's spec, and with the last node selector the field.
func dropMarker(pod map[string]any) {
	nodes, ok := pod["nodeSelector"].(map[string]any)
	if !ok {
		return
	}
	delete(nodes, marker)
	if len(nodes) == 0 {
		delete(pod, "nodeSelector")
	}
}
