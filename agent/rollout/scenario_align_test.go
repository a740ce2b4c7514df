package rollout

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestConfigChangeAfterTrackingWasSwitchedOn copies the primary, which says of itself only which
// template it has.
func TestConfigChangeAfterTrackingWasSwitchedOn(t *testing.T) {
	s := initializedStage(t, steps(20))
	s.ship("rs:r1+one") // As it looks when the agent begins to track configs.
	s.settle()
	equal(t, "applied", s.status().LastAppliedSpec, "rs:r1+one")
	if s.run() != nil {
		t.Fatalf("switching tracking on began a run: %+v", s.run())
	}
	s.ship("rs:r1+two")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "primary", s.w.Primary.Source, "rs:r1+two")
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1+two")
}

// TestNoRollbackToUntrackedConfigs refuses what cannot be brought back: the same template, with
// configs that nobody has kept.
func TestNoRollbackToUntrackedConfigs(t *testing.T) {
	s := initializedStage(t, steps(20))
	s.ship("rs:r1+two")
	s.settle()
	s.w.Primary.Source, s.w.Primary.Previous = "rs:r1+two", "rs:r1"
	s.ask(v1beta1.Intent{Verb: v1beta1.VerbRollback})
	s.decide()
	s.wantAnswer(v1beta1.IntentRefused, "has no earlier revision")
}
