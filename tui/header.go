package tui

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/badge"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// phase is the phase as sign and word, with the style that goes with it.
func (m *model) phase() (sign, word string, style lipgloss.Style) {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	switch {
	case m.detail.gone:
		return s.Failed, "Deleted", t.Fail
	case !m.detail.loaded:
		return s.Waiting, "Connecting", t.Label
	}
	return badge.Phase(c, t)
}

// messageLines is the room for the message of the agent. It is always taken, so that a longer
// message does not push everything down.
const messageLines = 2

// header is what this is and how it is, where it comes from (or why that is old), and the message
// of the agent.
func (m *model) header(width int) []string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	sign, word, style := m.phase()
	where := []string{"namespace " + c.Namespace}
	if m.context != "" {
		where = append(where, "context "+m.context)
	}
	switch {
	case m.playback != nil:
		where = append(where, "recording")
	case m.readOnly:
		where = append(where, "read-only")
	}
	left := t.Title.Render(c.Name) + "  " + t.Label.Render(strings.Join(where, " "+s.Dot+" "))
	right := style.Bold(true).Render(sign + " " + word)
	lines := []string{cells.Spread(left, right, width, s.Ellipsis), m.detailsLine(width)}
	text, style := m.message()
	message := make([]string, messageLines)
	for i, line := range cells.Wrap(text, width, messageLines, s.Ellipsis) {
		message[i] = style.Render(line)
	}
	return append(lines, message...)
}

// detailsLine is replaced by the banner when the data cannot be trusted to be current.
func (m *model) detailsLine(width int) string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	if text := m.banner(); text != "" {
		return t.Banner.Render(cells.Fit(" "+s.Warning+" "+text, width, s.Ellipsis))
	}
	if !m.detail.loaded {
		return ""
	}
	var parts []string
	add := func(p string) {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if c.Target.Name != "" {
		add(c.Target.Kind + "/" + c.Target.Name)
	}
	add(c.Provider)
	if c.Strategy != "canary" { // which is what everybody expects
		add(c.Strategy)
	}
	if c.Interval.Duration > 0 {
		add("every " + strings.TrimSuffix(cells.Span(c.Interval.Duration), "00s"))
	}
	if c.Run != nil && !c.Run.Start.IsZero() {
		end := c.Run.End
		if end.IsZero() {
			end = m.shown
		}
		add("run " + cells.Span(end.Sub(c.Run.Start)))
	}
	left := t.Label.Render(strings.Join(parts, " "+s.Dot+" "))
	asOf := m.asOf(&m.detail.connection)
	if ansi.StringWidth(left)+ansi.StringWidth(asOf)+2 > width {
		return left
	}
	return cells.Spread(left, t.Label.Render(asOf), width, s.Ellipsis)
}

// asOf says how current the data are: when the API server was last heard from, which is every few
// seconds. A replay has its time line instead.
func (m *model) asOf(c *connection) string {
	if c.heard.IsZero() || m.replaying() != nil || m.playback != nil {
		return ""
	}
	return "as of " + c.heard.In(m.clock.Location()).Format(time.TimeOnly)
}

func (m *model) banner() string {
	if m.detail.gone {
		return "deleted; this is the last state that was seen"
	}
	return bannerOf(m, &m.detail.connection)
}

// bannerOf says how old the data are when they cannot be trusted to be current.
func bannerOf(m *model, c *connection) string {
	st := c.stale
	if st == nil {
		if age := m.clock.Sub(c.heard); !c.heard.IsZero() && age > quietFor && m.playback == nil {
			return "nothing heard from the API server for " + cells.Span(age)
		}
		return ""
	}
	text := "stale"
	if !st.Since.IsZero() {
		text += " since " + cells.Span(m.clock.Sub(st.Since))
	}
	if cause := st.Err; cause != nil {
		if request, ok := errors.AsType[*url.Error](cause); ok {
			cause = request.Err // what went wrong, without the address that fills the line
		}
		text += ": " + view.Clean(ansi.Truncate(cause.Error(), 1000, ""))
	}
	return text
}

// message is the message of the agent, or what hides behind it: a condition or a problem that
// somebody has to act on comes first.
func (m *model) message() (string, lipgloss.Style) {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	if !m.detail.loaded {
		return "waiting for the first answer of the API server" + s.Ellipsis, t.Label
	}
	if c.Problem != "" {
		return s.Warning + " " + c.Problem, t.Warn
	}
	for _, name := range []string{"Stalled", "RouteDrift"} {
		if name == "Stalled" && c.Phase == "Failed" {
			continue // it repeats the message
		}
		if cond := c.Condition(name); cond.Status == "True" {
			return s.Warning + " " + name + ": " + cond.Message, t.Warn
		}
	}
	switch {
	case c.Phase == "Failed":
		return c.Message, t.Fail
	case c.Foreign && c.Message == "":
		return s.Warning + " run by another controller, which does not publish steps, samples and hooks", t.Warn
	}
	return c.Message, lipgloss.NewStyle()
}
