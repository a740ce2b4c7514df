//go:build linux

package faults

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

const (
	// rate of the load of one scene, in requests per second.
	rate = 40
	// sceneTime bounds one scene; without a fault it takes some 15 seconds.
	sceneTime = 90 * time.Second
	// replicas of the target.
	replicas = 2

	oldVersion, newVersion = "python-1", "python-2"
)

// weights of the steps of every release.
var weights = []int64{30, 60}

// house is what all scenes share.
type house struct {
	cluster    *testbed.Cluster
	agents     *supervise.Group
	kubeconfig string // of the agents
	servers    *servers
	report     *report
}

// fault is one thing that goes wrong during a release.
type fault struct {
	name string
	// interval of the analysis; default 1s.
	interval string
	// hookTimeout of all hooks; default 5s.
	hookTimeout string
	// edit changes the analysis further; nil for not at all.
	edit func(analysis map[string]any)
	// dieAfter and panicAfter are the number of the write after which the agent is killed, or
	// panics; 0 for never.
	dieAfter, panicAfter int
	// hang says which call of a hook is not answered; nil for none.
	hang func(hook string, nth int) bool
	// during runs beside the release, from its beginning on.
	during func(ctx context.Context, s *scene) error
	// failedChecks and erroredChecks are what the fault legitimately causes; moreChecks are made
	// while a gate is waited for.
	failedChecks, erroredChecks, moreChecks int32
	// rollback makes the last step fail, by its rollout hook, so that the release is rolled back.
	rollback bool
	// unready is set where the fault takes pods away, so that the canary's share is zero meanwhile.
	unready bool
	// noAPI is set where the API server does not answer for a while.
	noAPI bool
	place int // in the report
}

// ending is how a release ends.
type ending struct {
	phase   v1beta1.CanaryPhase
	outcome v1beta1.RunOutcome
	version string // of the primary
	last    v1beta1.StepState
}

// ends is how the release has to end, with the fault as without it.
func (f fault) ends() ending {
	if f.rollback {
		return ending{v1beta1.PhaseFailed, v1beta1.OutcomeRolledBack, oldVersion, v1beta1.StepFailed}
	}
	return ending{v1beta1.PhaseSucceeded, v1beta1.OutcomePromoted, newVersion, v1beta1.StepPassed}
}

// scene is one release with a fault.
type scene struct {
	*house
	fault   fault
	app     stage.App
	agent   *agent // nil when the installed one looks after the canary
	record  *stage.Record
	traffic *load.Generator
	began   int // statuses seen when the release began
	// excused is a time in which requests may fail because of what the fault does to the pods.
	excused window
}

// window is a span of time.
type window struct{ from, to time.Time }

func (w window) contains(t time.Time) bool { return !t.Before(w.from) && t.Before(w.to) }

// perform releases a version while the fault happens, and adds a row to the report. The agent is
// the scene's own unless the cluster has one that looks after all namespaces.
func (h *house) perform(t *testing.T, f fault, own bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sceneTime)
	defer cancel()
	s := h.open(ctx, t, f)
	defer s.judge(t)
	if own {
		faults := map[string]string{}
		for file, n := range map[string]int{dieAfterWrites: f.dieAfter, panicAfterWrites: f.panicAfter} {
			if n > 0 {
				faults[file] = strconv.Itoa(n)
			}
		}
		s.agent = h.startAgent(t, "agent-"+s.app.Namespace, s.app.Namespace, faults)
		defer s.agent.end()
	}
	s.initialize(ctx, t)
	s.release(ctx, t)
	s.finish(ctx, t)
}

