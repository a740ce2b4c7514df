package rollout

import (
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// invariants that are asserted, for the summary. The numbers are those of docs/architecture.md.
var invariants = []string{
	"S1  no route written, and none left in place, that gives traffic to a side that cannot serve while the other can",
	"S1  no traffic to pods of a revision that no run is about",
	"S1  the status says the weight before the route has it",
	"S2  the target is scaled down only off the route, after confirmation or the drain delay",
	"S3  one outcome for each run, recorded once; no new run for a revision that was dealt with",
	"S3  no revision is lost: at rest the target's revision has been dealt with",
	"S4  steps are taken one by one, and left only by a check that passed or by an intent",
	"S4  each check is counted once; failures are counted at most as often as they happened",
	"S4  a weight is judged after it was in force for an interval, by a check made since",
	"S4  a post-rollout hook is called at most once",
	"S6  only the analysed revision is promoted, and only with pods",
	"L1  an unchanged world leaves the status unchanged and says nothing",
	"L2  at rest there is a wake time in the future, or an event that is awaited, or the run has ended",
	"L3  with a cooperative environment every state leads to a terminal phase",
}

func violation(invariant, format string, args ...any) error {
	return fmt.Errorf(invariant+": "+format, args...)
}

// sides says which side can serve, by the contract's thresholds and not by Decide's own functions.
func (m *modelRun) sides(w *World) (canary, primary bool) {
	t := &w.Target
	enough := max(t.Updated*m.canary.CanaryReadyThreshold()/100, 1)
	canary = t.Exists && t.Replicas > 0 && t.Available >= enough
	if t.Observed {
		canary = canary && t.Updated >= t.Replicas && t.Total <= t.Updated
	} // Else the pods that were counted last are what there is; the next observation tells more.
	return canary, w.Primary.Exists && w.Primary.Available > 0
}

func (m *modelRun) badSplit(w *World, share int32) string {
	canary, primary := m.sides(w)
	switch {
	case share > 0 && !canary && primary:
		return fmt.Sprintf("%d%% on a canary that is not ready, while the primary can serve", share)
	case share < 100 && !primary && canary:
		return fmt.Sprintf("%d%% on a primary without ready pods, while the canary can serve", 100-share)
	}
	return ""
}

// unknown says whether a share would go to pods of a revision that was neither promoted nor is the
// one that the run is about.
func (m *modelRun) unknown(w *World, st *v1beta1.CanaryStatus, share int32) bool {
	canary, primary := m.sides(w)
	return share > 0 && canary && primary && st.Run != nil &&
		w.Target.Revision != st.Run.Revision && w.Target.Revision != st.LastPromotedSpec
}

// checkPlan is for every decision on fresh facts.
func (m *modelRun) checkPlan(s *state, w *World, p *Plan) error {
	for _, effect := range p.Effects {
		route, ok := effect.(SetRoute)
		if !ok {
			continue
		}
		if bad := m.badSplit(w, route.Canary); bad != "" {
			return violation("S1", "the plan routes %s", bad)
		}
		canary, primary := m.sides(w)
		if !canary && !primary && route.Canary != s.status.CanaryWeight {
			return violation("S1", "the plan moves the traffic to %d%% although no side can serve", route.Canary)
		}
		// A route that has the weight already may be repaired at any time.
		if m.unknown(w, &p.Status, route.Canary) && (w.Target.Observed || route.Canary != s.route.canary) {
			return violation("S1", "the plan routes %d%% to %s, the run is about %s", route.Canary, w.Target.Revision, p.Status.Run.Revision)
		}
		if route.Canary != p.Status.CanaryWeight {
			return violation("S1", "the plan routes %d%%, its status says %d%%", route.Canary, p.Status.CanaryWeight)
		}
	}
	if len(p.Messages) > 0 && len(p.Effects) == 0 && sameStatus(s.status, &p.Status) {
		return violation("L1", "%q is said although nothing is done", p.Messages[0].Text)
	}
	if !p.WakeAt.IsZero() && !p.WakeAt.After(w.Now) {
		return violation("L2", "the wake time is %s in the past", w.Now.Sub(p.WakeAt))
	}
	return nil
}

// checkedWrite carries out the next write and judges it against the true world.
func (m *modelRun) checkedWrite(s *state) error {
	old := *s
	m.write(s)
	if old.plan.status != nil {
		if s.status == old.status {
			return nil // Refused, because somebody else had written.
		}
		return m.checkStatus(&old, s)
	}
	switch e := old.plan.effects[0].(type) {
	case ScaleTarget:
		if e.Replicas < old.target.want && !old.plan.touched {
			return m.checkScaleDown(&old)
		}
	case CopyToPrimary:
		return checkCopy(&old, s)
	case CallHook:
		if s.post > 1 {
			return violation("S4", "post-rollout hook called %d times", s.post)
		}
	case RunCheck, EnsureServices, EnsureApex, SetRoute:
	}
	return nil
}

func (m *modelRun) checkScaleDown(s *state) error {
	r := &s.route
	switch {
	case !r.exists || r.canary != 0:
		return violation("S2", "the target is scaled down with %d%% of the traffic on it", r.canary)
	case m.reports && !r.confirmed:
		return violation("S2", "the target is scaled down before the router has confirmed")
	case s.now-r.setAt < ageDrain:
		return violation("S2", "the target is scaled down %d s after the route moved away", s.now-r.setAt)
	}
	return nil
}

func checkCopy(old, s *state) error {
	if s.primary == old.primary {
		return nil
	}
	run := old.status.Run
	switch {
	case old.status.Phase == v1beta1.PhaseInitializing:
		if old.apex && old.primary.exists {
			return violation("S6", "the primary is copied again after the apex has moved to it")
		}
	case !old.primary.exists && revisions[s.primary.rev] == old.status.LastPromotedSpec:
		// Deleted by somebody, and made anew as it was.
	case terminal(old.status.Phase) && run != nil && run.Outcome == v1beta1.OutcomePromotionFailed &&
		revisions[s.primary.rev] == old.status.LastPromotedSpec && old.primary.rev != s.primary.rev:
		// Mended after a failed promotion, with the revision that was promoted before.
		if old.target.want == 0 {
			return violation("S6", "the primary is mended from a target without pods")
		}
	case old.status.Phase != v1beta1.PhasePromoting:
		return violation("S6", "the primary is written in phase %s", old.status.Phase)
	case old.target.want == 0:
		return violation("S6", "a target with no replicas is promoted")
	case run == nil || revisions[old.target.rev] != run.Revision || s.primary.mark != run.ID:
		return violation("S6", "%s is promoted, the run is about %v", revisions[old.target.rev], run)
	case old.primary.mark == s.primary.mark:
		return violation("S6", "the primary is rolled twice in one run")
	}
	return nil
}

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
		return nil // Taken over from another controller, in mid-run.
	}
	ended := 0
	if b.Outcome != "" {
		ended = 1 // A run can end in the decision that starts it, when its pods have already failed.
	}
	switch {
	case recorded(is, b.ID) != ended || recorded(was, b.ID) != 0:
		return violation("S3", "the new run has the id %s of an earlier one", b.ID)
	case b.Revision == is.LastPromotedSpec:
		return violation("S3", "a run starts for %s, which is the promoted revision", b.Revision)
	case b.Revision == was.LastAppliedSpec && (a == nil || a.Outcome != "" || a.Revision == b.Revision):
		return violation("S3", "a second run starts for %s", b.Revision)
	case b.Step > 1 || b.Checks > 0 || is.FailedChecks > 0:
		return violation("S4", "a run starts at step %d with %d checks, %d failed", b.Step, b.Checks, is.FailedChecks)
	}
	return nil
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
	case a.Outcome != "" && was.Phase != is.Phase:
		return violation("S3", "run %s has ended in %s and goes to %s", a.ID, was.Phase, is.Phase)
	case recorded(is, b.ID) != want:
		return violation("S3", "run %s has outcome %q and %d records in the history", b.ID, b.Outcome, recorded(is, b.ID))
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
		}
	}
	failures := m.troubles[budgetCheck] - s.left[budgetCheck] + m.troubles[budgetHook] - s.left[budgetHook]
	if is.FailedChecks+b.ErroredChecks > int32(failures) {
		return violation("S4", "%d failed and %d errored checks are counted, %d happened", is.FailedChecks, b.ErroredChecks, failures)
	}
	return m.checkStep(old, s)
}

