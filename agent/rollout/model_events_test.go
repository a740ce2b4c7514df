package rollout

import (
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// kind of a transition. A transition is a kind and an argument; together they are unique among the
// transitions out of one state, so a trace is a list of them.
type kind uint8

const (
	evAgent kind = iota // the agent carries out one write, after deciding if it has no plan
	evTime              // the next wake time comes
	evObserveTarget
	evObservePrimary
	evRollTarget
	evRollPrimary
	evReadyTarget
	evReadyPrimary
	evCheck // arg: jobState
	evHook  // arg: index*4+jobState
	evConfirm
	evShip      // arg: revision
	evScale     // arg: replicas
	evLose      // arg: 0 target, 1 primary
	evDead      // arg: 0 target, 1 primary
	evDrift     // arg: canary share; 255 for anything else about the route
	evIntent    // arg: verb
	evCrash     // arg: 0 restarted at once, 1 after longer than any deadline
	evStale     // the agent decides before and writes after: arg: index among the events
	evLag       // the agent's own last write is not in its cache yet when it decides again
	evBootstrap // not explored: the way to the second root
)

var kindNames = [...]string{
	"agent", "time passes", "target observed", "primary observed", "target rolled", "primary rolled",
	"target pod ready", "primary pod ready", "check", "hook", "router confirms", "USER SHIPS", "TARGET SCALED",
	"POD LOST", "DEADLINE EXCEEDED", "ROUTE WRITTEN BY OTHER", "INTENT", "CRASH", "STALE", "LAGGING CACHE", "bootstrap",
}

type transition struct {
	kind kind
	arg  uint8
}

func (t transition) String() string {
	name := kindNames[t.kind]
	switch t.kind {
	case evCheck:
		return fmt.Sprintf("%s %s", name, [...]string{"", "", "passes", "FAILS", "ERRORS", "HAS NO DATA"}[t.arg])
	case evHook:
		return fmt.Sprintf("%s %d %s", name, t.arg/4, [...]string{"", "", "passes", "FAILS"}[t.arg%4])
	case evShip:
		return name + " " + revisions[t.arg]
	case evLose, evDead:
		return name + " " + [...]string{"target", "primary"}[t.arg]
	case evIntent:
		return name + " " + string(verbs[t.arg])
	case evScale, evDrift:
		return fmt.Sprintf("%s %d", name, t.arg)
	case evCrash:
		return name + [...]string{"", " and a long outage"}[t.arg]
	default:
		return name
	}
}

// external says whether the transition is a write by somebody else that the agent can overlook.
func (t transition) external() bool {
	switch t.kind {
	case evShip, evScale, evLose, evDead, evDrift, evIntent, evReadyTarget, evReadyPrimary:
		return true
	default:
		return false
	}
}

// environment yields what can happen around the agent.
func (m *modelRun) environment(s *state, yield func(transition, *state)) {
	workloads := [...]*simWorkload{&s.target, &s.primary}
	for i, w := range workloads {
		if !w.exists {
			continue
		}
		change := func(k kind, arg uint8, spend int, f func(*simWorkload)) {
			if spend >= 0 && s.left[spend] == 0 {
				return
			}
			n := *s
			if spend >= 0 {
				n.left[spend]--
			}
			f([...]*simWorkload{&n.target, &n.primary}[i])
			yield(transition{k, arg}, &n)
		}
		side := kind(i)
		if !w.observed {
			change(evObserveTarget+side, 0, -1, func(w *simWorkload) { w.observed = true })
		}
		if w.observed && !w.rolled && !w.broken() {
			change(evRollTarget+side, 0, -1, func(w *simWorkload) { w.rolled = true })
		}
		if w.observed && w.avail < w.want && !w.broken() {
			change(evReadyTarget+side, 0, -1, func(w *simWorkload) { w.avail++; w.dead = false })
		}
		if w.avail > 0 {
			change(evLose, uint8(i), budgetLose, func(w *simWorkload) { w.avail-- })
		}
		if w.observed && !w.dead && w.want > 0 && (!w.rolled || w.avail < w.want) {
			change(evDead, uint8(i), budgetDead, func(w *simWorkload) { w.dead = true })
		}
	}
	m.jobs(s, yield)
	if m.reports && s.route.exists && !s.route.confirmed {
		n := *s
		n.route.confirmed = true
		yield(transition{evConfirm, 0}, &n)
	}
	m.people(s, yield)
	if s.left[budgetCrash] > 0 {
		n := *s
		n.left[budgetCrash]--
		n.crash()
		yield(transition{evCrash, 0}, &n)
		n.now += modelDeadline + 10
		n.crash()
		yield(transition{evCrash, 1}, &n)
	}
}

// jobs yields the ends of the check and the hook calls.
func (m *modelRun) jobs(s *state, yield func(transition, *state)) {
	if s.check.state == jobRunning {
		for result := jobPassed; result <= jobHeld; result++ {
			n := *s
			if result != jobPassed {
				if n.left[budgetCheck] == 0 {
					break
				}
				n.left[budgetCheck]--
			}
			n.check.state, n.check.at = result, s.now
			yield(transition{evCheck, uint8(result)}, &n)
		}
	}
	for i := range s.hooks {
		if s.hooks[i].state != jobRunning {
			continue
		}
		for result := jobPassed; result <= jobFailed; result++ {
			n := *s
			if result != jobPassed {
				if n.left[budgetHook] == 0 {
					break
				}
				n.left[budgetHook]--
			}
			n.hooks[i].state, n.hooks[i].at = result, s.now
			yield(transition{evHook, uint8(i)*4 + uint8(result)}, &n)
		}
	}
}

// people yields what users, operators and other controllers do.
func (m *modelRun) people(s *state, yield func(transition, *state)) {
	if s.left[budgetShip] > 0 {
		for rev := uint8(1); rev < uint8(len(revisions)); rev++ {
			if rev == s.target.rev {
				continue
			}
			n := *s
			n.left[budgetShip]--
			n.target.ship(rev)
			yield(transition{evShip, rev}, &n)
		}
	}
	if s.left[budgetScale] > 0 {
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
		share := int32(0)
		if s.route.canary == 0 {
			share = 50
		}
		n := *s
		n.left[budgetDrift]--
		n.plan.touched = n.plan.open
		n.setRoute(share, true)
		yield(transition{evDrift, uint8(share)}, &n)
		n = *s
		n.left[budgetDrift]--
		n.route.current, n.route.foreign = false, true
		yield(transition{evDrift, 255}, &n)
	}
	if s.left[budgetIntent] > 0 {
		for verb := uint8(1); verb < uint8(len(verbs)); verb++ {
			n := *s
			n.left[budgetIntent]--
			n.intents++
			n.verb = verb
			n.plan.conflict = n.plan.open
			yield(transition{evIntent, verb}, &n)
		}
	}
}

// successors yields all that can happen next; a transition that breaks an invariant comes with it.
func (m *modelRun) successors(s *state, yield func(transition, *state, error)) {
	if s.plan.open {
		n := *s
		err := m.checkedWrite(&n)
		yield(transition{evAgent, 0}, &n, err)
		if err == nil && !n.plan.open && s.plan.status == nil && s.left[budgetStale] > 0 {
			m.lagging(s, n, yield)
		}
	} else {
		m.decides(s, yield)
	}
	m.environment(s, func(t transition, n *state) { yield(t, n, nil) })
}

// decides is the agent without a plan.
func (m *modelRun) decides(s *state, yield func(transition, *state, error)) {
	view := m.view(s)
	plan := m.decide(view)
	err := m.checkPlan(s, &view, &plan)
	n := *s
	if !n.begin(&plan) {
		if err == nil {
			err = m.checkQuiescent(s, &view, &plan)
		}
		if !plan.WakeAt.IsZero() || err != nil {
			n.now = max(s.now, int32((plan.WakeAt.Sub(epoch)+time.Second-1)/time.Second))
			yield(transition{evTime, 0}, &n, err)
		}
		return
	}
	if err != nil {
		yield(transition{evAgent, 0}, &n, err)
		return
	}
	before := n.plan
	err = m.checkedWrite(&n)
	yield(transition{evAgent, 0}, &n, err)
	if s.left[budgetStale] == 0 {
		return
	}
	index := uint8(0)
	m.environment(s, func(t transition, n *state) {
		if !t.external() {
			return
		}
		n.left[budgetStale]--
		n.plan = before
		n.plan.conflict = t.kind == evIntent
		n.plan.touched = t.kind == evDrift
		yield(transition{evStale, index}, n, nil)
		index++
	})
}

// lagging lets the agent decide again, right after the last write of a plan, on a cache that does
// not have this write yet. The status and the route are exempt: the executor remembers its own
// writes of them until the watch has caught up.
func (m *modelRun) lagging(before *state, after state, yield func(transition, *state, error)) {
	old := after
	old.target, old.primary, old.sides, old.apex = before.target, before.primary, before.sides, before.apex
	if m.forgetful {
		old.route = before.route
	}
	view := m.view(&old)
	plan := m.decide(view)
	n := after
	if !n.begin(&plan) {
		return
	}
	n.left[budgetStale]--
	yield(transition{evLag, 0}, &n, nil)
}

// answered says whether the status has answered the intent.
func answered(s *state) bool {
	return s.intents == 0 || (s.status.LastIntent != nil &&
		s.status.LastIntent.ID == intentAnnotations[s.intents][s.verb][v1beta1.IntentIDAnnotation])
}
