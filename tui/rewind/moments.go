package rewind

import (
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Kind says what a moment is about, so that it can be drawn.
type Kind int

const (
	// KindEvent is anything that has no kind of its own.
	KindEvent Kind = iota
	// KindStart is the beginning of the run.
	KindStart
	// KindStep is the beginning of a step.
	KindStep
	// KindFailed is a failed check.
	KindFailed
	// KindNoData is a check without data, or one that could not be made.
	KindNoData
	// KindGate is a gate that was reached.
	KindGate
	// KindHook is the answer of a webhook.
	KindHook
	// KindVerb is an operator verb.
	KindVerb
	// KindPromotion is the beginning of a promotion.
	KindPromotion
	// KindSucceeded is the end of a run whose revision is the primary's.
	KindSucceeded
	// KindEnded is any other end of a run.
	KindEnded
)

// Moment is something that happened in the run.
type Moment struct {
	Time time.Time
	Kind Kind
	// Text says it in words: "10% of the traffic", "check failed: error-rate 7 > 5".
	Text string
}

// Moments lists what is known to have happened in the run, oldest first.
func Moments(c view.Canary) []Moment {
	from, to, ok := Span(c)
	if !ok {
		return nil
	}
	p := &past{Canary: &c, now: c, t: to, from: from, to: to, events: c.Events}
	var out []Moment
	add := func(at time.Time, kind Kind, text string) {
		if at.After(to) && at.Sub(to) < time.Second {
			at = to // The end of a run is cut to the second, the time of an event is not.
		}
		if !at.IsZero() && !at.After(to) && text != "" {
			out = append(out, Moment{Time: at, Kind: kind, Text: text})
		}
	}
	if c.Run != nil {
		add(c.Run.Start, KindStart, startOf(c))
	}
	for i, s := range c.Steps {
		if begun, _ := p.times(i); !begun.IsZero() {
			add(begun, KindStep, c.Gets(s))
		}
	}
	measured := map[int64]bool{}
	for _, check := range checks(c) {
		switch {
		case check.failed != "":
			add(check.at, KindFailed, "check failed: "+check.failed)
		case check.errored != "":
			add(check.at, KindNoData, "check could not be made: "+check.errored)
		case check.empty != "":
			add(check.at, KindNoData, "no data: "+check.empty)
		default:
			continue
		}
		measured[check.at.Unix()] = true
	}
	for _, g := range c.Gates {
		if !g.Since.Before(from) {
			add(g.Since, KindGate, "gate "+g.Name+" reached")
		}
	}
	for _, h := range c.Hooks {
		if h.State != "" && !h.LastTime.Before(from) {
			add(h.LastTime, KindHook, h.Type+" hook "+h.Name+" "+strings.ToLower(h.State)+because(h.Message))
		}
	}
	if i := c.LastIntent; i != nil && !i.Time.Before(from) {
		add(i.Time, KindVerb, verbOf(i))
	}
	if c.Run == nil || !c.Run.Rollback {
		add(p.promotion(), KindPromotion, "promotion")
	}
	if c.Run != nil {
		add(c.Run.End, endOf(c.Run), endText(c.Run))
	}
	for _, e := range c.Events {
		if !e.Time.Before(from) && !told(c, e, measured) {
			add(e.Time, KindEvent, e.Message)
		}
	}
	slices.SortStableFunc(out, func(a, b Moment) int { return a.Time.Compare(b.Time) })
	return out
}

func startOf(c view.Canary) string {
	if c.Run.Rollback {
		return "rollback began"
	}
	return "run began"
}

func verbOf(i *view.Intent) string {
	text := i.Verb
	if i.By != "" {
		text += " by " + i.By
	}
	if i.Outcome != "" {
		text += " " + strings.ToLower(i.Outcome)
	}
	return text + because(i.Message)
}

func endOf(r *view.Run) Kind {
	switch r.Outcome {
	case "Promoted", "Skipped", "Restored":
		return KindSucceeded
	}
	return KindEnded
}

func endText(r *view.Run) string {
	var text string
	switch r.Outcome {
	case "Promoted":
		text = "promoted"
	case "Skipped":
		text = "promoted without analysis"
	case "Restored":
		text = "rolled back to the earlier revision"
	case "RolledBack":
		text = "rolled back"
	case "Aborted":
		text = "aborted"
	case "PromotionFailed":
		text = "the promotion failed"
	case "Superseded":
		text = "a newer revision took its place"
	default:
		text = "ended"
	}
	if r.FailedChecks > 0 && r.Failed() {
		text += " after " + plural(r.FailedChecks, "failed check")
	}
	return text
}

// told is true for an event that says what another moment says already.
func told(c view.Canary, e view.Event, measured map[int64]bool) bool {
	run := c.Run != nil
	at := e.Time.Unix()
	switch e.Reason {
	case "NewRevision":
		return run
	case "Promoting":
		return !run || !c.Run.Rollback
	case "CanaryFailed", "Succeeded", "Restored":
		return run && !c.Run.End.IsZero()
	case "IntentAccepted", "IntentRefused":
		return c.LastIntent != nil && c.LastIntent.Time.Unix() == at
	case "GateWaiting":
		return slices.ContainsFunc(c.Gates, func(g view.Gate) bool { return g.Since.Unix() == at })
	case "CheckFailed", "CheckErrored":
		return measured[at]
	}
	// The texts are those of the contract, which other controllers write, with one reason for all.
	switch {
	case strings.HasPrefix(e.Message, "New revision detected!"):
		return run
	case strings.HasPrefix(e.Message, "Advance ") && (strings.Contains(e.Message, " canary weight ") || strings.Contains(e.Message, " canary iteration ")):
		return slices.ContainsFunc(c.Steps, func(s view.Step) bool { return !s.Start.IsZero() })
	}
	return false
}
