package rollout

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// result of an exploration.
type result struct {
	states, transitions, depth int
	// continued states were followed to their end in a cooperative environment; the longest way
	// took that many steps.
	continued, longest int
	took               time.Duration
	err                error
	trace              string
}

// node is how a state was first reached; the nodes give the shortest trace to each.
type node struct {
	parent int32
	by     transition
}

type visited struct {
	state state
	index int32
}

type found struct {
	key   key
	state state
	node  node
}

// batch is the number of states that are expanded before their successors are merged. It bounds
// the memory, and makes the result independent of how the workers are scheduled.
const batch = 8192

// sample is how many states there are to each that is continued cooperatively.
const sample = 50

// worker expands states.
type worker struct {
	m           *modelRun
	known       map[key]struct{}
	enc         encoder
	out         []found
	transitions int
	continued   int
	longest     int
	err         error
	at          node
}

func (w *worker) expand(states []visited) {
	w.out = w.out[:0]
	w.err = nil
	for i := range states {
		v := &states[i]
		w.m.successors(&v.state, func(t transition, n *state, err error) {
			if err != nil {
				w.fail(err, node{v.index, t})
				return
			}
			w.transitions++
			k := w.enc.key(&w.m.sim, n)
			if _, ok := w.known[k]; !ok {
				w.out = append(w.out, found{k, *n, node{v.index, t}})
			}
		})
		if v.index%sample == 0 {
			steps, err := w.m.continuation(v.state)
			if err != nil {
				w.fail(err, node{v.index, transition{evBootstrap, 0}})
			}
			w.continued++
			w.longest = max(w.longest, steps)
		}
		if w.err != nil {
			return
		}
	}
}

func (w *worker) fail(err error, at node) {
	if w.err == nil {
		w.err, w.at = err, at
	}
}

// explore goes breadth first from a new Canary, and from one that has been initialized, until
// there are no new states, an invariant is broken, or the limit is reached.
func (m *modelRun) explore(limit int) result {
	began := time.Now()
	known := make(map[key]struct{})
	workers := make([]*worker, max(min(runtime.GOMAXPROCS(0), 8), 1))
	for i := range workers {
		workers[i] = &worker{m: m, known: known}
	}
	roots := m.begin()
	var nodes []node
	var frontier []visited
	for i := range roots {
		known[workers[0].enc.key(&m.sim, &roots[i])] = struct{}{}
		frontier = append(frontier, visited{roots[i], int32(i)})
		nodes = append(nodes, node{parent: -1})
	}
	r := result{}
	for len(frontier) > 0 && r.err == nil && len(nodes) < limit {
		r.depth++
		var next []visited
		for len(frontier) > 0 && r.err == nil && len(nodes) < limit {
			n := min(batch, len(frontier))
			expand(workers, frontier[:n])
			frontier = frontier[n:]
			for _, w := range workers {
				for i := range w.out {
					f := &w.out[i]
					if _, ok := known[f.key]; ok {
						continue
					}
					known[f.key] = struct{}{}
					next = append(next, visited{f.state, int32(len(nodes))})
					nodes = append(nodes, f.node)
				}
				if w.err != nil {
					r.err = w.err
					r.trace = m.trace(roots, nodes, w.at)
					break
				}
			}
		}
		frontier = next
	}
	for _, w := range workers {
		r.transitions += w.transitions
		r.continued += w.continued
		r.longest = max(r.longest, w.longest)
	}
	r.states = len(nodes)
	r.took = time.Since(began)
	return r
}

func expand(workers []*worker, states []visited) {
	var wait sync.WaitGroup
	share := (len(states) + len(workers) - 1) / len(workers)
	for i, w := range workers {
		part := states[min(i*share, len(states)):min((i+1)*share, len(states))]
		wait.Go(func() { w.expand(part) })
	}
	wait.Wait()
}

// begin are the states from which the exploration goes.
func (m *modelRun) begin() []state {
	if m.roots != nil {
		return m.roots(m)
	}
	return append([]state{m.fresh(), m.initialized()}, m.promotionFailed()...)
}

// initialized is the second root: as the first, after an untroubled bootstrap.
func (m *modelRun) initialized() state {
	s := m.fresh()
	if _, err := m.cooperate(&s, nil); err != nil {
		return m.fresh() // The exploration from the first root will find out.
	}
	return s
}

// promotionFailed are the states after a revision that passed its analysis and does not start on
// the primary; in one of them the primary has kept its old pods, in the other it has lost them.
func (m *modelRun) promotionFailed() (roots []state) {
	for _, kept := range []int32{m.pods, 0} {
		s := m.initialized()
		s.target.ship(2)
		if _, err := m.cooperate(&s, func(s *state) bool {
			return s.status.Phase == v1beta1.PhasePromoting && s.primary.rev == 2 && s.primary.observed
		}); err != nil {
			continue
		}
		s.primary.avail, s.primary.dead = kept, true
		if _, err := m.cooperate(&s, nil); err == nil {
			roots = append(roots, s)
		}
	}
	return roots
}

