//go:build linux

package e2e

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// metricsServer answers every query with 1, as long as it is there.
type metricsServer struct {
	t       *testing.T
	address string
	server  *http.Server
	asked   atomic.Int64
}

func newMetricsServer(t *testing.T) *metricsServer {
	m := &metricsServer{t: t}
	m.comeBack()
	t.Cleanup(m.goAway)
	return m
}

func (m *metricsServer) url() string { return "http://" + m.address }

// goAway closes the port and all connections.
func (m *metricsServer) goAway() { _ = m.server.Close() }

// comeBack opens the port again.
func (m *metricsServer) comeBack() {
	m.t.Helper()
	l := listen(m.t, m.address)
	m.address = l.Addr().String()
	m.server = &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		m.asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%d,"1"]}]}}`, time.Now().Unix())
	})}
	go func(s *http.Server) { _ = s.Serve(l) }(m.server)
}

// TestPrometheusDown takes the metrics server away in mid-run. A check without an answer is an
// error and no failure of the canary: after the server is back, one good check makes the count of
// errors zero and the run succeeds. When it stays away, the threshold ends the next run, with the
// primary as it was and the cause in the events.
func TestPrometheusDown(t *testing.T) {
	t.Parallel()
	prometheus := newMetricsServer(t)
	s := rehearse(t, stage.App{Interval: "1s", Replicas: 1, Edit: edits(steps(int64(10), int64(20), int64(30)), func(spec map[string]any) {
		spec["metricsServer"] = prometheus.url()
		analysis := analysisOf(spec)
		analysis["threshold"] = int64(6)
		analysis["metrics"] = []any{map[string]any{
			"name": "answers", "query": "vector(1)", "interval": "30s", "thresholdRange": map[string]any{"min": int64(1)},
		}}
	})})
	s.release("python-2")
	s.until("20 %", atWeight(20))
	prometheus.goAway()
	s.until("an errored check", func(c *v1beta1.Canary) bool { return c.Status.Run != nil && c.Status.Run.ErroredChecks > 0 })
	prometheus.comeBack()
	n := s.record.Len()
	s.after(n, "the count to be zero again", func(c *v1beta1.Canary) bool { return c.Status.Run.ErroredChecks == 0 })
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	if run := s.lastRun(); run.Outcome != v1beta1.OutcomePromoted || run.FailedChecks != 0 {
		t.Errorf("run %+v, want it promoted without a failed check", run)
	}
	s.wantEvent("CheckErrored", "Prometheus query failed for answers", "connection refused")
	if prometheus.asked.Load() == 0 {
		t.Error("the metrics server of the spec was never asked")
	}

	primary := s.deployment("app-primary")
	n = s.record.Len()
	s.release("python-3")
	s.after(n, "10 %", atWeight(10))
	prometheus.goAway()
	failed := s.until("Failed", stage.InPhase(v1beta1.PhaseFailed))
	run := s.lastRun()
	if run.Outcome != v1beta1.OutcomeRolledBack || run.FailedChecks != 0 {
		t.Errorf("run %+v, want it rolled back without a failed check", run)
	}
	if got := failed.Canary.Status.Run.ErroredChecks; got != 6 {
		t.Errorf("%d errored checks ended the run, want the threshold, 6", got)
	}
	s.wantEvent("RolledBack", "failed checks threshold reached 6")
	if now := s.deployment("app-primary"); now.Generation != primary.Generation {
		t.Error("the primary was touched")
	}
	for _, seen := range s.record.All() {
		if seen.Canary.Status.FailedChecks != 0 {
			t.Fatalf("an error was counted as a failed check:\n%s", s.record)
		}
	}
}

// TestMetricTemplate judges by a template with variables, asked of the cluster's Prometheus.
func TestMetricTemplate(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{Interval: "1s", Replicas: 1, Edit: edits(steps(int64(50)), useTemplate(map[string]any{"name": "answer"}))})
	err := s.cluster.Apply(s.ctx, s.app.Namespace, []byte(`
apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: answer}
spec:
  provider: {type: prometheus, address: "http://prometheus.monitoring:9090"}
  query: 'count(count(up{namespace!="{{ namespace }}"})) * {{ variables.answer }}'
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.app.Apply(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	s.until("Initialized", stage.InPhase(v1beta1.PhaseInitialized))
	s.release("python-2")
	seen := s.until("a measurement", func(c *v1beta1.Canary) bool { return len(c.Status.Measurements) > 0 })
	m := seen.Canary.Status.Measurements[0]
	if m.Metric != "answer" || m.Samples[0].Value != "42" || m.Samples[0].Verdict != v1beta1.VerdictPass {
		t.Errorf("measured %+v, want 42 and a pass", m)
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
}

// useTemplate makes a template with the variable answer=42 the only metric.
func useTemplate(ref map[string]any) func(map[string]any) {
	return func(spec map[string]any) {
		analysisOf(spec)["metrics"] = []any{map[string]any{
			"name": "answer", "interval": "30s", "thresholdRange": map[string]any{"min": int64(42), "max": int64(42)},
			"templateRef": ref, "templateVariables": map[string]any{"answer": "42"},
		}}
	}
}

// TestForeignMetricTemplate refers to a template of another namespace, which the agent as it is
// shipped refuses: whoever may write Canaries here must not read with the credentials of others.
func TestForeignMetricTemplate(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{Replicas: 1, Edit: useTemplate(map[string]any{"name": "answer", "namespace": "default"})})
	if err := s.app.Apply(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	seen := s.until("CrossNamespaceReference", stalled("CrossNamespaceReference"))
	message := conditionOf(seen.Canary, v1beta1.ConditionStalled).Message
	if !containsAll(message, "spec.analysis.metrics[0].templateRef.namespace", "answer.default", "use one in namespace "+s.app.Namespace) {
		t.Errorf("message %q", message)
	}
	s.editCanary(`{"spec":{"progressDeadlineSeconds":61}}`)
	s.untouched()
	if ready := conditionOf(s.record.Last(), v1beta1.ConditionReady); ready == nil || ready.Status != metav1.ConditionFalse {
		t.Errorf("condition Ready is %+v", ready)
	}
}
