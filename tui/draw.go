package tui

import (
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// at writes a moment as the time of day, or as the date when it is not of today; always eight
// columns, so that lists line up.
func (m *model) at(t time.Time) string {
	if t.IsZero() {
		return "        "
	}
	t = t.In(m.clock.Location())
	if m.shown.Sub(t).Abs() > 20*time.Hour {
		return t.Format("02 Jan  ")
	}
	return t.Format("15:04:05")
}

// heading is a title on a rule; the focused one has a heavier line and a sign, so that it is seen
// without colour.
func (m *model) heading(title, right string, width int, p panel) string {
	t, s := &m.theme, &m.theme.Symbols
	title = t.Title.Render(title) + " "
	line := s.Line
	if m.detail.focus == p {
		line = s.HoldFull
	}
	if right != "" {
		right = " " + right
	}
	room := width - ansi.StringWidth(title) - ansi.StringWidth(right)
	if room < 3 {
		right, room = "", width-ansi.StringWidth(title)
	}
	return title + t.Rule.Render(strings.Repeat(line, max(0, room))) + right
}

// labelWidth is the column in which the values of all labelled rows begin.
const labelWidth = 9

// row is a label and its value.
func (m *model) row(label, value string) string {
	return m.theme.Label.Render(cells.Pad(label, labelWidth)) + value
}