// continuation follows a state to its end in a cooperative environment (L3).
func (m *modelRun) continuation(s state) (int, error) {
	start := s
	steps, err := m.cooperate(&s, nil)
	if err == nil {
		return steps, nil
	}
	var log []string
	_, _ = m.cooperate(&start, func(s *state) bool { log = append(log, "    "+s.String()); return false })
	log = log[max(len(log)-12, 0):]
	return steps, fmt.Errorf("%w\n  at the end of the cooperative continuation: %s\n%s", err, s.String(), strings.Join(log, "\n"))
}

// patienceOfModel is the number of writes and events within which a state must come to its end.
const patienceOfModel = 250

// cooperate lets the agent act whenever it wants to, and otherwise lets good things happen.
// It stops early at rest when stop says so.
func (m *modelRun) cooperate(s *state, stop func(*state) bool) (steps int, err error) {
	for ; steps < patienceOfModel; steps++ {
		if s.gone {
			return steps, nil
		}
		if s.plan.open {
			if err := m.checkedWrite(s); err != nil {
				return steps, err
			}
			continue
		}
		view := m.view(s)
		plan := m.decide(view)
		if err := m.checkPlan(s, &view, &plan); err != nil {
			return steps, err
		}
		if s.begin(&plan) {
			continue
		}
		if err := m.checkQuiescent(s, &view, &plan); err != nil {
			return steps, err
		}
		if stop != nil && stop(s) {
			return steps, nil
		}
		switch gate := simWaitingGate(s); {
		case s.kindness(m.reports):
		case s.spec.suspended || s.spec.problem:
			s.edit(editResume)
		case s.deleting && s.target.broken():
			return steps, nil // To be mended by the user, or given up.
		case s.status.Run != nil && s.status.Run.Paused:
			s.ask(v1beta1.VerbResume)
		case gate != nil && !m.times(gate) && s.intents < maxIntents-2:
			s.ask(v1beta1.VerbApprove)
		case !plan.WakeAt.IsZero():
			s.now = int32((plan.WakeAt.Sub(epoch) + time.Second - 1) / time.Second)
		case terminal(s.status.Phase), s.firstBroken():
			return steps, nil
		case !s.target.exists && s.status.Phase == v1beta1.PhaseInitializing:
			s.target.appear(max(s.target.rev, 1), m.pods, s.now)
		default:
			return steps, violation("L3", "stuck in %s: %s", s.status.Phase, s.status.Message)
		}
	}
	return steps, violation("L3", "no end after %d steps, in %s: %s", steps, s.status.Phase, s.status.Message)
}

// times says whether a gate has a timeout, in which case nobody answers it.
func (m *modelRun) times(g *v1beta1.GateStatus) bool {
	for _, c := range []*v1beta1.Canary{m.canary, m.edited} {
		for _, gate := range c.GetAnalysis().Gates {
			if gate.Name == g.Name {
				return gate.TimeoutOrZero() > 0
			}
		}
	}
	return false
}

// kindness lets one good thing happen.
func (s *state) kindness(reports bool) bool {
	for _, w := range []*simWorkload{&s.target, &s.primary} {
		switch {
		case !w.waiting():
		case !w.observed:
			w.observed = true
			return true
		case !w.rolled:
			w.rolled = true
			return true
		default:
			w.avail, w.dead = w.want, false
			return true
		}
	}
	if s.check.state == jobRunning {
		s.check.state, s.check.at = jobPassed, s.now
		return true
	}
	for i := range s.hooks {
		if s.hooks[i].state == jobRunning {
			s.hooks[i].state, s.hooks[i].at = usualAnswer(s.hooks[i].id), s.now
			return true
		}
	}
	if reports && s.route.exists && !s.route.confirmed {
		s.route.confirmed = true
		return true
	}
	return false
}

// trace replays the way to a violation.
func (m *modelRun) trace(roots []state, nodes []node, last node) string {
	way := []node{last}
	at := last.parent
	for nodes[at].parent >= 0 {
		way = append(way, nodes[at])
		at = nodes[at].parent
	}
	s := roots[at]
	var b strings.Builder
	fmt.Fprintf(&b, "  shortest trace, %d transitions:\n  %-24s %s\n", len(way), "start", s.String())
	for _, w := range slices.Backward(way) {
		if w.by.kind == evBootstrap {
			break
		}
		old := s
		m.successors(&old, func(t transition, n *state, _ error) {
			if t == w.by {
				s = *n
			}
		})
		fmt.Fprintf(&b, "  %-24s %s\n", w.by, s.String())
	}
	return b.String()
}
