package tui

import (
	"fmt"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// tone colours a message and chooses its sign.
type tone int

const (
	toneWarn tone = iota
	tonePass
	toneFail
)

// How long a message stays before the line shows the last verb again. Failures stay longer, since
// they are what one must not miss.
const (
	toastTime     = 8 * time.Second
	toastFailTime = 60 * time.Second
)

// status is the line above the footer: a verb that waits for its answer, else the latest message,
// else the last verb the agent has seen.
type status struct {
	id    int    // of the last verb sent; answers to earlier ones do not end the wait
	verb  string // waited for; "" when none
	key   string // of the canary that it was sent to
	about string // name of the canary, where the screen shows several
	sent  time.Time

	text  string
	tone  tone
	until time.Time
}

func (s *status) waiting() bool  { return s.verb != "" }
func (s *status) counting() bool { return s.waiting() || s.text != "" }

func (s *status) say(now time.Time, t tone, text string) {
	s.text, s.tone, s.until = text, t, now.Add(toastTime)
	if t == toneFail {
		s.until = now.Add(toastFailTime)
	}
}

func (s *status) send(now time.Time, verb, key, about string) (id int) {
	s.id++
	s.verb, s.key, s.about, s.sent, s.text = verb, key, about, now, ""
	return s.id
}

func (s *status) done(now time.Time, id int, t tone, text string) {
	if id == s.id {
		s.verb = ""
	}
	s.say(now, t, text)
}

func (s *status) expire(now time.Time) {
	if s.text != "" && !now.Before(s.until) {
		s.text = ""
	}
}

// statusLine draws the status of the model.
func (m *model) statusLine() string {
	t, sym := &m.theme, &m.theme.Symbols
	switch s := &m.status; {
	case s.text != "" && s.waiting():
		return m.toned(s.tone) + " " + m.waitingText()
	case s.waiting():
		return m.waitingText()
	case s.text != "":
		return m.toned(s.tone)
	}
	i := m.detail.canary.LastIntent
	if i == nil || m.screen == inFleet {
		return ""
	}
	sign, style := sym.Passed, t.Pass
	if i.Outcome != "Accepted" {
		sign, style = sym.Failed, t.Fail
	}
	line := style.Render(sign) + " " + t.Label.Render(m.at(i.Time)) + " " + i.Verb
	if i.By != "" {
		line += " by " + i.By
	}
	line += " " + cells.LowerFirst(i.Outcome)
	if i.Message != "" {
		line += t.Label.Render(": " + i.Message)
	}
	return line
}

func (m *model) waitingText() string {
	t := &m.theme
	verb := m.status.verb
	if m.status.about != "" {
		verb += " of " + m.status.about
	}
	return t.Warn.Render(t.Symbols.Waiting) + " " + verb + " sent, waiting for the agent's answer" +
		t.Label.Render(fmt.Sprintf(" %s", cells.Span(m.clock.Sub(m.status.sent))))
}

func (m *model) toned(t tone) string {
	sym := &m.theme.Symbols
	sign, style := sym.Warning, m.theme.Warn
	switch t {
	case tonePass:
		sign, style = sym.Passed, m.theme.Pass
	case toneFail:
		sign, style = sym.Failed, m.theme.Fail
	case toneWarn:
	}
	return style.Render(sign) + " " + emphasis(t).Render(m.status.text)
}

// emphasis makes failures bold, so that they stand out without colour.
func emphasis(t tone) lipgloss.Style { return lipgloss.NewStyle().Bold(t == toneFail) }
