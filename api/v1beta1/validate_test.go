package v1beta1

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func valid() *Canary {
	return &Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "test"},
		Spec: CanarySpec{
			TargetRef: TargetReference{APIVersion: "apps/v1", Kind: TargetDeployment, Name: "a"},
			Service:   CanaryService{Port: 80},
			Analysis:  &CanaryAnalysis{Interval: "1m", Threshold: 5, StepWeight: 10},
		},
	}
}

func TestValidate(t *testing.T) {
	knative := TargetReference{APIVersion: KnativeServiceAPIVersion, Kind: TargetService, Name: "a"}
	tests := []struct {
		name   string
		change func(c *Canary)
		want   string // a part of the only error; empty: valid
	}{
		{"valid", func(*Canary) {}, ""},
		{"no target name", func(c *Canary) { c.Spec.TargetRef.Name = "" }, "spec.targetRef.name: Required"},
		{"no target version", func(c *Canary) { c.Spec.TargetRef.APIVersion = "" }, "spec.targetRef.apiVersion: Required"},
		{"target kind", func(c *Canary) { c.Spec.TargetRef.Kind = "StatefulSet" }, `supported values: "DaemonSet", "Deployment", "Service"`},
		{"provider", func(c *Canary) { c.Spec.Provider = "istoi" }, "spec.provider: Unsupported value"},
		{"provider known but not supported", func(c *Canary) { c.Spec.Provider = ProviderOSM }, ""},
		{"no port", func(c *Canary) { c.Spec.Service.Port = 0 }, "spec.service.port: Required"},
		{"port", func(c *Canary) { c.Spec.Service.Port = 70000 }, "must be 1 to 65535"},
		{"target port name", func(c *Canary) { c.Spec.Service.TargetPort = intstr.FromString("http") }, ""},
		{"bad target port name", func(c *Canary) { c.Spec.Service.TargetPort = intstr.FromString("Not A Port") }, "spec.service.targetPort"},
		{"bad target port", func(c *Canary) { c.Spec.Service.TargetPort = intstr.FromInt32(-1) }, "spec.service.targetPort"},
		{"apex name", func(c *Canary) { c.Spec.Service.Name = "A_b" }, "spec.service.name"},
		{"delegation", func(c *Canary) { c.Spec.Service.Delegation, c.Spec.Service.Hosts = true, []string{"h"} }, "spec.service.delegation: Forbidden"},
		{"no analysis", func(c *Canary) { c.Spec.Analysis = nil }, "spec.analysis: Required"},
		{"deprecated analysis", func(c *Canary) { c.Spec.CanaryAnalysis, c.Spec.Analysis = c.Spec.Analysis, nil }, ""},
		{"bad deprecated analysis", func(c *Canary) { c.Spec.CanaryAnalysis, c.Spec.Analysis = &CanaryAnalysis{}, nil }, "spec.canaryAnalysis.stepWeight: Required"},
		{"no steps", func(c *Canary) { c.Spec.Analysis.StepWeight = 0 }, "would never advance"},
		{"no steps with kubernetes", func(c *Canary) { c.Spec.Provider, c.Spec.Analysis.StepWeight = ProviderKubernetes, 0 }, ""},
		{"no steps but skipped", func(c *Canary) { c.Spec.SkipAnalysis, c.Spec.Analysis.StepWeight = true, 0 }, ""},
		{"contradictory steps", func(c *Canary) { c.Spec.Analysis.Iterations = 3 }, "cannot be set together with iterations"},
		{"interval", func(c *Canary) { c.Spec.Analysis.Interval = "60sec" }, "must be a duration such as 30s"},
		{"short interval", func(c *Canary) { c.Spec.Analysis.Interval = "0s" }, "must be at least 1s"},
		{"promotion step", func(c *Canary) { c.Spec.Analysis.StepWeightPromotion = 101 }, "spec.analysis.stepWeightPromotion"},
		{"ready threshold", func(c *Canary) { c.Spec.Analysis.CanaryReadyThreshold = new(int32(200)) }, "must be 0 to 100"},
		{"match without iterations", func(c *Canary) {
			c.Spec.Analysis.Match = []HTTPMatchRequest{{Headers: map[string]StringMatch{"x": {Exact: "y"}}}}
		}, "needs iterations"},
		{"empty match", func(c *Canary) {
			c.Spec.Analysis = &CanaryAnalysis{Interval: "1m", Iterations: 5, Match: []HTTPMatchRequest{{}}}
		}, "would send all traffic to the canary"},
		{"match header without value", func(c *Canary) {
			c.Spec.Analysis = &CanaryAnalysis{Interval: "1m", Iterations: 5, Match: []HTTPMatchRequest{{Headers: map[string]StringMatch{"x": {}}}}}
		}, "spec.analysis.match[0].headers[x]: Required"},
		{"match two ways", func(c *Canary) {
			c.Spec.Service.Match = []HTTPMatchRequest{{URI: &StringMatch{Exact: "/", Prefix: "/"}}}
		}, "keep one of exact"},
		{"suffix in service", func(c *Canary) {
			c.Spec.Service.Match = []HTTPMatchRequest{{Headers: map[string]StringMatch{"x": {Suffix: "y"}}}}
		}, "use regex"},
		{"no cookie", func(c *Canary) { c.Spec.Analysis.SessionAffinity = &SessionAffinity{} }, "cookieName: Required"},
		{"cookie characters", func(c *Canary) { c.Spec.Analysis.SessionAffinity = &SessionAffinity{CookieName: "a b"} }, "must be letters, digits"},
		{"cookies", func(c *Canary) {
			c.Spec.Analysis.SessionAffinity = &SessionAffinity{CookieName: "a", PrimaryCookieName: "a"}
		}, "can't use the same cookie name for both primary and cookie name"},
		{"metric source", func(c *Canary) { c.Spec.Analysis.Metrics = []CanaryMetric{{Name: "x"}} }, "set templateRef, or query"},
		{"metric query", func(c *Canary) { c.Spec.Analysis.Metrics = []CanaryMetric{{Name: "x", Query: "q"}} }, ""},
		{"metric without name", func(c *Canary) { c.Spec.Analysis.Metrics = []CanaryMetric{{Query: "q"}} }, "metrics[0].name: Required"},
		{"metric range", func(c *Canary) {
			c.Spec.Analysis.Metrics = []CanaryMetric{{Name: MetricDuration, ThresholdRange: &ThresholdRange{Min: new(2.0), Max: new(1.0)}}}
		}, "no value would be accepted"},
		{"metric comparison", func(c *Canary) {
			c.Spec.Analysis.Metrics = []CanaryMetric{{Name: MetricDuration, VersusPrimary: &VersusPrimary{}}}
		}, "one of maxRatio"},
		{"no data", func(c *Canary) { c.Spec.Analysis.NoData = "ignore" }, "spec.analysis.noData: Unsupported value"},
		{"webhook url", func(c *Canary) { c.Spec.Analysis.Webhooks = []CanaryWebhook{{Name: "a", URL: "host/path"}} }, "must be absolute"},
		{"webhook scheme", func(c *Canary) { c.Spec.Analysis.Webhooks = []CanaryWebhook{{Name: "a", URL: "file:///x"}} }, "must be absolute"},
		{"webhook twice", func(c *Canary) {
			c.Spec.Analysis.Webhooks = []CanaryWebhook{{Name: "a", URL: "http://a"}, {Name: "a", Type: HookPreRollout, URL: "http://a"}, {Name: "a", Type: HookRollout, URL: "http://b"}}
		}, "webhooks[2].name"},
		{"webhook type", func(c *Canary) {
			c.Spec.Analysis.Webhooks = []CanaryWebhook{{Name: "a", URL: "http://a/", Type: "pre"}}
		}, "webhooks[0].type: Unsupported value"},
		{"webhook timeout", func(c *Canary) {
			c.Spec.Analysis.Webhooks = []CanaryWebhook{{Name: "a", URL: "http://a/", Timeout: "soon"}}
		}, "webhooks[0].timeout"},
		{"gate twice", func(c *Canary) {
			c.Spec.Analysis.Gates = []CanaryGate{{Name: "a", At: GateRollout}, {Name: "a", At: GateTraffic}}
		}, "gates[1].name: Duplicate"},
		{"gate point", func(c *Canary) { c.Spec.Analysis.Gates = []CanaryGate{{Name: "a"}} }, "gates[0].at: Unsupported value"},
		{"step hold", func(c *Canary) {
			c.Spec.Analysis = &CanaryAnalysis{Interval: "1m", Steps: []AnalysisStep{{Weight: 5, Hold: "long"}}}
		}, "spec.analysis.steps[0].hold"},
		{"knative", func(c *Canary) { c.Spec.TargetRef, c.Spec.Service = knative, CanaryService{} }, ""},
		{"knative with istio", func(c *Canary) { c.Spec.TargetRef, c.Spec.Provider = knative, ProviderIstio }, "can't be used with a Knative Service"},
		{"provider knative", func(c *Canary) { c.Spec.Provider = ProviderKnative }, "can't be the target with provider knative"},
		{"knative with autoscaler", func(c *Canary) {
			c.Spec.TargetRef = knative
			c.Spec.AutoscalerRef = &AutoscalerReference{Kind: AutoscalerHPA, Name: "a"}
		}, "scales itself"},
		{"scaler limits", func(c *Canary) {
			c.Spec.AutoscalerRef = &AutoscalerReference{Kind: AutoscalerHPA, Name: "a", PrimaryScalerReplicas: &ScalerReplicas{MinReplicas: new(int32(3)), MaxReplicas: new(int32(2))}}
		}, "must be at most maxReplicas, 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			tt.change(c)
			errs := Validate(c)
			if tt.want == "" && len(errs) > 0 {
				t.Fatalf("refused: %v", errs.ToAggregate())
			}
			if tt.want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), tt.want)) {
				t.Fatalf("got %v, want one error with %q", errs.ToAggregate(), tt.want)
			}
		})
	}
}

