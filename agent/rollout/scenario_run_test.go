package rollout

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func steps(weights ...int32) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights = weights }
}

func stepTo(step, most int32) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeight, c.Spec.Analysis.MaxWeight = step, most }
}

func with(options ...func(*v1beta1.Canary)) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) {
		for _, o := range options {
			o(c)
		}
	}
}

func hooks(types ...v1beta1.HookType) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Webhooks = hooksOf(types...)
		for i, t := range types {
			c.Spec.Analysis.Webhooks[i].Name = string(t)
		}
	}
}

func TestBootstrap(t *testing.T) {
	sc := newScenario(t, steps(50))
	sc.finish(v1beta1.PhaseInitialized)
	sc.wantOnce("Initialization done! app.test")
	equal(t, "phases", sc.phases, []string{"Initializing", "Initialized"})
	equal(t, "routes", sc.routes, []int32{0})
	equal(t, "target's replicas", sc.s.target.want, 0)
	equal(t, "primary's replicas", sc.s.primary.want, 2)
	equal(t, "last applied", sc.s.status.LastAppliedSpec, "rs:r1")
	equal(t, "last promoted", sc.s.status.LastPromotedSpec, "rs:r1")
	equal(t, "Promoted", string(sc.condition(v1beta1.ConditionPromoted).Status), "True")
	equal(t, "Ready", string(sc.condition(v1beta1.ConditionReady).Status), "True")
}

// A first version that does not start must not take the traffic from the target, and can be fixed.
func TestBootstrapOfBrokenVersion(t *testing.T) {
	sc := newScenario(t, steps(50))
	sc.frozenPrimary = true
	sc.settle()
	sc.s.primary.dead = true
	sc.settle()
	sc.wantOnce("app-primary.test not ready: waiting for rollout to finish: 0 out of 2 new replicas have been updated; the target serves on")
	equal(t, "phase", sc.s.status.Phase, v1beta1.PhaseInitializing)
	equal(t, "apex moved", sc.s.apex, false)
	equal(t, "target's replicas", sc.s.target.want, 2)
	equal(t, "Stalled", sc.condition(v1beta1.ConditionStalled).Reason, "PrimaryNotReady")

	sc.frozenPrimary = false
	sc.ship(2)
	sc.finish(v1beta1.PhaseInitialized)
	equal(t, "last promoted", sc.s.status.LastPromotedSpec, "rs:r2")
	equal(t, "target's replicas", sc.s.target.want, 0)
}

// The target changes while the primary, made from its first revision, takes over (gotcha A4).
func TestBootstrapOvertaken(t *testing.T) {
	sc := newScenario(t, steps(50))
	sc.when("apex", func() bool { return sc.s.apex })
	sc.ship(2)
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "last promoted", sc.s.status.LastPromotedSpec, "rs:r2")
	equal(t, "runs", len(sc.s.status.History), 1)
}

func TestHappyPath(t *testing.T) {
	for _, tt := range []struct {
		name      string
		configure func(*v1beta1.Canary)
		routes    []int32
	}{
		{"by 5 to 50", stepTo(5, 50), []int32{5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 0}},
		{"stepWeights", steps(1, 10, 80), []int32{1, 10, 80, 0}},
		{"the last step passes maxWeight", stepTo(20, 50), []int32{20, 40, 60, 0}},
		{"never more than 100", stepTo(60, 100), []int32{60, 100, 0}},
		{"back in steps", with(steps(50), func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeightPromotion = 20 }), []int32{50, 30, 10, 0}},
		{"no analysis", func(c *v1beta1.Canary) { c.Spec.SkipAnalysis = true }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := initializedScenario(t, tt.configure)
			began := sc.s.now
			sc.ship(2)
			sc.finish(v1beta1.PhaseSucceeded)
			equal(t, "routes", sc.routes, tt.routes)
			phases := []string{"Progressing", "Promoting", "Finalising", "Succeeded"}
			if tt.routes == nil {
				phases = []string{"Progressing", "Promoting", "Succeeded"} // There is no traffic to wait for.
			}
			equal(t, "phases", sc.phases, phases)
			equal(t, "copies", sc.copies, 1)
			equal(t, "target's replicas", sc.s.target.want, 0)
			equal(t, "primary's revision", revisions[sc.s.primary.rev], "rs:r2")
			equal(t, "last promoted", sc.s.status.LastPromotedSpec, "rs:r2")
			sc.wantSaid("New revision detected! Scaling up app.test", "Copying app.test template spec to app-primary.test",
				"Routing all traffic to primary", "Promotion completed!")
			if holds := int32(len(tt.routes)-1) * ageHold; sc.s.now-began > holds+10 {
				t.Errorf("the run took %d s, its steps need %d s", sc.s.now-began, holds)
			}
			want := v1beta1.OutcomePromoted
			if tt.routes == nil {
				want = v1beta1.OutcomeSkipped
			}
			sc.outcome(want)
		})
	}
}

