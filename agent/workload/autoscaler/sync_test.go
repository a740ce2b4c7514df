package autoscaler_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/workload/autoscaler"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const manager = "canary-agent"

// applied is what the cluster has after an apply of a rendered scaler: what was applied, who
// applied it, and what KEDA, Kubernetes and a user added.
func applied(t *testing.T, rendered *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	live := rendered.DeepCopy()
	metadata := map[string]any{"f:labels": leaves(rendered.GetLabels())}
	if annotations := rendered.GetAnnotations(); len(annotations) > 0 {
		metadata["f:annotations"] = leaves(annotations)
	}
	owned, err := json.Marshal(map[string]any{"f:metadata": metadata, "f:spec": fields(rendered.Object["spec"].(map[string]any))})
	if err != nil {
		t.Fatal(err)
	}
	live.SetManagedFields([]metav1.ManagedFieldsEntry{
		{Manager: manager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(owned))},
		{Manager: "kubectl-annotate", Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(
			`{"f:metadata":{"f:annotations":{"f:scaledobject.keda.sh/transfer-hpa-ownership":{}}}}`)},
	})
	labels, annotations := live.GetLabels(), live.GetAnnotations()
	if labels == nil {
		labels = map[string]string{}
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	labels["scaledobject.keda.sh/name"] = live.GetName()
	annotations["scaledobject.keda.sh/transfer-hpa-ownership"] = "true"
	live.SetLabels(labels)
	live.SetAnnotations(annotations)
	live.SetFinalizers([]string{"finalizer.keda.sh"})
	live.SetResourceVersion("99")
	live.Object["status"] = map[string]any{"currentReplicas": int64(3)}
	return live
}

func leaves(pairs map[string]string) map[string]any {
	out := map[string]any{}
	for key := range pairs {
		out["f:"+key] = map[string]any{}
	}
	return out
}

// fields is the managed form of what is applied; lists are owned as wholes.
func fields(in map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range in {
		below, _ := value.(map[string]any)
		out["f:"+key] = fields(below)
	}
	return out
}

// TestGotchaB19SyncIsRealAndContinuous writes the primary's scaler when the target's was edited,
// whatever the edit, and never otherwise.
func TestGotchaB19SyncIsRealAndContinuous(t *testing.T) {
	for what, tc := range map[string]struct {
		canary *v1beta1.Canary
		file   string
		edits  map[string]func(target *unstructured.Unstructured)
	}{
		"HPA": {hpaCanary(), hpaFile, map[string]func(*unstructured.Unstructured){
			"label":   func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"team": "other"}) },
			"labels":  func(o *unstructured.Unstructured) { o.SetLabels(nil) },
			"max":     func(o *unstructured.Unstructured) { set(o, int64(7), "spec", "maxReplicas") },
			"unknown": func(o *unstructured.Unstructured) { set(o, false, "spec", "fieldOfTheFuture", "kept") },
			"gone":    func(o *unstructured.Unstructured) { unstructured.RemoveNestedField(o.Object, "spec", "behavior") },
			"metrics": func(o *unstructured.Unstructured) { o.Object["spec"].(map[string]any)["metrics"] = []any{} },
		}},
		"ScaledObject": {kedaCanary(), kedaFile, map[string]func(*unstructured.Unstructured){
			"annotation": func(o *unstructured.Unstructured) {
				o.SetAnnotations(map[string]string{"note": "edited"})
			},
			"annotations": func(o *unstructured.Unstructured) { o.SetAnnotations(nil) },
			"trigger": func(o *unstructured.Unstructured) {
				o.Object["spec"].(map[string]any)["triggers"].([]any)[1].(map[string]any)["metadata"].(map[string]any)["value"] = "70"
			},
			"key of a trigger": func(o *unstructured.Unstructured) {
				delete(o.Object["spec"].(map[string]any)["triggers"].([]any)[0].(map[string]any), "authenticationRef")
			},
			"fallback": func(o *unstructured.Unstructured) { unstructured.RemoveNestedField(o.Object, "spec", "fallback") },
		}},
	} {
		target := load(t, tc.file)
		live := applied(t, render(t, tc.canary, target, 0))
		again, err := autoscaler.RenderPrimary(tc.canary, target, 0, live)
		if err != nil {
			t.Fatal(err)
		}
		if !autoscaler.Current(again, live, manager) {
			t.Errorf("%s: it is written although nothing differs", what)
		}
		if autoscaler.Current(again, nil, manager) {
			t.Errorf("%s: one that does not exist is current", what)
		}
		if withFloor := render(t, tc.canary, target, 9); autoscaler.Current(withFloor, live, manager) || autoscaler.Current(again, applied(t, withFloor), manager) {
			t.Errorf("%s: a floor that comes or goes is not seen", what)
		}
		for edit, do := range tc.edits {
			edited := target.DeepCopy()
			do(edited)
			if autoscaler.Current(render(t, tc.canary, edited, 0), live, manager) {
				t.Errorf("%s: an edit of the target's does not reach the primary: %s", what, edit)
			}
		}
		// What happens to the target's scaler in every run is none of it.
		paused := target.DeepCopy()
		annotations := maps.Clone(paused.GetAnnotations())
		delete(annotations, "autoscaling.keda.sh/paused-replicas")
		paused.SetAnnotations(annotations)
		set(paused, map[string]any{"currentReplicas": int64(8)}, "status")
		if !autoscaler.Current(render(t, tc.canary, paused, 0), live, manager) {
			t.Errorf("%s: a pause or a status of the target's is copied", what)
		}
	}
}

