//go:build linux

package faults

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

const (
	// atOnce is how many scenes are played at a time; two cores are busy with them.
	atOnce = 6
	// panicEach is the distance of the writes after which the agent panics.
	panicEach = 5
	// lastOfRollback are the writes of a rollback after which the agent is killed, the step before
	// it included.
	lastOfRollback = 8
	// fewest writes bring a canary up and release a version.
	fewest = 15
	// maxWrites bounds the faults after a write: a release makes fewer.
	maxWrites = 80
	// away is how long the API server, etcd and Prometheus are gone.
	away = 3 * time.Second
)

// The releases without any fault, which say how many writes there are.
const (
	noFault         = "none"
	noFaultRollback = "none, rolled back"
)

// TestFaults plays all scenes and prints the report.
func TestFaults(t *testing.T) {
	h := open(t)
	defer func() { t.Logf("\n%s", h.report) }()
	t.Run("agent", func(t *testing.T) {
		apart(t, h, faultsOfAgent())
		everywhere(t, h)
	})
	t.Run("panic of one", func(t *testing.T) { panicOfOne(t, h) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := stage.ScaleAgent(ctx, h.cluster, 1); err != nil {
		t.Fatal(err)
	}
	for _, f := range faultsOfCluster() {
		f.place = h.report.nextPlace()
		t.Run(f.title(), func(t *testing.T) { h.perform(t, f, false) })
	}
}

// open installs the product and puts the installed agent aside.
func open(t *testing.T) *house {
	t.Helper()
	c := testbed.Shared(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := stage.Install(ctx, c); err != nil {
		t.Fatal(err)
	}
	if err := stage.ScaleAgent(ctx, c, 0); err != nil {
		t.Fatal(err)
	}
	h := &house{cluster: c, report: &report{}, kubeconfig: filepath.Join(c.Dir, "agents.kubeconfig")}
	if err := stage.AgentKubeconfig(ctx, c, h.kubeconfig); err != nil {
		t.Fatal(err)
	}
	logs := filepath.Join(c.Dir, "logs", "agents") // is dumped with the cluster's
	if err := os.MkdirAll(logs, 0o755); err != nil {
		t.Fatal(err)
	}
	h.agents = supervise.NewGroup(logs, slog.New(slog.DiscardHandler))
	t.Cleanup(h.agents.StopAll)
	h.servers = newServers(t)
	return h
}

// faultsOfAgent begins with the releases without any.
func faultsOfAgent() []fault {
	return []fault{
		{name: noFault},
		{name: noFaultRollback, rollback: true},
		{name: "hooks hang", hookTimeout: "1s", hang: hangOnce, failedChecks: 2, moreChecks: 3},
		{name: "another writer turns the weights", interval: "3s", during: fight(turnWeights)},
		{name: "another writer turns the apex selector", interval: "3s", during: fight(turnSelector)},
		{name: "another writer scales the target, 1 to 2", interval: "3s", during: turnReplicas, unready: true},
		{name: "another writer scales the target to 0 once", interval: "3s", during: scaledToZero, unready: true},
	}
}

// hangOnce lets the first call of each hook hang, and the post-rollout hook for good, since it is
// called once. For pre-rollout and rollout hooks that is a failed check.
func hangOnce(hook string, nth int) bool { return nth == 1 || hook == "post-rollout" }

// apart plays scenes side by side, each with an agent of its own.
func apart(t *testing.T, h *house, all []fault) {
	var playing sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, f := range all {
		f.place = h.report.nextPlace()
		places <- struct{}{}
		playing.Go(func() {
			defer func() { <-places }()
			t.Run(f.title(), func(t *testing.T) { h.perform(t, f, true) })
		})
	}
	playing.Wait()
}

// everywhere kills the agent after each of its writes, in a release that succeeds and in one that
// is rolled back, until there is no write left, and has it panic after some.
func everywhere(t *testing.T, h *house) {
	succeeding, failing := h.report.writes(false), h.report.writes(true)
	if succeeding < fewest || failing < fewest {
		t.Fatalf("the releases without a fault took %d and %d writes; at least %d are needed to bring a canary up", succeeding, failing, fewest)
	}
	var all []fault
	for n := 1; n <= succeeding+1; n++ {
		all = append(all, fault{name: "kill -9", dieAfter: n})
	}
	// Up to the last step both releases are the same.
	for n := failing - lastOfRollback; n <= failing+1; n++ {
		all = append(all, fault{name: "rolled back, kill -9", dieAfter: n, rollback: true})
	}
	for n := panicEach; n <= succeeding; n += panicEach {
		all = append(all, fault{name: "panic", panicAfter: n})
	}
	apart(t, h, all)
	untilNoneIsLeft(t, h, succeeding, 1, fault{name: "kill -9"})
	untilNoneIsLeft(t, h, failing, failing-lastOfRollback, fault{name: "rolled back, kill -9", rollback: true})
}

// untilNoneIsLeft goes on with the write after those that were expected, if there was one. How many
// a release takes depends a little on what is seen first; all but the last few have to have come.
func untilNoneIsLeft(t *testing.T, h *house, expected, first int, f fault) {
	for f.dieAfter = expected + 2; h.report.reached(f.dieAfter-1, f.rollback); f.dieAfter++ {
		if f.dieAfter > maxWrites {
			t.Fatalf("the agent makes more than %d writes in one release", maxWrites)
		}
		apart(t, h, []fault{f})
	}
	for n := first; n < expected-2; n++ {
		if !h.report.reached(n, f.rollback) {
			t.Errorf("%s: the agent was not killed after write %d, without a fault there are %d", f.name, n, expected)
		}
	}
}

// panicOfOne lets each pass over one canary panic: another canary of the same agent is released,
// and the first one once the fault is gone.
func panicOfOne(t *testing.T, h *house) {
	ctx, cancel := context.WithTimeout(t.Context(), sceneTime)
	defer cancel()
	well := h.open(ctx, t, fault{name: "each pass over another canary panics", place: h.report.nextPlace()})
	ill := h.open(ctx, t, fault{name: "each pass panics, until it does not", place: h.report.nextPlace()})
	a := h.startAgent(t, "agent-panic", "", nil)
	ill.initialize(ctx, t)
	well.initialize(ctx, t)
	a.set(t, panicOn, ill.app.Namespace+"/app")
	if err := ill.app.Release(ctx, h.cluster, newVersion); err != nil {
		t.Fatal(err)
	}
	well.release(ctx, t)
	well.finish(ctx, t)
	well.judge(t)
	if !a.panicked() {
		t.Error("the log of the agent does not speak of a panic")
	}
	if run := ill.record.Last().Status.Run; run != nil {
		t.Errorf("the canary whose passes panic has a run, %+v", run)
	}
	a.clear(t, panicOn)
	ill.release(ctx, t) // The same version: nothing is shipped twice.
	ill.finish(ctx, t)
	a.end()
	if killed, err := a.killed(); killed {
		t.Errorf("the agent ended: %v", err)
	}
	ill.judge(t)
}

// faultsOfCluster happen to everybody, so one is alone with the agent as it is shipped.
func faultsOfCluster() []fault {
	restart := func(name string) func(context.Context, *scene) error {
		return func(ctx context.Context, s *scene) error {
			if err := s.inStep(ctx, 1); err != nil {
				return err
			}
			pause(ctx, time.Second) // in the middle of the step
			return s.cluster.Restart(ctx, name, away)
		}
	}
	return []fault{
		{name: "Prometheus is gone for two intervals", interval: "3s", erroredChecks: 1, edit: ownMetrics, during: func(ctx context.Context, s *scene) error {
			if err := s.inStep(ctx, 2); err != nil {
				return err
			}
			return s.cluster.Restart(ctx, binaries.Prometheus, 2*3*time.Second)
		}},
		{name: "the API server is killed and started again", interval: "2s", noAPI: true, during: restart(binaries.APIServer)},
		{name: "etcd is killed and started again", interval: "2s", noAPI: true, during: restart(binaries.Etcd)},
	}
}

// ownMetrics are the seed's, of the cluster's Prometheus.
func ownMetrics(analysis map[string]any) {
	analysis["metrics"] = []any{
		map[string]any{"name": "request-success-rate", "interval": "1m", "thresholdRange": map[string]any{"min": int64(99)}},
		map[string]any{"name": "request-duration", "interval": "30s", "thresholdRange": map[string]any{"max": int64(500)}},
	}
}

// title is the name of the fault's test.
func (f fault) title() string {
	if n := max(f.dieAfter, f.panicAfter); n > 0 {
		return fmt.Sprintf("%s after write %d", f.name, n)
	}
	return f.name
}
