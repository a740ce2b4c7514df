package telemetry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/kubectl-canary/kubectl-canary/agent/telemetry"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func exercise(m *telemetry.Metrics, namespace, name string) {
	target := name + "-app"
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseInitialized, v1beta1.PhaseProgressing, v1beta1.PhaseSucceeded} {
		m.ObserveCanary(telemetry.Canary{Namespace: namespace, Name: name, Target: target, Phase: phase, PrimaryWeight: 90, CanaryWeight: 10})
	}
	m.ObserveAnalysis(namespace, name, time.Second)
	m.SetMetric(namespace, name, "request-success-rate", 99.5)
	m.SetMetric(namespace, name, "request-duration", 20)
	m.CountSuccess(namespace, name, telemetry.StrategyCanary, telemetry.AnalysisCompleted)
	m.CountFailure(namespace, name, telemetry.StrategyBlueGreen)
	m.CountRouteDrift(namespace, name)
}

// Gotcha E13: series must go away with their canary, and not come back by a late result.
func TestSeriesGoAwayWithTheirCanaries(t *testing.T) {
	m := telemetry.NewMetrics(telemetry.Info{Version: "test", Provider: "traefik"})
	count := func() int {
		n := 0
		families, err := m.Gatherer().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			// The Go runtime and the process have series of their own, whose number is not ours.
			if strings.HasPrefix(family.GetName(), "flagger_") || strings.HasPrefix(family.GetName(), "canary_agent_") {
				n += len(family.GetMetric())
			}
		}
		return n
	}
	before := count()
	const canaries = 10_000
	for i := range canaries {
		exercise(m, fmt.Sprintf("ns-%d", i%100), fmt.Sprintf("c-%d", i))
	}
	if peak := count(); peak < before+canaries*9 {
		t.Fatalf("%d series for %d canaries: the test does not exercise them all", peak-before, canaries)
	}
	for i := range canaries {
		namespace, name := fmt.Sprintf("ns-%d", i%100), fmt.Sprintf("c-%d", i)
		m.ForgetCanary(namespace, name)
		m.ForgetCanary(namespace, name)
		m.SetMetric(namespace, name, "late", 1)
		m.CountRouteDrift(namespace, name)
	}
	if after := count(); after != before {
		t.Errorf("%d series before, %d after", before, after)
	}
}

func TestFlaggerMetrics(t *testing.T) {
	m := telemetry.NewMetrics(telemetry.Info{Version: "1.2.3", Provider: "traefik"})
	m.ObserveCanary(telemetry.Canary{Namespace: "test", Name: "web", Target: "podinfo", Phase: v1beta1.PhaseProgressing, PrimaryWeight: 70, CanaryWeight: 30})
	m.ObserveCanary(telemetry.Canary{Namespace: "test", Name: "api", Target: "api", Phase: v1beta1.PhaseFailed, PrimaryWeight: 100})
	m.SetMetric("test", "web", "request-success-rate", 99.5)
	m.CountSuccess("test", "web", telemetry.StrategyCanary, telemetry.AnalysisSkipped)
	want := `
# HELP canary_agent_canary_phase 1 for the phase that the canary is in.
# TYPE canary_agent_canary_phase gauge
canary_agent_canary_phase{name="api",namespace="test",phase="Failed"} 1
canary_agent_canary_phase{name="web",namespace="test",phase="Progressing"} 1
# HELP flagger_canary_metric_analysis Last value of the metric. Name is that of the target.
# TYPE flagger_canary_metric_analysis gauge
flagger_canary_metric_analysis{metric="request-success-rate",name="podinfo",namespace="test"} 99.5
# HELP flagger_canary_status Last known status of the canary: 0 running, 1 any other, 2 failed. Name is that of the target.
# TYPE flagger_canary_status gauge
flagger_canary_status{name="api",namespace="test"} 2
flagger_canary_status{name="podinfo",namespace="test"} 0
# HELP flagger_canary_successes_total Promoted revisions. Name is that of the target.
# TYPE flagger_canary_successes_total counter
flagger_canary_successes_total{analysis_status="skipped",deployment_strategy="canary",name="podinfo",namespace="test"} 1
# HELP flagger_canary_total Canaries in the namespace.
# TYPE flagger_canary_total gauge
flagger_canary_total{namespace="test"} 2
# HELP flagger_canary_weight Share of the traffic, in percent.
# TYPE flagger_canary_weight gauge
flagger_canary_weight{namespace="test",workload="api"} 0
flagger_canary_weight{namespace="test",workload="api-primary"} 100
flagger_canary_weight{namespace="test",workload="podinfo"} 30
flagger_canary_weight{namespace="test",workload="podinfo-primary"} 70
# HELP flagger_info Version and default traffic provider of the agent.
# TYPE flagger_info gauge
flagger_info{mesh_provider="traefik",version="1.2.3"} 1
`
	err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(want),
		"canary_agent_canary_phase", "flagger_canary_metric_analysis", "flagger_canary_status", "flagger_canary_successes_total",
		"flagger_canary_total", "flagger_canary_weight", "flagger_info")
	if err != nil {
		t.Error(err)
	}
}

