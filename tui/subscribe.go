package tui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// subscription is a channel that a screen listens to. The zero value is none.
type subscription[T any] struct {
	id     int
	items  <-chan T
	cancel context.CancelFunc
}

// arrived is what came over a subscription.
type arrived[T any] struct {
	id     int
	items  []T
	closed bool
}

// mostAtOnce bounds what is taken in between two frames.
const mostAtOnce = 512

// subscribe opens a channel in place of the one before.
func subscribe[T any](m *model, s *subscription[T], open func(context.Context) <-chan T) tea.Cmd {
	s.end()
	m.subscriptions++
	s.id = m.subscriptions
	ctx, cancel := context.WithCancel(m.ctx)
	s.cancel = cancel
	s.items = open(ctx)
	return s.listen()
}

// end stops listening. What is on its way still arrives, and is told by its id.
func (s *subscription[T]) end() {
	if s.cancel != nil {
		s.cancel()
	}
	*s = subscription[T]{}
}

// listen waits for something, and takes what else is there already: a frame is drawn after every
// message, and a thousand canaries are not to draw a thousand frames.
func (s *subscription[T]) listen() tea.Cmd {
	id, items := s.id, s.items
	return func() tea.Msg {
		first, ok := <-items
		if !ok {
			return arrived[T]{id: id, closed: true}
		}
		a := arrived[T]{id: id, items: []T{first}}
		for len(a.items) < mostAtOnce {
			select {
			case next, ok := <-items:
				if !ok {
					a.closed = true
					return a
				}
				a.items = append(a.items, next)
			default:
				return a
			}
		}
		return a
	}
}

// takeUpdates hands updates to the screen that listens for them. Those of a screen that has been
// left are dropped.
func (m *model) takeUpdates(msg arrived[source.Update]) tea.Cmd {
	var s *subscription[source.Update]
	take := m.takeDetail
	switch msg.id {
	case m.fleet.updates.id:
		s, take = &m.fleet.updates, m.takeFleet
	case m.detail.updates.id:
		s = &m.detail.updates
	case m.detail.values.id:
		s = &m.detail.values
	default:
		return nil
	}
	var cmd tea.Cmd
	for _, u := range msg.items {
		if c := take(u); c != nil {
			cmd = c
		}
	}
	if msg.closed || s.id != msg.id {
		return cmd
	}
	return tea.Batch(cmd, s.listen())
}

// fail says what ended a source. Before the first screen has shown anything there is nothing to
// look at, so the program ends with the cause.
func (m *model) fail(err error, loaded bool, at place) tea.Cmd {
	if !loaded && at == m.root {
		m.failure, m.quit = err, quitFailed
		return tea.Quit
	}
	m.status.say(m.clock, toneFail, clean(err))
	return nil
}
