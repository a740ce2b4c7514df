//go:build linux

package e2e

import (
	"slices"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// TestNewRevisionRestarts ships another version in mid-run: the analysis begins anew with its
// first step, the first version is on record as superseded, and only the second is promoted.
func TestNewRevisionRestarts(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Interval: "1s", Replicas: 1, Edit: steps(int64(10), int64(20), int64(30))})
	s.release("python-2")
	first := s.until("20 %", atWeight(20)).Canary.Status.Run
	n := s.record.Len()
	s.release("python-3")
	second := s.after(n, "a new run", func(c *v1beta1.Canary) bool {
		return c.Status.Run != nil && c.Status.Run.Revision != first.Revision
	}).Canary.Status.Run
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	history := s.record.Last().Status.History
	if len(history) != 2 || history[0].ID != second.ID || history[0].Outcome != v1beta1.OutcomePromoted ||
		history[1].ID != first.ID || history[1].Outcome != v1beta1.OutcomeSuperseded {
		t.Errorf("history %+v", history)
	}
	var weights []int32
	for _, seen := range s.record.All() {
		st := seen.Canary.Status
		if st.Run == nil || st.Run.ID != second.ID || st.Run.Step == 0 || st.Phase != v1beta1.PhaseProgressing {
			continue
		}
		if w := st.Run.Weight; len(weights) == 0 || weights[len(weights)-1] != w {
			weights = append(weights, w)
		}
	}
	if want := []int32{10, 20, 30}; !slices.Equal(weights, want) {
		t.Errorf("the second run had the steps %v, want %v", weights, want)
	}
	if image := s.deployment("app-primary").Spec.Template.Spec.Containers[0].Image; image != stage.Image("python-3") {
		t.Errorf("the primary runs %s", image)
	}
}

// TestBackToPromotedAborts sets the promoted version again in mid-run: that is an abort and not
// another run, the primary is not touched, and the version that was given up can be tried again.
func TestBackToPromotedAborts(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Interval: "1s", Replicas: 1, Edit: steps(int64(10), int64(20), int64(30))})
	primary := s.deployment("app-primary")
	s.release("python-2")
	s.until("20 %", atWeight(20))
	s.release("python-1")
	failed := s.until("Failed", stage.InPhase(v1beta1.PhaseFailed)).Canary.Status
	if len(failed.History) != 1 || failed.History[0].Outcome != v1beta1.OutcomeAborted || failed.History[0].MaxWeight != 20 {
		t.Errorf("history %+v, want one run, aborted at 20 %%", failed.History)
	}
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
	if st := s.record.Last().Status; st.CanaryWeight != 0 || st.LastAppliedSpec != st.LastPromotedSpec {
		t.Errorf("weight %d, applied %s, promoted %s", st.CanaryWeight, st.LastAppliedSpec, st.LastPromotedSpec)
	}
	if now := s.deployment("app-primary"); now.Generation != primary.Generation {
		t.Errorf("the primary was touched: generation %d, was %d", now.Generation, primary.Generation)
	}
	n := s.record.Len()
	s.release("python-2")
	s.after(n, "another run", atWeight(10))
}
