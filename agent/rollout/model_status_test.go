package rollout

import (
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// checkStatus compares two statuses that were written one after the other.
func (m *modelRun) checkStatus(old, s *state) error {
	was, is := old.status, s.status
	a, b := was.Run, is.Run
	if a != nil && b != nil && a.ID == b.ID {
		return m.checkSameRun(old, s)
	}
	if a != nil {
		if a.Outcome == "" && recorded(is, a.ID) != 1 {
			return violation("S3", "run %s gives way to another with %d records in the history", a.ID, recorded(is, a.ID))
		}
	}
	if b == nil {
		if a != nil {
			return violation("S3", "run %s is forgotten", a.ID)
		}
		return nil
	}
	if a == nil && !terminal(was.Phase) && was.Phase != "" && was.Phase != v1beta1.PhaseInitializing {
		first := old.route.canary == 0 && b.Step == 1 // Which is taken in the same decision.
		if is.Phase != v1beta1.PhaseFinalising && old.route.exists && b.Weight != old.route.canary && !first && !old.plan.touched {
			return violation("S5", "a run of another controller at %d%% goes on at %d%%", old.route.canary, b.Weight)
		}
		return nil
	}
	return m.checkNewRun(old, s)
}

// checkNewRun is for a run that has just begun.
func (m *modelRun) checkNewRun(old, s *state) error {
	was, is := old.status, s.status
	a, b := was.Run, is.Run
	ended := 0
	if b.Outcome != "" {
		ended = 1 // A run can end in the decision that starts it, when its pods have already failed.
	}
	verb := old.pending()
	switch {
	case recorded(is, b.ID) != ended || recorded(was, b.ID) != 0:
		return violation("S3", "the new run has the id %s of an earlier one", b.ID)
	case b.Step > 1 || b.Checks > 0 || is.FailedChecks > 0:
		return violation("S4", "a run starts at step %d with %d checks, %d failed", b.Step, b.Checks, is.FailedChecks)
	case b.Rollback && verb != v1beta1.VerbRollback:
		return violation("S3", "a rollback starts that nobody has asked for")
	case b.Rollback && b.Revision == old.primary.name():
		return violation("S3", "a rollback starts to %s, which the primary has", b.Revision)
	case b.Rollback:
		return nil
	case b.Revision == is.LastPromotedSpec:
		return violation("S3", "a run starts for %s, which is the promoted revision", b.Revision)
	case verb == v1beta1.VerbRetry && was.Phase == v1beta1.PhaseFailed:
		return nil
	case b.Revision == was.LastAppliedSpec && (a == nil || a.Outcome != "" || a.Revision == b.Revision):
		return violation("S3", "a second run starts for %s", b.Revision)
	case aligned(b.Revision, is.LastPromotedSpec) || (aligned(b.Revision, was.LastAppliedSpec) && (a == nil || a.Outcome != "")):
		return violation("S5", "a run starts for %s; applied is %s, promoted %s", b.Revision, was.LastAppliedSpec, was.LastPromotedSpec)
	case foreign(was.LastPromotedSpec) && template(b.Revision) == revisions[old.primary.rev]:
		return violation("S5", "a run starts for %s, which the primary of another controller has", b.Revision)
	case len(m.canaryOf(old).GatesAt(v1beta1.GateRollout)) > 0 && is.Phase == v1beta1.PhaseProgressing && !b.PromoteNow:
		return violation("S4", "a run begins past its gate")
	}
	return nil
}

// aligned says whether two revisions are of the same template, and one has no fingerprint of the
// configs: what another version of the agent makes of the same thing.
func aligned(a, b string) bool {
	return a != b && template(a) == template(b) && (a == template(a) || b == template(b))
}

func recorded(st *v1beta1.CanaryStatus, id string) (n int) {
	for i := range st.History {
		if st.History[i].ID == id {
			n++
		}
	}
	return n
}

func (m *modelRun) checkSameRun(old, s *state) error {
	was, is := old.status, s.status
	a, b := was.Run, is.Run
	want := 0
	if b.Outcome != "" {
		want = 1
	}
	switch {
	case a.Outcome != "" && a.Outcome != b.Outcome:
		return violation("S3", "run %s ends twice: %s, then %s", a.ID, a.Outcome, b.Outcome)
	case a.Outcome != "" && was.Phase != is.Phase && is.Phase != v1beta1.PhaseTerminating:
		return violation("S3", "run %s has ended in %s and goes to %s", a.ID, was.Phase, is.Phase)
	case recorded(is, b.ID) != want:
		return violation("S3", "run %s has outcome %q and %d records in the history", b.ID, b.Outcome, recorded(is, b.ID))
	}
	if promoted := a.Outcome == "" && b.Outcome == v1beta1.OutcomePromoted; promoted && s.primary.exists && m.troubles[budgetUpgrade] == 0 {
		if has := named[s.primary.rev][s.primary.configs]; has != b.Revision && m.configs {
			return violation("S6", "run %s is called promoted, and the primary has %s", b.ID, has)
		}
	}
	if a.Floor != b.Floor || a.Rollback != b.Rollback || a.Repair != b.Repair {
		return violation("S4", "run %s changes its nature", b.ID)
	}
	if b.Checks != a.Checks {
		if b.Checks != a.Checks+1 || old.check.state < jobPassed || old.check.id != checkID(a) {
			return violation("S4", "the number of judged checks goes from %d to %d without a result", a.Checks, b.Checks)
		}
	}
	if b.Checks != a.Checks && a.HoldStartTime != nil && !old.plan.touched {
		switch hold := int32(a.HoldStartTime.Sub(epoch) / time.Second); {
		case !old.route.found && old.now-old.route.setAt < ageHold:
			// A process that found the share in force cannot know since when; it trusts the status.
			return violation("S4", "a weight is judged that was in force for %d s", old.now-old.route.setAt)
		case old.check.at < hold:
			return violation("S4", "a hold that began at %d s is judged by a check of %d s", hold, old.check.at)
		case old.route.canary == 0 && a.Step > 0 && int(a.Step) <= len(was.Steps) && old.route.mirror != was.Steps[a.Step-1].Mirror:
			return violation("S4", "step %d is judged with mirroring %t", a.Step, old.route.mirror)
		}
	}
	failures := m.troubles[budgetCheck] - s.left[budgetCheck] + m.troubles[budgetHook] - s.left[budgetHook]
	if is.FailedChecks+b.ErroredChecks > int32(failures) {
		return violation("S4", "%d failed and %d errored checks are counted, %d happened", is.FailedChecks, b.ErroredChecks, failures)
	}
	if err := m.checkGates(old, s); err != nil {
		return err
	}
	return m.checkStep(old, s)
}

// checkStep makes sure that a step is neither skipped nor left without a reason.
func (m *modelRun) checkStep(old, s *state) error {
	a, b := old.status.Run, s.status.Run
	operated := a.StepNow || a.PromoteNow || b.StepNow || b.PromoteNow || !answered(old)
	if b.Step == a.Step {
		if (a.Analysed != b.Analysed || a.StepPassed != b.StepPassed) && !operated && old.check.state != jobPassed {
			return violation("S4", "the last step is left although its check did not pass")
		}
		return nil
	}
	switch {
	case b.Step != a.Step+1:
		return violation("S4", "step %d follows step %d", b.Step, a.Step)
	case int(b.Step) > len(s.status.Steps) || b.Weight != s.status.Steps[b.Step-1].Weight:
		return violation("S4", "step %d has weight %d, planned are %v", b.Step, b.Weight, s.status.Steps)
	case a.Paused && !operated:
		return violation("S4", "step %d begins in a paused run", b.Step)
	case operated:
		return nil
	case a.Step == 0:
		for _, hook := range m.canaryOf(old).HooksOf(v1beta1.HookPreRollout) {
			if !hookPassed(b, hookName(v1beta1.HookPreRollout, hook.Name)) {
				return violation("S4", "the first step begins before pre-rollout hook %s has passed", hook.Name)
			}
		}
	case !a.StepPassed && (b.Checks != a.Checks+1 || old.check.state != jobPassed):
		return violation("S4", "step %d begins although the check of step %d did not pass", b.Step, a.Step)
	}
	return nil
}

func hookPassed(run *v1beta1.RunStatus, name string) bool {
	for _, h := range run.Hooks {
		if h.Name == name {
			return h.State == v1beta1.HookPassed
		}
	}
	return false
}