// open makes a namespace with the application in it, without an agent.
func (h *house) open(ctx context.Context, t *testing.T, f fault) *scene {
	t.Helper()
	s := &scene{house: h, fault: f}
	namespace := h.cluster.Namespace(t)
	s.app = stage.App{Namespace: namespace, Interval: f.interval, Provider: "traefik", Replicas: replicas}
	if s.app.Interval == "" {
		s.app.Interval = "1s"
	}
	timeout := f.hookTimeout
	if timeout == "" {
		timeout = "5s"
	}
	s.app.Edit = func(spec map[string]any) {
		spec["metricsServer"] = h.servers.url
		analysis, _ := spec["analysis"].(map[string]any)
		delete(analysis, "stepWeight")
		delete(analysis, "maxWeight")
		steps := make([]any, len(weights))
		for i, w := range weights {
			steps[i] = w
		}
		analysis["stepWeights"] = steps
		analysis["threshold"] = int64(10)
		if f.rollback {
			analysis["threshold"] = int64(1)
		}
		analysis["metrics"] = []any{map[string]any{
			"name": "answers", "query": "vector(1)", "interval": "30s", "thresholdRange": map[string]any{"min": int64(1)},
		}}
		analysis["webhooks"] = h.servers.webhooks(namespace, timeout)
		if f.edit != nil {
			delete(spec, "metricsServer")
			f.edit(analysis)
		}
	}
	h.servers.behave(namespace, f.hang, f.rollback)
	var err error
	if f.noAPI {
		s.record, err = stage.Poll(ctx, h.cluster, namespace, "app", 50*time.Millisecond)
	} else {
		s.record, err = stage.Watch(ctx, h.cluster, namespace, "app")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.app.Apply(ctx, h.cluster); err != nil {
		t.Fatal(err)
	}
	return s
}

// initialize waits for the first version and puts it under load.
func (s *scene) initialize(ctx context.Context, t *testing.T) {
	t.Helper()
	if _, err := s.record.Until(ctx, "Initialized", stage.InPhase(v1beta1.PhaseInitialized)); err != nil {
		t.Fatal(err)
	}
	if err := s.app.WaitServing(ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	var err error
	s.traffic, err = load.Start(ctx, load.Config{URL: stage.URL(s.cluster), Host: s.app.Host(), Rate: rate, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.traffic.Stop)
	if err := s.traffic.WaitShare(ctx, oldVersion, 1, 0, 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	s.began = s.record.Len()
}

// release ships the new version, lets the fault happen, and waits until the run has ended.
func (s *scene) release(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := s.app.Release(ctx, s.cluster, newVersion); err != nil {
		t.Fatal(err)
	}
	happened := make(chan error, 1)
	go func() {
		if s.fault.during == nil {
			happened <- nil
			return
		}
		happened <- s.fault.during(ctx, s)
	}()
	_, err := s.record.After(ctx, s.began, "the end of the run", func(c *v1beta1.Canary) bool {
		return c.Status.Run != nil && c.Status.Run.Outcome != "" &&
			stage.InPhase(v1beta1.PhaseSucceeded, v1beta1.PhaseFailed)(c)
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-happened; err != nil {
		t.Errorf("the fault did not happen as intended: %v", err)
	}
}

// finish waits until nothing is left to be done and some more requests have been answered.
func (s *scene) finish(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := s.app.WaitScaledDown(ctx, s.cluster); err != nil {
		t.Error(err)
	}
	_, err := s.record.After(ctx, s.began, "the answer of the post-rollout hook", func(c *v1beta1.Canary) bool {
		return c.Status.Run != nil && hookSettled(c.Status.Run, "post-rollout/my-post-rollout")
	})
	if err != nil {
		t.Error(err)
	}
	if err := s.traffic.WaitShare(ctx, s.fault.ends().version, 1, 0, 500*time.Millisecond); err != nil {
		t.Error(err)
	}
	s.traffic.Stop()
}

func hookSettled(run *v1beta1.RunStatus, name string) bool {
	for _, hook := range run.Hooks {
		if hook.Name == name {
			return hook.State != v1beta1.HookStarted
		}
	}
	return false
}

// inStep waits until the run is in a step, from 1.
func (s *scene) inStep(ctx context.Context, n int32) error {
	_, err := s.record.After(ctx, s.began, fmt.Sprintf("step %d", n), func(c *v1beta1.Canary) bool {
		return c.Status.Run != nil && c.Status.Run.Outcome == "" && c.Status.Run.Step >= n
	})
	return err
}
