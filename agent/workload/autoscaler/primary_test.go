package autoscaler_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/agent/workload/autoscaler"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	hpaFile  = "hpa.yaml"
	kedaFile = "scaledobject.yaml"
)

func canary(ref v1beta1.AutoscalerReference) *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "shop", UID: "canary-uid"},
		Spec: v1beta1.CanarySpec{
			TargetRef:     v1beta1.TargetReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"},
			AutoscalerRef: &ref,
		},
	}
}

func hpaCanary() *v1beta1.Canary {
	return canary(v1beta1.AutoscalerReference{APIVersion: "autoscaling/v2beta2", Kind: v1beta1.AutoscalerHPA, Name: "app-hpa"})
}

func kedaCanary() *v1beta1.Canary {
	return canary(v1beta1.AutoscalerReference{APIVersion: "keda.sh/v1alpha1", Kind: v1beta1.AutoscalerScaledObject, Name: "app-so"})
}

func load(t testing.TB, file string) *unstructured.Unstructured {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	// By way of the API machinery's decoder, so that numbers have the types of a live object.
	content, err = yaml.YAMLToJSON(content)
	if err != nil {
		t.Fatal(err)
	}
	out := &unstructured.Unstructured{}
	if err := out.UnmarshalJSON(content); err != nil {
		t.Fatal(err)
	}
	return out
}

func render(t testing.TB, c *v1beta1.Canary, target *unstructured.Unstructured, floor int32) *unstructured.Unstructured {
	t.Helper()
	out, err := autoscaler.RenderPrimary(c, target, floor, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func at(o *unstructured.Unstructured, path ...string) any {
	value, _, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	return value
}

func set(o *unstructured.Unstructured, value any, path ...string) {
	if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
		panic(err)
	}
}

func TestRenderPrimary(t *testing.T) {
	queries := kedaCanary()
	queries.Spec.AutoscalerRef.PrimaryScalerQueries = map[string]string{"requests": `sum(other{app="app"})`}
	overridden := hpaCanary()
	overridden.Spec.AutoscalerRef.PrimaryScalerReplicas = &v1beta1.ScalerReplicas{MinReplicas: new(int32(5)), MaxReplicas: new(int32(9))}
	for name, tc := range map[string]struct {
		canary *v1beta1.Canary
		file   string
		floor  int32
	}{
		"primary-hpa.yaml":            {hpaCanary(), hpaFile, 0},
		"primary-hpa-floor.yaml":      {hpaCanary(), hpaFile, 6},
		"primary-hpa-overridden.yaml": {overridden, hpaFile, 0},
		"primary-so.yaml":             {kedaCanary(), kedaFile, 0},
		"primary-so-floor.yaml":       {kedaCanary(), kedaFile, 6},
		"primary-so-queries.yaml":     {queries, kedaFile, 0},
	} {
		target := load(t, tc.file)
		before := target.DeepCopy()
		rendered := render(t, tc.canary, target, tc.floor)
		if !reflect.DeepEqual(before.Object, target.Object) {
			t.Errorf("%s: the target's autoscaler was changed", name)
		}
		got, err := yaml.Marshal(rendered.Object)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs (-update rewrites it):\n%s", path, got)
		}
	}
}

func TestRenderPrimaryRefuses(t *testing.T) {
	for what, tc := range map[string]struct {
		canary *v1beta1.Canary
		file   string
		edit   func(c *v1beta1.Canary, target *unstructured.Unstructured)
		want   string
	}{
		"unknown kind": {hpaCanary(), hpaFile, func(c *v1beta1.Canary, _ *unstructured.Unstructured) {
			c.Spec.AutoscalerRef.Kind = "VerticalPodAutoscaler"
		}, "ScaledObject of keda.sh/v1alpha1"},
		"no reference":  {hpaCanary(), hpaFile, func(c *v1beta1.Canary, _ *unstructured.Unstructured) { c.Spec.AutoscalerRef = nil }, "spec.autoscalerRef"},
		"other version": {hpaCanary(), hpaFile, func(_ *v1beta1.Canary, o *unstructured.Unstructured) { o.SetAPIVersion("autoscaling/v1") }, "autoscaling/v2"},
		"other kind":    {kedaCanary(), hpaFile, func(*v1beta1.Canary, *unstructured.Unstructured) {}, "shop/app-hpa"},
		"no spec":       {hpaCanary(), hpaFile, func(_ *v1beta1.Canary, o *unstructured.Unstructured) { delete(o.Object, "spec") }, "no spec"},
		"no target":     {hpaCanary(), hpaFile, func(_ *v1beta1.Canary, o *unstructured.Unstructured) { set(o, nil, "spec", "scaleTargetRef") }, "scaleTargetRef"},
		"scales the primary": {hpaCanary(), hpaFile, func(_ *v1beta1.Canary, o *unstructured.Unstructured) {
			set(o, "app-primary", "spec", "scaleTargetRef", "name")
		}, "scales the primary"},
		"limits that cross": {hpaCanary(), hpaFile, func(c *v1beta1.Canary, _ *unstructured.Unstructured) {
			c.Spec.AutoscalerRef.PrimaryScalerReplicas = &v1beta1.ScalerReplicas{MinReplicas: new(int32(5))}
		}, "at least 5 and at most 4"},
		"query of no trigger": {kedaCanary(), kedaFile, func(c *v1beta1.Canary, _ *unstructured.Unstructured) {
			c.Spec.AutoscalerRef.PrimaryScalerQueries = map[string]string{"request": "x"}
		}, "primaryScalerQueries[request]"},
	} {
		target := load(t, tc.file)
		tc.edit(tc.canary, target)
		if _, err := autoscaler.RenderPrimary(tc.canary, target, 0, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", what, err, tc.want)
		}
	}
	if _, err := autoscaler.RenderPrimary(hpaCanary(), nil, 0, nil); err == nil || !strings.Contains(err.Error(), "shop/app-hpa") {
		t.Errorf("no autoscaler: error %v", err)
	}
}

