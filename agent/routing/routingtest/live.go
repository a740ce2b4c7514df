package routingtest

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Manager is the field manager of the objects that Applied makes.
const Manager = "test-agent"

// Applied gives the object as it is live after Manager has applied it: decoded anew, with the
// fields that the manager owns. Lists are atomic, as those of the routing APIs are.
func Applied(t testing.TB, rendered *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	text, err := json.Marshal(rendered.Object)
	if err != nil {
		t.Fatalf("encode the object: %v", err)
	}
	var live unstructured.Unstructured
	if err := live.UnmarshalJSON(text); err != nil {
		t.Fatalf("decode the object: %v", err)
	}
	owned := map[string]any{}
	for _, key := range []string{"metadata", "spec"} {
		owned["f:"+key] = ownedFields(live.Object[key])
	}
	if metadata, ok := live.Object["metadata"].(map[string]any); ok {
		metadata["managedFields"] = []any{map[string]any{
			"manager": Manager, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": owned,
		}}
	}
	return &live
}

func ownedFields(value any) map[string]any {
	owned := map[string]any{}
	fields, _ := value.(map[string]any)
	for key, field := range fields {
		owned["f:"+key] = ownedFields(field)
	}
	return owned
}

// Differences lists what applying the rendered object to the live one would change.
func Differences(rendered, live *unstructured.Unstructured) []string {
	return append(routing.Diff(rendered, live), routing.Leftover(rendered, live, Manager)...)
}

// CheckSplits renders every split for the canary, and checks that each is observed as it was
// rendered, that applying it again would change nothing, and that going from each to each other one
// changes something. The provider has one object, and the splits are all different ones to it.
func CheckSplits(t *testing.T, provider routing.Provider, c *v1beta1.Canary, splits []routing.Split) {
	t.Helper()
	render := func(split routing.Split) *unstructured.Unstructured {
		objects, err := provider.Render(c, split, nil)
		if err != nil || len(objects) != 1 {
			t.Fatalf("render %+v: %d objects, %v", split, len(objects), err)
		}
		return objects[0]
	}
	for _, split := range splits {
		live := Applied(t, render(split))
		seen, err := provider.Observe(c, routing.Objects{provider.Refs(c)[0]: live})
		if err != nil || !seen.Exists || seen.Split != split {
			t.Errorf("rendered %+v, observed %+v, %v", split, seen, err)
		}
		for _, next := range splits {
			differences := Differences(render(next), live)
			if (len(differences) == 0) != (next == split) {
				t.Errorf("from %+v to %+v: differences at %q", split, next, differences)
			}
		}
	}
}
