package plain

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Printer writes what changed from one state of a canary to the next.
type Printer struct {
	// W takes the lines.
	W io.Writer
	// Now is the clock for changes that carry no time of their own; nil is time.Now. Its location
	// is that of every time written.
	Now func() time.Time
	// Color lets a failure stand out in red and a pass in blue; the words are the same.
	Color bool

	last    *view.Canary
	images  []string             // of the target, when last known
	samples map[string]time.Time // newest sample printed, by metric
	event   time.Time            // newest event printed
	seen    map[string]int32     // events of that very time, which may gain company or a count
	stale   bool
}

// line is one line in the making.
type line struct {
	at   time.Time
	word string // in a column of its own, for eyes and grep
	text string
	tone tone
}

type tone int

const (
	plain tone = iota
	bad
	good
)

// Update prints what is new in c, in the order of time where it is known.
func (p *Printer) Update(c view.Canary) error {
	c = c.Cleaned()
	now := p.now()
	var lines []line
	p.events(c, &lines)
	p.checks(c, &lines)
	p.state(c, now, &lines)
	p.last, p.stale = &c, false
	return p.write(c, lines)
}

// Stale prints, once, that the connection is lost.
func (p *Printer) Stale(since time.Time, cause error) error {
	if p.stale {
		return nil
	}
	p.stale = true
	text := "connection lost"
	if !since.IsZero() {
		text += ", last answer at " + since.In(p.now().Location()).Format(time.TimeOnly)
	}
	if cause != nil {
		text += ": " + view.Clean(cause.Error())
	}
	return p.write(p.lastOrZero(), []line{{p.now(), "stale", text, bad}})
}

// Gone prints that the canary was deleted.
func (p *Printer) Gone() error {
	return p.write(p.lastOrZero(), []line{{p.now(), "deleted", "the canary was deleted", bad}})
}

func (p *Printer) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

func (p *Printer) lastOrZero() view.Canary {
	if p.last == nil {
		return view.Canary{}
	}
	return *p.last
}

// state prints phase, weight, step, pause, message and the answer to a verb.
func (p *Printer) state(c view.Canary, now time.Time, lines *[]line) {
	old := p.lastOrZero()
	first := p.last == nil
	add := func(word, text string, t tone) { *lines = append(*lines, line{now, word, text, t}) }

	if first || c.Revision != old.Revision {
		if c.Revision != "" {
			add("revision", c.Revision, plain)
		}
	}
	// Not on one line with the revision: they come from different objects, whose news arrive in any
	// order, so that the image beside a new revision might be that of the old one.
	if len(c.Images.Target) > 0 && !slices.Equal(c.Images.Target, p.images) {
		p.images = c.Images.Target
		add("image", strings.Join(p.images, ","), plain)
	}
	if i := c.LastIntent; i != nil && (old.LastIntent == nil || old.LastIntent.ID != i.ID || !old.LastIntent.Time.Equal(i.Time)) {
		text := i.Verb
		if i.By != "" {
			text += " by " + i.By
		}
		text += " " + strings.ToLower(i.Outcome)
		if i.Message != "" {
			text += ": " + i.Message
		}
		add("verb", text, toneOf(i.Outcome != "Accepted", false))
	}
	if first || c.Weight != old.Weight || (c.CurrentStep != old.CurrentStep && c.Active()) {
		text := strconv.Itoa(int(c.Weight)) + "% canary"
		switch c.Split() {
		case view.SplitMatch:
			text = "matching requests canary"
		case view.SplitMirror:
			text = "0% canary, requests are mirrored"
		case view.SplitWeight:
		}
		if c.CurrentStep > 0 && c.Active() {
			noun, at, of := c.Position()
			text += fmt.Sprintf(", %s %d of %d", noun, at, of)
		}
		add("weight", text, plain)
	}
	if c.FailedChecks > old.FailedChecks {
		text := strconv.Itoa(int(c.FailedChecks)) + " failed"
		if c.Threshold > 0 {
			text += fmt.Sprintf(", rolled back at %d", c.Threshold)
		}
		add("checks", text, bad)
	}
	if c.Paused() != old.Paused() {
		if c.Paused() {
			held := "the run does not go on"
			if c.Split() == view.SplitWeight && c.Weight > 0 {
				held = strconv.Itoa(int(c.Weight)) + "% is held"
			}
			add("paused", held, plain)
		} else if c.Active() {
			add("resumed", "the run goes on", plain)
		}
	}
	p.gates(c, old, add)
	if c.Phase != old.Phase || first {
		text := c.Phase
		switch {
		case text == "":
			text = "unknown"
		case c.RollingBack():
			text += " (rollback to " + c.Run.Revision + ")"
		}
		if c.Message != "" {
			text += ": " + c.Message
		}
		add("phase", text, toneOf(c.Phase == "Failed", c.Phase == "Succeeded"))
	} else if c.Message != old.Message && c.Message != "" {
		add("message", c.Message, plain)
	}
	if p.last != nil && !old.Terminal() && c.Terminal() && c.Run != nil && c.Run.Outcome != "" {
		text := c.Run.Outcome
		if !c.Run.Start.IsZero() && c.Run.End.After(c.Run.Start) {
			text += " after " + c.Run.End.Sub(c.Run.Start).Round(time.Second).String()
		}
		add("outcome", text, toneOf(c.Run.Failed(), c.Run.Outcome == "Promoted"))
	}
}

