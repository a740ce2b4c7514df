package rollout

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// begin makes a plan the one to be carried out; it returns false when there is nothing to do.
// Starting a job that runs is nothing.
func (s *state) begin(p *Plan) bool {
	changed := !sameStatus(s.status, &p.Status)
	effects := p.Effects
	if slices.ContainsFunc(effects, s.started) {
		effects = slices.DeleteFunc(slices.Clone(effects), s.started)
	}
	if !changed && len(effects) == 0 {
		return false
	}
	s.plan = inflight{open: true, effects: effects}
	if changed {
		s.plan.status = &p.Status
	}
	return true
}

// started says whether the effect asks for a job that is under way or finished.
func (s *state) started(effect Effect) bool {
	switch e := effect.(type) {
	case RunCheck:
		return s.check.id == e.ID && s.check.state != jobNone
	case CallHook:
		for i := range s.hooks {
			if s.hooks[i].id == e.ID && s.hooks[i].state != jobNone {
				return !e.Again || s.hooks[i].state == jobRunning
			}
		}
	}
	return false
}

// write carries out the next write of the plan.
func (m *sim) write(s *state) {
	switch {
	case s.plan.status != nil && s.plan.conflict:
		s.plan = inflight{}
		return
	case s.plan.status != nil:
		if old := s.status.Run; old != nil && (s.plan.status.Run == nil || s.plan.status.Run.ID != old.ID) {
			s.post = 0
		}
		s.status = s.plan.status
		s.plan.status = nil
		s.forget()
	case !m.apply(s, s.plan.effects[0]):
		s.plan = inflight{}
		return
	default:
		s.plan.effects = s.plan.effects[1:]
	}
	if len(s.plan.effects) == 0 {
		s.plan = inflight{}
	}
}

// apply is the executor; it returns false when the effect fails.
func (m *sim) apply(s *state, effect Effect) bool {
	switch e := effect.(type) {
	case EnsureServices:
		s.sides = true
	case EnsureApex:
		s.apex = true
	case CopyToPrimary:
		return s.copyToPrimary(e)
	case SetRoute:
		s.setRoute(e.Canary, false)
	case ScaleTarget:
		s.target.scale(e.Replicas)
	case RunCheck:
		if !s.started(e) {
			s.check = simJob{id: e.ID, state: jobRunning}
		}
	case CallHook:
		s.callHook(e)
	}
	return true
}

func (s *state) copyToPrimary(e CopyToPrimary) bool {
	p := &s.primary
	switch {
	case s.target.gen != e.Generation:
		return false
	case !p.exists:
		*p = simWorkload{exists: true, rev: s.target.rev, want: e.Replicas, mark: e.RunID, gen: 1}
	case p.rev != s.target.rev || p.mark != e.RunID:
		p.ship(s.target.rev)
		p.mark = e.RunID
		p.scale(e.Replicas)
	}
	return true
}

func (s *state) setRoute(canary int32, foreign bool) {
	r := &s.route
	if r.exists && r.canary == canary && r.current && !r.foreign {
		return
	}
	if !r.exists || r.canary != canary {
		r.setAt, r.since, r.found = s.now, s.now, false
	}
	r.exists, r.canary, r.current, r.foreign, r.confirmed = true, canary, true, foreign, false
}

func (s *state) callHook(e CallHook) {
	if s.started(e) {
		return
	}
	i := slices.IndexFunc(s.hooks[:], func(j simJob) bool { return j.state != jobNone && j.id == e.ID })
	if i < 0 {
		i = slices.IndexFunc(s.hooks[:], func(j simJob) bool { return j.state == jobNone })
	}
	if i < 0 {
		panic("more hooks in memory than the model has room for")
	}
	s.hooks[i] = simJob{id: e.ID, state: jobRunning}
	if e.Type == v1beta1.HookPostRollout && strings.HasPrefix(e.ID, s.status.Run.ID+"/") {
		s.post++
	}
}

// forget drops jobs that nobody will ask for again, as the executor does, so that they do not
// tell states apart.
func (s *state) forget() {
	run := s.status.Run
	for i := range s.hooks {
		if s.hooks[i].state != jobNone && !current(run, s.hooks[i].id) {
			s.hooks[i] = simJob{}
		}
	}
	if run == nil || s.check.id != checkID(run) {
		s.check = simJob{}
	}
}

// current says whether the run can still ask for the hook call with this id.
func current(run *v1beta1.RunStatus, id string) bool {
	if run == nil || !strings.HasPrefix(id, run.ID+"/") {
		return false
	}
	number := id[strings.LastIndexByte(id, '/')+1:]
	switch v1beta1.HookType(jobType(id)) {
	case v1beta1.HookRollout:
		return number == holdNumber(run)
	case v1beta1.HookPreRollout:
		name := id[len(run.ID)+1 : strings.LastIndexByte(id, '/')]
		for _, h := range run.Hooks {
			if h.Name == name {
				return h.State != v1beta1.HookPassed && number == strconv.Itoa(int(h.Attempts))
			}
		}
		return number == "0"
	default:
		return true
	}
}

// crash loses what the agent has in memory.
func (s *state) crash() {
	s.plan = inflight{}
	s.check = simJob{}
	s.hooks = [maxJobs]simJob{}
	s.route.since, s.route.found = s.now, true
}
