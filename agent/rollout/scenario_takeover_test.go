package rollout

import (
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// The hashes of another controller, and its own name for what the primary runs.
const (
	oldHash, newHash = "6b4c5d99c8", "7c548cbb77"
	foreignPrimary   = "rs:p1"
)

// takenOver is a canary that another controller has left in a phase: only the contract's fields are
// in the status. The target is at r2 with two pods, the primary at something else, unless agree.
func takenOver(t testing.TB, phase v1beta1.CanaryPhase, weight int32, agree bool, configure ...func(*v1beta1.Canary)) *stage {
	t.Helper()
	s := initializedStage(t, configure...)
	s.pass(time.Hour)
	s.w.Target.Revision = "rs:r2"
	s.w.Target.Since = s.w.Now.Add(-2 * time.Minute)
	s.w.Primary.Unmarked, s.w.Primary.Source, s.w.Primary.Revision = true, foreignPrimary, foreignPrimary
	if agree {
		s.w.Primary.Source = "rs:r2"
	}
	s.mark = ""
	r := s.routes[s.w.Provider]
	r.Canary, r.Found, r.Since = weight, true, s.w.Now
	s.routes[s.w.Provider] = r
	if phase != v1beta1.PhaseInitialized && phase != v1beta1.PhaseSucceeded {
		s.scaled(2)
		s.w.Target.Observed = true
		s.w.Target.Total, s.w.Target.Updated, s.w.Target.Available = 2, 2, 2
	}
	s.w.Canary.Status = v1beta1.CanaryStatus{
		Phase: phase, CanaryWeight: weight, LastAppliedSpec: newHash, LastPromotedSpec: oldHash,
		LastTransitionTime: v1beta1.NewTime(s.w.Now.Add(-time.Minute)),
	}
	s.keys = map[string]bool{} // What it said is not known.
	s.forget()
	return s
}

// untouched makes sure that no pod was restarted and no traffic moved.
func (s *stage) untouched() {
	s.t.Helper()
	equal(s.t, "pods touched", s.did("CopyToPrimary")+s.did("ScaleTarget")+s.did("RestorePrimary"), 0)
	equal(s.t, "routes written", s.did("SetRoute"), 0)
}

func TestTakeOverAtRest(t *testing.T) {
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded} {
		t.Run(string(phase)+", primary and target agree", func(t *testing.T) {
			s := takenOver(t, phase, 0, true, steps(20))
			s.pass(time.Hour)
			s.untouched()
			equal(t, "phase", s.phase(), phase)
			equal(t, "applied and promoted", s.status().LastAppliedSpec+" "+s.status().LastPromotedSpec, "rs:r2 rs:r2")
			equal(t, "marked", s.did("AdoptPrimary(rs:r2)"), 1)
			equal(t, "said", s.count("Canary app.test was run by another controller"), 1)
		})
		t.Run(string(phase)+", they differ", func(t *testing.T) {
			s := takenOver(t, phase, 0, false, steps(20))
			s.until(v1beta1.PhaseProgressing)
			equal(t, "run", s.run().Revision, "rs:r2")
			s.finish(v1beta1.PhaseSucceeded)
			equal(t, "routes", s.writes(), []string{"SetRoute(20)", "SetRoute(0)"})
		})
	}
}

func TestTakeOverOfFailed(t *testing.T) {
	t.Run("the target is what was rejected", func(t *testing.T) {
		s := takenOver(t, v1beta1.PhaseFailed, 0, false, steps(20))
		s.pass(time.Hour)
		equal(t, "phase", s.phase(), v1beta1.PhaseFailed)
		equal(t, "runs", len(s.status().History), 0)
		equal(t, "copies", s.did("CopyToPrimary"), 0)
		s.ship("rs:r3")
		s.finish(v1beta1.PhaseSucceeded)
	})
	t.Run("the target is newer", func(t *testing.T) {
		s := takenOver(t, v1beta1.PhaseFailed, 0, false, steps(20))
		s.w.Target.Since = s.w.Now.Add(-time.Second)
		s.finish(v1beta1.PhaseSucceeded)
		equal(t, "promoted", s.status().LastPromotedSpec, "rs:r2")
	})
	t.Run("a promotion has failed, and the canary serves alone", func(t *testing.T) {
		s := takenOver(t, v1beta1.PhaseFailed, 100, true, steps(20))
		s.primaryStuck, s.w.Primary.Available, s.w.Primary.Updated = true, 0, 2
		s.pass(time.Hour)
		s.untouched()
		equal(t, "route", s.w.Route.Canary, int32(100))
		equal(t, "target's replicas", s.w.Target.Replicas, int32(2))
	})
}

