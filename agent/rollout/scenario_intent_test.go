package rollout

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func (sc *scenario) wantAnswer(outcome v1beta1.IntentOutcome) {
	sc.t.Helper()
	switch last := sc.s.status.LastIntent; {
	case last == nil:
		sc.t.Error("the intent has no answer")
	case last.Outcome != outcome:
		sc.t.Errorf("the intent was %s: %s", last.Outcome, last.Message)
	}
}

func TestPromote(t *testing.T) {
	for _, from := range []v1beta1.CanaryPhase{v1beta1.PhaseWaiting, v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion} {
		t.Run(string(from), func(t *testing.T) {
			sc := initializedScenario(t, with(steps(20, 40), hooks(v1beta1.HookConfirmRollout, v1beta1.HookConfirmPromotion)))
			sc.closed[v1beta1.HookConfirmRollout] = from == v1beta1.PhaseWaiting
			sc.closed[v1beta1.HookConfirmPromotion] = true
			sc.ship(2)
			sc.when(string(from), func() bool { return !sc.s.plan.open && sc.s.status.Phase == from && sc.s.status.Message != "" })
			checks := sc.s.status.Run.Checks
			began := sc.s.now
			sc.ask(v1beta1.VerbPromote)
			sc.finish(v1beta1.PhaseSucceeded)
			sc.wantAnswer(v1beta1.IntentAccepted)
			equal(t, "checks", sc.s.status.Run.Checks, checks)
			equal(t, "by", sc.s.status.History[0].By, "jane")
			if sc.s.now-began > ageDrain+1 {
				t.Errorf("promoted after %d s", sc.s.now-began)
			}
		})
	}
}

func TestPromoteStep(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40, 60))
	sc.ship(2)
	sc.untilWeight(20)
	began := sc.s.now
	sc.ask(v1beta1.VerbPromoteStep)
	sc.untilWeight(40)
	equal(t, "seconds", sc.s.now-began, 0)
	equal(t, "state of the step", sc.s.status.Steps[0].State, v1beta1.StepSkipped)
	equal(t, "checks", sc.s.status.Run.Checks, 0)
	sc.untilWeight(60)
	equal(t, "checks", sc.s.status.Run.Checks, 1)
	sc.ask(v1beta1.VerbPromoteStep)
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "checks", sc.s.status.Run.Checks, 1)
}

func TestAbort(t *testing.T) {
	for _, from := range []v1beta1.CanaryPhase{v1beta1.PhaseWaiting, v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion} {
		t.Run(string(from), func(t *testing.T) {
			sc := initializedScenario(t, with(steps(20), hooks(v1beta1.HookConfirmRollout, v1beta1.HookConfirmPromotion)))
			sc.closed[v1beta1.HookConfirmRollout] = from == v1beta1.PhaseWaiting
			sc.closed[v1beta1.HookConfirmPromotion] = true
			sc.ship(2)
			sc.until(from)
			sc.ask(v1beta1.VerbAbort)
			sc.settle()
			sc.wantAnswer(v1beta1.IntentAccepted)
			equal(t, "weight at once", sc.s.route.canary, 0)
			sc.finish(v1beta1.PhaseFailed)
			sc.outcome(v1beta1.OutcomeAborted)
			equal(t, "by", sc.s.status.History[0].By, "jane")
			sc.wantOnce("Rolling back app.test aborted by jane")
			equal(t, "target's replicas", sc.s.target.want, 0)
			sc.pass(60)
			equal(t, "runs", len(sc.s.status.History), 1)
		})
	}
}

func TestRefusedIntents(t *testing.T) {
	t.Run("between runs", func(t *testing.T) {
		for verb := 1; verb < len(verbs); verb++ {
			if verbs[verb] == v1beta1.VerbRollback {
				continue // It is refused in words of its own.
			}
			sc := initializedScenario(t, steps(20))
			sc.ask(verbs[verb])
			sc.settle()
			sc.wantAnswer(v1beta1.IntentRefused)
			equal(t, "message", sc.s.status.LastIntent.Message, "no run is in progress")
		}
	})
	t.Run("while promoting", func(t *testing.T) {
		sc := initializedScenario(t, steps(20))
		sc.frozenPrimary = true
		sc.ship(2)
		sc.until(v1beta1.PhasePromoting)
		sc.ask(v1beta1.VerbAbort)
		sc.settle()
		sc.wantAnswer(v1beta1.IntentRefused)
		equal(t, "message", sc.s.status.LastIntent.Message, "revision rs:r2 is already being promoted")
		sc.frozenPrimary = false
		sc.finish(v1beta1.PhaseSucceeded)
	})
	t.Run("about another revision", func(t *testing.T) {
		sc := initializedScenario(t, steps(20))
		sc.ship(2)
		sc.untilWeight(20)
		sc.change = func(w *World) {
			w.Canary.Annotations = v1beta1.Intent{ID: "x", Verb: v1beta1.VerbAbort, Revision: "rs:r9"}.Annotations()
		}
		sc.settle()
		sc.wantAnswer(v1beta1.IntentRefused)
		equal(t, "phase", sc.s.status.Phase, v1beta1.PhaseProgressing)
	})
	t.Run("after the target has moved on", func(t *testing.T) {
		sc := initializedScenario(t, steps(20))
		sc.ship(2)
		sc.untilWeight(20)
		sc.ship(3)
		sc.s.target.observed = true
		sc.ask(v1beta1.VerbPromote)
		sc.decideOnce()
		sc.write()
		sc.wantAnswer(v1beta1.IntentRefused)
		sc.finish(v1beta1.PhaseSucceeded)
		equal(t, "promoted", sc.s.status.LastPromotedSpec, "rs:r3")
	})
	t.Run("unknown verb", func(t *testing.T) {
		sc := initializedScenario(t, steps(20))
		sc.ship(2)
		sc.untilWeight(20)
		sc.change = func(w *World) {
			w.Canary.Annotations = v1beta1.Intent{ID: "x", Verb: "dance"}.Annotations()
		}
		sc.settle()
		sc.wantAnswer(v1beta1.IntentRefused)
	})
}

func TestPauseAndResume(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.ship(2)
	sc.untilWeight(20)
	sc.ask(v1beta1.VerbPause)
	sc.pass(45)
	sc.wantAnswer(v1beta1.IntentAccepted)
	equal(t, "weight", sc.s.route.canary, 20)
	if sc.s.status.Run.Checks < 3 {
		t.Errorf("%d checks: they ought to go on in a pause", sc.s.status.Run.Checks)
	}
	sc.ask(v1beta1.VerbPause)
	sc.settle()
	sc.wantAnswer(v1beta1.IntentRefused)
	sc.ask(v1beta1.VerbResume)
	sc.untilWeight(40)
	sc.wantAnswer(v1beta1.IntentAccepted)
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", sc.routes, []int32{20, 40, 0})

	sc.ship(3)
	sc.frozenTarget = true
	sc.settle()
	sc.ask(v1beta1.VerbPause)
	sc.settle()
	sc.frozenTarget = false
	sc.pass(20)
	equal(t, "weight in a pause before the first step", sc.s.route.canary, 0)
	sc.ask(v1beta1.VerbPromoteStep)
	sc.untilWeight(20)
	equal(t, "still paused", sc.s.status.Run.Paused, true)
	sc.checks = []jobState{jobFailed, jobFailed}
	sc.finish(v1beta1.PhaseFailed) // A pause does not protect from failing checks.
}