func TestEventsOfHappyPath(t *testing.T) {
	sc := initializedScenario(t, with(steps(40), func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeightPromotion = 30 }))
	sc.ship(2)
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "events", sc.said, []string{
		"New revision detected! Scaling up app.test",
		"Starting canary analysis for app.test",
		"Advance app.test canary weight 40",
		"Copying app.test template spec to app-primary.test",
		"Advance app.test primary weight 90",
		"Routing all traffic to primary",
		"Promotion completed! Scaling down app.test",
	})
}

func TestFailedChecks(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.checks = []jobState{jobPassed, jobFailed, jobFailed}
	sc.ship(2)
	sc.finish(v1beta1.PhaseFailed)
	equal(t, "routes", sc.routes, []int32{20, 40, 0})
	equal(t, "phases", sc.phases, []string{"Progressing", "Failed"})
	equal(t, "copies", sc.copies, 0)
	equal(t, "target's replicas", sc.s.target.want, 0)
	sc.wantSaid("Rolling back app.test failed checks threshold reached 2", "Canary failed! Scaling down app.test")
	equal(t, "alerts", sc.errors, []string{"Rolling back app.test failed checks threshold reached 2"})
	sc.outcome(v1beta1.OutcomeRolledBack)
	equal(t, "highest weight", sc.s.status.History[0].MaxWeight, 40)
	equal(t, "Promoted", string(sc.condition(v1beta1.ConditionPromoted).Status), "False")

	// The same revision is not tried again; another one is.
	sc.pass(100)
	equal(t, "runs", len(sc.s.status.History), 1)
	sc.ship(3)
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "last promoted", sc.s.status.LastPromotedSpec, "rs:r3")
}

func TestErroredChecks(t *testing.T) {
	t.Run("one check that can be made forgives", func(t *testing.T) {
		sc := initializedScenario(t, steps(20, 40))
		sc.checks = []jobState{jobErrored, jobPassed, jobErrored, jobPassed}
		sc.ship(2)
		sc.finish(v1beta1.PhaseSucceeded)
		equal(t, "errors", sc.count("Metric query failed"), 2)
	})
	t.Run("they count to the threshold", func(t *testing.T) {
		sc := initializedScenario(t, steps(20, 40))
		sc.checks = []jobState{jobFailed, jobErrored}
		sc.ship(2)
		sc.finish(v1beta1.PhaseFailed)
		sc.wantOnce("Rolling back app.test failed checks threshold reached 2")
	})
	t.Run("no data can hold the weight", func(t *testing.T) {
		sc := initializedScenario(t, steps(20, 40))
		sc.checks = []jobState{jobHeld, jobHeld, jobHeld, jobHeld}
		sc.ship(2)
		sc.finish(v1beta1.PhaseSucceeded)
		equal(t, "routes", sc.routes, []int32{20, 40, 0})
	})
}

func TestRestartOnNewRevision(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.ship(2)
	sc.untilWeight(40)
	sc.ship(3)
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", sc.routes, []int32{20, 40, 0, 20, 40, 0})
	sc.wantOnce("New revision detected! Restarting analysis for app.test")
	equal(t, "last promoted", sc.s.status.LastPromotedSpec, "rs:r3")
	equal(t, "runs", len(sc.s.status.History), 2)
	equal(t, "first run", sc.s.status.History[1].Outcome, v1beta1.OutcomeSuperseded)
}

// Going back to the promoted revision ends the run and touches the primary not at all (gotcha B2).
func TestReturnToPromotedRevision(t *testing.T) {
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseWaiting, v1beta1.PhaseProgressing, v1beta1.PhasePromoting} {
		t.Run(string(phase), func(t *testing.T) {
			configure := steps(20)
			if phase == v1beta1.PhaseWaiting {
				configure = with(configure, hooks(v1beta1.HookConfirmRollout))
			}
			sc := initializedScenario(t, configure)
			sc.closed[v1beta1.HookConfirmRollout] = true
			sc.ship(2)
			sc.when(string(phase), func() bool { return sc.s.status.Phase == phase })
			sc.ship(1) // In Promoting: between the decision and the copy, which then fails.
			sc.finish(v1beta1.PhaseFailed)
			sc.outcome(v1beta1.OutcomeAborted)
			equal(t, "copies", sc.copies, 0)
			equal(t, "target's replicas", sc.s.target.want, 0)
			equal(t, "runs", len(sc.s.status.History), 1)
			sc.ship(2) // It can be tried again.
			sc.closed = nil
			sc.finish(v1beta1.PhaseSucceeded)
		})
	}
}
