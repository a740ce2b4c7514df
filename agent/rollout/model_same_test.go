package rollout

import (
	"slices"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// sameStatus says whether a write of b over a would be none. It is what the executor compares,
// written out because reflection would take most of the time of the exploration.
func sameStatus(a, b *v1beta1.CanaryStatus) bool {
	if a.Phase != b.Phase || a.FailedChecks != b.FailedChecks || a.CanaryWeight != b.CanaryWeight ||
		a.LastAppliedSpec != b.LastAppliedSpec || a.LastPromotedSpec != b.LastPromotedSpec ||
		a.Iterations != b.Iterations || cookiesOf(a) != cookiesOf(b) || a.Message != b.Message || a.ObservedGeneration != b.ObservedGeneration ||
		!a.LastTransitionTime.Equal(&b.LastTransitionTime) || !a.NextActionTime.Equal(b.NextActionTime) ||
		len(a.History) != len(b.History) || (a.LastIntent == nil) != (b.LastIntent == nil) {
		return false
	}
	if (a.Bound == nil) != (b.Bound == nil) || (a.Bound != nil && *a.Bound != *b.Bound) {
		return false
	}
	if a.LastIntent != nil && a.LastIntent.ID != b.LastIntent.ID {
		return false
	}
	if !slices.Equal(a.Conditions, b.Conditions) || !sameRun(a.Run, b.Run) || len(a.Steps) != len(b.Steps) {
		return false
	}
	for i := range a.Steps {
		x, y := &a.Steps[i], &b.Steps[i]
		if x.Weight != y.Weight || x.Mirror != y.Mirror || x.State != y.State || x.FailedChecks != y.FailedChecks ||
			!x.StartTime.Equal(y.StartTime) || !x.EndTime.Equal(y.EndTime) {
			return false
		}
	}
	return true
}

func sameRun(a, b *v1beta1.RunStatus) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Revision == b.Revision && a.Outcome == b.Outcome && a.Step == b.Step &&
		a.Checks == b.Checks && a.ErroredChecks == b.ErroredChecks && a.Weight == b.Weight &&
		a.Analysed == b.Analysed && a.Paused == b.Paused && a.PromoteNow == b.PromoteNow && a.StepNow == b.StepNow &&
		a.StepPassed == b.StepPassed && a.Repair == b.Repair && a.Rollback == b.Rollback && a.Floor == b.Floor &&
		slices.Equal(a.Gates, b.Gates) && a.PhaseStartTime.Equal(&b.PhaseStartTime) && a.HoldStartTime.Equal(b.HoldStartTime) &&
		a.UnreadySince.Equal(b.UnreadySince) && slices.Equal(a.Hooks, b.Hooks)
}
