package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// A fix after a failed promotion is rolled out on the canary, which goes on serving; the primary is
// not touched before the fix has been checked.
func TestGotchaA1FixAfterFailedPromotion(t *testing.T) {
	for name, kept := range map[string]int32{"the primary has no pods": 0, "the primary has kept its old pods": 2} {
		t.Run(name, func(t *testing.T) {
			s := promotionFailed(t, kept, steps(20, 40))
			s.pass(time.Hour)
			equal(t, "route before the fix", s.w.Route.Canary, int32(100))
			s.forget()
			s.w.Check = nil
			s.ship("rs:r3")
			s.when("the check of the fix", func() bool { return s.w.Check != nil && s.running == "" && s.run().Revision == "rs:r3" })
			equal(t, "route", s.w.Route.Canary, int32(100))
			equal(t, "primary and pods touched before the fix is checked", s.did("CopyToPrimary")+s.did("ScaleTarget"), 0)
			if kept == 0 {
				equal(t, "routes written while there is no other side", s.did("SetRoute"), 0)
			}
			s.primaryStuck = false
			s.finish(v1beta1.PhaseSucceeded)
			equal(t, "promoted", s.status().LastPromotedSpec, "rs:r3")
			equal(t, "copies", s.did("CopyToPrimary(rs:r3)"), 1)
		})
	}
}

// When the primary has become healthy again, the next revision does not begin with all traffic.
func TestGotchaA2FixBeginsWithoutTraffic(t *testing.T) {
	s := promotionFailed(t, 0, steps(20, 40))
	s.primaryStuck = false
	s.rollPrimary("rs:r1", "by hand", 2)
	s.settle()
	s.forget()
	s.ship("rs:r3")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", s.writes(), []string{"SetRoute(20)", "SetRoute(40)", "SetRoute(0)"})
	equal(t, "checks", s.did("RunCheck"), 2)
}

// A target at zero in mid-run is not ready, and nothing of it is promoted.
func TestGotchaA3ScaledToZeroInRun(t *testing.T) {
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion, v1beta1.PhasePromoting} {
		t.Run(string(phase), func(t *testing.T) {
			s := initializedStage(t, steps(50), hooks(v1beta1.HookConfirmPromotion))
			s.closed["confirm-promotion"] = phase == v1beta1.PhaseWaitingPromotion
			s.ship("rs:r2")
			s.until(v1beta1.PhaseProgressing)
			s.beforeCopy = func() { s.scaled(0) } // In Promoting: at the last possible moment.
			if phase != v1beta1.PhasePromoting {
				s.beforeCopy = nil
				s.until(phase)
				s.scaled(0)
				s.forget()
				s.settle()
				equal(t, "scaled up again", s.did("ScaleTarget(2)"), 1)
			}
			s.closed = nil
			s.finish(v1beta1.PhaseSucceeded)
			equal(t, "primary's replicas", s.w.Primary.Replicas, int32(2))
			equal(t, "primary's pods", s.w.Primary.Available, int32(2))
		})
	}
}

// A target that changed while the primary was being made starts a run.
func TestGotchaA4EditBeforeInitialized(t *testing.T) {
	s := newStage(t, steps(50))
	s.when("the primary", func() bool { return s.w.Services.Apex })
	s.ship("rs:r2")
	s.until(v1beta1.PhaseProgressing)
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1")
	equal(t, "run", s.run().Revision, "rs:r2")
	s.finish(v1beta1.PhaseSucceeded)

	t.Run("the canary is made anew over a primary of an earlier one", func(t *testing.T) {
		s := initializedStage(t, steps(50))
		*s.status() = v1beta1.CanaryStatus{}
		s.keys = map[string]bool{} // It is another object.
		s.ship("rs:r2")
		s.scaled(2)
		s.until(v1beta1.PhaseProgressing)
		equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1")
		equal(t, "run", s.run().Revision, "rs:r2")
	})
}

// Once a canary is being deleted and its finalizer is gone, nothing is created or routed any more,
// whatever the phase and however much is missing.
func TestGotchaA5NothingIsMadeAfterFinalization(t *testing.T) {
	for _, phase := range []v1beta1.CanaryPhase{
		"", v1beta1.PhaseInitializing, v1beta1.PhaseInitialized, v1beta1.PhaseProgressing, v1beta1.PhasePromoting,
		v1beta1.PhaseFinalising, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed, v1beta1.PhaseTerminating,
	} {
		s := runningStage(t, 50, steps(50, 80))
		s.w.Canary.Status.Phase = phase
		s.w.Services, s.w.Primary, s.routes = Services{}, Workload{}, map[string]Route{}
		s.deleted()
		if p := Decide(s.view()); len(p.Effects)+len(p.Messages) > 0 {
			t.Errorf("%q: %v, %v", phase, p.Effects, p.Messages)
		}
	}
	t.Run("while finalizing", func(t *testing.T) {
		s := runningStage(t, 50, steps(50, 80), func(c *v1beta1.Canary) { c.Spec.RevertOnDeletion = true })
		s.deleted()
		s.forget()
		for s.tick() {
			continue
		}
		for _, effect := range []string{"EnsureApex", "EnsureServices", "CopyToPrimary", "ScaleTarget(0)"} {
			equal(t, effect, s.did(effect), 0)
		}
		equal(t, "last effect", s.effects[len(s.effects)-1], "SetFinalizer(false)")
		s.w.Services.Apex, s.w.Services.Released = false, false
		s.forget()
		s.settle()
		equal(t, "effects afterwards", s.effects, nil)
	})
}

