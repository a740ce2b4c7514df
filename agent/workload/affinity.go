package workload

import "slices"

// spreadPrimary makes the rules that keep the target's pods apart or together speak of the
// primary's: in affinity and anti-affinity terms and in topology spread constraints, the target's
// label value becomes the primary's. Left alone, they would speak of the other side's pods.
//
// matchLabelKeys and mismatchLabelKeys stay as they are: they take their values from the pod they
// are on, so they speak of the primary's own pods already.
func spreadPrimary(pod map[string]any, s Selector, namespace string) {
	affinity, _ := pod["affinity"].(map[string]any)
	for _, field := range []string{"podAffinity", "podAntiAffinity"} {
		rules, _ := affinity[field].(map[string]any)
		terms := elements(rules["requiredDuringSchedulingIgnoredDuringExecution"])
		for _, weighted := range elements(rules["preferredDuringSchedulingIgnoredDuringExecution"]) {
			if term, ok := weighted["podAffinityTerm"].(map[string]any); ok {
				terms = append(terms, term)
			}
		}
		for _, term := range terms {
			if ofNamespace(term, namespace) {
				renameInSelector(term["labelSelector"], s)
			}
		}
	}
	for _, constraint := range elements(pod["topologySpreadConstraints"]) {
		renameInSelector(constraint["labelSelector"], s)
	}
}

// ofNamespace says whether a term speaks of the pods of the namespace and not, or not only by
// chance, of those of others, where the same label value means somebody else's pods.
func ofNamespace(term map[string]any, namespace string) bool {
	if term["namespaceSelector"] != nil {
		return false
	}
	names, _ := term["namespaces"].([]any)
	return len(names) == 0 || slices.Contains(names, any(namespace))
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
		at := slices.Index(values, any(s.Value))
		switch {
		case !ok || at < 0 || expression["key"] != s.Key:
		case expression["operator"] == "NotIn":
			// "Anybody but us" goes on to mean both sides: they are one application.
			expression["values"] = append(values, s.PrimaryValue())
		default:
			values[at] = s.PrimaryValue()
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