// TestStray takes over a scaler that another controller made: what that one wrote is nobody's to
// remove but by a patch.
func TestStray(t *testing.T) {
	c, target := kedaCanary(), load(t, kedaFile)
	live := render(t, c, target, 0)
	live.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "flagger", Operation: metav1.ManagedFieldsOperationUpdate, FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:idleReplicaCount":{},"f:minReplicaCount":{},"f:triggers":{}}}`)}})
	set(live, map[string]any{}, "spec", "empty")
	for what, tc := range map[string]struct {
		edit func(rendered *unstructured.Unstructured)
		want string
	}{
		"nothing":  {func(*unstructured.Unstructured) {}, ""},
		"one more": {func(o *unstructured.Unstructured) { set(o, int64(1), "spec", "initialCooldownPeriod") }, ""},
		"a field": {func(o *unstructured.Unstructured) {
			unstructured.RemoveNestedField(o.Object, "spec", "idleReplicaCount")
		}, `{"spec":{"idleReplicaCount":null}}`},
		"one below": {func(o *unstructured.Unstructured) {
			unstructured.RemoveNestedField(o.Object, "spec", "advanced", "horizontalPodAutoscalerConfig", "behavior")
		}, `{"spec":{"advanced":{"horizontalPodAutoscalerConfig":{"behavior":null}}}}`},
	} {
		rendered := render(t, c, target, 0)
		tc.edit(rendered)
		patch, needed := autoscaler.Stray(rendered, live)
		if string(patch) != tc.want || needed != (tc.want != "") {
			t.Errorf("%s: patch %s, needed %v; want %s", what, patch, needed, tc.want)
		}
		if current := autoscaler.Current(rendered, live, manager); current != (what == "nothing") {
			t.Errorf("%s: current %v", what, current)
		}
	}
	if patch, _ := autoscaler.Stray(render(t, c, target, 1), live); string(patch) != `{"spec":{"idleReplicaCount":null}}` {
		t.Errorf("the idle count outlives the floor: patch %s", patch)
	}
	if _, needed := autoscaler.Stray(live, nil); needed {
		t.Error("a scaler that does not exist has stray fields")
	}
}