// A deadline ends in an event of the documented words and an alert of severity error.
func TestGotchaA6DeadlinesAlert(t *testing.T) {
	t.Run("canary", func(t *testing.T) {
		s := initializedStage(t, steps(50))
		s.targetStuck = true
		s.ship("rs:r2")
		s.finish(v1beta1.PhaseFailed)
		s.wantAlert("error: Rolling back: progress deadline exceeded canary deployment app.test not ready")
		equal(t, "events", s.count("Rolling back app.test progress deadline exceeded"), 1)
	})
	t.Run("primary", func(t *testing.T) {
		s := initializedStage(t, steps(50))
		s.primaryStuck = true
		s.ship("rs:r2")
		s.finish(v1beta1.PhaseFailed)
		s.wantAlert("error: Promotion failed, primary not ready: waiting for rollout to finish")
	})
	t.Run("bootstrap", func(t *testing.T) {
		s := newStage(t, steps(50))
		s.primaryStuck = true
		s.pass(10 * time.Minute)
		s.wantAlert("error: app-primary.test not ready: waiting for rollout to finish")
	})
	t.Run("router", func(t *testing.T) {
		s := initializedStage(t, steps(50))
		r := s.routes[v1beta1.ProviderTraefik]
		r.Reports, r.Confirmed = true, true
		s.routes[v1beta1.ProviderTraefik] = r
		s.routerStuck = true
		s.ship("rs:r2")
		s.until(v1beta1.PhaseFailed)
		s.wantAlert("error: Rolling back: progress deadline exceeded route not accepted")
	})
}

// As long as the primary has not been ready once, neither apex nor target is touched, also after its
// deadline.
func TestGotchaA7BootstrapWithBrokenPrimary(t *testing.T) {
	bootstrapNeverReady(t, steps(50))
}

// Without analysis the bootstrap waits for the primary all the same.
func TestGotchaA8BootstrapWithoutAnalysisWaits(t *testing.T) {
	bootstrapNeverReady(t, steps(50), func(c *v1beta1.Canary) { c.Spec.SkipAnalysis = true })
}

func bootstrapNeverReady(t *testing.T, configure ...func(*v1beta1.Canary)) {
	t.Helper()
	s := newStage(t, configure...)
	s.primaryStuck = true
	s.pass(time.Hour)
	s.w.Primary.DeadlineExceeded = true
	s.pass(time.Hour)
	equal(t, "phase", s.phase(), v1beta1.PhaseInitializing)
	equal(t, "target's replicas", s.w.Target.Replicas, int32(2))
	equal(t, "apex moved", s.w.Services.Apex, false)
	equal(t, "routes", s.did("SetRoute"), 0)
	equal(t, "Stalled", s.condition(v1beta1.ConditionStalled).Reason, "PrimaryNotReady")
	s.primaryStuck, s.w.Primary.DeadlineExceeded = false, false
	s.finish(v1beta1.PhaseInitialized)
	equal(t, "target's replicas afterwards", s.w.Target.Replicas, int32(0))
}

// Deadlines count from what the run has seen, not from lastTransitionTime, which is hours old when a
// revision comes.
func TestGotchaA9DeadlineCountsFromTheRun(t *testing.T) {
	daemonSet := func(c *v1beta1.Canary) { c.Spec.TargetRef.Kind = v1beta1.TargetDaemonSet }
	s := initializedStage(t, steps(50), daemonSet)
	s.pass(24 * time.Hour)
	s.w.Primary.Available = 1 // One pod of the primary is missing.
	s.primaryStuck, s.targetStuck = true, true
	s.ship("rs:r2")
	s.pass(50 * time.Second)
	equal(t, "phase before the deadline", s.phase(), v1beta1.PhaseProgressing)
	s.pass(15 * time.Second)
	equal(t, "phase after it", s.phase(), v1beta1.PhaseFailed)

	t.Run("in the second hour of a run", func(t *testing.T) {
		s := runningStage(t, 50, with(daemonSet, steps(50)), func(c *v1beta1.Canary) { c.Spec.Analysis.Interval = "3h" })
		s.pass(2 * time.Hour)
		s.targetStuck, s.w.Target.Available = true, 1
		s.pass(50 * time.Second)
		equal(t, "phase before the deadline", s.phase(), v1beta1.PhaseProgressing)
		s.pass(15 * time.Second)
		equal(t, "phase after it", s.phase(), v1beta1.PhaseFailed)
	})
}

// The primary's autoscaler decides how many replicas the primary has; a promotion leaves them alone.
func TestGotchaA17PromotionKeepsScaledReplicas(t *testing.T) {
	s := initializedStage(t, steps(50), func(c *v1beta1.Canary) {
		c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{Kind: v1beta1.AutoscalerHPA, Name: "app"}
	})
	s.w.Scaler = Scaler{Wanted: true, Current: true, FromZero: 2}
	s.w.Primary.Replicas = 7
	s.settle()
	s.ship("rs:r2")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "primary's replicas", s.w.Primary.Replicas, int32(7))
	if i := slices.IndexFunc(s.effects, func(e string) bool { return strings.HasPrefix(e, "EnsureScaler(7") }); i < 0 {
		t.Errorf("the autoscaler was not held to what the primary had: %v", s.effects)
	}
}
