package rollout

import (
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// The stories of this file each showed a fault of Decide once.

// TestRetryOfWhatHasFailedAlready ends, and does not run in circles, when the revision that is run
// again has exceeded its deadline before.
func TestRetryOfWhatHasFailedAlready(t *testing.T) {
	s := initializedStage(t, steps(20))
	s.targetStuck = true
	s.ship("rs:r2")
	s.until(v1beta1.PhaseProgressing)
	s.settle()
	s.w.Target.DeadlineExceeded = true
	s.settle()
	equal(t, "phase", s.phase(), v1beta1.PhaseFailed)
	s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry})
	s.settle()
	equal(t, "phase", s.phase(), v1beta1.PhaseFailed)
	s.targetStuck, s.w.Target.DeadlineExceeded = false, false
	s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry})
	s.finish(v1beta1.PhaseSucceeded)
}

// TestGoBackDuringRepair mends the primary, although the last run is not the one whose promotion
// failed.
func TestGoBackDuringRepair(t *testing.T) {
	s := promotionFailed(t, 0, steps(20))
	s.ship("rs:r3")
	s.when("repair", func() bool { return s.run().Revision == "rs:r3" && s.run().Step == 1 })
	s.primaryStuck = false
	s.ship("rs:r1")
	s.pass(time.Hour)
	equal(t, "primary", s.w.Primary.Source, "rs:r1")
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1")
	equal(t, "weight", s.w.Route.Canary, int32(0))
}

// TestDeletionWaitsForTheRouter sleeps until the router has confirmed.
func TestDeletionWaitsForTheRouter(t *testing.T) {
	s := initializedStage(t, steps(20), revert)
	p := v1beta1.ProviderTraefik
	r := s.routes[p]
	r.Reports, r.Confirmed = true, true
	s.routes[p] = r
	s.deleted()
	s.when("release", func() bool { return s.w.Route.Released })
	s.routerStuck = true
	s.pass(time.Minute)
	equal(t, "phase", s.phase(), v1beta1.PhaseTerminating)
}

// TestRecoveredPrimary begins the next release with the first step when the primary has become ready
// after its promotion was given up.
func TestRecoveredPrimary(t *testing.T) {
	s := promotionFailed(t, 0, steps(20, 40))
	s.primaryStuck = false
	s.settle()
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r2")
	s.forget()
	s.ship("rs:r3")
	s.finish(v1beta1.PhaseSucceeded)
	for _, weight := range s.writes() {
		if weight == "SetRoute(100)" {
			t.Errorf("weights %v: the new revision got everything at once", s.writes())
		}
	}
}

// TestFirstIncreaseIsHeld asks before the first weight, too.
func TestFirstIncreaseIsHeld(t *testing.T) {
	s := initializedStage(t, steps(20, 40), hooks(v1beta1.HookConfirmTrafficIncrease))
	s.closed["confirm-traffic-increase"] = true
	s.ship("rs:r2")
	s.pass(time.Minute)
	equal(t, "weight", s.w.Route.Canary, int32(0))
	s.closed = nil
	s.finish(v1beta1.PhaseSucceeded)
}

// TestMessageAfterSuspension is that of the phase again, and the next suspension is said again.
func TestMessageAfterSuspension(t *testing.T) {
	s := initializedStage(t, steps(20))
	before := s.status().Message
	for n := 1; n <= 2; n++ {
		s.w.Canary.Generation++
		s.w.Canary.Spec.Suspend = true
		s.settle()
		s.w.Canary.Spec.Suspend = false
		s.settle()
		equal(t, "message", s.status().Message, before)
		equal(t, "said", s.count("skipping canary run as object is suspended"), n)
	}
}

// TestSkipInMidRun cancels the analysis.
func TestSkipInMidRun(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40))
	s.w.Canary.Spec.SkipAnalysis = true
	s.finish(v1beta1.PhaseSucceeded)
	s.wantOutcome(v1beta1.OutcomeSkipped)
}

// TestStepsLengthenedInTheLast are taken.
func TestStepsLengthenedInTheLast(t *testing.T) {
	s := runningStage(t, 20, steps(20))
	s.w.Canary.Spec.Analysis.StepWeights = []int32{20, 40}
	s.finish(v1beta1.PhaseSucceeded)
	found := false
	for _, weight := range s.writes() {
		found = found || weight == "SetRoute(40)"
	}
	if !found {
		t.Errorf("weights %v, want 40 among them", s.writes())
	}
}

// TestServicesCannotMirror leaves a mirror out that a Service cannot make.
func TestServicesCannotMirror(t *testing.T) {
	s := initializedStage(t, provider(v1beta1.ProviderKubernetes), iterations(2, true))
	s.ship("rs:r2")
	s.finish(v1beta1.PhaseSucceeded)
}
