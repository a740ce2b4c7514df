package doctor

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var hpaResource = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}

// autoscalers looks whether those of the targets are the ones that the canaries name.
func (s *session) autoscalers(ctx context.Context) []Check {
	const title = "Autoscalers"
	if none := s.none(title); none != nil {
		return none
	}
	namespace := s.o.Namespace
	if s.o.AllNamespaces {
		namespace = ""
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := s.client.Resource(hpaResource).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: chunk})
	if err != nil {
		return s.unreadable(title, "list horizontalpodautoscalers "+s.where(), err)
	}
	scales, names := map[string]string{}, map[string]string{}
	for i := range list.Items {
		hpa := &list.Items[i]
		kind, _, _ := unstructured.NestedString(hpa.Object, "spec", "scaleTargetRef", "kind")
		name, _, _ := unstructured.NestedString(hpa.Object, "spec", "scaleTargetRef", "name")
		scales[hpa.GetNamespace()+"/"+kind+"/"+name] = hpa.GetName()
		names[hpa.GetNamespace()+"/"+hpa.GetName()] = name
	}
	all := list.GetContinue() == ""
	var out []Check
	for _, c := range s.canaries {
		target := c.Spec.TargetRef
		ref := c.Spec.AutoscalerRef
		hpa := scales[c.Namespace+"/"+target.Kind+"/"+target.Name]
		tell := func(status Status, fix, format string, args ...any) {
			out = append(out, Check{Status: status, Title: title, Detail: c.key + ": " + fmt.Sprintf(format, args...), Fix: fix, Objects: []string{c.key}})
		}
		switch {
		case ref != nil && ref.Kind != v1beta1.AutoscalerHPA: // KEDA makes the HPA, under a name of its own.
		case ref == nil && hpa != "":
			tell(Warn, fmt.Sprintf("Add to the Canary:\nspec:\n  autoscalerRef:\n    apiVersion: autoscaling/v2\n    kind: HorizontalPodAutoscaler\n    name: %s", hpa),
				"HorizontalPodAutoscaler %s scales the target, but not the primary, which serves", hpa)
		case ref == nil:
		default:
			name, exists := names[c.Namespace+"/"+ref.Name]
			switch {
			case !exists && all:
				tell(Fail, "Create it, or correct spec.autoscalerRef.", "HorizontalPodAutoscaler %s of spec.autoscalerRef does not exist", ref.Name)
			case exists && name != target.Name:
				tell(Warn, "Correct spec.autoscalerRef.", "HorizontalPodAutoscaler %s scales %s, not the target %s", ref.Name, name, target.Name)
			}
		}
	}
	if out == nil {
		detail := "those of the targets are named in the canaries"
		if !all {
			detail += fmt.Sprintf(" (of the first %d)", chunk)
		}
		return []Check{{Status: OK, Title: title, Detail: detail}}
	}
	return out
}
