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
		m.rebind(s)
		s.forget()
	default:
		effect := s.plan.effects[0]
		if _, ok := effect.(Release); ok && !s.released {
			s.released = true // The first of its two writes.
			return
		}
		if !m.apply(s, effect) || s.gone {
			s.plan = inflight{}
			return
		}
		s.plan.effects = s.plan.effects[1:]
	}
	if len(s.plan.effects) == 0 {
		s.plan = inflight{}
	}
}

// apply is the executor; it returns false when the effect fails.
func (m *sim) apply(s *state, effect Effect) bool {
	switch e := effect.(type) {
	case SetFinalizer:
		s.finalizer = e.Present
		s.gone = s.deleting && !e.Present
	case EnsureServices:
		s.sides = true
	case EnsureApex:
		s.apex = true
		if m.providerName(s.bound) == v1beta1.ProviderKubernetes {
			s.routeTo(SetRoute{Canary: s.status.CanaryWeight}, false)
		}
	case CopyToPrimary:
		return s.copyToPrimary(e)
	case AdoptPrimary:
		if !s.primary.exists {
			return false
		}
		s.primary.unmarked = false
	case RestorePrimary:
		p := &s.primary
		if !p.exists || e.Revision != named[p.prev][p.prevConfigs] {
			return false
		}
		p.copied(p.prev, p.prevConfigs)
		p.mark, p.shipped = e.RunID, s.now
	case SetRoute:
		s.routeTo(e, false)
	case Release:
		if !s.route.released {
			s.routeTo(SetRoute{Canary: 100}, false)
			s.route.released, s.route.confirmed = true, false
			s.route.setAt, s.route.since, s.route.found = s.now, s.now, false
		}
	case ScaleTarget:
		if !s.target.exists {
			return false
		}
		s.target.scale(e.Replicas)
	case EnsureScaler:
		s.scaler.exists, s.scaler.floor = true, e.Floor
		if p := &s.primary; p.exists && p.want < e.Floor {
			p.scale(e.Floor)
		}
	case PauseScaler:
		s.scaler.paused = e.Pause
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
	case !s.target.exists || s.target.gen != e.Generation || !strings.HasSuffix(e.Revision, fingerprints[s.target.fingerprint()]):
		return false
	case !p.exists:
		*p = simWorkload{
			exists: true, rev: s.target.rev, configs: s.target.fingerprint(), want: e.Replicas, mark: e.RunID, gen: p.gen + 1,
			fixed: s.target.fixed, shipped: s.now,
		}
		if p.fixed {
			p.avail, p.rolled = p.want, true
		}
	case p.rev != s.target.rev || p.configs != s.target.fingerprint() || p.mark != e.RunID:
		p.copied(s.target.rev, s.target.fingerprint())
		p.mark, p.shipped = e.RunID, s.now
		p.scale(e.Replicas)
	}
	return true
}

func (s *state) routeTo(to SetRoute, foreign bool) {
	r := &s.route
	cookies := cookiesOf(s.status)
	if foreign {
		cookies = r.cookies
	}
	same := r.exists && r.canary == to.Canary && r.mirror == to.Mirror && r.everyone == to.Everyone && !r.released
	if same && r.current && !r.foreign && r.cookies == cookies {
		return
	}
	if !same {
		r.setAt, r.since, r.found = s.now, s.now, false
	}
	*r = simRoute{
		exists: true, current: true, foreign: foreign, canary: to.Canary, mirror: to.Mirror, everyone: to.Everyone,
		cookies: cookies, setAt: r.setAt, since: r.since, found: r.found,
	}
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
	case v1beta1.HookConfirmTrafficIncrease:
		return number == strconv.Itoa(int(run.Step))
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
	s.spare.since, s.spare.found = s.now, true
}

// setRoute writes a share and nothing else.
func (s *state) setRoute(canary int32, foreign bool) { s.routeTo(SetRoute{Canary: canary}, foreign) }
