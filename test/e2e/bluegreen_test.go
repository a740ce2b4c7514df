//go:build linux

package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// judge is a rollout hook that judges the canary in every step.
func judge(h *hooks) func(spec map[string]any) {
	return func(spec map[string]any) {
		analysisOf(spec)["webhooks"] = []any{map[string]any{"name": "judge", "type": "rollout", "url": h.url + "/judge"}}
	}
}

// TestBlueGreen checks a version without traffic for two iterations, then with all of it, and
// promotes it.
func TestBlueGreen(t *testing.T) {
	t.Parallel()
	h := newHooks(t, func(string, int) int { return http.StatusOK })
	s := perform(t, stage.App{Interval: "2s", Edit: edits(iterations(2), judge(h))})
	released := time.Now()
	s.release("python-2")
	switched := s.until("the switch", atWeight(100))
	s.nobodyGot("python-2", s.load, released, switched.At)
	if took := switched.At.Sub(released); took < 4*time.Second {
		t.Errorf("switched after %s, before two iterations of 2s", took)
	}
	s.everybodyGets(s.load, "python-2")
	if image := s.deployment("app-primary").Spec.Template.Spec.Containers[0].Image; image != stage.Image("python-1") {
		t.Errorf("the primary runs %s before the canary was judged with all traffic", image)
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	s.noFailures(nil)
	if got, want := s.splitsAsWanted("python-2"), []int32{0, 100, 0}; !slices.Equal(got, want) {
		t.Errorf("weights %v, want %v", got, want)
	}
	// One for each iteration and one for the switch; the promotion may begin before a check is due.
	if checks := s.record.Last().Status.Run.Checks; checks != 3 {
		t.Errorf("%d checks, want 3", checks)
	}
	s.oneRun()
}

// TestBlueGreenJudged fails the check with all traffic on the canary: the primary, which was not
// touched, gets it back at once.
func TestBlueGreenJudged(t *testing.T) {
	t.Parallel()
	h := newHooks(t, func(_ string, nth int) int {
		if nth > 2 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	s := perform(t, stage.App{Interval: "2s", Edit: edits(iterations(2), judge(h), func(spec map[string]any) {
		analysisOf(spec)["threshold"] = int64(1)
	})})
	primary := s.deployment("app-primary")
	s.release("python-2")
	s.until("the switch", atWeight(100))
	failed := s.until("Failed", stage.InPhase(v1beta1.PhaseFailed))
	s.atEnd("python-1")
	s.nobodyGot("python-2", s.load, failed.At.Add(3*settle), time.Now())
	s.noFailures(nil)
	if now := s.deployment("app-primary"); now.Generation != primary.Generation {
		t.Errorf("the primary was touched: generation %d, was %d", now.Generation, primary.Generation)
	}
	if run := s.lastRun(); run.Outcome != v1beta1.OutcomeRolledBack || run.MaxWeight != 100 {
		t.Errorf("run %+v, want it rolled back from 100 %%", run)
	}
}

// TestBlueGreenKubernetes needs no proxy: clients use the apex Service. The canary is checked
// without traffic, and the promotion is the switch.
func TestBlueGreenKubernetes(t *testing.T) {
	t.Parallel()
	h := newHooks(t, func(string, int) int { return http.StatusOK })
	s := perform(t, stage.App{Provider: v1beta1.ProviderKubernetes, Interval: "2s", Edit: edits(iterations(2), judge(h))})
	released := time.Now()
	s.release("python-2")
	promoting := s.until("Promoting", stage.InPhase(v1beta1.PhasePromoting))
	s.nobodyGot("python-2", s.load, released, promoting.At)
	if took := promoting.At.Sub(released); took < 4*time.Second {
		t.Errorf("promoted after %s, before two iterations of 2s", took)
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	s.noFailures(nil)
	for _, seen := range s.record.All() {
		if st := seen.Canary.Status; st.CanaryWeight != 0 {
			t.Fatalf("the status claims %d %% of the traffic for the canary", st.CanaryWeight)
		}
	}
	if checks := s.record.Last().Status.Run.Checks; checks != 2 {
		t.Errorf("%d checks, want 2", checks)
	}
	s.oneRun()
}
