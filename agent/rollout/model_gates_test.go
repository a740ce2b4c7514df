package rollout

import (
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// simGateOf is the state of a gate in a run, or nil.
func simGateOf(run *v1beta1.RunStatus, name string) *v1beta1.GateStatus {
	for i := range run.Gates {
		if run.Gates[i].Name == name {
			return &run.Gates[i]
		}
	}
	return nil
}

// simWaitingGate is the gate that waits for an answer, or nil.
func simWaitingGate(s *state) *v1beta1.GateStatus {
	if s.status.Run == nil || s.status.Run.Outcome != "" {
		return nil
	}
	for i := range s.status.Run.Gates {
		if g := &s.status.Run.Gates[i]; g.State == v1beta1.GateWaiting {
			return g
		}
	}
	return nil
}

// timedOut says whether a gate has waited for its whole timeout.
func (s *state) timedOut(gate v1beta1.CanaryGate, g *v1beta1.GateStatus) bool {
	return gate.TimeoutOrZero() > 0 && at(s.now).Sub(g.Since.Time) >= gate.TimeoutOrZero()
}

// checkGates makes sure that the points of a run are passed only when everything that holds them is
// open, and that each gate is answered by what its state says.
func (m *modelRun) checkGates(old, s *state) error {
	was, is := old.status, s.status
	a, b := was.Run, is.Run
	if err := m.checkAnswers(old, b); err != nil {
		return err
	}
	verb := old.pending()
	if a.StepNow || a.PromoteNow || b.StepNow || b.PromoteNow || verb == v1beta1.VerbPromote || verb == v1beta1.VerbPromoteStep {
		return nil
	}
	going := is.Phase != v1beta1.PhaseFailed && is.Phase != v1beta1.PhaseTerminating
	switch {
	case !going || a.Outcome != "" || b.Rollback:
		return nil
	case was.Phase == v1beta1.PhaseWaiting && is.Phase != v1beta1.PhaseWaiting:
		return m.checkPoint(old, v1beta1.GateRollout)
	case b.Step == a.Step+1 && (a.Step > 0 || b.Weight > 0) && !b.Repair && m.canaryOf(old).StrategyFor(m.providerName(old.bound)) == v1beta1.StrategyCanary:
		return m.checkPoint(old, v1beta1.GateTraffic)
	case b.Outcome == "" && is.Phase == v1beta1.PhasePromoting && was.Phase != v1beta1.PhasePromoting:
		return m.checkPoint(old, v1beta1.GatePromotion)
	}
	return nil
}

// checkPoint is for a point that the run has just passed.
func (m *modelRun) checkPoint(old *state, p v1beta1.GatePoint) error {
	run := old.status.Run
	for _, gate := range m.canaryOf(old).GatesAt(p) {
		g := simGateOf(run, gate.Name)
		goesOn := gate.TimeoutAction() == v1beta1.GateContinue
		switch {
		case g == nil:
			return violation("S4", "gate %s is passed before it was reached", gate.Name)
		case g.State == v1beta1.GateApproved, g.State == v1beta1.GateTimedOut && goesOn:
		case g.State == v1beta1.GateWaiting && old.pending() == v1beta1.VerbApprove:
		case g.State == v1beta1.GateWaiting && goesOn && old.timedOut(gate, g):
		default:
			return violation("S4", "gate %s is passed although it is %s", gate.Name, g.State)
		}
	}
	for _, hook := range m.canaryOf(old).HooksOf(pointHooks[p]) {
		if !hookPassed(run, hookName(hook.Type, hook.Name)) && !old.hookAnswered(hook.Type, jobPassed) {
			return violation("S4", "the run goes on although hook %s has not passed", hook.Name)
		}
	}
	return nil
}

// checkAnswers is about what has become of the gates.
func (m *modelRun) checkAnswers(old *state, run *v1beta1.RunStatus) error {
	for i := range run.Gates {
		g, before := &run.Gates[i], simGateOf(old.status.Run, run.Gates[i].Name)
		var gate v1beta1.CanaryGate
		for _, candidate := range m.canaryOf(old).GetAnalysis().Gates {
			if candidate.Name == g.Name {
				gate = candidate
			}
		}
		again := gate.At == v1beta1.GateTraffic && g.State == v1beta1.GateWaiting && run.Step > old.status.Run.Step
		switch {
		case before != nil && before.State == g.State, again:
			continue
		case before != nil && before.State != v1beta1.GateWaiting:
			return violation("S4", "gate %s was %s and is %s", g.Name, before.State, g.State)
		}
		verb := old.pending()
		switch {
		case g.State == v1beta1.GateWaiting:
		case before == nil:
			return violation("S4", "gate %s is %s before anybody could know of it", g.Name, g.State)
		case g.State == v1beta1.GateApproved && verb != v1beta1.VerbApprove && verb != v1beta1.VerbPromote && verb != v1beta1.VerbPromoteStep,
			g.State == v1beta1.GateRejected && verb != v1beta1.VerbReject:
			return violation("S4", "gate %s is %s, the operator said %q", g.Name, g.State, verb)
		case g.State == v1beta1.GateTimedOut && !old.timedOut(gate, before):
			return violation("S4", "gate %s has timed out after %s", g.Name, at(old.now).Sub(before.Since.Time))
		}
	}
	return nil
}

// hookAnswered says whether a hook of a type has given an answer that the agent knows of.
func (s *state) hookAnswered(t v1beta1.HookType, answer jobState) bool {
	for i := range s.hooks {
		if s.hooks[i].state == answer && v1beta1.HookType(jobType(s.hooks[i].id)) == t {
			return true
		}
	}
	return false
}

// hookEnds says whether a rollback hook has passed in a run that it can end.
func (m *modelRun) hookEnds(s *state) bool {
	switch s.status.Phase {
	case v1beta1.PhaseWaiting, v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion:
		return s.status.Run != nil && s.status.Run.Outcome == "" && s.hookAnswered(v1beta1.HookRollback, jobPassed)
	default:
		return false
	}
}
