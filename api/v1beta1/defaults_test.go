package v1beta1

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestDurations(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"": time.Minute, "1m": time.Minute, "1m30s": 90 * time.Second, "1s": time.Second, "5s": 5 * time.Second,
		"60sec": time.Minute, "-5s": time.Minute, "0s": time.Minute, "500ms": time.Second,
	} {
		c := &Canary{Spec: CanarySpec{Analysis: &CanaryAnalysis{Interval: in}}}
		if got := c.AnalysisInterval(); got != want {
			t.Errorf("interval %q: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]time.Duration{"": 10 * time.Second, "5": 10 * time.Second, "30s": 30 * time.Second, "500ms": 500 * time.Millisecond} {
		if got := (CanaryWebhook{Timeout: in}).TimeoutOrDefault(); got != want {
			t.Errorf("timeout %q: %s, want %s", in, got, want)
		}
	}
	c := &Canary{Spec: CanarySpec{Analysis: &CanaryAnalysis{Interval: "1m", Steps: []AnalysisStep{{Weight: 5, Hold: "1h"}, {Weight: 50}}}}}
	for step, want := range map[int32]time.Duration{0: time.Minute, 1: time.Hour, 2: time.Minute, 3: time.Minute} {
		if got := c.StepHold(step); got != want {
			t.Errorf("step %d: %s, want %s", step, got, want)
		}
	}
	if got := (&Canary{Spec: CanarySpec{ProgressDeadlineSeconds: new(int32(0))}}).ProgressDeadline(); got != DefaultProgressDeadline {
		t.Errorf("deadline %s", got)
	}
}

func TestDefaultsOfAnEmptyCanary(t *testing.T) {
	c := &Canary{}
	if c.Threshold() != 1 || c.MaxWeight() != 100 || c.PrimaryReadyThreshold() != 100 || c.CanaryReadyThreshold() != 100 {
		t.Errorf("got %d, %d, %d, %d", c.Threshold(), c.MaxWeight(), c.PrimaryReadyThreshold(), c.CanaryReadyThreshold())
	}
	if c.ProgressDeadline() != 600*time.Second || c.PortName() != "http" || c.NoDataFor(CanaryMetric{}) != NoDataFail {
		t.Errorf("got %s, %s, %s", c.ProgressDeadline(), c.PortName(), c.NoDataFor(CanaryMetric{}))
	}
	var none *SessionAffinity
	if none.MaxAgeOrDefault() != 86400 || (&SessionAffinity{}).MaxAgeOrDefault() != 86400 || (&SessionAffinity{MaxAge: 5}).MaxAgeOrDefault() != 5 {
		t.Error("cookie age")
	}
}

func TestTargetPort(t *testing.T) {
	for _, tt := range []struct{ in, want intstr.IntOrString }{
		{intstr.IntOrString{}, intstr.FromInt32(80)},
		{intstr.FromInt32(8080), intstr.FromInt32(8080)},
		{intstr.FromString("http"), intstr.FromString("http")},
		{intstr.FromString(""), intstr.FromInt32(80)},
	} {
		c := &Canary{Spec: CanarySpec{Service: CanaryService{Port: 80, TargetPort: tt.in}}}
		if got := c.TargetPort(); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestMetricBounds(t *testing.T) {
	type bounds struct{ lo, hi *float64 }
	for _, tt := range []struct {
		name string
		in   CanaryMetric
		want bounds
	}{
		{"range", CanaryMetric{Name: "x", Threshold: 5, ThresholdRange: &ThresholdRange{Min: new(1.0)}}, bounds{new(1.0), nil}},
		{"empty range", CanaryMetric{Name: "x", Threshold: 5, ThresholdRange: &ThresholdRange{}}, bounds{}},
		{"success rate", CanaryMetric{Name: MetricSuccessRate, Threshold: 99}, bounds{new(99.0), nil}},
		{"other", CanaryMetric{Name: "x", Threshold: 5}, bounds{nil, new(5.0)}},
		{"unset", CanaryMetric{Name: "x"}, bounds{nil, new(0.0)}},
		{"against the primary", CanaryMetric{Name: "x", VersusPrimary: &VersusPrimary{}}, bounds{}},
	} {
		lo, hi := MetricBounds(tt.in)
		if !same(lo, tt.want.lo) || !same(hi, tt.want.hi) {
			t.Errorf("%s: got %v %v", tt.name, lo, hi)
		}
	}
}

func same(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func TestMetricInterval(t *testing.T) {
	template := &NamespacedReference{Name: "x"}
	for _, tt := range []struct {
		in   CanaryMetric
		want string
	}{
		{CanaryMetric{Name: MetricDuration}, "1m"},
		{CanaryMetric{Name: MetricDuration, Interval: "30s"}, "30s"},
		{CanaryMetric{Name: "x", Query: "q"}, "1m"},
		{CanaryMetric{Name: "x", TemplateRef: template}, ""},
		{CanaryMetric{Name: "x", TemplateRef: template, Interval: "5m"}, "5m"},
	} {
		if got := MetricInterval(tt.in); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestProviderOr(t *testing.T) {
	knative := CanarySpec{TargetRef: TargetReference{APIVersion: KnativeServiceAPIVersion, Kind: TargetService}}
	for _, tt := range []struct {
		spec CanarySpec
		want string
	}{
		{CanarySpec{}, ProviderIstio},
		{CanarySpec{Provider: ProviderTraefik}, ProviderTraefik},
		{knative, ProviderKnative},
	} {
		if got := (&Canary{Spec: tt.spec}).ProviderOr(ProviderIstio); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
