package rewind

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// The states of a step, and those of a gate that matter here.
const (
	stepPending = "Pending"
	stepActive  = "Active"
	gateWaiting = "Waiting"
)

// steps brings the step track and the weight back.
func (p *past) steps() {
	p.CurrentStep, p.Weight = 0, 0
	for i := range p.Steps {
		s := &p.Steps[i]
		begun, left := p.times(i)
		switch {
		case !p.happened(begun):
			*s = view.Step{Weight: s.Weight, Mirror: s.Mirror, Hold: s.Hold, State: stepPending}
			continue
		case !p.happened(left):
			s.State, s.End = stepActive, time.Time{}
			s.FailedChecks = min(s.FailedChecks, p.failedIn(begun))
		}
		p.CurrentStep, p.Weight = i+1, s.Weight
	}
	if p.Run != nil && p.Run.Repair && p.CurrentStep == 0 {
		p.Weight = 100 // The canary was the only healthy copy.
	}
	p.phase()
}

// times are when a step of the present began and was left; zero when it has not, yet. Where the
// status has none, a step begins with the end of the one before, and ends with the next or the run.
func (p *past) times(i int) (begun, left time.Time) {
	steps := p.now.Steps
	s := steps[i]
	if s.State == stepPending {
		return time.Time{}, time.Time{}
	}
	if begun = s.Start; begun.IsZero() {
		begun = p.from
		if i > 0 {
			_, begun = p.times(i - 1)
		}
	}
	switch {
	case s.State == stepActive:
		return begun, time.Time{}
	case !s.End.IsZero():
		return begun, s.End
	case i+1 < len(steps) && !steps[i+1].Start.IsZero():
		return begun, steps[i+1].Start
	}
	return begun, p.to
}

// phase tells the analysis from the promotion after it, and what the canary gets then.
func (p *past) phase() {
	p.Phase, p.Health = "Progressing", view.HealthProgressing
	if p.Run != nil && p.Run.Rollback {
		p.Phase = "Promoting"
	}
	if at := p.promotion(); p.happened(at) {
		p.Phase = "Promoting"
	}
	for _, e := range p.events {
		if e.Time.Before(p.from) || !p.happened(e.Time) {
			continue
		}
		switch e.Reason {
		case "PrimaryAdvanced":
			if primary, ok := lastNumber(e.Message); ok {
				p.Weight = 100 - primary
			}
		case "RoutedToPrimary":
			p.Phase, p.Weight = "Finalising", 0
		}
	}
}

// lastNumber reads the percentage that ends an event.
func lastNumber(text string) (n int32, ok bool) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return 0, false
	}
	value, err := strconv.Atoi(words[len(words)-1])
	if err != nil || value < 0 || value > 100 {
		return 0, false
	}
	return int32(value), true
}

// promotion is when the promotion of the run began: as an event says, or, where there is none (they
// are kept for an hour), with the end of the last step that began. It is zero when it has not begun.
func (p *past) promotion() time.Time {
	for _, e := range p.events {
		if e.Reason == "Promoting" && !e.Time.Before(p.from) {
			return e.Time
		}
	}
	promoted := p.now.Phase == "Promoting" || p.now.Phase == "Finalising"
	if r := p.now.Run; r != nil {
		promoted = promoted || r.Outcome == "Promoted" || r.Outcome == "PromotionFailed"
	}
	for i, s := range slices.Backward(p.now.Steps) {
		if promoted && s.State != stepPending {
			_, left := p.times(i)
			return left
		}
	}
	return time.Time{}
}

// waits brings the gates back. When a gate was answered is not kept: it waited until the run went
// on, or ended.
func (p *past) waits() {
	for i := range p.Gates {
		g := &p.Gates[i]
		if g.State == "" || g.Since.IsZero() {
			continue
		}
		switch until := p.passed(*g); {
		case g.Since.After(p.t):
			g.State, g.Since, g.Deadline, g.By = "", time.Time{}, time.Time{}, ""
		case p.t.Before(until):
			g.State, g.By = gateWaiting, ""
			p.Health = view.HealthWaiting
			switch g.At {
			case "rollout":
				p.Phase = "Waiting"
			case "promotion":
				p.Phase = "WaitingPromotion"
			}
		}
	}
	if p.now.Paused() && p.LastIntent != nil && p.LastIntent.Verb == "pause" {
		p.Health = view.HealthWaiting
	}
}

// passed is when the run went on after a gate.
func (p *past) passed(g view.Gate) time.Time {
	switch g.At {
	case "promotion":
		for _, e := range p.events {
			if e.Reason == "Promoting" && !e.Time.Before(g.Since) {
				return e.Time
			}
		}
	default:
		for i := range p.now.Steps {
			if s := p.now.Steps[i]; !s.Start.Before(g.Since) {
				return s.Start
			}
		}
	}
	return p.to
}
