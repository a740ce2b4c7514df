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
	b.field("Target", v.Target.Kind+" "+v.Target.Name)
	b.field("Provider", v.Provider)
	b.field("Strategy", v.Strategy+", "+duration.HumanDuration(v.Interval.Duration)+" interval")
	b.field("Revision", v.Revision)
	b.field("Promoted", v.PromotedRevision)
	b.field("Images", images(v))
	b.field("Weight", fmt.Sprintf("%d%% canary, %d%% primary", v.Weight, 100-v.Weight))
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

func (b *block) steps(v view.Canary) {
	if len(v.Steps) == 0 {
		return
	}
	b.title("Steps", "STEP", "WEIGHT", "STATE", "TIME", "FAILED")
	for i, s := range v.Steps {
		took := ""
		switch {
		case !s.Start.IsZero() && !s.End.IsZero():
			took = duration.HumanDuration(max(0, s.End.Sub(s.Start)))
		case !s.Start.IsZero():
			took = duration.HumanDuration(max(0, b.now.Sub(s.Start)))
		}
		b.row(strconv.Itoa(i+1), fmt.Sprintf("%d%%", s.Weight), s.State, dash(took), strconv.Itoa(int(s.FailedChecks)))
	}
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