// TestGotchaB20AnnotationsOfOthersStay looks at an annotation that a user put on the primary's
// scaler: it is neither rendered, and so taken over, nor a reason to write.
func TestGotchaB20AnnotationsOfOthersStay(t *testing.T) {
	const key = "scaledobject.keda.sh/transfer-hpa-ownership"
	c, target := kedaCanary(), load(t, kedaFile)
	live := applied(t, render(t, c, target, 0))
	if live.GetAnnotations()[key] != "true" {
		t.Fatal("the live scaler of this test has to have the annotation")
	}
	again, err := autoscaler.RenderPrimary(c, target, 0, live)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := again.GetAnnotations()[key]; ok {
		t.Error("the user's annotation is taken over")
	}
	if !autoscaler.Current(again, live, manager) {
		t.Error("the user's annotation makes the scaler out of date")
	}
	// KEDA corrects this label to the name of the object: to apply the target's would never end.
	if _, ok := again.GetLabels()["scaledobject.keda.sh/name"]; ok {
		t.Error("KEDA's own label is applied")
	}
}

// TestGotchaA14PauseWritesOneAnnotation applies the patch and looks for anything else that changed.
func TestGotchaA14PauseWritesOneAnnotation(t *testing.T) {
	const key = "autoscaling.keda.sh/paused-replicas"
	target := load(t, kedaFile)
	resume, needed := autoscaler.Pause(target, false)
	if want := `{"metadata":{"annotations":{"` + key + `":null}}}`; string(resume) != want || !needed {
		t.Errorf("resume: %s, needed %v; want %s", resume, needed, want)
	}
	if patch, needed := autoscaler.Pause(target, true); needed {
		t.Errorf("paused already, and patched with %s", patch)
	}
	resumed := target.DeepCopy()
	annotations := resumed.GetAnnotations()
	delete(annotations, key)
	resumed.SetAnnotations(annotations)
	pause, needed := autoscaler.Pause(resumed, true)
	if want := `{"metadata":{"annotations":{"` + key + `":"0"}}}`; string(pause) != want || !needed {
		t.Errorf("pause: %s, needed %v; want %s", pause, needed, want)
	}
	if patch, needed := autoscaler.Pause(resumed, false); needed {
		t.Errorf("not paused, and resumed with %s", patch)
	}
	var patch map[string]any
	if err := json.Unmarshal(pause, &patch); err != nil {
		t.Fatal(err)
	}
	merge(resumed.Object, patch)
	if !reflect.DeepEqual(resumed.Object, target.Object) {
		t.Error("pausing changes more than the annotation")
	}
}

// merge applies a JSON merge patch without nulls.
func merge(into, patch map[string]any) {
	for key, value := range patch {
		if below, ok := value.(map[string]any); ok {
			merge(into[key].(map[string]any), below)
			continue
		}
		into[key] = value
	}
}

func TestPauseLeavesTheUsersAlone(t *testing.T) {
	const key = "autoscaling.keda.sh/paused-replicas"
	target := load(t, kedaFile)
	target.SetAnnotations(map[string]string{key: "4"})
	for _, on := range []bool{true, false} {
		if patch, needed := autoscaler.Pause(target, on); needed {
			t.Errorf("pause %v overwrites the user's with %s", on, patch)
		}
	}
	if at, held := autoscaler.HeldAt(target); at != "4" || !held {
		t.Errorf("held at %q, %v", at, held)
	}
	target.SetAnnotations(map[string]string{"autoscaling.keda.sh/paused": "true"})
	if _, needed := autoscaler.Pause(target, true); !needed {
		t.Error("a user's pause that may end at any time is taken for ours")
	}
	if _, needed := autoscaler.Pause(target, false); needed {
		t.Error("a user's pause is ended")
	}
	target.SetAnnotations(map[string]string{key: "0"})
	for what, scaler := range map[string]*unstructured.Unstructured{"paused by us": target, "an HPA": load(t, hpaFile), "none": nil} {
		if _, held := autoscaler.HeldAt(scaler); held {
			t.Errorf("%s: held by the user", what)
		}
	}
	hpa := load(t, hpaFile)
	hpa.SetAnnotations(map[string]string{key: "0"})
	for _, scaler := range []*unstructured.Unstructured{hpa, nil} {
		for _, on := range []bool{true, false} {
			if patch, needed := autoscaler.Pause(scaler, on); needed {
				t.Errorf("pause %v of what KEDA does not scale: %s", on, patch)
			}
		}
	}
}
