package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
	"github.com/kubectl-canary/kubectl-canary/tui/fleet"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// fleetScreen is the screen of all canaries.
type fleetScreen struct {
	connection
	updates subscription[source.Update]
	table   fleet.Table
	synced  bool // everything that existed at the start has been reported
	top     int  // line of the screen on which the table begins, for the mouse
}

func newFleet(o Options) *fleetScreen {
	f := &fleetScreen{}
	f.table.Scope = view.Clean(o.Scope)
	f.table.Namespaces = o.Namespace == ""
	return f
}

func (m *model) openFleet() tea.Cmd {
	if m.source == nil {
		return nil
	}
	return subscribe(m, &m.fleet.updates, m.source.Fleet)
}

// takeFleet takes in what the source reports of the canaries.
func (m *model) takeFleet(u source.Update) tea.Cmd {
	f := m.fleet
	f.hear(u, m.clock)
	switch u := u.(type) {
	case source.Canary:
		f.table.Put(u.View)
		if d := m.dialog; d != nil && m.screen == inFleet && d.canary.Key() == u.View.Key() {
			c := u.View.Cleaned()
			m.review(&c)
		}
	case source.Gone:
		f.table.Remove(u.Namespace, u.Name)
		if d := m.dialog; d != nil && d.canary.Namespace == u.Namespace && d.canary.Name == u.Name {
			m.dropDialog("the canary was deleted")
		}
	case source.Synced:
		f.synced = true
		f.table.Synced()
	case source.Failed:
		return m.fail(u.Err, f.synced, inFleet)
	}
	return nil
}

// moveFleet carries out the commands that move about on this screen.
func (m *model) moveFleet(id commandID) tea.Cmd {
	t := &m.fleet.table
	switch id { //nolint:exhaustive // the others mean nothing here
	case cmdDown:
		t.Move(1)
	case cmdUp:
		t.Move(-1)
	case cmdPageDown:
		t.Page(1)
	case cmdPageUp:
		t.Page(-1)
	case cmdTop:
		t.Top()
	case cmdBottom:
		t.Bottom()
	case cmdSort:
		t.NextSort()
	case cmdReverse:
		t.Reverse()
	case cmdFilter:
		m.prompt = newPrompt(promptFilter, "filter: ", t.FilterText())
	case cmdOpen:
		if c, ok := t.Selected(); ok {
			m.screen = inDetail
			return m.openDetail(c)
		}
	}
	return nil
}

// fleetFrame draws the screen of all canaries.
func (m *model) fleetFrame(width, height int) []string {
	if height < 5 {
		return []string{m.fleetSummary(width)}
	}
	lines := []string{m.fleetHeader(width)}
	if text := bannerOf(m, &m.fleet.connection); text != "" {
		lines = append(lines, m.theme.Banner.Render(cells.Fit(" "+m.theme.Symbols.Warning+" "+text, width, m.theme.Symbols.Ellipsis)))
	} else {
		lines = append(lines, m.fleetSummary(width))
	}
	if height >= roomyHeight {
		lines = append(lines, "")
	}
	bottom := m.bottom(width, height)
	m.fleet.top = len(lines)
	room := max(0, height-len(lines)-len(bottom))
	lines = append(lines, full(m.fleet.table.Lines(width, room, m.shown, &m.theme, m.glyphs), width, room, m.theme.Symbols.Ellipsis)...)
	return append(lines, bottom...)
}

func (m *model) fleetHeader(width int) string {
	t, s := &m.theme, &m.theme.Symbols
	var where []string
	if m.scope != "" {
		where = append(where, m.scope)
	}
	if m.context != "" {
		where = append(where, "context "+m.context)
	}
	if m.readOnly && m.playback == nil {
		where = append(where, "read-only")
	}
	left := t.Title.Render("Canaries") + "  " + t.Label.Render(strings.Join(where, " "+s.Dot+" "))
	right := ""
	if filter := m.fleet.table.FilterText(); filter != "" {
		right = t.Label.Render("filter ") + t.Key.Render(cells.Cut(filter, width/3, s.Ellipsis))
	}
	return cells.Spread(left, right, width, s.Ellipsis)
}

// fleetSummary counts the canaries by what an operator has to know.
func (m *model) fleetSummary(width int) string {
	n, e := m.fleet.table.Counts(), m.theme.Symbols.Ellipsis
	if n.All == 0 && !m.fleet.synced {
		return m.theme.Label.Render(cells.Cut("waiting for the first answer of the API server"+e, width, e))
	}
	summary := n.Summary(&m.theme)
	asOf := m.asOf(&m.fleet.connection)
	if ansi.StringWidth(summary)+ansi.StringWidth(asOf)+2 > width {
		return cells.Cut(summary, width, e)
	}
	return cells.Spread(summary, m.theme.Label.Render(asOf), width, e)
}

func (m *model) nextTheme() {
	order := []theme.Name{theme.Dark, theme.Light, theme.HighContrast, theme.Mono}
	next := order[0]
	now := m.themeName
	if now == theme.Auto || now == "" {
		if now = theme.Light; m.isDark {
			now = theme.Dark
		}
	}
	for i, name := range order {
		if name == now {
			next = order[(i+1)%len(order)]
		}
	}
	m.themeName = next
	m.restyle()
	m.status.say(m.clock, tonePass, "theme "+string(next)+"; --theme "+string(next)+" keeps it")
}
