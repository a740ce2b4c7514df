package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// promoted is a stage on which r2 has followed r1.
func promoted(t testing.TB, configure ...func(*v1beta1.Canary)) *stage {
	t.Helper()
	s := initializedStage(t, configure...)
	s.ship("rs:r2")
	s.finish(v1beta1.PhaseSucceeded)
	s.forget()
	return s
}

func rollback(revision string) v1beta1.Intent {
	return v1beta1.Intent{Verb: v1beta1.VerbRollback, Revision: revision}
}

// The previous revision is brought back without analysis, without traffic on the canary, and the one
// that was promoted does not come again by itself.
func TestRollbackAfterSuccess(t *testing.T) {
	for _, revision := range []string{"", "rs:r1"} {
		s := promoted(t, steps(20))
		s.ask(rollback(revision))
		s.finish(v1beta1.PhaseFailed)
		s.wantAnswer(v1beta1.IntentAccepted, "bringing revision rs:r1 back")
		s.wantOutcome(v1beta1.OutcomeRestored)
		equal(t, "primary", s.w.Primary.Source, "rs:r1")
		equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1")
		equal(t, "traffic and pods touched", s.did("SetRoute")+s.did("ScaleTarget")+s.did("RunCheck"), 0)
		equal(t, "by", s.status().History[0].By, "jane")
		s.wantAlert("warn: Rolling back the primary to revision rs:r1, requested by jane")
		s.pass(time.Hour)
		equal(t, "runs", len(s.status().History), 2)
		if !strings.Contains(s.status().Message, "revision rs:r2 is rejected") {
			t.Errorf("message %q", s.status().Message)
		}
		s.ship("rs:r3")
		s.finish(v1beta1.PhaseSucceeded)
		equal(t, "promoted in the end", s.status().LastPromotedSpec, "rs:r3")
	}
}

// What was rolled back can be run again by hand, and the target can be put back in line.
func TestAfterRollback(t *testing.T) {
	t.Run("retry", func(t *testing.T) {
		s := promoted(t, steps(20))
		s.ask(rollback(""))
		s.finish(v1beta1.PhaseFailed)
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry})
		s.finish(v1beta1.PhaseSucceeded)
		equal(t, "promoted", s.status().LastPromotedSpec, "rs:r2")
	})
	t.Run("the target follows", func(t *testing.T) {
		s := promoted(t, steps(20))
		s.ask(rollback(""))
		s.finish(v1beta1.PhaseFailed)
		s.ship("rs:r1")
		s.pass(time.Hour)
		equal(t, "runs", len(s.status().History), 2)
		equal(t, "applied", s.status().LastAppliedSpec, "rs:r1")
	})
	t.Run("to and fro", func(t *testing.T) {
		s := promoted(t, steps(20))
		s.ask(rollback(""))
		s.finish(v1beta1.PhaseFailed)
		s.ask(rollback(""))
		s.finish(v1beta1.PhaseSucceeded)
		equal(t, "promoted", s.status().LastPromotedSpec, "rs:r2")
		equal(t, "message", s.status().Message, "Succeeded: revision rs:r2 was brought back.")
	})
}

// During a run that has not changed the primary there is nothing to bring back: abort is the verb.
func TestRollbackDuringRun(t *testing.T) {
	s := promoted(t, steps(20, 40))
	s.ship("rs:r3")
	s.untilWeight(20)
	s.ask(rollback(""))
	s.settle()
	s.wantAnswer(v1beta1.IntentRefused, "has not changed the primary; use abort")
	equal(t, "weight", s.w.Route.Canary, int32(20))
	s.ask(v1beta1.Intent{Verb: v1beta1.VerbAbort})
	s.finish(v1beta1.PhaseFailed)
	s.ask(rollback(""))
	s.finish(v1beta1.PhaseFailed)
	s.when("the end of the rollback", func() bool { return s.status().History[0].Outcome == v1beta1.OutcomeRestored })
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1")
	equal(t, "primary", s.w.Primary.Source, "rs:r1")
	equal(t, "runs", len(s.status().History), 3)
}

// Before the copy the primary still has what the rollback is to bring back: nothing is rolled.
func TestRollbackBeforeCopy(t *testing.T) {
	s := initializedStage(t, steps(20))
	s.ship("rs:r2")
	s.until(v1beta1.PhaseProgressing)
	s.beforeCopy = func() { s.w.Target.Generation++; s.ask(rollback("")) }
	s.when("the verb", func() bool { return s.status().LastIntent != nil })
	s.finish(v1beta1.PhaseFailed)
	s.wantAnswer(v1beta1.IntentAccepted, "which has not been changed")
	s.wantOutcome(v1beta1.OutcomeAborted)
	equal(t, "copies", s.did("CopyToPrimary")+s.did("RestorePrimary"), 0)
	equal(t, "primary", s.w.Primary.Source, "rs:r1")
}