// Two canaries of one target share the labels of the flagger_* series.
func TestTheFirstCanaryOfATargetOwnsItsSeries(t *testing.T) {
	m := telemetry.NewMetrics(telemetry.Info{})
	older := telemetry.Canary{Namespace: "test", Name: "older", Target: "app", Phase: v1beta1.PhaseProgressing, CanaryWeight: 30, PrimaryWeight: 70}
	younger := telemetry.Canary{Namespace: "test", Name: "younger", Target: "app", Phase: v1beta1.PhaseFailed, PrimaryWeight: 100}
	status := func(value string) string {
		return "# HELP flagger_canary_status Last known status of the canary: 0 running, 1 any other, 2 failed. Name is that of the target.\n" +
			"# TYPE flagger_canary_status gauge\nflagger_canary_status{name=\"app\",namespace=\"test\"} " + value + "\n"
	}
	check := func(value string) {
		t.Helper()
		if err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(status(value)), "flagger_canary_status"); err != nil {
			t.Error(err)
		}
	}
	m.ObserveCanary(older)
	m.ObserveCanary(younger)
	check("0")
	m.ForgetCanary("test", "younger")
	check("0")
	m.ObserveCanary(younger)
	m.ForgetCanary("test", "older")
	m.ObserveCanary(younger)
	check("2")
}

func TestATargetThatChangesTakesItsSeriesAlong(t *testing.T) {
	m := telemetry.NewMetrics(telemetry.Info{})
	c := telemetry.Canary{Namespace: "test", Name: "web", Target: "old", Phase: v1beta1.PhaseSucceeded}
	m.ObserveCanary(c)
	m.SetMetric("test", "web", "latency", 1)
	c.Target = "new"
	m.ObserveCanary(c)
	if n, err := testutil.GatherAndCount(m.Gatherer(), "flagger_canary_status", "flagger_canary_metric_analysis"); err != nil || n != 1 {
		t.Errorf("got %d series, %v; want the status of the new target only", n, err)
	}
}

func TestLabelsAreBounded(t *testing.T) {
	m := telemetry.NewMetrics(telemetry.Info{})
	for i := range 1000 {
		name := fmt.Sprintf("kind-%d", i)
		m.CountEffect(name, nil)
		m.ObserveWebhook(name, time.Second, errors.New("no"))
		m.ObserveQuery(name, time.Second, nil)
	}
	for _, name := range []string{"canary_agent_effects_total", "canary_agent_webhook_duration_seconds", "canary_agent_metric_query_duration_seconds"} {
		if n, err := testutil.GatherAndCount(m.Gatherer(), name); err != nil || n != 65 {
			t.Errorf("%s has %d series, %v; want 64 and one for all others", name, n, err)
		}
	}
}

func TestAgentMetrics(t *testing.T) {
	m := telemetry.NewMetrics(telemetry.Info{})
	m.SetLeader(true)
	m.SetQueueDepth(3)
	m.CountDecision(nil)
	m.CountDecision(errors.New("no"))
	m.CountEffect("SetRoute", nil)
	m.CountEvent("written")
	m.ObserveReconcile(time.Millisecond)
	want := `
# HELP canary_agent_decisions_total Decisions about canaries, by result: ok or failed.
# TYPE canary_agent_decisions_total counter
canary_agent_decisions_total{result="failed"} 1
canary_agent_decisions_total{result="ok"} 1
# HELP canary_agent_effects_total Effects carried out, by kind and result: ok or failed.
# TYPE canary_agent_effects_total counter
canary_agent_effects_total{effect="SetRoute",result="ok"} 1
# HELP canary_agent_leader 1 while this process holds the lease, else 0.
# TYPE canary_agent_leader gauge
canary_agent_leader 1
# HELP canary_agent_queue_depth Canaries that wait for a worker.
# TYPE canary_agent_queue_depth gauge
canary_agent_queue_depth 3
`
	err := testutil.GatherAndCompare(m.Gatherer(), strings.NewReader(want),
		"canary_agent_decisions_total", "canary_agent_effects_total", "canary_agent_leader", "canary_agent_queue_depth")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(m.Gatherer(), "canary_agent_decisions_total", "canary_agent_effects_total",
		"canary_agent_reconcile_duration_seconds", "canary_agent_queue_depth", "canary_agent_leader", "canary_agent_events_total"); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}