func TestValidateEmpty(t *testing.T) {
	if errs := Validate(&Canary{}); len(errs) < 5 {
		t.Errorf("an empty canary lacks target, port and analysis; got %v", errs.ToAggregate())
	}
}

func TestValidateReferences(t *testing.T) {
	c := valid()
	c.Spec.UpstreamRef = &UpstreamReference{Name: "u", Namespace: "other"}
	c.Spec.Analysis.Metrics = []CanaryMetric{
		{Name: "x", TemplateRef: &NamespacedReference{Name: "own"}},
		{Name: "y", TemplateRef: &NamespacedReference{Name: "same", Namespace: "test"}},
		{Name: "z", TemplateRef: &NamespacedReference{Name: "t", Namespace: "other"}},
	}
	c.Spec.Analysis.Alerts = []CanaryAlert{{Name: "a", ProviderRef: NamespacedReference{Name: "p", Namespace: "other"}}}
	if errs := ValidateReferences(c, false); len(errs) > 0 {
		t.Errorf("allowed, but got %v", errs)
	}
	errs := ValidateReferences(c, true)
	want := []string{
		"spec.upstreamRef.namespace: Forbidden: can't access gloo upstream u.other, cross-namespace references are blocked",
		"spec.analysis.metrics[2].templateRef.namespace: Forbidden: can't access metric template t.other, cross-namespace references are blocked",
		"spec.analysis.alerts[0].providerRef.namespace: Forbidden: can't access alert provider p.other, cross-namespace references are blocked",
	}
	if len(errs) != len(want) {
		t.Fatalf("got %v", errs)
	}
	for i := range want {
		if !strings.HasPrefix(errs[i].Error(), want[i]) {
			t.Errorf("got %q, want %q", errs[i], want[i])
		}
	}
}
