package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// zone is a part of the screen that a click on does something.
type zone struct {
	line, from, to int      // columns from up to, not including, to
	command        *command // nil for the heading of a panel
	panel          panel
}

// rare are the verbs that take room in the footer only while they can be used.
var rare = map[string]bool{verbRetry: true, verbRollback: true, verbApprove: true, verbReject: true}

// footer lists the keys, as many as fit. A verb that is refused now stays in its place, greyed;
// pressing it says why. What is drawn can be clicked on, so line is where it will be.
func (m *model) footer(width, line int) string {
	t := &m.theme
	subject := m.subject()
	word := func(c *command) (text string, disabled bool) {
		text = c.binding.Help().Desc
		if c.verb != "" {
			verb := m.verb(c)
			if verb == verbResume {
				text = verbResume
			}
			disabled = m.refusal(verb, subject) != ""
		}
		if c.id == cmdQuit && m.screen != m.root {
			text = "back"
		}
		return text, disabled
	}
	draw := func(c *command, short bool) string {
		text, disabled := word(c)
		k := c.binding.Help().Key
		switch {
		case short:
			return t.Key.Render(k)
		case disabled:
			return t.Disabled.Render(k + " " + text)
		}
		return t.Key.Render(k) + " " + t.Label.Render(text)
	}
	// Help and quit are never the ones that do not fit.
	short := width < compactWidth
	var right []*command
	var left []*command
	for i := range m.commands {
		c := &m.commands[i]
		switch text, disabled := word(c); {
		case !m.present(c) || text == "":
		case c.id == cmdHelp || c.id == cmdQuit:
			right = append(right, c)
		case c.id == cmdBack || c.id == cmdSuspend || c.id == cmdMouse || c.id == cmdTheme:
		case rare[c.verb] && disabled:
		case m.replaying() != nil && c.verb != "":
		default:
			left = append(left, c)
		}
	}
	gap := 2
	if short {
		gap = 1
	}
	rightWidth := 0
	for _, c := range right {
		rightWidth += ansi.StringWidth(draw(c, short)) + gap
	}
	var b strings.Builder
	used := 0
	put := func(c *command, text string) {
		w := ansi.StringWidth(text)
		m.zones = append(m.zones, zone{line: line, from: used, to: used + w, command: c})
		b.WriteString(text)
		used += w
	}
	for _, c := range left {
		text := draw(c, false)
		if used > 0 && used+gap+ansi.StringWidth(text)+rightWidth > width || used == 0 && ansi.StringWidth(text)+rightWidth > width {
			break
		}
		if used > 0 {
			b.WriteString("  ")
			used += 2
		}
		put(c, text)
	}
	if room := width - used - rightWidth + gap; room > 0 {
		b.WriteString(strings.Repeat(" ", room))
		used += room
	}
	for i, c := range right {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
			used += gap
		}
		put(c, draw(c, short))
	}
	return cells.Fit(b.String(), width, "")
}
