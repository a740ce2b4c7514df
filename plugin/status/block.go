package status

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// shownEvents bounds the events of the block; kubectl events shows all.
const shownEvents = 10

// writeBlock writes the view, which must be Cleaned, for people.
func writeBlock(w io.Writer, v view.Canary, now time.Time) error {
	b := &block{out: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0), now: now}
	b.head(v)
	b.run(v)
	b.steps(v)
	b.metrics(v)
	b.hooks(v)
	b.gates(v)
	b.pods(v)
	b.events(v)
	return b.out.Flush()
}

type block struct {
	out *tabwriter.Writer
	now time.Time
}

// Errors of the writer stay in the tabwriter until Flush.
func (b *block) line(cells ...string) { _, _ = fmt.Fprintln(b.out, strings.Join(cells, "\t")) }

func (b *block) field(name, value string) {
	if value != "" {
		b.line(name+":", value)
	}
}

// title begins a table: its columns are aligned by themselves.
func (b *block) title(name string, columns ...string) {
	_ = b.out.Flush()
	b.line(name + ":")
	_ = b.out.Flush()
	if len(columns) > 0 {
		b.line("  "+columns[0], strings.Join(columns[1:], "\t"))
	}
}

func (b *block) row(cells ...string) {
	cells[0] = "  " + cells[0]
	b.line(cells...)
}

func (b *block) head(v view.Canary) {
	b.field("Name", v.Name)
	b.field("Namespace", v.Namespace)
	phase := v.Phase
	if phase == "" {
		phase = "none yet"
	}
	if v.Paused() {
		phase += ", paused"
	}
	if string(v.Health) != v.Phase {
		phase += " (" + string(v.Health) + ")"
	}
	b.field("Phase", phase)
	b.field("Message", v.Message)
	b.field("Problem", v.Problem)
	if v.Foreign {
		b.field("Controller", "another one; runs, steps and measurements are not recorded")
	}
	b.field("Next", b.next(v))
	if gate, waits := v.WaitingGate(); waits {
		b.field("Approve", v.ApproveCommand(gate))
	}
	b.field("Target", v.Target.Kind+" "+v.Target.Name)
	b.field("Provider", v.Provider)
	b.field("Strategy", v.Strategy+", "+duration.HumanDuration(v.Interval.Duration)+" interval")
	b.field("Revision", v.Revision)
	b.field("Promoted", v.PromotedRevision)
	b.field("Images", images(v))
	b.field("Weight", v.Shares())
	b.field("Failed checks", fmt.Sprintf("%d of %d", v.FailedChecks, v.Threshold))
}

func images(v view.Canary) string {
	target, primary := strings.Join(v.Images.Target, ", "), strings.Join(v.Images.Primary, ", ")
	switch {
	case target == "" || target == primary:
		return primary
	case primary == "":
		return target
	}
	return target + " (canary), " + primary + " (primary)"
}

func (b *block) next(v view.Canary) string {
	if v.NextAction == "" || v.NextActionTime.IsZero() {
		return v.NextAction
	}
	if left := v.NextActionTime.Sub(b.now); left > 0 {
		return v.NextAction + " (in " + duration.HumanDuration(left) + ")"
	}
	return v.NextAction + " (due)"
}

func (b *block) run(v view.Canary) {
	if r := v.Run; r != nil {
		words := []string{}
		switch {
		case r.Rollback:
			words = append(words, "rollback to "+r.Revision)
		case r.Repair:
			words = append(words, "after a failed promotion")
		}
		if r.Outcome != "" {
			words = append(words, r.Outcome)
		}
		if !r.Start.IsZero() {
			words = append(words, "begun "+b.ago(r.Start))
		}
		if !r.End.IsZero() {
			words = append(words, "took "+duration.HumanDuration(max(0, r.End.Sub(r.Start))))
		}
		if r.By != "" {
			words = append(words, "by "+r.By)
		}
		b.field("Run", strings.Join(words, ", "))
	}
	if i := v.LastIntent; i != nil {
		text := i.Verb
		if i.By != "" {
			text += " by " + i.By
		}
		text += " " + b.ago(i.Time) + ": " + i.Outcome
		if i.Message != "" {
			text += ", " + i.Message
		}
		b.field("Last verb", text)
	}
	if i := v.PendingIntent; i != nil {
		b.field("Pending verb", i.Verb+" "+b.ago(i.Time)+", no agent has answered")
	}
	for _, c := range v.Conditions {
		if (c.Type == "Stalled" || c.Type == "RouteDrift") && c.Status == "True" {
			b.field(c.Type, c.Message)
		}
	}
}

