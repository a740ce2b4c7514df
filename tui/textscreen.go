package tui

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
	"github.com/kubectl-canary/kubectl-canary/tui/pager"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// textScreen shows the YAML, the events or the logs of a canary.
type textScreen struct {
	chunks  subscription[source.Chunk]
	subject source.Subject
	pager   *pager.Pager
	note    string
	arrived bool // something has come
	ended   bool // nothing more will come
	top     int  // line of the screen on which the text begins, for the mouse
}

var subjects = map[commandID]source.Subject{
	cmdYAML: source.SubjectYAML, cmdLogs: source.SubjectLogs, cmdEvents: source.SubjectEvents,
}

var kinds = map[source.Subject]pager.Kind{
	source.SubjectYAML: pager.YAML, source.SubjectLogs: pager.Logs, source.SubjectEvents: pager.Events,
}

func (m *model) inspector() source.Inspector {
	i, _ := m.source.(source.Inspector)
	return i
}

// within makes sure that there is a detail of the canary that a command is about, and notes where to
// go back to.
func (m *model) within() (cmd tea.Cmd, ok bool) {
	m.from = m.screen
	if m.screen != inFleet {
		return nil, true
	}
	c, ok := m.fleet.table.Selected()
	if !ok {
		return nil, false
	}
	m.screen = inDetail
	return m.openDetail(c), true
}

func (m *model) openText(subject source.Subject) tea.Cmd {
	inspector := m.inspector()
	opened, ok := m.within()
	if inspector == nil || !ok {
		return opened
	}
	m.screen = inText
	m.text.leave()
	m.text = textScreen{subject: subject, pager: pager.New(kinds[subject])}
	namespace, name := m.detail.canary.Namespace, m.detail.canary.Name
	return tea.Batch(opened, subscribe(m, &m.text.chunks, func(ctx context.Context) <-chan source.Chunk {
		return inspector.Inspect(ctx, subject, namespace, name)
	}))
}

func (x *textScreen) leave() { x.chunks.end() }

func (m *model) takeChunks(msg arrived[source.Chunk]) tea.Cmd {
	x := &m.text
	if msg.id != x.chunks.id {
		return nil
	}
	for _, chunk := range msg.items {
		x.arrived, x.note = true, view.Clean(chunk.Note)
		x.pager.SetNote(chunk.Note)
		switch {
		case chunk.Replace:
			x.pager.Replace(chunk.Lines)
		default:
			x.pager.Append(chunk.Lines)
		}
	}
	if msg.closed {
		x.ended = true
		return nil
	}
	return x.chunks.listen()
}

// moveText carries out the commands that move about in a text.
func (m *model) moveText(id commandID) tea.Cmd {
	const sideways = 8
	p := m.text.pager
	switch id { //nolint:exhaustive // the others mean nothing here
	case cmdDown:
		p.Scroll(1)
	case cmdUp:
		p.Scroll(-1)
	case cmdPageDown:
		p.Page(1)
	case cmdPageUp:
		p.Page(-1)
	case cmdTop:
		p.Top()
	case cmdBottom:
		p.Bottom()
	case cmdLeft:
		p.Left(sideways)
	case cmdRight:
		p.Right(sideways)
	case cmdWrap:
		p.ToggleWrap()
	case cmdFollow:
		p.SetFollow(!p.Follow())
	case cmdFilter:
		m.prompt = newPrompt(promptSearch, "search: ", p.SearchText())
	case cmdNext:
		p.Next()
	case cmdPrevious:
		p.Previous()
	}
	return nil
}

// textFrame draws the screen of a text.
func (m *model) textFrame(width, height int) []string {
	t, s := &m.theme, &m.theme.Symbols
	title := map[source.Subject]string{
		source.SubjectYAML: "YAML", source.SubjectEvents: "Events", source.SubjectLogs: "Logs",
	}[m.text.subject]
	c := &m.detail.canary
	sign, word, style := m.phase()
	where := []string{"namespace " + c.Namespace}
	if m.context != "" {
		where = append(where, "context "+m.context)
	}
	left := t.Title.Render(c.Name+"  "+title) + "  " + t.Label.Render(strings.Join(where, " "+s.Dot+" "))
	lines := []string{cells.Spread(left, style.Bold(true).Render(sign+" "+word), width, s.Ellipsis)}
	switch {
	case m.text.note != "":
		lines = append(lines, t.Banner.Render(cells.Fit(" "+s.Warning+" "+m.text.note, width, s.Ellipsis)))
	case !m.text.arrived && !m.text.ended:
		lines = append(lines, t.Label.Render("reading"+s.Ellipsis))
	default:
		lines = append(lines, t.Rule.Render(strings.Repeat(s.Line, width)))
	}
	bottom := m.bottom(width, height)
	m.text.top = len(lines)
	room := max(0, height-len(lines)-len(bottom))
	lines = append(lines, full(m.text.pager.Lines(width, room, &m.theme), width, room, s.Ellipsis)...)
	return append(lines, bottom...)
}
