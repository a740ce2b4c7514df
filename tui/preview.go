package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// Frame draws one frame of the given size after the given updates, without a terminal: what
// documentation and tests look at. Colours are true colours; write them through a
// colorprofile.Writer to reduce them.
func Frame(o Options, width, height int, updates ...source.Update) string {
	return strings.Join(modelOf(o, width, height, updates...).frame(), "\n")
}

func modelOf(o Options, width, height int, updates ...source.Update) *model {
	m := newModel(context.Background(), o)
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.feed(updates...)
	return m
}

// feed hands updates to the first screen, as if its source had reported them.
func (m *model) feed(updates ...source.Update) tea.Cmd {
	s := &m.detail.updates
	if m.screen == inFleet {
		s = &m.fleet.updates
	}
	if s.id == 0 {
		m.subscriptions++
		s.id = m.subscriptions
	}
	_, cmd := m.Update(arrived[source.Update]{id: s.id, items: updates, closed: true})
	return cmd
}
