package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// people yields what users, operators and other controllers do.
func (m *modelRun) people(s *state, yield func(transition, *state)) {
	if s.left[budgetShip] > 0 && s.target.exists {
		for rev := uint8(1); rev < uint8(len(revisions)); rev++ {
			if rev == s.target.rev {
				continue
			}
			n := *s
			n.left[budgetShip]--
			n.target.ship(rev)
			n.target.shipped = s.now
			yield(transition{evShip, rev}, &n)
		}
	}
	if s.left[budgetScale] > 0 && s.target.exists {
		n := *s
		n.left[budgetScale]--
		if n.target.want > 0 {
			n.target.scale(0)
		} else {
			n.target.scale(m.pods)
		}
		yield(transition{evScale, uint8(n.target.want)}, &n)
	}
	if s.left[budgetDrift] > 0 && s.route.exists {
		share := m.driftTo(s)
		n := *s
		n.left[budgetDrift]--
		n.plan.touched = n.plan.open
		n.routeTo(SetRoute{Canary: share}, true)
		yield(transition{evDrift, uint8(share)}, &n)
		n = *s
		n.left[budgetDrift]--
		n.route.current, n.route.foreign = false, true
		yield(transition{evDrift, 255}, &n)
		if s.route.canary == 0 && m.canary.Spec.Analysis.Mirror {
			n = *s
			n.left[budgetDrift]--
			n.plan.touched = n.plan.open
			n.routeTo(SetRoute{Mirror: !s.route.mirror}, true)
			yield(transition{evDrift, 254}, &n)
		}
	}
	if s.left[budgetIntent] > 0 {
		for _, verb := range m.verbs {
			n := *s
			n.left[budgetIntent]--
			n.ask(verb)
			yield(transition{evIntent, n.verb}, &n)
		}
	}
}

// driftTo is the share that somebody else writes.
func (m *modelRun) driftTo(s *state) int32 {
	switch {
	case s.route.canary != 0:
		return 0
	case m.providerName(s.bound) == v1beta1.ProviderKubernetes:
		return 100
	default:
		return 50
	}
}

// ask is an operator's verb.
func (s *state) ask(verb v1beta1.Verb) {
	s.intents++
	s.verb = verbIndex(verb)
	s.plan.conflict = s.plan.open
}

// owners yields edits of the Canary, its deletion, and what happens to the workloads as a whole.
func (m *modelRun) owners(s *state, yield func(transition, *state)) {
	if s.left[budgetEdit] > 0 {
		for _, e := range m.edits {
			n := *s
			n.left[budgetEdit]--
			if n.edit(e); n.spec == s.spec {
				continue
			}
			m.rebind(&n)
			yield(transition{evUserEdit, uint8(e)}, &n)
		}
	}
	if s.spec.suspended || s.spec.problem {
		n := *s
		n.edit(editResume)
		yield(transition{evUserEdit, uint8(editResume)}, &n)
	}
	if s.left[budgetShip] > 0 && s.target.exists && s.target.fingerprint() > 0 {
		n := *s
		n.left[budgetShip]--
		n.target.configs = 3 - n.target.configs
		yield(transition{evConfig, n.target.configs}, &n)
	}
	if !s.target.exists {
		for rev := uint8(1); rev < uint8(len(revisions)); rev++ {
			n := *s
			if rev != s.target.rev {
				if s.left[budgetShip] == 0 {
					continue
				}
				n.left[budgetShip]--
			}
			n.target.appear(rev, m.pods, s.now)
			yield(transition{evAppear, rev}, &n)
		}
	}
	if s.left[budgetDelete] > 0 && !s.deleting {
		n := *s
		n.left[budgetDelete]--
		n.deleting, n.gone = true, !n.finalizer
		n.plan.conflict = n.plan.open
		yield(transition{evDeletion, 0}, &n)
	}
}

// edit is an edit of the spec.
func (s *state) edit(e edit) {
	switch e {
	case editSuspend:
		s.spec.suspended = true
	case editProblem:
		s.spec.problem = true
	case editRevert:
		s.spec.revert = !s.spec.revert
	case editSteps:
		s.spec.edited = !s.spec.edited
	case editProvider:
		s.spec.provider = 1 - s.spec.provider
	case editResume:
		s.spec.suspended, s.spec.problem = false, false
	}
	s.plan.conflict = s.plan.open
}

// autoscalers yields what the autoscalers of the primary and the target do.
func (m *modelRun) autoscalers(s *state, yield func(transition, *state)) {
	if m.scaler == scalerNone || s.left[budgetScaler] == 0 {
		return
	}
	scales := func(arg uint8, f func(*state)) {
		n := *s
		n.left[budgetScaler]--
		f(&n)
		yield(transition{evScaler, arg}, &n)
	}
	if p := &s.primary; p.exists && s.scaler.exists && p.want > max(s.scaler.floor, 1) {
		scales(0, func(n *state) { n.primary.scale(n.primary.want - 1) })
	}
	if m.scaler != scalerKEDA || !s.target.exists {
		return
	}
	switch {
	case !s.scaler.paused && s.target.want == 0:
		scales(1, func(n *state) { n.target.scale(1) })
	case s.scaler.paused && s.target.want > 0:
		scales(2, func(n *state) { n.target.scale(0) })
	}
}

// upgrades yields the agent's replacement by another version: one whose status has not the newest
// fields, and one that begins to track configs, or ends to.
func (m *modelRun) upgrades(s *state, yield func(transition, *state)) {
	n := *s
	n.left[budgetUpgrade]--
	n.crash()
	st := n.status.DeepCopy()
	if st.Bound != nil && st.Bound.Provider == m.providerName(n.spec.provider) {
		st.Bound = nil
	}
	if st.Run != nil && m.scaler == scalerNone {
		st.Run.Floor = 0
	}
	n.status = st
	m.rebind(&n)
	yield(transition{evUpgrade, 0}, &n)
	if m.configs {
		n.target.untracked = !n.target.untracked
		yield(transition{evUpgrade, 1}, &n)
	}
}

// usualAnswer is the answer of a hook that needs no trouble.
func usualAnswer(id string) jobState {
	if v1beta1.HookType(jobType(id)) == v1beta1.HookRollback {
		return jobFailed
	}
	return jobPassed
}
