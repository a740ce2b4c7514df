package v1beta1

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// mirrorFragment is the one seed that has nothing but an analysis.
const mirrorFragment = "istio-podinfo-mirror.yaml"

// documents splits a file and returns its documents by kind.
func documents(t *testing.T, name string) map[string][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "seeds", name))
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string][]byte{}
	for r := utilyaml.NewYAMLReader(newReader(raw)); ; {
		doc, err := r.Read()
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatal(err)
		}
		var meta struct{ Kind string }
		if err := yaml.Unmarshal(doc, &meta); err != nil {
			t.Fatal(err)
		}
		docs[meta.Kind] = doc
	}
}

// seedCanary decodes the canary of a seed strictly; the fragment is merged onto its base.
func seedCanary(t *testing.T, name string) *Canary {
	t.Helper()
	c := &Canary{}
	if err := yaml.UnmarshalStrict(documents(t, name)[CanaryKind], c); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if name == mirrorFragment {
		base := seedCanary(t, "istio-podinfo.yaml")
		base.Spec.Analysis = c.Spec.Analysis
		return base
	}
	return c
}

func seedNames(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/seeds/*.yaml")
	if err != nil || len(paths) < 6 {
		t.Fatalf("want 6 seeds, found %v: %v", paths, err)
	}
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
	}
	return names
}

func TestSeedsAreValid(t *testing.T) {
	for _, name := range seedNames(t) {
		t.Run(name, func(t *testing.T) {
			c := seedCanary(t, name)
			if errs := Validate(c); len(errs) > 0 {
				t.Errorf("Validate: %v", errs.ToAggregate())
			}
			if _, err := StepPlan(c.Spec.Analysis); err != nil {
				t.Errorf("StepPlan: %v", err)
			}
		})
	}
}

// TestSeedsSurviveRoundtrip encodes and decodes each seed in all the ways the product does, and
// checks that nothing is lost from, or added to, what the author wrote.
func TestSeedsSurviveRoundtrip(t *testing.T) {
	for _, name := range seedNames(t) {
		t.Run(name, func(t *testing.T) {
			var written map[string]any
			if err := yaml.Unmarshal(documents(t, name)[CanaryKind], &written); err != nil {
				t.Fatal(err)
			}
			c := &Canary{}
			if err := yaml.UnmarshalStrict(documents(t, name)[CanaryKind], c); err != nil {
				t.Fatal(err)
			}
			if name == mirrorFragment { // has no targetRef, which is always encoded
				c = seedCanary(t, name)
				var base map[string]any
				if err := yaml.Unmarshal(documents(t, "istio-podinfo.yaml")[CanaryKind], &base); err != nil {
					t.Fatal(err)
				}
				base["spec"].(map[string]any)["analysis"] = written["spec"].(map[string]any)["analysis"]
				written = base
			}
			raw, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			var encoded map[string]any
			if err := json.Unmarshal(raw, &encoded); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(encoded, written) {
				t.Errorf("JSON:\n got %v\nwant %v", encoded, written)
			}

			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c)
			if err != nil {
				t.Fatal(err)
			}
			if spec, ok := content["spec"].(map[string]any)["service"].(map[string]any); !ok || spec["port"] == nil {
				t.Errorf("service lost: %v", content)
			}
			fromContent, err := DecodeCanary(content)
			if err != nil {
				t.Fatal(err)
			}
			fromJSON, err := DecodeCanaryJSON(raw)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(fromContent, c) || !reflect.DeepEqual(fromJSON, c) || !reflect.DeepEqual(c.DeepCopy(), c) {
				t.Errorf("decoded differs:\n got %+v\n and %+v\nwant %+v", fromContent, fromJSON, c)
			}
		})
	}
}

func TestSeedsSayWhatTheirDocumentsSay(t *testing.T) {
	tests := []struct {
		seed     string
		plan     []int32
		strategy Strategy
		apex     string
		interval time.Duration
		deadline time.Duration
	}{
		{"osm-app.yaml", []int32{5, 10, 15, 20, 25, 30, 35, 40, 45, 50}, StrategyCanary, "app", 30 * time.Second, time.Minute},
		{"istio-podinfo.yaml", []int32{10, 20, 30, 40, 50}, StrategyCanary, "podinfo", time.Minute, time.Minute},
		{"istio-podinfo-session-affinity.yaml", []int32{10, 20, 30, 40, 50}, StrategyCanary, "podinfo", time.Minute, time.Minute},
		{mirrorFragment, nil, StrategyBlueGreen, "podinfo", time.Minute, time.Minute},
		{"linkerd-quotesbackend.yaml", []int32{10, 20, 30, 40, 50, 60, 70}, StrategyCanary, "quotesbackend", 20 * time.Second, time.Minute},
		{"slides-backend.yaml", []int32{10, 20, 30, 40, 50}, StrategyCanary, "podinfo", time.Minute, 2 * time.Minute},
	}
	for _, tt := range tests {
		c := seedCanary(t, tt.seed)
		plan, err := StepPlan(c.GetAnalysis())
		if err != nil || !reflect.DeepEqual(plan, tt.plan) {
			t.Errorf("%s: plan %v, %v, want %v", tt.seed, plan, err, tt.plan)
		}
		if c.Strategy() != tt.strategy || c.ApexName() != tt.apex || c.AnalysisInterval() != tt.interval || c.ProgressDeadline() != tt.deadline {
			t.Errorf("%s: got %s, %s, %s, %s", tt.seed, c.Strategy(), c.ApexName(), c.AnalysisInterval(), c.ProgressDeadline())
		}
	}

	slides := seedCanary(t, "slides-backend.yaml")
	if got := slides.PrimaryServiceName() + " " + slides.CanaryServiceName() + " " + slides.PrimaryName(); got != "podinfo-primary podinfo-canary backend-primary" {
		t.Errorf("slides: names %s", got)
	}
	if len(slides.HooksOf(HookConfirmRollout)) != 1 || len(slides.HooksOf(HookPreRollout)) != 1 || len(slides.HooksOf(HookRollout)) != 0 {
		t.Errorf("slides: hooks %+v", slides.GetAnalysis().Webhooks)
	}
	if len(seedCanary(t, "istio-podinfo.yaml").HooksOf(HookRollout)) != 1 {
		t.Error("istio-podinfo: a webhook without a type is a rollout hook")
	}

	template := &MetricTemplate{}
	if err := yaml.UnmarshalStrict(documents(t, "slides-backend.yaml")[MetricTemplateKind], template); err != nil {
		t.Fatal(err)
	}
	if template.Spec.Provider.Type != MetricProviderPrometheus || template.Spec.Query == "" {
		t.Errorf("template %+v", template)
	}

	for _, m := range seedCanary(t, "linkerd-quotesbackend.yaml").GetAnalysis().Metrics {
		lo, hi := MetricBounds(m)
		if m.Name == MetricSuccessRate && (lo == nil || *lo != 99 || hi != nil) {
			t.Errorf("success rate: bounds %v %v", lo, hi)
		}
		if m.Name == MetricDuration && (hi == nil || *hi != 500 || lo != nil) {
			t.Errorf("duration: bounds %v %v", lo, hi)
		}
	}
}

func TestScheme(t *testing.T) {
	s := runtime.NewScheme()
	if err := AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{CanaryKind, MetricTemplateKind, AlertProviderKind} {
		for _, k := range []string{kind, kind + "List"} {
			if !s.Recognizes(schema.GroupVersionKind{Group: GroupName, Version: "v1beta1", Kind: k}) {
				t.Errorf("%s is not registered", k)
			}
		}
	}
}

func newReader(raw []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(raw)) }
