package controller

import (
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestDropNulls proves that no null is left anywhere in what is applied, and nothing else is lost.
func TestDropNulls(t *testing.T) {
	content := map[string]any{
		"null": nil, "text": "", "zero": int64(0), "false": false, "empty": map[string]any{}, "list": []any{},
		"map":   map[string]any{"null": nil, "deep": map[string]any{"null": nil, "kept": "x"}},
		"items": []any{map[string]any{"null": nil, "kept": int64(1)}, "text"},
	}
	dropNulls(content)
	want := map[string]any{
		"text": "", "zero": int64(0), "false": false, "empty": map[string]any{}, "list": []any{},
		"map":   map[string]any{"deep": map[string]any{"kept": "x"}},
		"items": []any{map[string]any{"kept": int64(1)}, "text"},
	}
	if !reflect.DeepEqual(content, want) {
		t.Errorf("got  %v\nwant %v", content, want)
	}
}

// TestStatusWithoutNulls proves it of a status as it is written: a time that is not set is
// encoded as null.
func TestStatusWithoutNulls(t *testing.T) {
	status := v1beta1.CanaryStatus{
		Run:        &v1beta1.RunStatus{ID: "r"},
		Steps:      []v1beta1.StepStatus{{Weight: 10}},
		Conditions: []v1beta1.CanaryCondition{{Type: v1beta1.ConditionReady}},
		History:    []v1beta1.RunRecord{{ID: "r"}},
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&status)
	if err != nil {
		t.Fatal(err)
	}
	dropNulls(content)
	var look func(path string, value any)
	look = func(path string, value any) {
		switch value := value.(type) {
		case nil:
			t.Errorf("%s is null", path)
		case map[string]any:
			for key, v := range value {
				look(path+"."+key, v)
			}
		case []any:
			for _, v := range value {
				look(path+"[]", v)
			}
		}
	}
	look("status", content)
}

// TestCheckNumber proves that the number is read off any id, with -1 for what is none.
func TestCheckNumber(t *testing.T) {
	for id, want := range map[string]int{"6d4cf-170/check-7": 7, "check-12": 12, "": -1, "check-": -1, "x": -1, "a-b": -1} {
		if got := checkNumber(id); got != want {
			t.Errorf("%q: %d, want %d", id, got, want)
		}
	}
}
