package rollout

import (
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// carryOut says whether the effect has changed anything, and whether the next may follow.
func (s *stage) carryOut(effect Effect) (did, ok bool) {
	s.t.Helper()
	w := &s.w
	switch e := effect.(type) {
	case SetFinalizer:
		has := slices.Contains(w.Canary.Finalizers, v1beta1.Finalizer)
		w.Canary.Finalizers = slices.DeleteFunc(w.Canary.Finalizers, func(f string) bool { return f == v1beta1.Finalizer })
		if e.Present {
			w.Canary.Finalizers = append(w.Canary.Finalizers, v1beta1.Finalizer)
		}
		return has != e.Present, true
	case EnsureServices:
		w.Services.Sides = true
	case EnsureApex:
		w.Services.Apex = true
	case CopyToPrimary:
		return s.copyToPrimary(e)
	case AdoptPrimary:
		w.Primary.Unmarked, w.Primary.Source = false, e.Revision
	case RestorePrimary:
		s.rollPrimary(e.Revision, e.RunID, w.Primary.Replicas)
	case SetRoute:
		s.setRoute(e)
	case Release:
		w.Services.Released, w.Services.Apex = true, false
		r := w.Route
		r.Released, r.Since, r.Found, r.Confirmed = true, w.Now, false, false
		s.routes[r.Provider] = r
		w.Route = r
	case ScaleTarget:
		return s.scale(e.Replicas), true
	case EnsureScaler:
		w.Scaler.Current = true
	case PauseScaler:
		w.Scaler.Paused = e.Pause
	case RunCheck:
		did = s.running != e.ID && (w.Check == nil || w.Check.ID != e.ID)
		s.running = e.ID
		return did, true
	case CallHook:
		h, known := w.Hooks[e.ID]
		if known && (!e.Again || !h.Done) {
			return false, true
		}
		w.Hooks[e.ID] = HookResult{}
		s.calls[e.Name]++
	}
	return true, true
}

func (s *stage) copyToPrimary(e CopyToPrimary) (did, ok bool) {
	s.t.Helper()
	if f := s.beforeCopy; f != nil {
		s.beforeCopy = nil
		f()
	}
	w := &s.w
	if w.Target.Generation != e.Generation {
		return false, false
	}
	if w.Primary.Exists && w.Primary.Source == e.Revision && s.mark == e.RunID {
		return false, true
	}
	if s.phase() == v1beta1.PhasePromoting && (w.Target.Replicas == 0 || w.Target.Available == 0 || e.Replicas < 1) {
		s.t.Fatalf("S6: a revision without pods is promoted: %s", s)
	}
	s.rollPrimary(e.Revision, e.RunID, e.Replicas)
	return true, true
}

// rollPrimary makes the primary run a revision; its old pods stay until new ones are ready.
func (s *stage) rollPrimary(revision, mark string, replicas int32) {
	p := &s.w.Primary
	if p.Exists && p.Source != revision {
		p.Previous = p.Source
	}
	p.Exists, p.Observed, p.Unmarked, p.DeadlineExceeded = true, false, false, false
	p.Source, p.Revision = revision, revision
	p.Replicas, p.Updated = replicas, 0
	p.Total = max(p.Total, p.Available)
	s.mark = mark
}

func (s *stage) setRoute(e SetRoute) {
	s.t.Helper()
	w := &s.w
	ready, _ := w.Target.Ready(100)
	target, primary := w.Target.Replicas > 0 && w.Target.Available > 0, w.Primary.Available > 0
	if (e.Canary > 0 && !target && primary) || (e.Canary < 100 && !primary && target && ready) {
		s.t.Fatalf("S1: %s to a side that cannot serve: %s", e, s)
	}
	if e.Canary != s.status().CanaryWeight {
		s.t.Fatalf("S1: %s, the status says %d", e, s.status().CanaryWeight)
	}
	r := w.Route
	if !r.Exists || r.Canary != e.Canary || r.Mirror != e.Mirror || r.Everyone != e.Everyone {
		r.Since, r.Found = w.Now, false
	}
	r.Exists, r.Current, r.Released, r.Confirmed, r.Manager = true, true, false, false, ""
	r.Canary, r.Mirror, r.Everyone = e.Canary, e.Mirror, e.Everyone
	if r.Provider == v1beta1.ProviderKubernetes {
		r.Mirror, r.Everyone = false, false // A Service knows neither.
	}
	s.routes[r.Provider] = r
	w.Route = r
}

func (s *stage) scale(n int32) bool {
	s.t.Helper()
	w := &s.w
	if n < w.Target.Replicas {
		if r := w.Route; r.Canary != 0 || r.Mirror || w.Now.Sub(r.Since) < drainDelay || (r.Reports && !r.Confirmed) {
			s.t.Fatalf("S2: the target is scaled to %d with traffic on it: %s", n, s)
		}
	}
	return s.scaled(n)
}

// scaled is scaling by anybody.
func (s *stage) scaled(n int32) bool {
	t := &s.w.Target
	if t.Replicas == n {
		return false
	}
	t.Replicas, t.Observed = n, false
	t.Generation++
	t.Available, t.Updated, t.Total = min(t.Available, n), min(t.Updated, n), min(t.Total, n)
	return true
}

// ship edits the target's template.
func (s *stage) ship(revision string) {
	t := &s.w.Target
	t.Revision, t.Observed, t.Updated, t.DeadlineExceeded = revision, false, 0, false
	t.Generation++
}

// environment lets one thing happen.
func (s *stage) environment() bool {
	rolls := func(w *Workload, stuck bool) bool {
		switch n := w.Replicas; {
		case !w.Exists:
			return false
		case !w.Observed:
			w.Observed = true
			return true
		case n == 0 && w.Total+w.Updated+w.Available > 0, !stuck && (w.Updated != n || w.Available != n || w.Total != n):
			w.Total, w.Updated, w.Available = n, n, n
			return true
		}
		return false
	}
	if rolls(&s.w.Target, s.targetStuck) || rolls(&s.w.Primary, s.primaryStuck) {
		return true
	}
	if s.running != "" {
		result := CheckResult{}
		if len(s.checks) > 0 {
			result, s.checks = s.checks[0], s.checks[1:]
		}
		result.ID = s.running
		s.w.Check, s.running = &result, ""
		return true
	}
	for id, h := range s.w.Hooks {
		if name := id[strings.Index(id, "/")+1:]; !h.Done && !s.is(s.silent, name) {
			h.Done, h.FinishedAt = true, s.w.Now
			h.Err = ""
			if s.is(s.closed, name) {
				h.Err = "403 Forbidden"
			}
			s.w.Hooks[id] = h
			return true
		}
	}
	if r := s.w.Route; r.Reports && !r.Confirmed && !s.routerStuck {
		r.Confirmed = true
		s.routes[r.Provider] = r
		return true
	}
	return false
}

// is says whether a hook is among those of a set, by <type>/<name>[/<number>].
func (s *stage) is(set map[string]bool, name string) bool {
	parts := strings.Split(name, "/")
	return len(parts) > 1 && set[parts[1]]
}
