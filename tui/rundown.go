package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// rundown says where the run is: steps, what happens next, checks, hooks. Each has its row, always
// there, so that nothing below moves while a run goes on.
func (m *model) rundown(width int) []string {
	lines := []string{m.row("steps", m.track(width-labelWidth))}
	for i, line := range m.next(width - labelWidth) {
		lines = append(lines, m.row([]string{"next", ""}[min(i, 1)], line))
	}
	lines = append(lines, m.row("checks", m.checks()))
	if hooks := m.hooks(); hooks != "" {
		lines = append(lines, m.row("hooks", hooks))
	}
	if gates := m.gates(); gates != "" {
		lines = append(lines, m.row("gates", gates))
	}
	return lines
}

// next is a bar of the hold of the step, the time until something happens, and what that is; words
// without a time may take a second line.
func (m *model) next(width int) []string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	if !m.detail.loaded || m.detail.gone {
		return []string{""}
	}
	if c.NextActionTime.IsZero() {
		if c.NextAction == "" {
			return []string{""}
		}
		return cells.Wrap(c.NextAction, width, 2, s.Ellipsis)
	}
	left := c.NextActionTime.Sub(m.shown)
	when := "due"
	if left > 0 {
		when = cells.Span(left)
	}
	bar := ""
	since := c.HoldStart
	if gate, waits := c.WaitingGate(); waits {
		since = gate.Since
	}
	if total := c.NextActionTime.Sub(since); !since.IsZero() && total > 0 {
		const width = 12
		n := int(width * max(0, min(1, 1-float64(left)/float64(total))))
		bar = t.Canary.Render(strings.Repeat(s.HoldFull, n)) + t.Rule.Render(strings.Repeat(s.HoldEmpty, width-n)) + " "
	}
	// The time has a fixed width, so that the words after it do not jump.
	if bar == "" {
		when = cells.Pad(when, 5)
	}
	return []string{bar + t.Title.Render(cells.PadLeft(when, 5)) + "  " + c.NextAction}
}

func (m *model) checks() string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	if !m.detail.loaded {
		return ""
	}
	failed := c.FailedChecks
	if c.Run != nil && c.Run.Outcome != "" {
		failed = c.Run.FailedChecks // the counter of the status begins anew, the record stays
	}
	text := fmt.Sprintf("%d failed", failed)
	if c.Run != nil && c.Run.Checks > 0 {
		text += fmt.Sprintf(" of %d", c.Run.Checks)
	}
	switch {
	case failed > 0 && (failed+1 >= c.Threshold || c.Phase == "Failed"):
		text = t.Fail.Render(s.Failed + " " + text)
	case failed > 0:
		text = t.Warn.Render(s.Warning + " " + text)
	}
	if c.Threshold > 0 && c.Phase != "Failed" {
		text += t.Label.Render(fmt.Sprintf(" %s rolls back at %d", s.Dot, c.Threshold))
	}
	return text
}

func (m *model) hooks() string {
	t, s := &m.theme, &m.theme.Symbols
	var parts []string
	for _, h := range m.detail.canary.Hooks {
		sign := t.Label.Render(s.Pending)
		switch h.State {
		case "Started":
			sign = t.Warn.Render(s.Waiting)
		case "Passed":
			sign = t.Pass.Render(s.Passed)
		case "Failed":
			sign = t.Fail.Render(s.Failed)
		}
		text := sign + " " + h.Name
		if h.Type != h.Name {
			text += t.Label.Render(" " + h.Type)
		}
		if h.State != "" && h.State != "Passed" {
			text += " " + cells.LowerFirst(h.State)
		}
		if h.State == "Failed" && h.Message != "" {
			text += t.Label.Render(": " + cells.Cut(h.Message, 60, s.Ellipsis))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, t.Label.Render(" "+s.Dot+" "))
}

// gates begins with the one that waits and how to open it, which must not be what is cut.
func (m *model) gates() string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	var parts []string
	for _, g := range c.Gates {
		sign, rest := t.Label.Render(s.Pending), g.At
		switch g.State {
		case "Waiting":
			command := t.Warn.Render(s.Waiting) + " " + g.Name + ": "
			if m.refusal(verbApprove, c) == "" {
				command += t.Key.Render("Y") + " approves, " + t.Key.Render("N") + " rejects; or "
			}
			command += c.ApproveCommand(g)
			parts = slices.Insert(parts, 0, command)
			continue
		case "Approved":
			sign = t.Pass.Render(s.Passed)
		case "Rejected":
			sign, rest = t.Fail.Render(s.Failed), g.At+" rejected"
		case "TimedOut":
			sign, rest = t.Warn.Render(s.Skipped), g.At+" timed out"
		}
		parts = append(parts, sign+" "+g.Name+t.Label.Render(" "+rest))
	}
	return strings.Join(parts, t.Label.Render(" "+s.Dot+" "))
}

