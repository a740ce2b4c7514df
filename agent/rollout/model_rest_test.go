package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// checkQuiescent is for a state in which the agent has nothing to do.
func (m *modelRun) checkQuiescent(s *state, w *World, p *Plan) error {
	if !answered(s) && (!s.deleting || s.spec.revert) {
		return violation("L2", "at rest the intent %s has no answer", verbs[s.verb])
	}
	switch {
	case s.deleting:
		return m.checkDeletion(s, p)
	case s.spec.suspended || s.spec.problem:
		if s.finalizer != s.spec.revert {
			return violation("S7", "at rest the finalizer is not as revertOnDeletion has it")
		}
		return nil
	}
	if err := m.checkRoutes(s, w); err != nil {
		return err
	}
	if err := m.checkScalers(s); err != nil {
		return err
	}
	if s.finalizer != s.spec.revert {
		return violation("S7", "at rest the finalizer is not as revertOnDeletion has it")
	}
	if !terminal(s.status.Phase) {
		if m.hookEnds(s) {
			return violation("S4", "the run goes on although a rollback hook has passed")
		}
		if p.WakeAt.IsZero() && !m.awaits(s) {
			return violation("L2", "at rest in %s (%s) nothing is awaited", s.status.Phase, s.status.Message)
		}
		return nil
	}
	rev, run := s.target.name(), s.status.Run
	dealt := rev == s.status.LastPromotedSpec || run == nil || run.Revision == rev || run.Rollback
	if s.target.exists && s.target.observed && (rev != s.status.LastAppliedSpec || !dealt) {
		return violation("S3", "at rest the target's revision %s was lost; last applied %s, last promoted %s",
			rev, s.status.LastAppliedSpec, s.status.LastPromotedSpec)
	}
	return nil
}

// checkRoutes is about the routes at rest. Until an edit of the target has been looked at by its
// controller, nothing new is decided: not at all in the bootstrap, and no more weight for the
// canary otherwise.
func (m *modelRun) checkRoutes(s *state, w *World) error {
	if !s.route.exists || (s.target.exists && !s.target.observed) {
		return nil
	}
	if phase := s.status.Phase; phase == v1beta1.PhaseInitializing && (!s.apex || !s.target.exists) {
		return nil // The clients are still where they were before the Canary, or there is nobody for them.
	}
	r := SetRoute{Canary: s.route.canary, Mirror: s.route.mirror, Everyone: s.route.everyone}
	if s.route.canary != s.status.CanaryWeight {
		return violation("S1", "at rest the route has %d%%, the status %d%%", s.route.canary, s.status.CanaryWeight)
	}
	if bad := m.badSplit(w, r); bad != "" {
		return violation("S1", "at rest the route has %s", bad)
	}
	if m.unknown(w, s.status, s.route.canary) {
		return violation("S1", "at rest %d%% goes to %s, the run is about %s", s.route.canary, w.Target.Revision, s.status.Run.Revision)
	}
	if !w.Route.Current {
		return violation("L2", "at rest the route is not as the status says")
	}
	ready, _ := w.Primary.Ready(100)
	if terminal(s.status.Phase) && ready && s.target.exists && (s.target.want == 0 || s.target.fixed) && s.status.CanaryWeight == 0 &&
		s.bound != s.spec.provider && (!m.reports || s.route.confirmed) && s.now-s.route.setAt >= ageDrain {
		return violation("L2", "at rest the provider of the spec is not used")
	}
	return nil
}

// checkScalers is about the autoscalers at rest.
func (m *modelRun) checkScalers(s *state) error {
	if m.scaler == scalerNone || s.status.Phase == v1beta1.PhaseInitializing {
		return nil
	}
	if s.primary.exists && (!s.scaler.exists || s.scaler.floor != FloorOf(s.status)) {
		return violation("S1", "at rest the primary may shrink to %d, it should keep %d", s.scaler.floor, FloorOf(s.status))
	}
	run := s.status.Run
	meant := run != nil && run.Outcome == "" && !run.Rollback && s.status.Phase == v1beta1.PhaseProgressing
	if s.scaler.paused && s.target.exists && s.target.observed && (meant || s.status.CanaryWeight > 0) {
		return violation("S2", "at rest the target's autoscaler is paused in %s", s.status.Phase)
	}
	return nil
}

// checkDeletion is about a Canary that is being deleted, at rest.
func (m *modelRun) checkDeletion(s *state, p *Plan) error {
	switch {
	case !s.spec.revert:
		return violation("S7", "a deletion without revertOnDeletion is held up")
	case !s.target.exists:
		return violation("S7", "a deletion is held up although there is no target")
	case p.WakeAt.IsZero() && !s.target.waiting() && !s.target.broken() && (!m.reports || s.route.confirmed):
		return violation("L2", "at rest in %s (%s) nothing is awaited", s.status.Phase, s.status.Message)
	case m.scaler != scalerNone && s.scaler.paused && s.target.observed:
		return violation("S2", "at rest the target's autoscaler is paused while the target is to take over")
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
		s.target.waiting() || s.primary.waiting() || s.firstBroken() || simWaitingGate(s) != nil ||
		(s.status.Phase == v1beta1.PhaseInitializing && !s.target.exists)
}

// firstBroken says that the first version does not start: a fix of the user's is awaited.
func (s *state) firstBroken() bool {
	return s.status.Phase == v1beta1.PhaseInitializing && s.primary.broken()
}
