package configs

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// contentFields are the fields of ConfigMaps and Secrets that hold content.
var contentFields = []string{"data", "binaryData"}

// RenderCopy makes the primary's copy of a live ConfigMap or Secret, complete, for server-side
// apply: data, binaryData, the type of a Secret, and the labels that have one of the prefixes. It
// is never immutable, for then the next revision could not be promoted.
//
// liveCopy is the copy as it is now, nil when there is none. If another object controls it, as
// another Canary whose target mentions the same config does, that stays so and the Canary becomes
// an owner beside it; the owner references of other Canaries are rendered along, because they
// were applied by the same field manager and would be dropped otherwise.
//
// It fails when the live copy cannot become what it ought to be: when it is a Secret of another
// type, or immutable with other content.
func RenderCopy(c *v1beta1.Canary, live, liveCopy *unstructured.Unstructured, prefixes workload.Prefixes) (*unstructured.Unstructured, error) {
	if live == nil {
		return nil, fmt.Errorf("copy a config for the primary of canary %s/%s: it does not exist", c.Namespace, c.Name)
	}
	kind := live.GetKind()
	if kind != "ConfigMap" && kind != "Secret" {
		return nil, fmt.Errorf("copy %q %s/%s for the primary: only a ConfigMap or a Secret can be copied", kind, live.GetNamespace(), live.GetName())
	}
	out := map[string]any{
		"apiVersion": "v1",
		"kind":       kind,
		"metadata": map[string]any{
			"name":            live.GetName() + primarySuffix,
			"namespace":       c.Namespace,
			"ownerReferences": owners(c, liveCopy),
		},
	}
	labels := map[string]any{}
	for key, value := range prefixes.Filter(live.GetLabels()) {
		labels[key] = value
	}
	if len(labels) > 0 {
		out["metadata"].(map[string]any)["labels"] = labels
	}
	for _, field := range contentFields {
		value, ok := live.Object[field]
		if !ok || value == nil {
			continue
		}
		content, ok := value.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("copy %s %s/%s for the primary: its %s is not a map", kind, live.GetNamespace(), live.GetName(), field)
		}
		if len(content) > 0 {
			out[field] = runtime.DeepCopyJSON(content)
		}
	}
	if kind == "Secret" {
		if text := secretType(live); text != "" {
			out["type"] = text
		}
	}
	rendered := &unstructured.Unstructured{Object: out}
	return rendered, replaceable(rendered, liveCopy)
}

// replaceable says why a live copy cannot become the rendered one.
func replaceable(rendered, liveCopy *unstructured.Unstructured) error {
	if liveCopy == nil {
		return nil
	}
	what := fmt.Sprintf("%s %s/%s", rendered.GetKind(), rendered.GetNamespace(), rendered.GetName())
	if rendered.GetKind() == "Secret" && typeOrDefault(rendered) != typeOrDefault(liveCopy) {
		return fmt.Errorf("%s has type %q and its source has type %q, and the type of a Secret cannot be changed: delete %s, and it is made anew",
			what, typeOrDefault(liveCopy), typeOrDefault(rendered), what)
	}
	if immutable, _ := liveCopy.Object["immutable"].(bool); immutable && Digest(rendered) != Digest(liveCopy) {
		return fmt.Errorf("%s is immutable and its source has changed: delete %s, and it is made anew", what, what)
	}
	return nil
}

// Current says whether a live copy has the content of the rendered one, no more and no less, and
// its labels and owners, so that nothing has to be written.
func Current(rendered, liveCopy *unstructured.Unstructured) bool {
	return liveCopy != nil && Digest(rendered) == Digest(liveCopy) && len(routing.Diff(rendered, liveCopy)) == 0
}

// Stray returns the merge patch that removes from a live copy the keys that the rendered one does
// not have, and whether it is needed. Server-side apply removes only what the same field manager
// had applied; a copy that another controller made keeps its keys, and the primary would run with
// content that was never analysed. The patch goes before the apply, since a key must not be in
// data and binaryData at a time. It contains names of keys and no values.
func Stray(rendered, liveCopy *unstructured.Unstructured) (mergePatch []byte, needed bool) {
	patch := map[string]map[string]any{}
	for _, field := range contentFields {
		wanted := texts(rendered, field)
		for key := range texts(liveCopy, field) {
			if _, ok := wanted[key]; ok {
				continue
			}
			if patch[field] == nil {
				patch[field] = map[string]any{}
			}
			patch[field][key] = nil
		}
	}
	if len(patch) == 0 {
		return nil, false
	}
	mergePatch, err := json.Marshal(patch)
	if err != nil {
		panic("a map of nulls has a JSON form: " + err.Error())
	}
	return mergePatch, true
}

// owners are the owner references of a copy: the Canary, and the other Canaries that share it.
func owners(c *v1beta1.Canary, liveCopy *unstructured.Unstructured) []any {
	ours := maps.Clone(workload.OwnerOf(c))
	all := []any{ours}
	if liveCopy == nil {
		return all
	}
	if controller := metav1.GetControllerOf(liveCopy); controller != nil && controller.UID != c.UID {
		// The API server accepts one controller only.
		delete(ours, "controller")
	}
	for _, owner := range liveCopy.GetOwnerReferences() {
		group, _, _ := strings.Cut(owner.APIVersion, "/")
		// A namesake is what the Canary was before it was deleted and made anew.
		if owner.Kind != "Canary" || group != v1beta1.SchemeGroupVersion.Group || owner.UID == c.UID || owner.Name == c.Name {
			continue
		}
		other := map[string]any{
			"apiVersion": owner.APIVersion,
			"kind":       owner.Kind,
			"name":       owner.Name,
			"uid":        string(owner.UID),
		}
		if owner.Controller != nil {
			other["controller"] = *owner.Controller
		}
		if owner.BlockOwnerDeletion != nil {
			other["blockOwnerDeletion"] = *owner.BlockOwnerDeletion
		}
		all = append(all, other)
	}
	return all
}

// typeOrDefault is the type of a Secret; the API server makes an empty one Opaque.
func typeOrDefault(secret *unstructured.Unstructured) string {
	if text := secretType(secret); text != "" {
		return text
	}
	return "Opaque"
}
