package routing_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
)

func TestDiff(t *testing.T) {
	cases := map[string]struct {
		rendered, live string
		want           []string
	}{
		"equal":                      {`{spec: {a: 1, b: [x]}}`, `{spec: {a: 1, b: [x]}}`, nil},
		"others are ignored":         {`{spec: {a: 1}}`, `{metadata: {uid: u}, spec: {a: 1, b: 2}, status: {}}`, nil},
		"missing":                    {`{spec: {a: 1, b: {c: 2}}}`, `{spec: {a: 1}}`, []string{"spec.b"}},
		"contradicted":               {`{spec: {a: 1}}`, `{spec: {a: 2}}`, []string{"spec.a"}},
		"another type":               {`{spec: {a: 1}}`, `{spec: {a: "1"}}`, []string{"spec.a"}},
		"map in place of a scalar":   {`{spec: {a: 1}}`, `{spec: {a: {b: 1}}}`, []string{"spec.a"}},
		"scalar in place of a map":   {`{spec: {a: {b: 1}}}`, `{spec: {a: 1}}`, []string{"spec.a"}},
		"scalar in place of nothing": {`{spec: {a: {}, b: []}}`, `{spec: {a: 1, b: x}}`, []string{"spec.a", "spec.b"}},
		"sorted":                     {`{spec: {b: 1, a: 1, c: 1}}`, `{spec: {}}`, []string{"spec.a", "spec.b", "spec.c"}},
		"empty is absent":            {`{spec: {a: {}, b: [], c: null}}`, `{spec: {}}`, nil},
		"absent is empty":            {`{spec: {}}`, `{spec: {a: {}}}`, nil},
		"list length":                {`{spec: {a: [1]}}`, `{spec: {a: [1, 2]}}`, []string{"spec.a"}},
		"list emptied":               {`{spec: {a: []}}`, `{spec: {a: [1]}}`, []string{"spec.a"}},
		"list order":                 {`{spec: {a: [1, 2]}}`, `{spec: {a: [2, 1]}}`, []string{"spec.a[0]", "spec.a[1]"}},
		"default inside of a list":   {`{spec: {a: [{n: x}]}}`, `{spec: {a: [{n: x, kind: Service}]}}`, nil},
		"element changed":            {`{spec: {a: [{w: 1}, {w: 2}]}}`, `{spec: {a: [{w: 1}, {w: 3}]}}`, []string{"spec.a[1].w"}},
		"numbers":                    {`{spec: {a: 1, b: 2.0, c: 0.5}}`, `{spec: {a: 1.0, b: 2, c: 0.5}}`, nil},
		"large numbers":              {`{spec: {a: 9007199254740993}}`, `{spec: {a: 9007199254740992}}`, []string{"spec.a"}},
		"annotations": {
			`{metadata: {annotations: {"a.b/c": "x"}}}`, `{metadata: {annotations: {"a.b/c": "y"}}}`,
			[]string{"metadata.annotations[a.b/c]"},
		},
		"other owners": {
			`{metadata: {ownerReferences: [{uid: b, name: n}]}}`,
			`{metadata: {ownerReferences: [{uid: a}, {uid: b, name: n, controller: true}]}}`, nil,
		},
		"owner missing": {
			`{metadata: {ownerReferences: [{uid: b}]}}`, `{metadata: {ownerReferences: [{uid: a}]}}`,
			[]string{"metadata.ownerReferences[uid=b]"},
		},
		"other finalizers":  {`{metadata: {finalizers: [b]}}`, `{metadata: {finalizers: [a, b]}}`, nil},
		"finalizer missing": {`{metadata: {finalizers: [b]}}`, `{metadata: {finalizers: [a]}}`, []string{"metadata.finalizers"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			const head = "{apiVersion: v1, kind: X, "
			got := routing.Diff(routingtest.Object(t, head+tc.rendered[1:]), routingtest.Object(t, head+tc.live[1:]))
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestDiffWithoutObject(t *testing.T) {
	some := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{}}}
	if got := routing.Diff(some, nil); !slices.Equal(got, []string{"."}) {
		t.Errorf("no live object: got %q", got)
	}
	if got := routing.Diff(nil, some); got != nil {
		t.Errorf("nothing rendered: got %q", got)
	}
}

func TestDiffOfObjectsBuiltByHand(t *testing.T) {
	rendered := map[string]any{"hosts": []string{"a"}, "refs": []map[string]any{{"port": int32(80)}}, "n": 1}
	live := map[string]any{"hosts": []any{"a"}, "refs": []any{map[string]any{"port": float64(80)}}, "n": json.Number("1")}
	if got := routing.Diff(&unstructured.Unstructured{Object: rendered}, &unstructured.Unstructured{Object: live}); got != nil {
		t.Errorf("got %q", got)
	}
	nan := map[string]any{"n": math.NaN()}
	if got := routing.Diff(&unstructured.Unstructured{Object: nan}, &unstructured.Unstructured{Object: nan}); len(got) != 1 {
		t.Errorf("NaN is never as it ought to be: got %q", got)
	}
}

func FuzzDiff(f *testing.F) {
	f.Add(`{"spec":{"a":[1,{"b":null}]}}`, `{"spec":{"a":[1,{"b":2}]}}`)
	f.Add(`{"metadata":{"ownerReferences":[1,null],"finalizers":{}}}`, `{"metadata":null}`)
	f.Add(`{"metadata":{"managedFields":[{"manager":"m","fieldsV1":{"f:spec":[]}}]},"spec":1e999}`, `[]`)
	f.Fuzz(func(t *testing.T, a, b string) {
		var rendered, live unstructured.Unstructured
		if json.Unmarshal([]byte(a), &rendered.Object) != nil || json.Unmarshal([]byte(b), &live.Object) != nil {
			return
		}
		routing.Diff(&rendered, &live)
		routing.Leftover(&rendered, &live, "m")
		routing.ForeignManager(&rendered, "other", "spec", "spec.a")
		if rendered.Object == nil || rendered.Object["metadata"] != nil {
			return // owners are found by uid, which arbitrary ones may share
		}
		if got := routing.Diff(&rendered, &rendered); got != nil {
			t.Errorf("%s differs from itself at %q", a, got)
		}
	})
}
