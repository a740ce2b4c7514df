package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/rewind"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// detail is the screen of one canary.
type detail struct {
	connection
	updates, values subscription[source.Update]

	canary  view.Canary // what is drawn, cleaned: the present, or a moment of a replay
	present view.Canary // the newest state, cleaned
	loaded  bool        // something is known
	opened  time.Time   // when it was asked for
	gone    bool
	charts  []metricChart // one for each of canary.Metrics
	focus   panel
	newest  int // events scrolled away at the top
	live    live

	rightsOf string            // the canary whose refusals are known
	refusals map[string]string // by verb

	moments []rewind.Moment // of a recording, those to come included
	replay  *replay         // nil while the present is shown
}

// connection is what a screen knows of its source.
type connection struct {
	stale *source.Stale
	heard time.Time // when the source was last heard from
}

// quietFor is after how much silence the age of the data is shown. A source speaks up well before.
const quietFor = 25 * time.Second

// counting is true while the age of the data is on the screen, or may come to be.
func (c *connection) counting() bool { return c.stale != nil }

// hear notes what an update says of the connection.
func (c *connection) hear(u source.Update, now time.Time) {
	switch u := u.(type) {
	case source.Stale:
		c.stale = &u
		if u.Since.IsZero() {
			c.stale.Since = c.heard
		}
		return
	case source.Failed:
		c.stale = &source.Stale{Since: c.heard, Err: u.Err} // Nothing more will come.
		return
	case source.Live:
		return // It came another way.
	}
	c.stale, c.heard = nil, now
}

// panel is a part of the screen that can be given the spare room.
type panel int

const (
	panelMetrics panel = iota
	panelEvents
	panelPods
	panels
)

// reading is true while pods and events may still be on their way: a source reports the canary first.
func (m *model) reading() bool {
	const patience = 2 * time.Second
	d := &m.detail
	return len(d.canary.Pods)+len(d.canary.Events) == 0 && m.clock.Sub(d.opened) < patience
}

func newDetail(c view.Canary, live bool) detail {
	d := detail{canary: c, present: c}
	d.live.wanted = live
	return d
}

// openDetail shows a canary: at once what the list knows of it, then what its own source reports.
func (m *model) openDetail(c view.Canary) tea.Cmd {
	d := newDetail(c, m.detail.live.wanted)
	d.opened = m.clock
	d.rightsOf, d.refusals = m.detail.rightsOf, m.detail.refusals
	m.detail.leave()
	m.detail = d
	if c.UID != "" || c.Phase != "" {
		m.detail.loaded = true
		m.show(c)
	}
	if m.source == nil {
		return nil
	}
	namespace, name := c.Namespace, c.Name
	if known, ok := m.playback.(Foresight); ok {
		if last, ok := known.Last(namespace, name); ok {
			m.detail.moments = rewind.Moments(last.Cleaned())
		}
	}
	cmds := []tea.Cmd{subscribe(m, &m.detail.updates, func(ctx context.Context) <-chan source.Update {
		return m.source.Detail(ctx, namespace, name)
	})}
	if m.detail.rightsOf != c.Key() {
		cmds = append(cmds, m.askRights(&c))
	}
	return tea.Batch(append(cmds, m.measure())...)
}

// leave ends what the screen listens to.
func (d *detail) leave() {
	d.updates.end()
	d.values.end()
	d.replay = nil
}

// takeDetail takes in what the source reports of the canary.
func (m *model) takeDetail(u source.Update) tea.Cmd {
	d := &m.detail
	d.hear(u, m.clock)
	switch u := u.(type) {
	case source.Canary:
		m.take(u.View.Cleaned())
	case source.Gone:
		if d.loaded {
			d.gone = true
			m.dropDialog("the canary was deleted")
		}
	case source.Live:
		m.takeLive(u)
	case source.Failed:
		return m.fail(u.Err, d.loaded, inDetail)
	}
	return nil
}

// take replaces what is known by a newer state.
func (m *model) take(c view.Canary) {
	d := &m.detail
	// Keep the event one is reading in its place while newer ones arrive above it.
	if d.newest > 0 {
		d.newest += max(0, len(c.Events)-len(d.canary.Events))
	}
	if d.present.Run != nil && (c.Run == nil || c.Run.ID != d.present.Run.ID) {
		d.live.forget() // They were measured in another run.
	}
	d.present, d.loaded, d.gone = c, true, false
	m.review(&c)
	if d.replay != nil {
		d.replay.extend(c)
		m.redrawPast()
		return
	}
	m.show(c)
}

// show draws a state: the present, or one of the past.
func (m *model) show(c view.Canary) {
	d := &m.detail
	d.canary = c
	d.charts = metricCharts(c)
	var by time.Time
	if d.replay != nil {
		by = d.replay.at
	}
	d.live.into(d.charts, c.Metrics, by)
	m.scroll(0)
}

// scroll moves the events by n, within what there is.
func (m *model) scroll(n int) {
	m.detail.newest = max(0, min(m.detail.newest+n, len(m.detail.canary.Events)-1))
}

// moveDetail carries out the commands that move about on this screen.
func (m *model) moveDetail(id commandID) tea.Cmd {
	switch d := &m.detail; id { //nolint:exhaustive // the others mean nothing here
	case cmdDown:
		m.scroll(1)
	case cmdUp:
		m.scroll(-1)
	case cmdTop, cmdBottom:
		m.toEnd(id)
	case cmdFocus:
		d.focus = (d.focus + 1) % panels
	case cmdLeft:
		m.toMoment(-1)
	case cmdRight:
		m.toMoment(1)
	case cmdLive:
		return m.toggleLive()
	}
	return nil
}