// checkStep makes sure that a step is neither skipped nor left without a reason.
func (m *modelRun) checkStep(old, s *state) error {
	a, b := old.status.Run, s.status.Run
	operated := a.StepNow || a.PromoteNow || b.StepNow || b.PromoteNow || !answered(old)
	if b.Step == a.Step {
		if a.Analysed != b.Analysed && !operated && old.check.state != jobPassed {
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
		for _, hook := range m.canary.HooksOf(v1beta1.HookPreRollout) {
			if !hookPassed(b, hookName(v1beta1.HookPreRollout, hook.Name)) {
				return violation("S4", "the first step begins before pre-rollout hook %s has passed", hook.Name)
			}
		}
	case b.Checks != a.Checks+1 || old.check.state != jobPassed:
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

// checkQuiescent is for a state in which the agent has nothing to do.
func (m *modelRun) checkQuiescent(s *state, w *World, p *Plan) error {
	// Until an edit of the target has been looked at by its controller, nothing new is decided: not
	// at all in the bootstrap, and no more weight for the canary otherwise.
	if s.route.exists && s.target.observed {
		if s.route.canary != s.status.CanaryWeight {
			return violation("S1", "at rest the route has %d%%, the status %d%%", s.route.canary, s.status.CanaryWeight)
		}
		if bad := m.badSplit(w, s.route.canary); bad != "" {
			return violation("S1", "at rest the route has %s", bad)
		}
		if m.unknown(w, s.status, s.route.canary) {
			return violation("S1", "at rest %d%% goes to %s, the run is about %s", s.route.canary, w.Target.Revision, s.status.Run.Revision)
		}
	}
	if !answered(s) {
		return violation("L2", "at rest the intent %s has no answer", verbs[s.verb])
	}
	if !terminal(s.status.Phase) {
		if p.WakeAt.IsZero() && !m.awaits(s) {
			return violation("L2", "at rest in %s (%s) nothing is awaited", s.status.Phase, s.status.Message)
		}
		return nil
	}
	rev := revisions[s.target.rev]
	lost := rev != s.status.LastAppliedSpec || (rev != s.status.LastPromotedSpec && s.status.Run.Revision != rev)
	if s.target.observed && lost {
		return violation("S3", "at rest the target's revision %s was lost; last applied %s, last promoted %s",
			rev, s.status.LastAppliedSpec, s.status.LastPromotedSpec)
	}
	return nil
}

// awaits says whether an event is due that ends the rest.
func (m *modelRun) awaits(s *state) bool {
	run := s.status.Run
	for i := range s.hooks {
		if s.hooks[i].state == jobRunning {
			return true
		}
	}
	return s.check.state == jobRunning || (run != nil && run.Paused) || (m.reports && !s.route.confirmed) ||
		s.target.waiting() || s.primary.waiting() || s.firstBroken()
}

// firstBroken says that the first version does not start: a fix of the user's is awaited.
func (s *state) firstBroken() bool {
	return s.status.Phase == v1beta1.PhaseInitializing && s.primary.broken()
}

func terminal(p v1beta1.CanaryPhase) bool {
	return p == v1beta1.PhaseInitialized || p == v1beta1.PhaseSucceeded || p == v1beta1.PhaseFailed
}
