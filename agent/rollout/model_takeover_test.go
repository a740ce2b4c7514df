package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// Hashes as another controller writes them into its status.
const (
	simHashBefore = "5d8c6b7f49"
	simHashNow    = "7c548cbb77"
)

// simForeignStatus is the status of a canary of another controller, of the fields that it knows.
func simForeignStatus(phase v1beta1.CanaryPhase, weight, iterations int32, applied, promoted string) *v1beta1.CanaryStatus {
	return &v1beta1.CanaryStatus{
		Phase: phase, CanaryWeight: weight, Iterations: iterations,
		LastAppliedSpec: applied, LastPromotedSpec: promoted, LastTransitionTime: simEpoch,
	}
}

// simUntrackedRoots is a canary of an agent that did not track configs, seen by one that does.
func simUntrackedRoots(m *modelRun) []state {
	s := m.fresh()
	s.target.untracked = true
	if _, err := m.cooperate(&s, nil); err != nil {
		return []state{m.fresh()} // The exploration from there will find out.
	}
	s.target.untracked = false
	s.crash()
	return []state{s}
}

// simForeignRoots are canaries as another controller leaves them.
func simForeignRoots(m *modelRun) (roots []state) {
	add := func(st *v1beta1.CanaryStatus, target, primary uint8, pods int32, change func(*state)) {
		s := m.fresh()
		s.status = st
		s.now = 100
		s.sides, s.apex = true, true
		s.target.rev, s.target.want, s.target.avail = target, pods, pods
		s.primary = simWorkload{exists: true, observed: true, rolled: true, unmarked: true, rev: primary, want: m.pods, avail: m.pods, gen: 1}
		s.route = simRoute{exists: true, canary: st.CanaryWeight, confirmed: true, foreign: true, found: true, since: s.now}
		if change != nil {
			change(&s)
		}
		roots = append(roots, s)
	}
	// At rest: promoted, rejected, and with a revision that came while no controller ran.
	add(simForeignStatus(v1beta1.PhaseInitialized, 0, 0, simHashNow, simHashNow), 1, 1, 0, nil)
	add(simForeignStatus(v1beta1.PhaseSucceeded, 0, 0, simHashNow, simHashNow), 2, 2, 0, nil)
	add(simForeignStatus(v1beta1.PhaseSucceeded, 0, 0, simHashNow, simHashNow), 2, 1, 0, func(s *state) { s.target.shipped = 50 })
	add(simForeignStatus(v1beta1.PhaseFailed, 0, 0, simHashNow, simHashBefore), 2, 1, 0, nil)
	add(simForeignStatus(v1beta1.PhaseFailed, 0, 0, simHashNow, simHashBefore), 2, 1, 0, func(s *state) { s.target.shipped = 50 })
	// Under way.
	add(simForeignStatus(v1beta1.PhaseProgressing, 0, 0, simHashNow, simHashBefore), 2, 1, m.pods, nil)
	add(simForeignStatus(v1beta1.PhaseProgressing, 50, 0, simHashNow, simHashBefore), 2, 1, m.pods, nil)
	add(simForeignStatus(v1beta1.PhaseProgressing, 50, 0, simHashNow, simHashBefore), 2, 1, m.pods, func(s *state) { s.target.avail = 0 })
	add(simForeignStatus(v1beta1.PhaseWaitingPromotion, 75, 0, simHashNow, simHashBefore), 2, 1, m.pods, nil)
	add(simForeignStatus(v1beta1.PhasePromoting, 75, 0, simHashNow, simHashBefore), 2, 1, m.pods, nil)
	add(simForeignStatus(v1beta1.PhasePromoting, 75, 0, simHashNow, simHashBefore), 2, 2, m.pods, func(s *state) { s.primary.rolled = false })
	add(simForeignStatus(v1beta1.PhaseFinalising, 0, 0, simHashNow, simHashBefore), 2, 2, m.pods, nil)
	add(simForeignStatus(v1beta1.PhaseInitializing, 0, 0, "", ""), 1, 1, m.pods, nil)
	return roots
}
