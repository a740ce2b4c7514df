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

// deployment is the kind Deployment.
type deployment struct{ podKind }

var _ Kind = deployment{}

func (deployment) Resource() schema.GroupVersionResource {
	return appsv1.SchemeGroupVersion.WithResource("deployments")
}

func (deployment) Traits() Traits { return Traits{Pods: true, Replicas: true} }

func (deployment) History() *History { return replicaSets }

// Cached leaves of the pod template the container ports only, and drops the managed fields, which
// are the bulk of a Deployment.
func (deployment) Cached(o any) (Object, error) {
	d, err := cachedAs[appsv1.Deployment](o)
	if err != nil {
		return nil, err
	}
	d.ManagedFields = nil
	delete(d.Annotations, lastApplied)
	d.Spec.Template = corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: portsOf(d.Spec.Template.Spec.Containers)}}
	return d, nil
}

// portsOf leaves of containers their names and ports.
func portsOf(containers []corev1.Container) []corev1.Container {
	out := make([]corev1.Container, 0, len(containers))
	for _, c := range containers {
		out = append(out, corev1.Container{Name: c.Name, Ports: c.Ports})
	}
	return out
}

func (deployment) Check(Object) field.ErrorList { return nil }

func (deployment) Pods(target Object) Pods {
	d, ok := target.(*appsv1.Deployment)
	if !ok {
		return Pods{}
	}
	return podsOf(d.Spec.Selector, d.Spec.Template.Spec.Containers)
}

func podsOf(selector *metav1.LabelSelector, containers []corev1.Container) Pods {
	pods := Pods{Containers: containers}
	if selector != nil {
		pods.Labels = selector.MatchLabels
	}
	return pods
}

func (deployment) Target(target Object, history []*metav1.PartialObjectMetadata) rollout.Workload {
	d, ok := target.(*appsv1.Deployment)
	if !ok {
		return rollout.Workload{}
	}
	w := rollout.Workload{
		Exists:     true,
		Generation: d.Generation,
		Replicas:   1,
		Total:      d.Status.Replicas,
		Updated:    d.Status.UpdatedReplicas,
		Available:  d.Status.AvailableReplicas,
	}
	if rs := newestReplicaSet(d, history); rs != nil {
		w.Revision = replicaSetPrefix + rs.Labels[podTemplateHash]
		w.Since = rs.CreationTimestamp.Time
	}
	w.Observed = w.Revision != ""
	if d.Spec.Replicas != nil {
		w.Replicas = *d.Spec.Replicas
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
			w.DeadlineExceeded = true
		}
	}
	return w
}

func (k deployment) Primary(primary Object, history []*metav1.PartialObjectMetadata) rollout.Workload {
	w := k.Target(primary, history)
	if !w.Exists {
		return w
	}
	return primaryFacts(primary, w, history)
}

func (k deployment) Service(c *v1beta1.Canary, role Role, s Selector, target Object, live *corev1.Service) *corev1.Service {
	if target == nil {
		return nil
	}
	return renderService(c, role, s, k.Pods(target).Containers, live)
}

// deploymentFields of a Deployment's spec are the primary's too. A target that is paused says
// nothing about its primary, which would never roll out.
var deploymentFields = []string{"minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit", "strategy"}

func (deployment) RenderPrimary(c *v1beta1.Canary, target *unstructured.Unstructured, how Copy) (*unstructured.Unstructured, error) {
	primary, err := renderPods(c, target, how, deploymentFields)
	if err != nil {
		return nil, err
	}
	if !how.KeepReplicas {
		if err := unstructured.SetNestedField(primary.Object, int64(how.Replicas), "spec", "replicas"); err != nil {
			return nil, err
		}
	}
	return primary, nil
}

func (deployment) Scale(_ Object, replicas int32) ([]byte, error) {
	return json.Marshal(map[string]any{"spec": map[string]any{"replicas": replicas}})
}
