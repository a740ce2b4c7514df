package workload

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// knativeService is the kind Service of Knative. It keeps its revisions itself and routes between
// them, so the primary is a revision that is named by an annotation of the target.
type knativeService struct{}

var _ Kind = knativeService{}

const (
	// PrimaryRevisionAnnotation on a Knative Service names the Revision that is the primary. The
	// name is Flagger's.
	PrimaryRevisionAnnotation = "flagger.app/primary-revision"
)

func (knativeService) Resource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}
}

func (knativeService) Traits() Traits { return Traits{InPlace: true} }

func (knativeService) History() *History { return nil }

// Cached keeps everything: the traffic provider reads the same object from the same cache.
func (knativeService) Cached(o any) (Object, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return nil, fmt.Errorf("read a %T: not an unstructured object", o)
	}
	return u, nil
}

func (knativeService) PrimaryName(c *v1beta1.Canary) string { return c.Spec.TargetRef.Name }

func (knativeService) Check(Object) field.ErrorList { return nil }

func (knativeService) Pods(Object) Pods { return Pods{} }

// Target is ready when the newest Revision is. Knative scales it with the traffic, so that a
// Revision without pods is ready as well.
func (knativeService) Target(target Object, _ []*metav1.PartialObjectMetadata) rollout.Workload {
	u, ok := target.(*unstructured.Unstructured)
	if !ok {
		return rollout.Workload{}
	}
	w := alwaysThere(rollout.Workload{Generation: u.GetGeneration()})
	created := statusText(u, "latestCreatedRevisionName")
	if created != "" {
		w.Revision = v1beta1.KnativeRevisionPrefix + created
	}
	observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	w.Observed = created != "" && observed >= u.GetGeneration() && !outOfDate(u)
	if statusText(u, "latestReadyRevisionName") != created {
		w.Available = 0
	}
	return w
}

// outOfDate says whether Knative has yet to make the Revision of the present spec.
func outOfDate(u *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedFieldNoCopy(u.Object, "status", "conditions")
	for _, condition := range elements(conditions) {
		if condition["type"] == "ConfigurationsReady" && condition["reason"] == "OutOfDate" {
			return true
		}
	}
	return false
}

func statusText(u *unstructured.Unstructured, name string) string {
	text, _, _ := unstructured.NestedString(u.Object, "status", name)
	return text
}

// Primary is the Revision that the annotation names. It was ready when it was promoted, and Knative
// starts its pods when requests come.
func (knativeService) Primary(primary Object, _ []*metav1.PartialObjectMetadata) rollout.Workload {
	if primary == nil {
		return rollout.Workload{}
	}
	name := primary.GetAnnotations()[PrimaryRevisionAnnotation]
	if name == "" {
		return rollout.Workload{}
	}
	return alwaysThere(rollout.Workload{
		Observed: true, Generation: primary.GetGeneration(), Revision: v1beta1.KnativeRevisionPrefix + name, Source: v1beta1.KnativeRevisionPrefix + name,
	})
}

// Service renders none: Knative makes its own.
func (knativeService) Service(*v1beta1.Canary, Role, Selector, Object, *corev1.Service) *corev1.Service {
	return nil
}

// RenderPrimary marks a Revision as the primary.
func (knativeService) RenderPrimary(_ *v1beta1.Canary, target *unstructured.Unstructured, how Copy) (*unstructured.Unstructured, error) {
	name, ok := strings.CutPrefix(how.Revision, v1beta1.KnativeRevisionPrefix)
	if !ok || name == "" {
		return nil, fmt.Errorf("mark the primary revision of %s: %q names no Revision of Knative", describe(target), how.Revision)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": target.GetAPIVersion(),
		"kind":       target.GetKind(),
		"metadata": map[string]any{
			"name":        target.GetName(),
			"namespace":   target.GetNamespace(),
			"annotations": map[string]any{PrimaryRevisionAnnotation: name},
		},
	}}, nil
}

func (knativeService) Scale(Object, int32) ([]byte, error) { return nil, nil }
