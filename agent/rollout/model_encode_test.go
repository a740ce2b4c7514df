package rollout

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// checkID is the id of the check that ends the hold under way.
func checkID(run *v1beta1.RunStatus) string { return run.ID + "/check-" + holdNumber(run) }

func holdNumber(run *v1beta1.RunStatus) string {
	if run.HoldStartTime == nil {
		return "none"
	}
	return strconv.FormatInt(run.HoldStartTime.UnixMicro(), 10)
}

// Ages beyond these make no difference to Decide with the settings of modelCanary.
const (
	ageHold     = int32(modelInterval / time.Second)
	ageDeadline = modelDeadline
	ageDrain    = int32(drainDelay / time.Second)
	ageGate     = int32(modelTimeout / time.Second)
)

// key identifies a state. Times become ages, capped where they stop to matter; texts, ids, history
// and counters that only make names are left out.
type key [16]byte

// encoder builds keys; it keeps its buffer.
type encoder struct{ b []byte }

func (e *encoder) key(m *sim, s *state) key {
	e.b = e.b[:0]
	if s.gone {
		return key{1}
	}
	e.status(s, s.status)
	for _, w := range [...]*simWorkload{&s.target, &s.primary} {
		e.bits(w.exists, w.observed, w.rolled, w.dead, w.unmarked, w.untracked)
		seen := w.seen
		if w.observed {
			seen = 0
		}
		e.bytes(w.rev|w.configs<<4, seen, w.prev|w.prevConfigs<<4, byte(w.want), byte(w.avail))
	}
	if foreign(s.status.LastAppliedSpec) {
		e.bits(at(s.target.shipped).After(s.status.LastTransitionTime.Time))
	}
	e.bits(s.primary.mark != "" && s.status.Run != nil && s.primary.mark == s.status.Run.ID, s.sides, s.apex, s.released,
		s.deleting, s.finalizer, s.scaler.paused, s.scaler.exists)
	e.bits(s.spec.suspended, s.spec.problem, s.spec.revert, s.spec.edited)
	e.bytes(s.spec.provider, s.bound, byte(s.scaler.floor))
	e.route(m, s, &s.route)
	if s.spare.exists {
		e.route(m, s, &s.spare)
	}
	e.bytes(byte(s.check.state))
	if s.check.state >= jobPassed {
		e.bytes(capped(s.now-s.check.at, ageHold))
	}
	for i := range s.hooks {
		if j := &s.hooks[i]; j.state != jobNone {
			e.bytes('h', mark(jobType(j.id)), byte(j.state), capped(s.now-j.at, ageHold))
		}
	}
	verb := byte(0)
	if s.pending() != "" {
		verb = s.verb
	}
	e.bytes(verb, s.post)
	e.b = append(e.b, s.left[:]...)
	if s.plan.open {
		e.plan(s)
	}
	sum := sha256.Sum256(e.b)
	return key(sum[:16])
}

func (e *encoder) route(m *sim, s *state, r *simRoute) {
	e.bits(r.exists, r.current, r.foreign, r.confirmed, r.found, r.mirror, r.everyone, r.released)
	since := ageHold
	if m.reports {
		since = ageDeadline
	}
	e.bits(r.cookies == cookiesOf(s.status))
	e.bytes(byte(r.canary), capped(s.now-r.setAt, ageHold), capped(s.now-r.since, since))
}

func (e *encoder) plan(s *state) {
	e.bits(true, s.plan.conflict, s.plan.touched)
	if s.plan.status != nil {
		e.bytes('S')
		e.status(s, s.plan.status)
		e.bits(cookiesOf(s.plan.status) == cookiesOf(s.status), cookiesOf(s.plan.status) == s.route.cookies, s.plan.status.LastIntent != nil &&
			s.intents > 0 && s.plan.status.LastIntent.ID == s.intentID())
	}
	for _, effect := range s.plan.effects {
		switch f := effect.(type) {
		case SetFinalizer:
			e.bytes('f')
			e.bits(f.Present)
		case EnsureServices:
			e.bytes('s')
		case EnsureApex:
			e.bytes('a')
		case CopyToPrimary:
			e.bytes('c', revisionMark(f.Revision), byte(f.Replicas))
			e.bits(f.Generation == s.target.gen, f.RunID == s.primary.mark)
		case AdoptPrimary:
			e.bytes('m', revisionMark(f.Revision))
		case RestorePrimary:
			e.bytes('b', revisionMark(f.Revision))
		case SetRoute:
			e.bytes('r', byte(f.Canary))
			e.bits(f.Mirror, f.Everyone)
		case Release:
			e.bytes('l')
		case ScaleTarget:
			e.bytes('t', byte(f.Replicas))
		case EnsureScaler:
			e.bytes('e', byte(f.Floor))
		case PauseScaler:
			e.bytes('p')
			e.bits(f.Pause)
		case RunCheck:
			e.bytes('k')
		case CallHook:
			e.bytes('h', mark(string(f.Type)))
			e.bits(f.Again)
		}
	}
}

