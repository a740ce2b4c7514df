package workload

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// FieldManager is the name under which the agent writes.
const FieldManager = "canary-agent"

const (
	// SourceAnnotation on a primary is the revision of the target that it was copied from.
	SourceAnnotation = "kubectl-canary/source-revision"
	// RunAnnotation is on a primary's pod template: a new value rolls its pods. The name is
	// Flagger's, so that taking over a primary changes nothing.
	RunAnnotation = "flagger-id"
	// toolkitMark is in every key that belongs to a GitOps tool and is never copied.
	toolkitMark = "toolkit.fluxcd.io"
	// lastApplied is kubectl's and would describe another object.
	lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
)

// bookkeeping are the beginnings of the annotations in which the controllers of Kubernetes count
// templates. They are about the object they are on and are never copied.
var bookkeeping = []string{"deployment.kubernetes.io/", "deprecated.daemonset.template.generation"}

// Prefixes are the beginnings of the keys that are copied from a target's labels and annotations
// to its primary's; "*" copies all.
type Prefixes []string

// Filter returns the pairs whose key has one of the prefixes.
func (p Prefixes) Filter(pairs map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range pairs {
		if key == lastApplied || strings.Contains(key, toolkitMark) || key == SourceAnnotation ||
			slices.ContainsFunc(bookkeeping, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			continue
		}
		for _, prefix := range p {
			if prefix == "*" || (prefix != "" && strings.HasPrefix(key, prefix)) {
				out[key] = value
			}
		}
	}
	return out
}

// withoutToolkit returns the pairs that do not belong to a GitOps tool.
func withoutToolkit(pairs map[string]string) map[string]string {
	out := maps.Clone(pairs)
	maps.DeleteFunc(out, func(key, _ string) bool { return strings.Contains(key, toolkitMark) })
	if out == nil {
		out = map[string]string{}
	}
	return out
}

// OwnerOf is the controller reference that makes an object go with its Canary.
func OwnerOf(c *v1beta1.Canary) map[string]any {
	return map[string]any{
		"apiVersion":         v1beta1.SchemeGroupVersion.String(),
		"kind":               "Canary",
		"name":               c.Name,
		"uid":                string(c.UID),
		"controller":         true,
		"blockOwnerDeletion": true,
	}
}

// OwnedBy says whether the Canary is the controller of an object.
func OwnedBy(o metav1.Object, c *v1beta1.Canary) bool {
	owner := metav1.GetControllerOf(o)
	return owner != nil && owner.UID == c.UID
}

// anyMap is the form that unstructured objects want.
func anyMap(in map[string]string) map[string]any {
	out := make(map[string]any, len(in))
	for key, value := range in {
		out[key] = value
	}
	return out
}
