package workload

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Copy says how a primary is made from its target.
type Copy struct {
	Selector Selector
	// Prefixes of the labels and annotations that are copied.
	Prefixes Prefixes
	// Revision of the target.
	Revision string
	// RunID rolls the pods when it changes.
	RunID string
	// Replicas of the primary.
	Replicas int32
}

// copiedFields of a Deployment's spec, besides the template.
var copiedFields = []string{"minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit", "strategy"}

// RenderPrimary makes the primary Deployment out of a live target, complete, for server-side
// apply.
func RenderPrimary(c *v1beta1.Canary, target *unstructured.Unstructured, how Copy) (*unstructured.Unstructured, error) {
	spec, ok, err := unstructured.NestedMap(target.Object, "spec")
	if err != nil || !ok {
		return nil, fmt.Errorf("read spec of deployment %s/%s: %w", target.GetNamespace(), target.GetName(), errOr(err))
	}
	template, ok, err := unstructured.NestedMap(spec, "template")
	if err != nil || !ok {
		return nil, fmt.Errorf("read spec.template of deployment %s/%s: %w", target.GetNamespace(), target.GetName(), errOr(err))
	}
	template = runtime.DeepCopyJSON(template)
	podLabels, _, _ := unstructured.NestedStringMap(template, "metadata", "labels")
	podAnnotations, _, _ := unstructured.NestedStringMap(template, "metadata", "annotations")
	podLabels = withoutToolkit(podLabels)
	podLabels[how.Selector.Key] = how.Selector.PrimaryValue()
	podAnnotations = withoutToolkit(podAnnotations)
	podAnnotations[runAnnotation] = how.RunID
	template["metadata"] = map[string]any{
		"labels":      anyMap(podLabels),
		"annotations": anyMap(podAnnotations),
	}
	if pod, ok := template["spec"].(map[string]any); ok {
		spreadPrimary(pod, how.Selector)
	}

	labels := how.Prefixes.Filter(target.GetLabels())
	labels[how.Selector.Key] = how.Selector.PrimaryValue()
	annotations := how.Prefixes.Filter(target.GetAnnotations())
	annotations[SourceAnnotation] = how.Revision
	primarySpec := map[string]any{
		"replicas": int64(how.Replicas),
		"selector": map[string]any{"matchLabels": map[string]any{how.Selector.Key: how.Selector.PrimaryValue()}},
		"template": template,
	}
	for _, field := range copiedFields {
		if value, ok := spec[field]; ok {
			primarySpec[field] = value
		}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata": map[string]any{
			"name":            c.PrimaryName(),
			"namespace":       c.Namespace,
			"labels":          anyMap(labels),
			"annotations":     anyMap(annotations),
			"ownerReferences": []any{OwnerOf(c)},
		},
		"spec": primarySpec,
	}}, nil
}

// spreadPrimary makes the rules that keep the target's pods apart keep the primary's apart: in
// anti-affinity terms and topology spread constraints, the target's label value becomes the
// primary's. Left alone, they would speak of the other side's pods.
func spreadPrimary(pod map[string]any, s Selector) {
	if affinity, ok := pod["affinity"].(map[string]any); ok {
		if anti, ok := affinity["podAntiAffinity"].(map[string]any); ok {
			for _, term := range elements(anti["requiredDuringSchedulingIgnoredDuringExecution"]) {
				renameInSelector(term["labelSelector"], s)
			}
			for _, weighted := range elements(anti["preferredDuringSchedulingIgnoredDuringExecution"]) {
				if term, ok := weighted["podAffinityTerm"].(map[string]any); ok {
					renameInSelector(term["labelSelector"], s)
				}
			}
		}
	}
	for _, constraint := range elements(pod["topologySpreadConstraints"]) {
		renameInSelector(constraint["labelSelector"], s)
	}
}

func renameInSelector(selector any, s Selector) {
	sel, ok := selector.(map[string]any)
	if !ok {
		return
	}
	if labels, ok := sel["matchLabels"].(map[string]any); ok && labels[s.Key] == s.Value {
		labels[s.Key] = s.PrimaryValue()
	}
	for _, expression := range elements(sel["matchExpressions"]) {
		values, ok := expression["values"].([]any)
		if !ok || expression["key"] != s.Key {
			continue
		}
		for i := range values {
			if values[i] == s.Value {
				values[i] = s.PrimaryValue()
			}
		}
	}
}

// elements returns the elements of a list that are maps.
func elements(list any) []map[string]any {
	items, _ := list.([]any)
	out := make([]map[string]any, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func errOr(err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("the field is missing")
}
