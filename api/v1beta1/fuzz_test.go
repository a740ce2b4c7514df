package v1beta1

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"sigs.k8s.io/yaml"
)

// FuzzEncodeCanary makes sure that a canary that was decoded is the same after it was encoded and
// decoded again, and that nothing the agent asks of it depends on which of the two it has.
// FuzzDecodeCanary is about what cannot be decoded.
func FuzzEncodeCanary(f *testing.F) {
	for _, raw := range []string{
		`{}`,
		`{"spec":{"service":{"targetPort":"http","timeout":"5s"},"analysis":{"stepWeights":[1,20.0],"match":[{}]}}}`,
		`{"spec":{"service":{"port":80,"targetPort":8080},"canaryAnalysis":{"iterations":3,"metrics":[{"thresholdRange":{"min":0.5}}]}}}`,
		`{"spec":{"analysis":{"steps":[{"weight":5,"hold":"1h"}],"gates":[{"name":"a","at":"traffic","timeout":"1m"}],"webhooks":[{"metadata":{"a":"b"}}]}}}`,
		`{"spec":{"autoscalerRef":{"primaryScalerReplicas":{"minReplicas":3,"maxReplicas":2}},"progressDeadlineSeconds":-1}}`,
		`{"status":{"phase":"Progressing","trackedConfigs":{},"lastTransitionTime":null,"run":{"id":"x","holdStartTime":"2026-01-01T00:00:00.000001Z","hooks":[{"name":"a"}]}}}`,
		`{"metadata":{"annotations":{"kubectl-canary/id":"1","kubectl-canary/verb":"promote","kubectl-canary/at":"yesterday"}}}`,
	} {
		f.Add([]byte(raw))
	}
	seeds, err := filepath.Glob("testdata/seeds/*.yaml")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("seeds %v: %v", seeds, err)
	}
	for _, seed := range seeds {
		text, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		if raw, err := yaml.YAMLToJSON(text); err == nil { // The first document of those that have several.
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		first, err := DecodeCanaryJSON(raw)
		if err != nil {
			return
		}
		encoded, err := json.Marshal(first)
		if err != nil {
			return // A time after the year 9999 can be read and not written.
		}
		second, err := DecodeCanaryJSON(encoded)
		if err != nil {
			t.Fatalf("decoded, but not again from %s: %v", encoded, err)
		}
		again, err := json.Marshal(second)
		if err != nil || string(again) != string(encoded) {
			t.Fatalf("encoded as %s and then as %s: %v", encoded, again, err)
		}
		if copied, err := json.Marshal(first.DeepCopy()); err != nil || string(copied) != string(encoded) {
			t.Fatalf("the copy of %s is %s: %v", encoded, copied, err)
		}
		a, b := answers(first), answers(second)
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%s\nanswers %v,\nand encoded %v", encoded, a, b)
		}
		if unchanged, err := json.Marshal(first); err != nil || string(unchanged) != string(encoded) {
			t.Fatalf("asking changed %s to %s", encoded, unchanged)
		}
	})
}

// answers are all that the agent asks a canary.
func answers(c *Canary) (all []any) {
	for _, err := range Validate(c) {
		all = append(all, err.Error())
	}
	for _, err := range ValidateReferences(c, true) {
		all = append(all, err.Error())
	}
	for _, p := range append(Providers(), "") {
		all = append(all, c.StrategyFor(p), c.IterationsFor(p))
	}
	plan, err := StepPlan(c.GetAnalysis())
	intent, ok := IntentOf(c)
	port := c.TargetPort()
	all = append(all, plan, err == nil, intent, ok, port.String(), c.ApexName(), c.PrimaryName(), c.PortName(), c.MaxWeight(), c.Threshold(),
		c.AnalysisInterval(), c.ProgressDeadline(), c.PrimaryReadyThreshold(), c.CanaryReadyThreshold(), c.IsKnative(), c.ProviderOr(ProviderIstio))
	for _, t := range HookTypes() {
		for _, hook := range c.HooksOf(t) {
			all = append(all, hook.HookType(), hook.TimeoutOrDefault())
		}
	}
	for _, p := range []GatePoint{GateRollout, GateTraffic, GatePromotion} {
		for _, gate := range c.GatesAt(p) {
			all = append(all, gate.TimeoutOrZero(), gate.TimeoutAction())
		}
	}
	for _, m := range c.GetAnalysis().Metrics {
		lo, hi := MetricBounds(m)
		all = append(all, m.IsBuiltin(), MetricInterval(m), lo != nil, hi != nil, c.NoDataFor(m))
	}
	for step := range int32(3) {
		all = append(all, c.StepHold(step))
	}
	return all
}

// FuzzStringsOfCanary puts any text into the fields that are parsed: each is either used as it was
// meant, or refused by Validate with the path of the field, and never ends in a panic.
func FuzzStringsOfCanary(f *testing.F) {
	for _, s := range []string{"", "1m", "0s", "-1s", "5", "http://a/b", "://", "\x00", "10h", "1e9s", "9999999999h", "a b", "gatewayapi:v1", "Deployment"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := valid()
		c.Spec.Provider, c.Spec.TargetRef.Kind, c.Spec.Service.Name = s, s, s
		a := c.Spec.Analysis
		a.Interval, a.NoData = s, NoDataPolicy(s)
		a.Gates = []CanaryGate{{Name: s, At: GatePoint(s), Timeout: s, OnTimeout: GateTimeoutAction(s)}}
		a.Webhooks = []CanaryWebhook{{Name: s, Type: HookType(s), URL: s, Timeout: s}}
		a.Metrics = []CanaryMetric{{Name: s, Interval: s, TemplateRef: &NamespacedReference{Name: s, Namespace: s}}}
		a.SessionAffinity = &SessionAffinity{CookieName: s, PrimaryCookieName: s}
		for _, err := range append(Validate(c), ValidateReferences(c, true)...) {
			if err.Field == "" || err.Error() == "" {
				t.Fatalf("an error without a field: %v", err)
			}
		}
		if c.AnalysisInterval() < MinAnalysisInterval || a.Webhooks[0].TimeoutOrDefault() <= 0 || a.Gates[0].TimeoutOrZero() < 0 {
			t.Fatalf("%q gives interval %s, timeouts %s and %s", s, c.AnalysisInterval(), a.Webhooks[0].TimeoutOrDefault(), a.Gates[0].TimeoutOrZero())
		}
		answers(c)
	})
}