func (e *encoder) status(s *state, st *v1beta1.CanaryStatus) {
	e.bytes(mark(string(st.Phase)), byte(st.FailedChecks), byte(st.CanaryWeight), revisionMark(st.LastAppliedSpec), revisionMark(st.LastPromotedSpec))
	for i := range st.Conditions {
		switch c := &st.Conditions[i]; c.Type {
		case v1beta1.ConditionRouteDrift:
			e.bytes('D', s.age(c.LastUpdateTime.Time, ageHold+1))
		case v1beta1.ConditionStalled:
			e.bytes('Z', mark(c.Reason))
			e.bits(c.Message == st.Message)
		default:
		}
	}
	if p := st.Phase; p == "" || p == v1beta1.PhaseInitializing || p == v1beta1.PhaseTerminating {
		e.bytes(s.age(st.LastTransitionTime.Time, ageDeadline))
	}
	e.bits(st.Message == msgSuspended, st.Bound != nil, st.Bound != nil && st.Bound.Provider == simOtherProvider,
		st.SessionAffinityCookie != "", st.PrimarySessionAffinityCookie != "", st.PreviousSessionAffinityCookie != "")
	run := st.Run
	if run == nil {
		e.bytes(0xff, byte(st.Iterations))
		return
	}
	e.bits(run.Analysed, run.Paused, run.PromoteNow, run.StepNow, run.StepPassed, run.Repair, run.Rollback)
	e.bytes(revisionMark(run.Revision), mark(string(run.Outcome)), byte(run.Step), byte(run.ErroredChecks), byte(run.Weight), byte(run.Floor))
	if run.HoldStartTime != nil {
		e.bytes('H', s.age(run.HoldStartTime.Time, ageHold))
	}
	if run.UnreadySince != nil {
		e.bytes('U', s.age(run.UnreadySince.Time, ageDeadline))
	}
	if st.Phase == v1beta1.PhasePromoting {
		e.bytes('P', s.age(run.PhaseStartTime.Time, ageDeadline))
	}
	for i := range run.Gates {
		g := &run.Gates[i]
		e.bytes('G', mark(g.Name), mark(string(g.State)))
		if g.State == v1beta1.GateWaiting {
			e.bytes(s.age(g.Since.Time, ageGate))
		}
	}
	for i := range run.Hooks {
		h := &run.Hooks[i]
		e.bytes(mark(jobType("/"+h.Name)), mark(string(h.State)), byte(h.Attempts), s.age(h.LastTime.Time, ageHold))
	}
	for i := range st.Steps {
		e.bits(st.Steps[i].Mirror)
		e.bytes(byte(st.Steps[i].Weight), mark(string(st.Steps[i].State)))
	}
}

func (s *state) age(t time.Time, limit int32) byte {
	return capped(s.now-int32(t.Sub(epoch)/time.Second), limit)
}

func capped(age, limit int32) byte { return byte(min(age, limit)) }

// revisionMark makes a byte of a revision: rs:r1, rs:r1+c1, primary/rs:r1, or another controller's.
func revisionMark(s string) byte {
	template, configs, _ := strings.Cut(s, "+")
	switch {
	case s == "":
		return 0
	case configs != "":
		return 0x40 + (template[len(template)-1]-'0')*8 + configs[len(configs)-1] - '0'
	case strings.HasPrefix(s, "primary/"):
		return 0x20 + s[len(s)-1] - '0'
	case foreign(s):
		return 0x80 + s[0]
	}
	return s[len(s)-1] - '0'
}

// mark makes a byte of a name; TestMarks makes sure that it tells all names apart that it is used for.
func mark(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]*31 + byte(len(s))
}

// jobType is the hook type in the id of a call: <run>/<type>/<name>…
func jobType(id string) string {
	_, rest, _ := strings.Cut(id, "/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func (e *encoder) bytes(b ...byte) { e.b = append(e.b, b...) }

func (e *encoder) bits(flags ...bool) {
	b := byte(0)
	if len(flags) > 8 {
		panic("more flags than a byte has")
	}
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	e.b = append(e.b, b)
}
