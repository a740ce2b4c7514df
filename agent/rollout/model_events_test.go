package rollout

import (
	"bytes"
	"fmt"
	"slices"
	"time"
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
	evUserEdit  // arg: edit
	evConfig    // a tracked config has other content: arg: fingerprint
	evVanish    // arg: 0 target, 1 primary
	evAppear    // the target is created again; arg: revision
	evDeletion  // the Canary is deleted
	evUpgrade   // arg: 0 as it is, 1 with config tracking switched
	evScaler    // arg: 0 the primary gets a replica less, 1 the idle target one, 2 the paused target none
	evBootstrap // not explored: the way to the second root
)

var kindNames = [...]string{
	"agent", "time passes", "target observed", "primary observed", "target rolled", "primary rolled",
	"target pod ready", "primary pod ready", "check", "hook", "router confirms", "USER SHIPS", "TARGET SCALED",
	"POD LOST", "DEADLINE EXCEEDED", "ROUTE WRITTEN BY OTHER", "INTENT", "CRASH", "STALE", "LAGGING CACHE",
	"USER EDITS", "CONFIG CHANGES", "OBJECT DELETED", "target created again", "CANARY DELETED", "AGENT REPLACED",
	"AUTOSCALER", "bootstrap",
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
	case evShip, evAppear:
		return name + " " + revisions[t.arg]
	case evUserEdit:
		return name + " " + [...]string{"", "suspend", "problem", "revertOnDeletion", "steps", "provider", "resume"}[t.arg]
	case evLose, evDead, evVanish:
		return name + " " + [...]string{"target", "primary"}[t.arg]
	case evIntent:
		return name + " " + string(verbs[t.arg])
	case evScale, evDrift, evConfig, evUpgrade, evScaler:
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
	case evShip, evScale, evLose, evDead, evDrift, evIntent, evReadyTarget, evReadyPrimary,
		evUserEdit, evConfig, evVanish, evAppear, evDeletion, evScaler:
		return true
	default:
		return false
	}
}

// ofCanary says whether the transition writes the Canary, so that a write of its status fails that
// was decided on before.
func (t transition) ofCanary() bool {
	return t.kind == evIntent || t.kind == evUserEdit || t.kind == evDeletion
}

// environment yields what can happen around the agent.
func (m *modelRun) environment(s *state, yield func(transition, *state)) {
	if s.gone {
		return
	}
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
		if s.left[budgetObject] > 0 {
			change(evVanish, uint8(i), budgetObject, func(w *simWorkload) { w.vanish() })
		}
		if w.avail > 0 && !w.fixed {
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
	m.owners(s, yield)
	m.autoscalers(s, yield)
	if s.left[budgetUpgrade] > 0 {
		m.upgrades(s, yield)
	}
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
			if result != usualAnswer(s.hooks[i].id) {
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

// successors yields all that can happen next; a transition that breaks an invariant comes with it.
func (m *modelRun) successors(s *state, yield func(transition, *state, error)) {
	if s.gone {
		return
	}
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
	for range 3 {
		if err != nil || !s.silent(&plan) {
			break
		}
		old, n := s, *s
		n.status = &plan.Status
		s = &n
		if err = m.checkStatus(old, s); err != nil {
			break
		}
		view = m.view(s)
		plan = m.decide(view)
		err = m.checkPlan(s, &view, &plan)
	}
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
		if n.gone {
			return
		}
		n.left[budgetStale]--
		n.plan = before
		n.plan.conflict = t.ofCanary()
		n.plan.touched = t.kind == evDrift
		yield(transition{evStale, index}, n, nil)
		index++
	})
}

// silent says whether a plan changes nothing but words: what is not in the key of a state, such as
// status.message. It is written at once, since the states before and after it have the same key.
func (s *state) silent(p *Plan) bool {
	if sameStatus(s.status, &p.Status) || slices.ContainsFunc(p.Effects, func(e Effect) bool { return !s.started(e) }) {
		return false
	}
	if a, b := s.status.LastIntent, p.Status.LastIntent; b != nil && (a == nil || a.ID != b.ID) {
		return false
	}
	var before, after encoder
	before.status(s, s.status)
	after.status(s, &p.Status)
	return bytes.Equal(before.b, after.b) && cookiesOf(s.status) == cookiesOf(&p.Status)
}

// lagging lets the agent decide again, right after the last write of a plan, on a cache that does
// not have this write yet. The status and the route are exempt: the executor remembers its own
// writes of them until the watch has caught up.
func (m *modelRun) lagging(before *state, after state, yield func(transition, *state, error)) {
	old := after
	old.target, old.primary, old.sides, old.apex, old.scaler = before.target, before.primary, before.sides, before.apex, before.scaler
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