// After the copy the primary is rolled back, whether it has become ready or not.
func TestRollbackAfterCopy(t *testing.T) {
	for name, stuck := range map[string]bool{"stuck": true, "rolling": false} {
		t.Run(name, func(t *testing.T) {
			s := initializedStage(t, steps(20))
			s.ship("rs:r2")
			s.primaryStuck = stuck
			s.when("the copy", func() bool { return s.w.Primary.Source == "rs:r2" })
			s.ask(rollback(""))
			s.decide()
			s.wantAnswer(v1beta1.IntentAccepted, "bringing revision rs:r1 back")
			s.primaryStuck = false
			s.finish(v1beta1.PhaseFailed)
			s.wantOutcome(v1beta1.OutcomeRestored)
			equal(t, "primary", s.w.Primary.Source, "rs:r1")
			equal(t, "restored", s.did("RestorePrimary(rs:r1)"), 1)
			equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1")
		})
	}
}

// After a failed promotion the canary serves until the primary is well again.
func TestRollbackAfterFailedPromotion(t *testing.T) {
	for name, configure := range map[string]func(*v1beta1.Canary){"canary": steps(20), "A/B": iterations(1, false, insiders)} {
		for _, kept := range []int32{0, 2} {
			t.Run(name, func(t *testing.T) {
				s := promotionFailed(t, kept, configure)
				everyone := s.w.Route.Everyone
				s.forget()
				s.ask(rollback(""))
				s.settle()
				equal(t, "route while the primary is rolled", s.w.Route.Canary, int32(100))
				equal(t, "everyone while the primary is rolled", s.w.Route.Everyone, everyone)
				s.primaryStuck = false
				s.finish(v1beta1.PhaseFailed)
				s.wantOutcome(v1beta1.OutcomeRestored)
				equal(t, "route", s.w.Route.Canary, int32(0))
				equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
				equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1")
			})
		}
	}
}

// A rollback that does not start is a failed promotion, with its alert.
func TestRollbackFails(t *testing.T) {
	s := promoted(t, steps(20))
	s.primaryStuck = true
	s.ask(rollback(""))
	s.pass(10 * time.Minute)
	equal(t, "phase", s.phase(), v1beta1.PhaseFailed)
	s.wantOutcome(v1beta1.OutcomePromotionFailed)
	equal(t, "events", s.count("Rollback of app-primary.test failed, primary not ready"), 1)
	equal(t, "route", s.w.Route.Canary, int32(0)) // The canary has no pods.
}

func TestRollbackRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		stage  func(testing.TB) *stage
		intent v1beta1.Intent
		answer string
	}{
		"without history": {func(t testing.TB) *stage { return initializedStage(t, steps(20)) }, rollback(""), "has no earlier revision"},
		"another revision": {func(t testing.TB) *stage { return promoted(t, steps(20)) }, rollback("rs:r9"),
			"the revision before is rs:r1, not rs:r9"},
		"no primary": {func(t testing.TB) *stage { s := promoted(t, steps(20)); s.w.Primary = Workload{}; return s }, rollback(""), "there is no primary"},
		"bootstrap":  {func(t testing.TB) *stage { return newStage(t, steps(20)) }, rollback(""), "initialized"},
		"under way": {func(t testing.TB) *stage {
			s := promoted(t, steps(20))
			s.primaryStuck = true
			s.ask(rollback(""))
			s.settle()
			return s
		}, rollback(""), ""},
		"suspended": {func(t testing.TB) *stage {
			s := promoted(t, steps(20))
			s.w.Canary.Spec.Suspend = true
			return s
		}, rollback(""), "the canary is suspended"},
	} {
		t.Run(name, func(t *testing.T) {
			s := tt.stage(t)
			s.forget()
			s.ask(tt.intent)
			s.decide()
			s.wantAnswer(v1beta1.IntentRefused, tt.answer)
			equal(t, "restored", s.did("RestorePrimary"), 0)
		})
	}
}

// A rollback survives a crash at any time.
func TestRollbackSurvivesCrash(t *testing.T) {
	s := promoted(t, steps(20), hooks(v1beta1.HookPostRollout))
	s.ask(rollback(""))
	for range 20 {
		s.decide()
		s.crash()
		s.environment()
	}
	s.finish(v1beta1.PhaseFailed)
	s.wantOutcome(v1beta1.OutcomeRestored)
	equal(t, "restored", s.did("RestorePrimary"), 1)
	equal(t, "runs", len(s.status().History), 2)
	equal(t, "calls of the hook", s.calls["post-rollout"], 1)
}
