package rollout

import (
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// invariants that are asserted, for the summary. The numbers are those of docs/architecture.md.
var invariants = []string{
	"S1  no route written, and none left in place, that gives traffic, or copies of it, to a side that cannot serve while the other can",
	"S1  no traffic to pods of a revision that no run is about",
	"S1  the status says the weight before the route has it",
	"S1  only when the primary cannot serve are those who do not match sent to the canary of an A/B test",
	"S1  a Service that selects one side is never asked to split",
	"S1  while a run is under way or the canary has traffic, the primary's autoscaler keeps what the primary had at the beginning",
	"S2  the target is scaled down only off the route, after confirmation or the drain delay",
	"S2  a provider is left only with nothing on the canary and nothing unconfirmed",
	"S2  an autoscaler is paused only off the route, and never left paused while the target is meant to run",
	"S3  one outcome for each run, recorded once; no new run for a revision that was dealt with",
	"S3  no revision is lost: at rest the target's revision has been dealt with",
	"S4  steps are taken one by one, and left only by a check that passed or by an intent",
	"S4  each check is counted once; failures are counted at most as often as they happened",
	"S4  a weight is judged after it was in force for an interval, by a check made since, with the mirroring it asks for",
	"S4  a post-rollout hook is called at most once",
	"S4  a closed gate or confirm hook is passed only by its approval, its timeout, or an intent; a gate is answered once",
	"S4  a rollback hook that passes ends the run",
	"S4  while suspended or refused nothing is written but status and finalizer, and the run stays as it is",
	"S5  no run for a template that was dealt with, whatever version wrote the status and whether or not configs are tracked",
	"S5  a run of another controller goes on from its weight; what it promoted or rejected is not run again",
	"S6  only the analysed revision is promoted, and only with pods",
	"S6  only a rollback writes an earlier revision to the primary, the one that its history has, once",
	"S7  with revertOnDeletion the Canary goes when the target is ready, Services and route are released and drained",
	"S7  a deletion without revertOnDeletion, or without a target, is never held up",
	"L1  an unchanged world leaves the status unchanged and says nothing",
	"L2  at rest there is a wake time in the future, or an event that is awaited, or the run has ended",
	"L2  at rest the route is as the status says, its cookies included, and the provider is the spec's",
	"L3  with a cooperative environment every state leads to a terminal phase, or to the end of the Canary",
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

// badSplit says what is wrong with a route, or nothing.
func (m *modelRun) badSplit(w *World, r SetRoute) string {
	canary, primary := m.sides(w)
	matched := w.Canary.StrategyFor(w.Route.Provider) == v1beta1.StrategyABTesting
	switch {
	case r.Canary > 0 && !canary && primary:
		return fmt.Sprintf("%d%% on a canary that is not ready, while the primary can serve", r.Canary)
	case r.Canary < 100 && !primary && canary:
		return fmt.Sprintf("%d%% on a primary without ready pods, while the canary can serve", 100-r.Canary)
	case matched && !r.Everyone && !primary && canary:
		return "those who do not match on a primary without ready pods, while the canary can serve"
	case r.Mirror && !canary:
		return "copies of the requests to a canary that is not ready"
	case r.Mirror && r.Canary > 0:
		return "copies of the requests and requests to the canary"
	case r.Canary%100 != 0 && w.Route.Provider == v1beta1.ProviderKubernetes:
		return fmt.Sprintf("%d%% by a Service that selects one side", r.Canary)
	}
	return ""
}

// unknown says whether a share would go to pods of a revision that was neither promoted nor is the
// one that the run is about. At the end of a Canary the target takes over, whatever it has.
func (m *modelRun) unknown(w *World, st *v1beta1.CanaryStatus, share int32) bool {
	canary, primary := m.sides(w)
	if st.Run != nil && st.Run.Rollback && st.Run.Repair && w.Target.Revision == st.LastAppliedSpec {
		return false // It served everything before the rollback, as the only healthy copy.
	}
	return share > 0 && canary && primary && st.Run != nil && w.Canary.DeletionTimestamp == nil &&
		w.Target.Revision != st.Run.Revision && w.Target.Revision != st.LastPromotedSpec
}

// checkPlan is for every decision on fresh facts.
func (m *modelRun) checkPlan(s *state, w *World, p *Plan) error {
	if err := checkRestraint(s, w, p); err != nil {
		return err
	}
	for _, effect := range p.Effects {
		var err error
		switch e := effect.(type) {
		case CopyToPrimary, RestorePrimary:
			if s.deleting {
				err = violation("S7", "the primary is written while the canary is deleted")
			}
		case ScaleTarget:
			if s.deleting && e.Replicas == 0 {
				err = violation("S7", "the target is scaled to zero while the canary is deleted")
			}
		case SetRoute:
			err = m.checkRoute(s, w, p, e)
		case SetFinalizer:
			err = m.checkFinalizer(s, w, e)
		}
		if err != nil {
			return err
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

func (m *modelRun) checkRoute(s *state, w *World, p *Plan, r SetRoute) error {
	canary, primary := m.sides(w)
	// Until an edit of the target has been looked at, the share in force may be kept.
	kept := w.Target.Exists && !w.Target.Observed && w.Route.Exists && r.Canary == s.route.canary
	if bad := m.badSplit(w, r); bad != "" && !kept {
		return violation("S1", "the plan routes %s", bad)
	}
	if !canary && !primary && r.Canary != s.status.CanaryWeight && r.Canary != s.route.canary {
		return violation("S1", "the plan moves the traffic to %d%% although no side can serve", r.Canary)
	}
	run := p.Status.Run
	if r.Everyone && primary && run != nil && run.Outcome == "" && !run.Repair && !s.deleting {
		return violation("S1", "those who do not match are sent to the canary, while the primary can serve")
	}
	// A route that has the weight already may be repaired at any time, and less is always allowed.
	if m.unknown(w, &p.Status, r.Canary) && (w.Target.Observed || r.Canary > s.route.canary) {
		return violation("S1", "the plan routes %d%% to %s, the run is about %s", r.Canary, w.Target.Revision, p.Status.Run.Revision)
	}
	if r.Canary != p.Status.CanaryWeight {
		return violation("S1", "the plan routes %d%%, its status says %d%%", r.Canary, p.Status.CanaryWeight)
	}
	return nil
}

// checkRestraint is about a canary that is not to be acted upon.
func checkRestraint(s *state, w *World, p *Plan) error {
	if s.deleting || (!w.Canary.Spec.Suspend && len(w.Problems) == 0) {
		return nil
	}
	for _, effect := range p.Effects {
		if _, ok := effect.(SetFinalizer); !ok {
			return violation("S4", "%s although the canary is suspended or refused", effect)
		}
	}
	if is := &p.Status; s.status.Phase != is.Phase || s.status.CanaryWeight != is.CanaryWeight || s.status.FailedChecks != is.FailedChecks ||
		s.status.LastAppliedSpec != is.LastAppliedSpec || s.status.LastPromotedSpec != is.LastPromotedSpec || !sameRun(s.status.Run, is.Run) {
		return violation("S4", "the run goes on although the canary is suspended or refused: %s", is.Message)
	}
	return nil
}

// checkFinalizer is about the end of a Canary.
func (m *modelRun) checkFinalizer(s *state, w *World, e SetFinalizer) error {
	if e.Present || !s.spec.revert {
		return nil
	}
	canary, _ := m.sides(w)
	switch {
	case !s.deleting:
		return violation("S7", "the finalizer is removed from a living canary that wants it")
	case !w.Target.Exists:
		return nil
	case !canary:
		return violation("S7", "the canary goes although its target is not ready")
	case len(w.Problems) > 0:
		return nil // The route cannot be rendered; that is said in an event.
	case s.status.LastPromotedSpec == "" && !s.apex && !s.route.exists:
		return nil // Deleted before anything was moved.
	case !s.released || !s.route.released:
		return violation("S7", "the canary goes although clients still depend on what it owns")
	case m.reports && !s.route.confirmed:
		return violation("S7", "the canary goes before the router has confirmed")
	case s.now-s.route.setAt < ageDrain:
		return violation("S7", "the canary goes %d s after the route was released", s.now-s.route.setAt)
	}
	return nil
}

func terminal(p v1beta1.CanaryPhase) bool {
	return p == v1beta1.PhaseInitialized || p == v1beta1.PhaseSucceeded || p == v1beta1.PhaseFailed
}
