package tui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// dialog is a verb that waits for confirmation.
type dialog struct {
	verb    string
	canary  view.Canary // as it was when the question was asked
	reason  string      // typed by the operator
	opened  time.Time
	lastKey time.Time
}

func newDialog(verb string, c view.Canary, now time.Time) *dialog {
	return &dialog{verb: verb, canary: c, opened: now, lastKey: now}
}

// armed is true once the grace period is over.
func (d *dialog) armed(now time.Time) bool {
	return now.Sub(d.lastKey) >= quiet || now.Sub(d.opened) >= ceiling
}

// wake repaints when the grace period ends, so that the key that confirms is seen to be live.
func (d *dialog) wake() tea.Cmd {
	return tea.Tick(quiet, func(time.Time) tea.Msg { return armedMsg{} })
}

// dialogBox draws the confirmation.
func (m *model) dialogBox(maxWidth, maxHeight int) []string {
	t := &m.theme
	question, effect := m.question(m.dialog.verb, &m.dialog.canary)
	inner := min(maxWidth-4, 62)
	if inner < 8 {
		inner = max(1, maxWidth-4)
	}
	var lines []string
	for _, line := range cells.Wrap(question, inner, 4, t.Symbols.Ellipsis) {
		lines = append(lines, t.Title.Render(line))
	}
	lines = append(lines, "")
	lines = append(lines, cells.Wrap(effect, inner, 5, t.Symbols.Ellipsis)...)
	if m.dialog.reason != "" {
		lines = append(lines, t.Label.Render("reason ")+cells.Cut(m.dialog.reason, inner-7, t.Symbols.Ellipsis))
	}
	yes, no := "y/enter", "n/esc"
	if inner < 36 {
		yes, no = "y", "n"
	}
	keys := t.Key.Render(yes) + " " + m.dialog.verb
	if !m.dialog.armed(m.clock) {
		keys = t.Disabled.Render(yes + " " + m.dialog.verb)
	}
	keys += "   " + t.Key.Render(no) + " cancel"
	if inner >= 36 {
		keys += "   " + t.Key.Render("r") + " " + t.Label.Render("add a reason")
	}
	lines = append(lines, "", keys)
	return m.box(tighten(lines, maxHeight-2), inner)
}

// tighten drops the blank lines where there are more lines than room.
func tighten(lines []string, room int) []string {
	if len(lines) <= room {
		return lines
	}
	return slices.DeleteFunc(lines, func(l string) bool { return l == "" })
}

// box frames lines that are at most inner wide.
func (m *model) box(lines []string, inner int) []string {
	s, rule := &m.theme.Symbols, m.theme.Rule
	edge := strings.Repeat(s.Line, inner+2)
	side := rule.Render(s.Side)
	out := []string{rule.Render(s.TopLeft + edge + s.TopRight)}
	for _, line := range lines {
		out = append(out, side+" "+cells.Fit(line, inner, s.Ellipsis)+" "+side)
	}
	return append(out, rule.Render(s.BottomLeft+edge+s.BottomRight))
}

// overlay lays a box over the middle of a screen of full lines. A box that is too high loses its
// middle, never its last lines, which hold the keys.
func overlay(screen, box []string, width int) []string {
	if len(box) > len(screen) {
		tail := min(3, len(screen))
		box = append(box[:len(screen)-tail:len(screen)-tail], box[len(box)-tail:]...)
	}
	top := (len(screen) - len(box)) / 2
	for i, line := range box {
		w := ansi.StringWidth(line)
		if w >= width {
			screen[top+i] = cells.Fit(line, width, "")
			continue
		}
		left := (width - w) / 2
		under := screen[top+i]
		screen[top+i] = cells.Fit(ansi.Cut(under, 0, left), left, "") + line + rightOf(under, left+w, width)
	}
	return screen
}

// rightOf is what of a line of the given width lies right of a column. A wide character that the column
// cuts in two is left out: there is no half of it.
func rightOf(line string, column, width int) string {
	rest := width - column
	out := ansi.Cut(line, column, width)
	if ansi.StringWidth(out) > rest {
		out = " " + ansi.Cut(line, column+1, width)
	}
	return cells.Fit(out, rest, "")
}
