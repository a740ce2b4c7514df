package rollout

import (
	"crypto/sha256"
	"slices"
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
)

// key identifies a state. Times become ages, capped where they stop to matter; texts, ids, history
// and counters that only make names are left out.
type key [16]byte

// encoder builds keys; it keeps its buffer.
type encoder struct{ b []byte }

func (e *encoder) key(m *sim, s *state) key {
	e.b = e.b[:0]
	e.status(s, s.status)
	for _, w := range [...]*simWorkload{&s.target, &s.primary} {
		e.bits(w.exists, w.observed, w.rolled, w.dead)
		seen := w.seen
		if w.observed {
			seen = 0
		}
		e.bytes(w.rev, seen, byte(w.want), byte(w.avail))
	}
	e.bits(s.primary.mark != "" && s.status.Run != nil && s.primary.mark == s.status.Run.ID, s.sides, s.apex,
		s.route.exists, s.route.current, s.route.foreign, s.route.confirmed, s.route.found)
	since := ageHold
	if m.reports {
		since = ageDeadline
	}
	e.bytes(byte(s.route.canary), capped(s.now-s.route.setAt, ageHold), capped(s.now-s.route.since, since))
	e.bytes(byte(s.check.state))
	if s.check.state >= jobPassed {
		e.bytes(capped(s.now-s.check.at, ageHold))
	}
	for i := range s.hooks {
		if j := &s.hooks[i]; j.state != jobNone {
			e.bytes('h', mark(jobType(j.id)), byte(j.state), capped(s.now-j.at, ageHold))
		}
	}
	pending := s.intents > 0 && (s.status.LastIntent == nil || s.status.LastIntent.ID != intentAnnotations[s.intents][s.verb][v1beta1.IntentIDAnnotation])
	verb := byte(0)
	if pending {
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

func (e *encoder) plan(s *state) {
	e.bits(true, s.plan.conflict, s.plan.touched)
	if s.plan.status != nil {
		e.bytes('S')
		e.status(s, s.plan.status)
	}
	for _, effect := range s.plan.effects {
		switch f := effect.(type) {
		case EnsureServices:
			e.bytes('s')
		case EnsureApex:
			e.bytes('a')
		case CopyToPrimary:
			fresh := byte(0)
			if f.Generation == s.target.gen {
				fresh = 1
			}
			e.bytes('c', f.Revision[len(f.Revision)-1], fresh, byte(f.Replicas))
		case SetRoute:
			e.bytes('r', byte(f.Canary))
		case ScaleTarget:
			e.bytes('t', byte(f.Replicas))
		case RunCheck:
			e.bytes('k')
		case CallHook:
			e.bytes('h', mark(string(f.Type)))
			e.bits(f.Again)
		}
	}
}

func (e *encoder) status(s *state, st *v1beta1.CanaryStatus) {
	e.bytes(mark(string(st.Phase)), byte(st.FailedChecks), byte(st.CanaryWeight), tail(st.LastAppliedSpec), tail(st.LastPromotedSpec))
	for i := range st.Conditions {
		if c := &st.Conditions[i]; c.Type == v1beta1.ConditionRouteDrift {
			e.bytes('D', s.age(c.LastUpdateTime.Time, ageHold+1))
		}
	}
	run := st.Run
	if run == nil {
		e.bytes(0xff)
		return
	}
	e.bits(run.Analysed, run.Paused, run.PromoteNow, run.StepNow)
	e.bytes(tail(run.Revision), mark(string(run.Outcome)), byte(run.Step), byte(run.ErroredChecks), byte(run.Weight))
	if run.HoldStartTime != nil {
		e.bytes('H', s.age(run.HoldStartTime.Time, ageHold))
	}
	if run.UnreadySince != nil {
		e.bytes('U', s.age(run.UnreadySince.Time, ageDeadline))
	}
	if st.Phase == v1beta1.PhasePromoting {
		e.bytes('P', s.age(run.PhaseStartTime.Time, ageDeadline))
	}
	for i := range run.Hooks {
		h := &run.Hooks[i]
		e.bytes(mark(jobType("/"+h.Name)), mark(string(h.State)), byte(h.Attempts), s.age(h.LastTime.Time, ageHold))
	}
	for i := range st.Steps {
		e.bytes(byte(st.Steps[i].Weight), mark(string(st.Steps[i].State)))
	}
}

func (s *state) age(t time.Time, limit int32) byte {
	return capped(s.now-int32(t.Sub(epoch)/time.Second), limit)
}

func capped(age, limit int32) byte { return byte(min(age, limit)) }

func tail(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
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
	for i, f := range flags {
		if f {
			b |= 1 << i
		}
	}
	e.b = append(e.b, b)
}

// sameStatus says whether a write of b over a would be none. It is what the executor compares,
// written out because reflection would take most of the time of the exploration.
func sameStatus(a, b *v1beta1.CanaryStatus) bool {
	if a.Phase != b.Phase || a.FailedChecks != b.FailedChecks || a.CanaryWeight != b.CanaryWeight ||
		a.LastAppliedSpec != b.LastAppliedSpec || a.LastPromotedSpec != b.LastPromotedSpec ||
		a.Message != b.Message || a.ObservedGeneration != b.ObservedGeneration ||
		!a.LastTransitionTime.Equal(&b.LastTransitionTime) || !a.NextActionTime.Equal(b.NextActionTime) ||
		len(a.History) != len(b.History) || (a.LastIntent == nil) != (b.LastIntent == nil) {
		return false
	}
	if a.LastIntent != nil && a.LastIntent.ID != b.LastIntent.ID {
		return false
	}
	if !slices.Equal(a.Conditions, b.Conditions) || !sameRun(a.Run, b.Run) || len(a.Steps) != len(b.Steps) {
		return false
	}
	for i := range a.Steps {
		x, y := &a.Steps[i], &b.Steps[i]
		if x.Weight != y.Weight || x.State != y.State || x.FailedChecks != y.FailedChecks ||
			!x.StartTime.Equal(y.StartTime) || !x.EndTime.Equal(y.EndTime) {
			return false
		}
	}
	return true
}

func sameRun(a, b *v1beta1.RunStatus) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Revision == b.Revision && a.Outcome == b.Outcome && a.Step == b.Step &&
		a.Checks == b.Checks && a.ErroredChecks == b.ErroredChecks && a.Weight == b.Weight &&
		a.Analysed == b.Analysed && a.Paused == b.Paused && a.PromoteNow == b.PromoteNow && a.StepNow == b.StepNow &&
		a.PhaseStartTime.Equal(&b.PhaseStartTime) && a.HoldStartTime.Equal(b.HoldStartTime) &&
		a.UnreadySince.Equal(b.UnreadySince) && slices.Equal(a.Hooks, b.Hooks)
}