// gates prints each gate that was reached or answered, and how to answer one that waits.
func (p *Printer) gates(c, old view.Canary, add func(word, text string, t tone)) {
	for _, g := range c.Gates {
		if i := slices.IndexFunc(old.Gates, func(o view.Gate) bool { return o.Name == g.Name }); i >= 0 &&
			old.Gates[i].State == g.State && old.Gates[i].Since.Equal(g.Since) {
			continue
		}
		text := g.Name
		switch g.State {
		case "":
			continue
		case "Waiting":
			text += " waits for: " + c.ApproveCommand(g)
		case "TimedOut":
			text += " timed out"
		default:
			text += " " + strings.ToLower(g.State)
		}
		if g.By != "" {
			text += " by " + g.By
		}
		add("gate", text, toneOf(g.State == "Rejected", false))
	}
}

// firstEvents is how many events from before the watch are worth printing.
const firstEvents = 3

// checks prints every sample that is newer than the newest one printed.
func (p *Printer) checks(c view.Canary, lines *[]line) {
	if p.samples == nil {
		p.samples = map[string]time.Time{}
	}
	for i := range c.Metrics {
		m := &c.Metrics[i]
		samples := m.Samples
		if p.last == nil { // what was before the watch began is history, not change
			samples = samples[max(0, len(samples)-1):]
		}
		for _, s := range samples {
			if !s.Time.After(p.samples[m.Name]) {
				continue
			}
			p.samples[m.Name] = s.Time
			*lines = append(*lines, line{s.Time, "check", check(m, s, c.Strategy), toneOf(s.Verdict == "Fail" || s.Verdict == "Error", false)})
		}
	}
}

// check is "request-success-rate 98.41% FAIL (limit >=99%, primary 99.8%, weight 20%)".
func check(m *view.Metric, s view.Sample, strategy string) string {
	unit := map[string]string{"percent": "%", "milliseconds": "ms"}[m.Unit]
	number := func(v float64) string {
		return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64) + unit
	}
	var b strings.Builder
	b.WriteString(m.Name)
	if s.Value != nil {
		b.WriteString(" " + number(*s.Value))
	}
	switch s.Verdict {
	case "Pass":
		b.WriteString(" pass")
	case "Fail":
		b.WriteString(" FAIL")
	case "NoData":
		b.WriteString(" no data")
	default:
		b.WriteString(" " + strings.ToLower(s.Verdict))
	}
	var notes []string
	if m.Min != nil {
		notes = append(notes, "limit >="+number(*m.Min))
	}
	if m.Max != nil {
		notes = append(notes, "limit <="+number(*m.Max))
	}
	if s.Primary != nil {
		notes = append(notes, "primary "+number(*s.Primary))
	}
	if strategy == "canary" || strategy == "" {
		notes = append(notes, fmt.Sprintf("weight %d%%", s.Weight))
	}
	b.WriteString(paren(strings.Join(notes, ", ")))
	if s.Message != "" {
		b.WriteString(": " + s.Message)
	}
	return b.String()
}

func paren(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// events prints the events that are new, or that happened again.
func (p *Printer) events(c view.Canary, lines *[]line) {
	events := c.Events
	if p.last == nil {
		events = events[max(0, len(events)-firstEvents):]
	}
	for _, e := range events {
		key := e.Reason + "\x00" + e.Message
		switch {
		case e.Time.Before(p.event), e.Time.Equal(p.event) && p.seen[key] >= max(1, e.Count):
			continue
		case e.Time.After(p.event):
			p.event, p.seen = e.Time, map[string]int32{}
		}
		if p.seen == nil {
			p.seen = map[string]int32{}
		}
		p.seen[key] = max(1, e.Count)
		text := e.Message
		if e.Count > 1 {
			text += fmt.Sprintf(" (%d times)", e.Count)
		}
		*lines = append(*lines, line{e.Time, "event", text, toneOf(e.Type == "Warning", false)})
	}
}

func toneOf(failed, passed bool) tone {
	switch {
	case failed:
		return bad
	case passed:
		return good
	}
	return plain
}
