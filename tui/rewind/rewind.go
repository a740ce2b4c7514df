package rewind

import (
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Reason is why the verbs of a canary of the past are disabled.
const Reason = "this is a replay"

// Span is the time of the run: from its beginning to its end, or, while it is under way, to the
// last moment that is known. It is not ok when nothing is known of a run.
func Span(c view.Canary) (from, to time.Time, ok bool) {
	if c.Run != nil {
		from, to = c.Run.Start, c.Run.End
	}
	ended := !to.IsZero()
	note := func(t time.Time) {
		if t.IsZero() {
			return
		}
		if from.IsZero() {
			from = t
		}
		if !ended && t.After(to) {
			to = t
		}
	}
	for _, s := range c.Steps {
		note(s.Start)
		note(s.End)
	}
	note(c.HoldStart)
	for _, t := range checks(c) {
		note(t.at)
	}
	if from.IsZero() {
		return time.Time{}, time.Time{}, false
	}
	for _, e := range c.Events {
		if !e.Time.Before(from) {
			note(e.Time)
		}
	}
	if to.Before(from) {
		to = from
	}
	return from, to, true
}

// At is the canary as it was at a moment of its run. From the end of [Span] on it is the canary as it
// is; before the beginning it is as at the beginning. The verbs are all disabled, and nothing of c is
// shared with the result or changed.
//
// Whether the canary was suspended, being deleted, or read only in part is not known of the past; it
// was none of these then.
func At(c view.Canary, t time.Time) view.Canary {
	out := clone(c)
	for i := range out.Verbs {
		out.Verbs[i].Enabled, out.Verbs[i].Reason = false, Reason
	}
	out.PendingIntent = nil
	from, to, ok := Span(c)
	if !ok || !t.Before(to) {
		return out
	}
	if t.Before(from) {
		t = from
	}
	p := &past{Canary: &out, now: c, t: t, from: from, to: to, events: c.Events}
	p.forget()
	p.parts()
	p.steps()
	p.waits()
	p.run()
	p.words()
	return out
}

// past is a canary on the way back.
type past struct {
	*view.Canary
	now      view.Canary // as it is; only read
	events   []view.Event
	t        time.Time
	from, to time.Time
}

// happened is true for what has a time and had happened.
func (p *past) happened(at time.Time) bool { return !at.IsZero() && !at.After(p.t) }

// forget empties what is known of the present only.
func (p *past) forget() {
	p.Suspended, p.Deleting, p.Outdated, p.Problem = false, false, false, ""
	p.LiveRevision = ""
	p.HoldStart, p.JudgeTime, p.NextActionTime = time.Time{}, time.Time{}, time.Time{}
	p.NextAction, p.Message = "", ""
	p.Pods, p.PodsNote = nil, "the pods of the past are not kept"
	if !p.happened(p.LastTransition) {
		p.LastTransition = p.from
	}
	if i := p.LastIntent; i != nil && !p.happened(i.Time) {
		p.LastIntent = nil
	}
}

// parts leaves what had happened of all that has a time.
func (p *past) parts() {
	p.Events = slices.DeleteFunc(p.Events, func(e view.Event) bool { return !p.happened(e.Time) })
	p.History = slices.DeleteFunc(p.History, func(r view.Run) bool { return r.End.After(p.t) })
	// A condition is since its last transition what it is.
	p.Conditions = slices.DeleteFunc(p.Conditions, func(c view.Condition) bool { return !p.happened(c.LastTransition) })
	for i := range p.Hooks {
		if h := &p.Hooks[i]; h.LastTime.After(p.t) {
			h.State, h.Attempts, h.LastTime, h.Message = "", 0, time.Time{}, ""
		}
	}
	for i := range p.Metrics {
		m := &p.Metrics[i]
		m.Samples = slices.DeleteFunc(m.Samples, func(s view.Sample) bool { return s.Time.After(p.t) })
		m.Value, m.Primary, m.Verdict, m.Message = nil, nil, "", ""
		if n := len(m.Samples); n > 0 {
			last := m.Samples[n-1]
			m.Value, m.Primary, m.Verdict, m.Message = copied(last.Value), copied(last.Primary), last.Verdict, last.Message
		}
	}
}

// run brings the run itself, its revisions and its counts back.
func (p *past) run() {
	p.FailedChecks, p.ErroredChecks = p.failed()
	if p.Run == nil {
		return
	}
	r := p.Run
	paused := p.now.Paused() && p.LastIntent != nil && p.LastIntent.Verb == "pause"
	r.End, r.Outcome, r.Paused = time.Time{}, "", paused
	r.Message, r.By, r.MaxWeight = "", "", 0
	r.WantedWeight, r.FailedChecks = p.Weight, p.FailedChecks
	r.Checks = int32(len(checks(*p.Canary)))
	if !r.Rollback {
		p.TargetRevision = r.Revision
	}
	switch p.now.Run.Outcome {
	case "Promoted", "Skipped", "Restored", "PromotionFailed": // The primary was another one before.
		p.PromotedRevision, p.Images.Primary = p.promotedBefore(), nil
	}
}

// promotedBefore is the revision that the primary had during the run; empty when the history does
// not say.
func (p *past) promotedBefore() string {
	if p.now.Run.Outcome == "PromotionFailed" {
		return p.now.PromotedRevision
	}
	for _, r := range p.now.History { // newest first
		if r.ID == p.now.Run.ID || r.End.After(p.from) {
			continue
		}
		switch r.Outcome {
		case "Promoted", "Skipped", "Restored":
			return r.Revision
		}
	}
	return ""
}

// words says what can be said of the moment.
func (p *past) words() {
	noun, at, of := p.Position()
	step, running := p.Current()
	switch {
	case p.Phase == "Promoting" && p.RollingBack():
		p.Message = "bringing revision " + p.Run.Revision + " back to the primary"
	case p.Phase == "Promoting":
		p.Message = "rolling the primary to the new revision"
		p.NextAction = "once the primary runs the new revision, all traffic goes back to it"
	case p.Phase == "Finalising":
		p.Message = "all traffic goes to the primary"
	case !running:
		p.Message = "before the first step"
	default:
		p.Message = fmt.Sprintf("%s %d of %d, the canary gets %s", noun, at, of, p.Gets(step))
	}
	if p.Phase == "Promoting" || p.Phase == "Finalising" || !running {
		return
	}
	if last := p.lastCheck(); last.failed != "" && !last.at.Before(step.Start) {
		p.Message += "; the last check failed: " + last.failed
	}
	if gate, waits := p.WaitingGate(); waits {
		p.Message += "; waiting for gate " + gate.Name
		return
	}
	p.next(step, noun, at)
}

// next says what the step was on its way to.
func (p *past) next(step view.Step, noun string, at int) {
	p.HoldStart = step.Start
	if last := p.lastCheck(); last.at.After(p.HoldStart) {
		p.HoldStart = last.at // It began anew.
	}
	hold := step.Hold.Duration
	if hold <= 0 {
		hold = p.Interval.Duration
	}
	switch {
	case p.Paused():
		p.NextAction = "the step is held until somebody resumes the run"
		return
	case at >= p.TotalSteps || p.CurrentStep >= len(p.Steps):
		p.NextAction = "the last step is judged, then the promotion begins"
	default:
		p.NextAction = fmt.Sprintf("%s %d is judged, then the canary gets %s", noun, at, p.Gets(p.Steps[p.CurrentStep]))
	}
	if hold > 0 && !p.HoldStart.IsZero() {
		p.JudgeTime = p.HoldStart.Add(hold)
		p.NextActionTime = p.JudgeTime
	}
}