// track is the row of steps with their weights, or without words for those that repeat a check; where they do not all fit, those around the
// current one, with the number of those left out on either side.
func (m *model) track(width int) string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	if len(c.Steps) == 0 {
		if c.Run != nil && c.Run.Rollback {
			return t.Label.Render("none: rollback to " + cells.ShortRevision(c.Run.Revision))
		}
		return ""
	}
	lead := fmt.Sprintf("%d/%d", c.CurrentStep, max(c.TotalSteps, len(c.Steps)))
	lead = cells.Pad(t.Title.Render(lead), 7)
	room := width - ansi.StringWidth(lead)

	texts := make([]string, len(c.Steps)) // plain, for measuring
	total := 0
	for i, step := range c.Steps {
		sign, _ := m.stepSign(step)
		texts[i] = sign + c.StepLabel(step)
		total += ansi.StringWidth(texts[i])
	}
	from, to := 0, len(texts)
	gaps := len(texts) - 1
	if total+gaps > room {
		from, to = window(texts, max(0, c.CurrentStep-1), room-8)
		total, gaps = 0, to-from-1
		for _, text := range texts[from:to] {
			total += ansi.StringWidth(text)
		}
	}
	join := 1
	if from == 0 && to == len(texts) && gaps > 0 {
		join = max(1, min(3, (room-total)/gaps))
	}
	var b strings.Builder
	b.WriteString(lead)
	if from > 0 {
		b.WriteString(t.Label.Render(s.Before+strconv.Itoa(from)) + " ")
	}
	for i := from; i < to; i++ {
		if i > from {
			b.WriteString(t.Rule.Render(strings.Repeat(s.Line, join)))
		}
		_, style := m.stepSign(c.Steps[i])
		b.WriteString(style.Render(texts[i]))
	}
	if to < len(texts) {
		b.WriteString(" " + t.Label.Render(strconv.Itoa(len(texts)-to)+s.After))
	}
	return b.String()
}

func (m *model) stepSign(step view.Step) (string, lipgloss.Style) {
	t, s := &m.theme, &m.theme.Symbols
	switch step.State {
	case "Passed":
		return s.Passed, t.Pass
	case "Active":
		return s.Active, t.Canary.Bold(true)
	case "Failed":
		return s.Failed, t.Fail
	case "Skipped":
		return s.Skipped, t.Label
	}
	return s.Pending, t.Label
}

// window chooses the texts around one index that fit into room, joined by single columns.
func window(texts []string, around, room int) (from, to int) {
	around = min(around, len(texts)-1)
	from, to = around, around+1
	used := ansi.StringWidth(texts[around])
	for {
		grew := false
		if to < len(texts) {
			if w := ansi.StringWidth(texts[to]) + 1; used+w <= room {
				used, to, grew = used+w, to+1, true
			}
		}
		if from > 0 {
			if w := ansi.StringWidth(texts[from-1]) + 1; used+w <= room {
				used, from, grew = used+w, from-1, true
			}
		}
		if !grew {
			return from, to
		}
	}
}

// runStart is when the run began, or zero.
func runStart(c *view.Canary) time.Time {
	if c.Run == nil {
		return time.Time{}
	}
	return c.Run.Start
}
