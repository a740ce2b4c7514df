package autoscaler

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	hpaGroup  = "autoscaling"
	kedaGroup = "keda.sh"
)

var (
	hpaGVR  = schema.GroupVersionResource{Group: hpaGroup, Version: "v2", Resource: "horizontalpodautoscalers"}
	kedaGVR = schema.GroupVersionResource{Group: kedaGroup, Version: "v1alpha1", Resource: "scaledobjects"}
)

// primarySuffix ends the names of the primary's objects.
const primarySuffix = "-primary"

// Resource is what the referenced autoscaler is read and written as. A HorizontalPodAutoscaler of
// any version of its group is spoken to as autoscaling/v2, which every supported cluster serves.
// The error says what spec.autoscalerRef accepts.
func Resource(ref *v1beta1.AutoscalerReference) (schema.GroupVersionResource, error) {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err == nil {
		switch {
		case ref.Kind == v1beta1.AutoscalerHPA && gv.Group == hpaGroup:
			return hpaGVR, nil
		case ref.Kind == v1beta1.AutoscalerScaledObject && gv.Group == kedaGroup:
			return kedaGVR, nil
		}
	}
	return schema.GroupVersionResource{}, fmt.Errorf(
		"spec.autoscalerRef: kind %q of apiVersion %q is no autoscaler that can be copied: use HorizontalPodAutoscaler of autoscaling/v2, or ScaledObject of keda.sh/v1alpha1",
		ref.Kind, ref.APIVersion)
}

// PrimaryName is the name of the primary's autoscaler.
func PrimaryName(ref *v1beta1.AutoscalerReference) string { return ref.Name + primarySuffix }

// ScalesPrimary says whether an autoscaler, of either kind, scales the primary of the Canary. The
// primary's number of pods then is that autoscaler's business, also when it is the user's and no
// spec.autoscalerRef names it (gotcha A17).
func ScalesPrimary(c *v1beta1.Canary, scaler *unstructured.Unstructured) bool {
	if scaler == nil || scaler.GetNamespace() != c.Namespace {
		return false
	}
	target, _ := field(scaler.Object, "spec", "scaleTargetRef").(map[string]any)
	kind, _ := target["kind"].(string)
	if kind == "" && isKEDA(scaler) {
		kind = v1beta1.TargetDeployment // KEDA's default
	}
	return kind == c.Spec.TargetRef.Kind && target["name"] == c.PrimaryName()
}

// FromZero is the number of replicas to start an idle target with: the least that its autoscaler
// wants, at least 1.
func FromZero(live *unstructured.Unstructured) int32 {
	if live == nil {
		return 1
	}
	return max(integer(field(live.Object, "spec", limitsOf(live).min)), 1)
}

func isKEDA(scaler *unstructured.Unstructured) bool {
	return scaler.GetKind() == v1beta1.AutoscalerScaledObject
}

// field looks a field up in nested maps; it is nil where there is none.
func field(value any, path ...string) any {
	for _, key := range path {
		fields, _ := value.(map[string]any)
		value = fields[key]
	}
	return value
}

// integer is a number of replicas; what is none is 0.
func integer(value any) int32 {
	const most = 1<<31 - 1
	switch value := value.(type) {
	case int64:
		return int32(min(max(value, 0), most))
	case float64:
		if value > 0 && value <= most {
			return int32(value)
		}
	}
	return 0
}
