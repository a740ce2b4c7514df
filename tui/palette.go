package tui

import (
	"cmp"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// palette lists every command of the screen, by name.
type palette struct {
	input    textinput.Model
	items    []*command
	selected int
}

// paletteRows is how many commands are seen at once.
const paletteRows = 12

func newPalette(m *model) *palette {
	p := &palette{input: newInput("")}
	p.narrow(m)
	return p
}

// narrow keeps the commands whose description has all words that were typed.
func (p *palette) narrow(m *model) {
	words := strings.Fields(strings.ToLower(p.input.Value()))
	p.items = p.items[:0]
next:
	for i := range m.commands {
		c := &m.commands[i]
		if c.hidden || c.long == "" || !m.present(c) || c.id == cmdPalette {
			continue
		}
		text := strings.ToLower(c.long + " " + c.binding.Help().Desc)
		for _, word := range words {
			if !strings.Contains(text, word) {
				continue next
			}
		}
		p.items = append(p.items, c)
	}
	// What cannot be done now comes last; the first is what enter does.
	subject := m.subject()
	slices.SortStableFunc(p.items, func(a, b *command) int {
		return cmp.Compare(refused(m, a, subject), refused(m, b, subject))
	})
	p.selected = max(0, min(p.selected, len(p.items)-1))
}

func refused(m *model, c *command, subject *view.Canary) int {
	if c.verb != "" && m.refusal(m.verb(c), subject) != "" {
		return 1
	}
	return 0
}

func (m *model) pressPalette(msg tea.KeyPressMsg) tea.Cmd {
	p := m.palette
	switch msg.String() {
	case "esc":
		m.palette = nil
	case "enter":
		m.palette = nil
		if len(p.items) > 0 {
			return m.do(p.items[p.selected])
		}
	case "up", "ctrl+k", "shift+tab":
		p.selected = max(0, p.selected-1)
	case "down", "ctrl+j", "tab":
		p.selected = max(0, min(len(p.items)-1, p.selected+1))
	default:
		p.selected = 0
		return m.edit(msg)
	}
	return nil
}

// paletteBox draws the palette.
func (m *model) paletteBox(maxWidth, maxHeight int) []string {
	t, s, p := &m.theme, &m.theme.Symbols, m.palette
	inner := max(1, min(maxWidth-4, 64))
	p.input.SetWidth(max(1, inner-4))
	lines := []string{t.Key.Render(":") + " " + p.input.View(), ""}
	rows := max(1, min(paletteRows, maxHeight-len(lines)-2))
	first := max(0, min(p.selected-rows/2, len(p.items)-rows))
	for i := first; i < min(first+rows, len(p.items)); i++ {
		c := p.items[i]
		mark, text := "  ", c.long
		style := t.Label
		why := ""
		if c.verb != "" {
			why = m.refusal(m.verb(c), m.subject())
		}
		switch {
		case i == p.selected:
			mark = t.Key.Render(s.After) + " "
			style = t.Title
		case why != "":
			style = t.Disabled
		}
		if why != "" {
			text += " (" + why + ")"
		}
		k := c.binding.Help().Key
		lines = append(lines, mark+cells.Spread(style.Render(cells.Cut(text, inner-len(k)-5, s.Ellipsis)), t.Key.Render(k), inner-2, s.Ellipsis))
	}
	if len(p.items) == 0 {
		lines = append(lines, t.Label.Render("  nothing has all these words"))
	}
	for len(lines) < rows+2 { // The box keeps its size while one types.
		lines = append(lines, "")
	}
	return m.box(lines, inner)
}