// steps is a row for each step; those that only repeat one check share a row as long as they have
// the same state.
func (b *block) steps(v view.Canary) {
	if len(v.Steps) == 0 {
		return
	}
	b.title("Steps", "STEP", "WEIGHT", "STATE", "TIME", "FAILED")
	for first := 0; first < len(v.Steps); {
		step := v.Steps[first]
		last := first
		for last+1 < len(v.Steps) && v.Steps[last+1].State == step.State && v.StepText(v.Steps[last+1]) == v.StepText(step) {
			last++
		}
		number, failed := strconv.Itoa(first+1), int32(0)
		if last > first {
			number += "-" + strconv.Itoa(last+1)
		}
		for _, s := range v.Steps[first : last+1] {
			failed += s.FailedChecks
		}
		text := v.StepText(step)
		if step.Hold.Duration > 0 {
			text += " for " + duration.HumanDuration(step.Hold.Duration)
		}
		b.row(number, text, step.State, dash(b.took(step.Start, v.Steps[last].End)), strconv.Itoa(int(failed)))
		first = last + 1
	}
}

// took is the time between two, or until now; empty before the first.
func (b *block) took(start, end time.Time) string {
	switch {
	case start.IsZero():
		return ""
	case end.IsZero():
		end = b.now
	}
	return duration.HumanDuration(max(0, end.Sub(start)))
}

func (b *block) metrics(v view.Canary) {
	if len(v.Metrics) == 0 {
		return
	}
	b.title("Metrics", "NAME", "CANARY", "PRIMARY", "ACCEPTED", "VERDICT")
	for _, m := range v.Metrics {
		verdict := m.Verdict
		if m.Message != "" {
			verdict += ": " + m.Message
		}
		b.row(m.Name, value(m.Value, m.Unit), value(m.Primary, m.Unit), bounds(m), dash(verdict))
	}
}

func (b *block) hooks(v view.Canary) {
	if len(v.Hooks) == 0 {
		return
	}
	b.title("Hooks", "NAME", "TYPE", "STATE")
	for _, h := range v.Hooks {
		state := h.State
		if h.Message != "" {
			state += ": " + h.Message
		}
		b.row(h.Name, h.Type, dash(state))
	}
}

func (b *block) gates(v view.Canary) {
	if len(v.Gates) == 0 {
		return
	}
	b.title("Gates", "NAME", "AT", "STATE")
	for _, g := range v.Gates {
		state := g.State
		switch {
		case g.State == "Waiting":
			state += " for " + b.age(g.Since)
		case g.By != "":
			state += " by " + g.By
		case g.State == "TimedOut":
			state += ", " + g.OnTimeout
		}
		b.row(g.Name, g.At, dash(state))
	}
}

func (b *block) pods(v view.Canary) {
	if len(v.Pods) > 0 {
		b.title("Pods", "NAME", "SIDE", "READY", "STATUS", "RESTARTS", "AGE")
		for _, p := range v.Pods {
			b.row(p.Name, string(p.Side), fmt.Sprintf("%d/%d", p.ReadyContainers, p.Containers),
				p.Reason, strconv.Itoa(int(p.Restarts)), b.age(p.Created))
		}
	}
	if v.PodsNote != "" {
		b.title("Pods (" + v.PodsNote + ")")
	}
}

func (b *block) events(v view.Canary) {
	if v.EventsNote != "" {
		b.title("Events (" + v.EventsNote + ")")
	}
	if len(v.Events) == 0 {
		return
	}
	b.title("Events", "AGE", "TYPE", "MESSAGE")
	for _, e := range v.Events[max(0, len(v.Events)-shownEvents):] {
		b.row(b.age(e.Time), e.Type, e.Message)
	}
}

func (b *block) ago(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return b.age(t) + " ago"
}

func (b *block) age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return duration.HumanDuration(max(0, b.now.Sub(t)))
}

func value(f *float64, unit string) string {
	if f == nil {
		return "-"
	}
	s := strconv.FormatFloat(*f, 'f', -1, 64)
	if i := strings.IndexByte(s, '.'); i >= 0 && len(s) > i+3 {
		s = strings.TrimRight(strings.TrimRight(strconv.FormatFloat(*f, 'f', 2, 64), "0"), ".")
	}
	return s + unitSign(unit)
}

func unitSign(unit string) string {
	switch unit {
	case "percent":
		return "%"
	case "milliseconds":
		return "ms"
	}
	return ""
}

func bounds(m view.Metric) string {
	switch {
	case m.Min != nil && m.Max != nil:
		return value(m.Min, m.Unit) + " to " + value(m.Max, m.Unit)
	case m.Min != nil:
		return "≥ " + value(m.Min, m.Unit)
	case m.Max != nil:
		return "≤ " + value(m.Max, m.Unit)
	}
	return "-"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
