package events

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
)

// podLimit bounds the pods of each side whose events are read, each with a request of its own: the
// API server cannot select the events of several objects.
const podLimit = 10

// OfCanary selects the events of a canary, and not those of one before of the same name.
func OfCanary(object *unstructured.Unstructured) fields.Set {
	return fields.Set{"involvedObject.name": object.GetName(), "involvedObject.uid": string(object.GetUID())}
}

// OfWorkload selects the events of one side of a canary, without its pods.
func OfWorkload(w feed.Workload) fields.Set {
	return fields.Set{"involvedObject.kind": w.Kind, "involvedObject.name": w.Name}
}

// OfPods selects the events of at most 10 of the pods of a side: those that are not ready first, then
// the youngest. It sorts the pods it was given.
func OfPods(pods []unstructured.Unstructured) []fields.Set {
	ready := func(p *unstructured.Unstructured) int {
		conditions, _, _ := unstructured.NestedSlice(p.Object, "status", "conditions")
		for _, c := range conditions {
			if c, ok := c.(map[string]any); ok && c["type"] == "Ready" && c["status"] == "True" {
				return 1
			}
		}
		return 0
	}
	slices.SortStableFunc(pods, func(a, b unstructured.Unstructured) int {
		if order := ready(&a) - ready(&b); order != 0 {
			return order
		}
		return b.GetCreationTimestamp().Compare(a.GetCreationTimestamp().Time)
	})
	var out []fields.Set
	for _, p := range pods[:min(len(pods), podLimit)] {
		out = append(out, fields.Set{"involvedObject.kind": "Pod", "involvedObject.name": p.GetName()})
	}
	return out
}

// Decode is nil for an event that cannot be read.
func Decode(raw *unstructured.Unstructured) *corev1.Event {
	event := &corev1.Event{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(raw.Object, event) != nil {
		return nil
	}
	return event
}

// Count is how often an event happened, at least once.
func Count(e *corev1.Event) int32 {
	count := max(1, e.Count)
	if e.Series != nil {
		count = max(count, e.Series.Count)
	}
	return count
}
