package routing

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// AnalysisPath is the path of the analysis that v1beta1.Canary.GetAnalysis reads, for messages.
func AnalysisPath(c *v1beta1.Canary) *field.Path {
	if c.Spec.Analysis == nil && c.Spec.CanaryAnalysis != nil {
		return field.NewPath("spec", "canaryAnalysis")
	}
	return field.NewPath("spec", "analysis")
}

// NewApexObject starts a routing object that is named after the apex and carries its metadata.
// Under server-side apply these are the only labels and annotations that the agent owns; those of
// others stay (gotcha D17).
func NewApexObject(c *v1beta1.Canary, gvk schema.GroupVersionKind, spec map[string]any) *unstructured.Unstructured {
	annotations := map[string]any{}
	metadata := map[string]any{
		"name":        c.ApexName(),
		"namespace":   c.Namespace,
		"annotations": annotations,
	}
	if apex := c.Spec.Service.Apex; apex != nil {
		for key, value := range apex.Annotations {
			annotations[key] = value
		}
		if len(apex.Labels) > 0 {
			labels := map[string]any{}
			for key, value := range apex.Labels {
				labels[key] = value
			}
			metadata["labels"] = labels
		}
	}
	for key, value := range v1beta1.GitOpsOff() {
		annotations[key] = value
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": gvk.GroupVersion().String(),
		"kind":       gvk.Kind,
		"metadata":   metadata,
		"spec":       spec,
	}}
}

// NewReleasedObject is NewApexObject without the annotations that keep GitOps tools away: the
// object is the user's from now on. With server-side apply what is not rendered goes.
func NewReleasedObject(c *v1beta1.Canary, gvk schema.GroupVersionKind, spec map[string]any) *unstructured.Unstructured {
	object := NewApexObject(c, gvk, spec)
	annotations := object.GetAnnotations()
	for key := range v1beta1.GitOpsOff() {
		delete(annotations, key)
	}
	if len(annotations) == 0 {
		annotations = nil
	}
	object.SetAnnotations(annotations)
	return object
}

// CheckPort refuses a canary whose Services have no port, which every backend reference needs.
func CheckPort(c *v1beta1.Canary) field.ErrorList {
	port := c.Spec.Service.Port
	if port >= 1 && port <= 65535 {
		return nil
	}
	path := field.NewPath("spec", "service", "port")
	return field.ErrorList{field.Invalid(path, port, "set the port of the generated Services, 1 to 65535")}
}

// CheckSplit refuses a split that is not a distribution in percent, before it reaches a router.
func CheckSplit(s Split) error {
	if s.Primary < 0 || s.Canary < 0 || s.Primary+s.Canary != 100 {
		return &InvalidSplitError{Split: s}
	}
	return nil
}

// MirrorPercent is the share of the primary's requests that is copied while a Split says Mirror, in
// percent: mirrorWeight, or all of them where that is not set.
func MirrorPercent(c *v1beta1.Canary) int32 {
	if weight := c.GetAnalysis().MirrorWeight; weight > 0 && weight < 100 {
		return weight
	}
	return 100
}