// A run in mid-way goes on from its weight or its iterations; it is not begun anew.
func TestTakeOverOfRun(t *testing.T) {
	for _, tt := range []struct {
		name       string
		configure  func(*v1beta1.Canary)
		weight, it int32
		mirror     bool
		routes     []string
		checks     int
	}{
		{"canary before the first step", steps(20, 40), 0, 0, false, []string{"SetRoute(20)", "SetRoute(40)", "SetRoute(0)"}, 2},
		{"canary in the first step", steps(20, 40), 20, 0, false, []string{"SetRoute(40)", "SetRoute(0)"}, 2},
		{"canary between the steps", steps(20, 40), 30, 0, false, []string{"SetRoute(40)", "SetRoute(0)"}, 2},
		{"canary past the last step", stepTo(20, 50), 60, 0, false, []string{"SetRoute(0)"}, 1},
		{"A/B", iterations(4, false, insiders), 100, 2, false, []string{"SetRoute(0)"}, 3},
		{"Blue/Green", iterations(4, false), 0, 2, false, []string{"SetRoute(100)", "SetRoute(0)"}, 4},
		{"Blue/Green with copies", iterations(4, true), 0, 2, true, []string{"SetRoute(100)", "SetRoute(0)"}, 4},
		{"Blue/Green after the switch", iterations(4, false), 100, 5, false, []string{"SetRoute(0)"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := takenOver(t, v1beta1.PhaseProgressing, tt.weight, false, tt.configure)
			s.status().Iterations, s.status().FailedChecks = tt.it, 1
			r := s.routes[s.w.Provider]
			r.Mirror = tt.mirror
			s.routes[s.w.Provider] = r
			s.decide()
			equal(t, "failed checks", s.status().FailedChecks, int32(1))
			s.finish(v1beta1.PhaseSucceeded)
			equal(t, "routes", s.writes(), tt.routes)
			equal(t, "checks", s.did("RunCheck"), tt.checks)
			equal(t, "restarts", s.count("New revision detected!"), 0)
			equal(t, "promoted", s.status().LastPromotedSpec, "rs:r2")
		})
	}
}

// The weight of the route counts, this once: the other controller's status need not say it.
func TestTakeOverAdoptsLiveWeight(t *testing.T) {
	s := takenOver(t, v1beta1.PhaseWaitingPromotion, 60, false, steps(20, 60), hooks(v1beta1.HookConfirmPromotion))
	s.status().CanaryWeight, s.status().Iterations = 0, -1
	s.closed["confirm-promotion"] = true
	s.pass(time.Minute)
	s.untouched()
	equal(t, "phase", s.phase(), v1beta1.PhaseWaitingPromotion)
	equal(t, "weight", s.status().CanaryWeight, int32(60))
	s.closed = nil
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", s.writes(), []string{"SetRoute(0)"})
}

func TestTakeOverOfWaiting(t *testing.T) {
	s := takenOver(t, v1beta1.PhaseWaiting, 0, false, steps(20), hooks(v1beta1.HookConfirmRollout))
	s.scaled(0)
	s.closed["confirm-rollout"] = true
	s.pass(time.Minute)
	s.untouched()
	equal(t, "phase", s.phase(), v1beta1.PhaseWaiting)
	s.closed = nil
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r2")
}

func TestTakeOverOfPromotion(t *testing.T) {
	t.Run("not copied yet", func(t *testing.T) {
		s := takenOver(t, v1beta1.PhasePromoting, 40, false, steps(20, 40))
		s.finish(v1beta1.PhaseSucceeded)
		equal(t, "copies", s.did("CopyToPrimary(rs:r2)"), 1)
		equal(t, "routes", s.writes(), []string{"SetRoute(0)"})
	})
	t.Run("copied", func(t *testing.T) {
		s := takenOver(t, v1beta1.PhasePromoting, 40, true, steps(20, 40), func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeightPromotion = 20 })
		s.finish(v1beta1.PhaseSucceeded)
		equal(t, "copies", s.did("CopyToPrimary"), 0)
		equal(t, "routes", s.writes(), []string{"SetRoute(20)", "SetRoute(0)"})
		equal(t, "marked", s.did("AdoptPrimary(rs:r2)"), 1)
	})
	t.Run("finalising", func(t *testing.T) {
		s := takenOver(t, v1beta1.PhaseFinalising, 0, true, steps(20, 40))
		s.finish(v1beta1.PhaseSucceeded)
		equal(t, "copies", s.did("CopyToPrimary"), 0)
		equal(t, "routes", s.writes(), nil)
		equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
	})
}

// A bootstrap that another controller has begun goes on, and does not overwrite its primary.
func TestTakeOverOfBootstrap(t *testing.T) {
	s := takenOver(t, v1beta1.PhaseInitializing, 0, true, steps(20))
	s.finish(v1beta1.PhaseInitialized)
	equal(t, "copies", s.did("CopyToPrimary"), 0)
	equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
}

// Finalization by another controller is left to it, unless the agent's finalizer is on: then it is
// gone through from the beginning.
func TestTakeOverOfTermination(t *testing.T) {
	s := takenOver(t, v1beta1.PhaseTerminating, 0, true, steps(20))
	s.pass(time.Hour)
	s.untouched()
	s = takenOver(t, v1beta1.PhaseTerminating, 0, true, steps(20), revert)
	s.scaled(0)
	s.forget()
	s.deleted()
	s.gone()
	s.order("ScaleTarget(2)", "SetRoute(100)", "Release", "SetFinalizer(false)")
}

// A new revision during a run that was taken over restarts it, as any other.
func TestTakeOverThenRestart(t *testing.T) {
	s := takenOver(t, v1beta1.PhaseProgressing, 20, false, steps(20, 40))
	s.settle()
	s.ship("rs:r3")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", s.writes(), []string{"SetRoute(0)", "SetRoute(20)", "SetRoute(40)", "SetRoute(0)"})
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r3")
}
