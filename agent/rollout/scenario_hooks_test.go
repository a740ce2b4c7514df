package rollout

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func TestConfirmRollout(t *testing.T) {
	sc := initializedScenario(t, with(steps(50), hooks(v1beta1.HookConfirmRollout)))
	sc.closed[v1beta1.HookConfirmRollout] = true
	sc.ship(2)
	sc.pass(45)
	equal(t, "phase", sc.s.status.Phase, v1beta1.PhaseWaiting)
	equal(t, "target's replicas", sc.s.target.want, 0)
	sc.wantOnce("Halt app.test advancement waiting for approval confirm-rollout")
	if n := sc.called["confirm-rollout"]; n < 4 || n > 6 {
		t.Errorf("a closed gate was called %d times in 45 s", n)
	}
	equal(t, "failed checks", sc.s.status.FailedChecks, 0)
	sc.closed = nil
	sc.finish(v1beta1.PhaseSucceeded)
	sc.wantSaid("Confirm-rollout check confirm-rollout passed", "New revision detected! Scaling up app.test")
	equal(t, "phases", sc.phases, []string{"Waiting", "Progressing", "Promoting", "Finalising", "Succeeded"})
}

func TestPreRollout(t *testing.T) {
	t.Run("passes at the second attempt", func(t *testing.T) {
		sc := initializedScenario(t, with(steps(50), hooks(v1beta1.HookPreRollout)))
		sc.closed[v1beta1.HookPreRollout] = true
		sc.ship(2)
		sc.when("a failure", func() bool { return sc.s.status.FailedChecks == 1 })
		sc.wantOnce("Halt app.test advancement pre-rollout check pre-rollout failed 403 Forbidden")
		equal(t, "weight", sc.s.route.canary, 0)
		began := sc.s.now
		sc.closed = nil
		sc.untilWeight(50)
		if sc.s.now-began != ageHold {
			t.Errorf("tried again after %d s, want the interval", sc.s.now-began)
		}
		sc.wantSaid("Pre-rollout check pre-rollout passed", "Starting canary analysis for app.test")
		sc.finish(v1beta1.PhaseSucceeded)
	})
	t.Run("fails to the threshold", func(t *testing.T) {
		sc := initializedScenario(t, with(steps(50), hooks(v1beta1.HookPreRollout)))
		sc.closed[v1beta1.HookPreRollout] = true
		sc.ship(2)
		sc.finish(v1beta1.PhaseFailed)
		equal(t, "calls", sc.called["pre-rollout"], 2)
		equal(t, "routes", sc.routes, nil)
		sc.wantSaid("Rolling back app.test failed checks threshold reached 2", "Canary failed! Scaling down app.test")
	})
}

func TestRolloutHook(t *testing.T) {
	sc := initializedScenario(t, with(steps(20, 40), hooks(v1beta1.HookRollout)))
	sc.ship(2)
	sc.untilWeight(40)
	equal(t, "calls in the first step", sc.called["rollout"], 1)
	sc.closed[v1beta1.HookRollout] = true
	sc.finish(v1beta1.PhaseFailed)
	equal(t, "calls", sc.called["rollout"], 3)
	equal(t, "failures", sc.count("Halt app.test advancement external check rollout failed 403 Forbidden"), 2)
}

func TestConfirmPromotion(t *testing.T) {
	open := with(steps(50), hooks(v1beta1.HookConfirmPromotion))
	t.Run("opens", func(t *testing.T) {
		sc := initializedScenario(t, open)
		sc.closed[v1beta1.HookConfirmPromotion] = true
		sc.ship(2)
		sc.until(v1beta1.PhaseWaitingPromotion)
		sc.pass(35)
		equal(t, "phase", sc.s.status.Phase, v1beta1.PhaseWaitingPromotion)
		equal(t, "weight", sc.s.status.CanaryWeight, 50)
		sc.wantOnce("Halt app.test advancement waiting for promotion approval confirm-promotion")
		if sc.s.status.Run.Checks < 3 {
			t.Errorf("%d checks: they ought to go on while the gate is closed", sc.s.status.Run.Checks)
		}
		sc.closed = nil
		sc.finish(v1beta1.PhaseSucceeded)
		sc.wantSaid("Confirm-promotion check confirm-promotion passed", "Copying app.test template spec to app-primary.test")
	})
	t.Run("fails while closed", func(t *testing.T) {
		sc := initializedScenario(t, open)
		sc.closed[v1beta1.HookConfirmPromotion] = true
		sc.ship(2)
		sc.until(v1beta1.PhaseWaitingPromotion)
		sc.checks = []jobState{jobFailed, jobFailed}
		sc.finish(v1beta1.PhaseFailed)
		equal(t, "copies", sc.copies, 0)
	})
}

func TestPostRollout(t *testing.T) {
	configure := with(steps(50), hooks(v1beta1.HookPostRollout))
	for name, fails := range map[string]bool{"after success": false, "after failure": true} {
		t.Run(name, func(t *testing.T) {
			sc := initializedScenario(t, configure)
			end := v1beta1.PhaseSucceeded
			if fails {
				sc.checks, end = []jobState{jobFailed, jobFailed}, v1beta1.PhaseFailed
			}
			sc.ship(2)
			sc.finish(end)
			sc.s.crash()
			sc.pass(60)
			equal(t, "calls", sc.called["post-rollout"], 1)
			sc.wantOnce("Post-rollout check post-rollout passed")
		})
	}
	t.Run("its failure changes nothing", func(t *testing.T) {
		sc := initializedScenario(t, configure)
		sc.closed[v1beta1.HookPostRollout] = true
		sc.ship(2)
		sc.finish(v1beta1.PhaseSucceeded)
		sc.pass(60)
		equal(t, "calls", sc.called["post-rollout"], 1)
		sc.wantOnce("Post-rollout hook post-rollout failed 403 Forbidden")
	})
	t.Run("not again after a crash during the call", func(t *testing.T) {
		sc := initializedScenario(t, configure)
		sc.ship(2)
		sc.when("call", func() bool { return sc.called["post-rollout"] == 1 })
		sc.s.crash()
		sc.finish(v1beta1.PhaseSucceeded)
		equal(t, "calls", sc.called["post-rollout"], 1)
		sc.wantOnce("Post-rollout hook post-rollout was under way when the agent was restarted; it is not called again")
	})
	t.Run("also when the next run begins at once", func(t *testing.T) {
		sc := initializedScenario(t, configure)
		sc.ship(2)
		sc.until(v1beta1.PhaseFinalising)
		sc.ship(3)
		sc.when("the second run", func() bool { return len(sc.s.status.History) == 2 })
		sc.finish(v1beta1.PhaseSucceeded)
		equal(t, "calls", sc.called["post-rollout"], 2)
	})
}
