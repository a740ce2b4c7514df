package autoscaler

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
)

// Current says whether the live autoscaler of the primary is as rendered, so that nothing has to
// be written: nothing rendered is missing, and there is neither a Stray field nor a label or
// annotation that manager, the agent's field manager, applied before and that is rendered no
// longer. The managed fields of the live object are needed for the latter.
func Current(rendered, live *unstructured.Unstructured, manager string) bool {
	if live == nil || len(routing.Diff(rendered, live)) > 0 || len(routing.Leftover(rendered, live, manager)) > 0 {
		return false
	}
	_, stray := Stray(rendered, live)
	return !stray
}

// Stray returns the merge patch that removes from the live autoscaler of the primary the fields of
// its spec that are not rendered, and whether it is needed. Server-side apply removes only what
// the same field manager had applied: on a scaler that another controller made, an
// idleReplicaCount of 0 would outlive a floor. The spec is a copy, so the API server's defaults
// are rendered. The patch goes before the apply. What is within lists is a matter of the apply,
// as they are replaced as wholes.
func Stray(rendered, live *unstructured.Unstructured) (mergePatch []byte, needed bool) {
	if rendered == nil || live == nil {
		return nil, false
	}
	want, _ := rendered.Object["spec"].(map[string]any)
	have, _ := live.Object["spec"].(map[string]any)
	patch := strays(want, have)
	if len(patch) == 0 {
		return nil, false
	}
	mergePatch, err := json.Marshal(map[string]any{"spec": patch})
	if err != nil {
		panic("a map of nulls has a JSON form: " + err.Error())
	}
	return mergePatch, true
}

// strays has a null for every field that is live and not wanted.
func strays(want, have map[string]any) map[string]any {
	patch := map[string]any{}
	for key, value := range have {
		fields, isMap := value.(map[string]any)
		wanted, ok := want[key]
		switch {
		case value == nil || isMap && len(fields) == 0:
			// To storage, nothing is the same as no field.
		case !ok:
			patch[key] = nil
		case isMap:
			wantedFields, _ := wanted.(map[string]any)
			if below := strays(wantedFields, fields); len(below) > 0 {
				patch[key] = below
			}
		}
	}
	return patch
}
