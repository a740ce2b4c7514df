package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Frame draws one frame of the given size after the given updates, without a terminal: what
// documentation and tests look at. Colours are true colours; write them through a
// colorprofile.Writer to reduce them.
func Frame(o Options, width, height int, updates ...Update) string {
	m := newModel(context.Background(), o)
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	for _, u := range updates {
		m.Update(u)
	}
	return strings.Join(m.frame(), "\n")
}
