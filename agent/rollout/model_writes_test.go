package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// checkedWrite carries out the next write and judges it against the true world.
func (m *modelRun) checkedWrite(s *state) error {
	old := *s
	m.write(s)
	if old.plan.status != nil {
		if s.status == old.status {
			return nil // Refused, because somebody else had written.
		}
		if old.bound != s.bound && old.status.Bound != nil {
			if err := m.checkBinding(&old); err != nil {
				return err
			}
		}
		return m.checkStatus(&old, s)
	}
	run := old.status.Run
	switch e := old.plan.effects[0].(type) {
	case ScaleTarget:
		if e.Replicas < old.target.want && !old.plan.touched {
			return m.checkScaleDown(&old)
		}
	case CopyToPrimary:
		return m.checkCopy(&old, s)
	case RestorePrimary:
		return checkRestore(&old, s, e)
	case AdoptPrimary:
		if old.primary.exists && old.primary.unmarked && template(e.Revision) != revisions[old.primary.rev] {
			return violation("S6", "a primary that runs %s is marked with %s", revisions[old.primary.rev], e.Revision)
		}
	case SetRoute:
		if m.scaler != scalerNone && e.Canary > 0 && run != nil && !old.deleting && old.primary.exists &&
			(!old.scaler.exists || old.scaler.floor < run.Floor) {
			return violation("S1", "the canary gets %d%% while the primary may shrink to %d, from %d", e.Canary, old.scaler.floor, run.Floor)
		}
	case EnsureScaler:
		if old.scaler.exists && e.Floor < old.scaler.floor && !old.plan.touched && !old.route.still() {
			return violation("S1", "the primary may shrink to %d with %d%% of the traffic on the canary", e.Floor, old.route.canary)
		}
	case PauseScaler:
		if e.Pause && !old.plan.touched && !old.route.still() {
			return violation("S2", "the target's autoscaler is paused with %d%% of the traffic on the target", old.route.canary)
		}
	case CallHook:
		if s.post > 1 {
			return violation("S4", "post-rollout hook called %d times", s.post)
		}
	case SetFinalizer, Release, RunCheck, EnsureServices, EnsureApex:
	}
	return nil
}

func (m *modelRun) checkScaleDown(s *state) error {
	r := &s.route
	switch {
	case !r.exists || !r.still():
		return violation("S2", "the target is scaled down with %d%% of the traffic on it", r.canary)
	case !s.spare.still():
		return violation("S2", "the target is scaled down with %d%% of the traffic on it, by the provider before", s.spare.canary)
	case m.reports && !r.confirmed:
		return violation("S2", "the target is scaled down before the router has confirmed")
	case s.now-r.setAt < ageDrain:
		return violation("S2", "the target is scaled down %d s after the route moved away", s.now-r.setAt)
	}
	return nil
}

// checkBinding is for the moment at which another provider is used.
func (m *modelRun) checkBinding(s *state) error {
	switch r := &s.route; {
	case s.plan.touched:
		return nil
	case !r.still():
		return violation("S2", "the provider is left with %d%% of the traffic on the canary", r.canary)
	case r.exists && m.reports && !r.confirmed:
		return violation("S2", "the provider is left before its router has confirmed")
	case s.target.want > 0 && !s.target.fixed && s.now-r.setAt < ageDrain:
		return violation("S2", "the provider is left before its route is drained")
	}
	return nil
}

func (m *modelRun) checkCopy(old, s *state) error {
	if s.primary == old.primary {
		return nil
	}
	run := old.status.Run
	if s.primary.want < 1 || (m.scaler != scalerNone && old.primary.exists && s.primary.want < min(old.primary.want, old.scaler.floor)) {
		return violation("S6", "the primary is copied and gets %d replicas, it had %d", s.primary.want, old.primary.want)
	}
	switch {
	case old.status.Phase == v1beta1.PhaseInitializing:
		if old.apex && old.primary.exists {
			return violation("S6", "the primary is copied again after the apex has moved to it")
		}
	case run != nil && run.Rollback && run.Outcome == "":
		return violation("S6", "the target is copied by a rollback")
	case !old.primary.exists && s.primary.name() == old.status.LastPromotedSpec:
		// Deleted by somebody, and made anew as it was.
	case terminal(old.status.Phase) && run != nil && s.primary.name() == old.status.LastPromotedSpec && old.primary.name() != s.primary.name():
		// Mended after a failed promotion, with the revision that was promoted before.
		if old.target.want == 0 {
			return violation("S6", "the primary is mended from a target without pods")
		}
	case old.status.Phase != v1beta1.PhasePromoting:
		return violation("S6", "the primary is written in phase %s", old.status.Phase)
	case old.target.want == 0:
		return violation("S6", "a target with no replicas is promoted")
	case run == nil || old.target.name() != run.Revision || s.primary.mark != run.ID:
		return violation("S6", "%s is promoted, the run is about %v", old.target.name(), run)
	case old.primary.mark == s.primary.mark && (old.primary.rev != s.primary.rev || old.primary.configs == s.primary.configs):
		// Configs can change while an agent is at work that does not track them.
		return violation("S6", "the primary is rolled twice in one run")
	}
	return nil
}

func checkRestore(old, s *state, e RestorePrimary) error {
	if s.primary == old.primary {
		return nil
	}
	switch run := old.status.Run; {
	case run == nil || !run.Rollback || run.Outcome != "" || old.status.Phase != v1beta1.PhasePromoting:
		return violation("S6", "%s is brought back to the primary in phase %s, without a rollback", e.Revision, old.status.Phase)
	case e.Revision != run.Revision || s.primary.name() != run.Revision:
		return violation("S6", "%s is brought back, the run is about %s", s.primary.name(), run.Revision)
	case old.primary.mark == run.ID:
		return violation("S6", "the primary is rolled twice in one rollback")
	}
	return nil
}
