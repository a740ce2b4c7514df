package view

import (
	"fmt"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Decode reads a Canary as far as it can be read. A part that does not fit the types, such as the
// status of another version of the API, is left out and named in problem; the rest, and all other
// canaries, stay visible.
func Decode(object map[string]any) (c *v1beta1.Canary, problem string) {
	c, err := v1beta1.DecodeCanary(object)
	if err == nil {
		return c, ""
	}
	problem = oneLine(err)
	for _, without := range [][]string{{"status"}, {"spec"}, {"spec", "status"}} {
		if c, err := v1beta1.DecodeCanary(omit(object, without)); err == nil {
			return c, fmt.Sprintf("cannot read the %s: %s", strings.Join(without, " and "), problem)
		}
	}
	return identity(object), "cannot read the object: " + problem
}

func omit(object map[string]any, keys []string) map[string]any {
	out := maps.Clone(object)
	for _, key := range keys {
		delete(out, key)
	}
	return out
}

// identity is what is left of an object whose metadata, too, is broken.
func identity(object map[string]any) *v1beta1.Canary {
	u := unstructured.Unstructured{Object: object}
	meta, ok := object["metadata"].(map[string]any)
	if !ok {
		return &v1beta1.Canary{}
	}
	u.Object = map[string]any{"metadata": meta}
	name, _, _ := unstructured.NestedString(u.Object, "metadata", "name")
	namespace, _, _ := unstructured.NestedString(u.Object, "metadata", "namespace")
	uid, _, _ := unstructured.NestedString(u.Object, "metadata", "uid")
	return &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, UID: types.UID(uid)}}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
