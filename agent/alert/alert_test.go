package alert

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func podinfo(alerts ...v1beta1.CanaryAlert) *v1beta1.Canary {
	deadline := int32(90)
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: "test"},
		Spec: v1beta1.CanarySpec{
			TargetRef:               v1beta1.TargetReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "podinfo-app"},
			ProgressDeadlineSeconds: &deadline,
			Analysis: &v1beta1.CanaryAnalysis{
				Interval: "1m", Threshold: 5, StepWeight: 10, MaxWeight: 50, Alerts: alerts,
			},
		},
	}
}

func TestFields(t *testing.T) {
	tests := map[string]struct {
		provider string // of the agent
		edit     func(*v1beta1.CanarySpec)
		want     string
	}{
		"weight":      {"istio", func(*v1beta1.CanarySpec) {}, "Weight step: 10 max: 50"},
		"default max": {"istio", func(s *v1beta1.CanarySpec) { s.Analysis.MaxWeight = 0 }, "Weight step: 10 max: 100"},
		"weights": {"istio", func(s *v1beta1.CanarySpec) {
			s.Analysis = &v1beta1.CanaryAnalysis{Threshold: 5, StepWeights: []int32{1, 10, 60}}
		}, "Weight steps: 1,10,60 max: 60"},
		"steps": {"istio", func(s *v1beta1.CanarySpec) {
			s.Analysis = &v1beta1.CanaryAnalysis{Threshold: 5, Steps: []v1beta1.AnalysisStep{{Weight: 5}, {Weight: 40}}}
		}, "Weight steps: 5,40 max: 40"},
		"a/b": {"istio", func(s *v1beta1.CanarySpec) {
			s.Analysis = &v1beta1.CanaryAnalysis{Threshold: 5, Iterations: 3, Match: make([]v1beta1.HTTPMatchRequest, 1)}
		}, "A/B Testing"},
		"blue/green": {"istio", func(s *v1beta1.CanarySpec) {
			s.Analysis = &v1beta1.CanaryAnalysis{Threshold: 5, Iterations: 3}
		}, "Blue/Green"},
		"agent's provider": {v1beta1.ProviderKubernetes, func(*v1beta1.CanarySpec) {}, "Blue/Green"},
		"own provider":     {v1beta1.ProviderKubernetes, func(s *v1beta1.CanarySpec) { s.Provider = "traefik" }, "Weight step: 10 max: 50"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := podinfo()
			tt.edit(&c.Spec)
			want := []Field{
				{"Cluster", "blue"},
				{"Target", "Deployment/podinfo-app.test"},
				{"Failed checks threshold", "5"},
				{"Progress deadline", "90s"},
				{"Traffic routing", tt.want},
			}
			if got := Fields(c, tt.provider, "blue"); !slices.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if got := Fields(c, tt.provider, ""); !slices.Equal(got, want[1:]) {
				t.Errorf("without a cluster: %v", got)
			}
		})
	}
}

func TestReaches(t *testing.T) {
	const info, warn, failed = v1beta1.SeverityInfo, v1beta1.SeverityWarn, v1beta1.SeverityError
	for least, want := range map[v1beta1.AlertSeverity][]v1beta1.AlertSeverity{
		"":     {info, warn, failed},
		info:   {info, warn, failed},
		warn:   {warn, failed},
		failed: {failed},
	} {
		for _, severity := range []v1beta1.AlertSeverity{info, warn, failed} {
			if got := Reaches(severity, least); got != slices.Contains(want, severity) {
				t.Errorf("alert %s for %q: %v", severity, least, got)
			}
		}
	}
	if !Reaches("", info) || Reaches("", warn) {
		t.Error("an alert without a severity is not info")
	}
}

func TestInClusterLeavesTheFieldsOfTheCallerAlone(t *testing.T) {
	shared := append(make([]Field, 0, 4), Field{"Target", "x"})
	a := Alert{Fields: shared}.inCluster("blue")
	if want := []Field{{"Cluster", "blue"}, {"Target", "x"}}; !slices.Equal(a.Fields, want) {
		t.Errorf("fields %v", a.Fields)
	}
	if again := a.inCluster("blue"); len(again.Fields) != 2 || shared[0].Title != "Target" {
		t.Errorf("twice: %v, shared %v", again.Fields, shared)
	}
}