// TestRenderPrimaryOfAnother refuses to fight over a scaler with another Canary.
func TestRenderPrimaryOfAnother(t *testing.T) {
	c, other := hpaCanary(), hpaCanary()
	other.Name, other.UID = "other", "other-uid"
	target := load(t, hpaFile)
	theirs := render(t, other, target, 0)
	if _, err := autoscaler.RenderPrimary(c, target, 0, theirs); err == nil || !strings.Contains(err.Error(), "Canary other") {
		t.Errorf("error %v, want one that names the other canary", err)
	}
	nobodys := theirs.DeepCopy()
	nobodys.SetOwnerReferences(nil)
	for _, live := range []*unstructured.Unstructured{render(t, c, target, 0), nobodys} {
		rendered, err := autoscaler.RenderPrimary(c, target, 0, live)
		if err != nil || !workload.OwnedBy(rendered, c) {
			t.Errorf("error %v, owners %v", err, rendered.GetOwnerReferences())
		}
	}
}

func TestLimits(t *testing.T) {
	type wanted struct{ min, max, idle any }
	i := func(n int64) any { return n }
	for what, tc := range map[string]struct {
		keda     bool
		spec     map[string]any
		override *v1beta1.ScalerReplicas
		floor    int32
		want     wanted
	}{
		"as they are":             {false, map[string]any{"minReplicas": i(2), "maxReplicas": i(4)}, nil, 0, wanted{i(2), i(4), nil}},
		"absent":                  {false, map[string]any{"maxReplicas": i(4)}, nil, 0, wanted{nil, i(4), nil}},
		"floor of the default":    {false, map[string]any{"maxReplicas": i(4)}, nil, 1, wanted{nil, i(4), nil}},
		"floor below":             {false, map[string]any{"minReplicas": i(2), "maxReplicas": i(4)}, nil, 2, wanted{i(2), i(4), nil}},
		"floor between":           {false, map[string]any{"minReplicas": i(2), "maxReplicas": i(4)}, nil, 3, wanted{i(3), i(4), nil}},
		"floor above":             {false, map[string]any{"minReplicas": i(2), "maxReplicas": i(4)}, nil, 5, wanted{i(5), i(5), nil}},
		"override of one":         {false, map[string]any{"minReplicas": i(2), "maxReplicas": i(4)}, &v1beta1.ScalerReplicas{MaxReplicas: new(int32(8))}, 0, wanted{i(2), i(8), nil}},
		"floor outweighs":         {false, map[string]any{"maxReplicas": i(4)}, &v1beta1.ScalerReplicas{MinReplicas: new(int32(1)), MaxReplicas: new(int32(2))}, 3, wanted{i(3), i(3), nil}},
		"keda as it is":           {true, map[string]any{"idleReplicaCount": i(0), "minReplicaCount": i(1)}, nil, 0, wanted{i(1), nil, i(0)}},
		"keda, nothing given":     {true, map[string]any{}, nil, 0, wanted{nil, nil, nil}},
		"keda floor drops idle":   {true, map[string]any{"idleReplicaCount": i(0), "minReplicaCount": i(3)}, nil, 2, wanted{i(3), nil, nil}},
		"keda floor keeps idle":   {true, map[string]any{"idleReplicaCount": i(2), "minReplicaCount": i(3)}, nil, 2, wanted{i(3), nil, i(2)}},
		"keda floor above 100":    {true, map[string]any{}, nil, 120, wanted{i(120), i(120), nil}},
		"keda floor of 1":         {true, map[string]any{"maxReplicaCount": i(3)}, nil, 1, wanted{i(1), i(3), nil}},
		"keda override over idle": {true, map[string]any{"idleReplicaCount": i(2), "minReplicaCount": i(3)}, &v1beta1.ScalerReplicas{MinReplicas: new(int32(2))}, 0, wanted{i(2), nil, nil}},
	} {
		c, target, least, most := hpaCanary(), load(t, hpaFile), "minReplicas", "maxReplicas"
		if tc.keda {
			c, target, least, most = kedaCanary(), load(t, kedaFile), "minReplicaCount", "maxReplicaCount"
		}
		spec := target.Object["spec"].(map[string]any)
		for _, name := range []string{least, most, "idleReplicaCount"} {
			delete(spec, name)
		}
		maps.Copy(spec, tc.spec)
		c.Spec.AutoscalerRef.PrimaryScalerReplicas = tc.override
		rendered := render(t, c, target, tc.floor)
		got := wanted{at(rendered, "spec", least), at(rendered, "spec", most), at(rendered, "spec", "idleReplicaCount")}
		if got != tc.want {
			t.Errorf("%s: got %v, want %v", what, got, tc.want)
		}
	}
}

// TestGotchaA13PauseIsNotCopied makes the primary's scaler anew while the target is paused.
func TestGotchaA13PauseIsNotCopied(t *testing.T) {
	target := load(t, kedaFile)
	if patch, needed := autoscaler.Pause(target, false); !needed || len(patch) == 0 {
		t.Fatal("the target of this test has to be paused")
	}
	annotations := render(t, kedaCanary(), target, 0).GetAnnotations()
	for key := range annotations {
		if strings.Contains(key, "paused") {
			t.Errorf("the primary is paused by %s", key)
		}
	}
	if annotations["note"] != "copied" {
		t.Errorf("annotations %v, want those that pause nothing", annotations)
	}
}
