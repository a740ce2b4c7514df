package view

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// APIVersion of the objects that commands print: that of their schema, not of the Canary API.
const APIVersion = "kubectl-canary/v1"

// Object gives a value about a canary the form that kubectl's printers want. Its fields stay at the
// top; the name is where API objects have it as well, since the name printer looks there.
func Object(kind, namespace, name string, value any) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("cannot write the %s of canary %q as JSON: %w", kind, name, err)
	}
	object := map[string]any{}
	if err := utiljson.Unmarshal(data, &object); err != nil {
		return nil, fmt.Errorf("cannot write the %s of canary %q as JSON: %w", kind, name, err)
	}
	object["apiVersion"], object["kind"] = APIVersion, kind
	object["metadata"] = map[string]any{"name": name, "namespace": namespace}
	return &unstructured.Unstructured{Object: object}, nil
}

// List joins objects as kubectl does.
func List(items []unstructured.Unstructured) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{Items: items}
	list.Object = map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}}
	return list
}
