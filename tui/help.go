package tui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// helpPage lists the keys of the screen, from the key map.
type helpPage struct{ top int }

// pressHelp scrolls the help or closes it; no key acts through it.
func (m *model) pressHelp(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "j", "down", "pgdown":
		m.help.top++
	case "k", "up", "pgup":
		m.help.top = max(0, m.help.top-1)
	default:
		m.help = nil
	}
	return nil
}

// helpLines are the commands of the screen by group; those that are refused now say why.
func (m *model) helpLines(width int) []string {
	t, s := &m.theme, &m.theme.Symbols
	keys := 0
	for i := range m.commands {
		if c := &m.commands[i]; m.present(c) && c.long != "" {
			keys = max(keys, ansi.StringWidth(c.binding.Help().Key))
		}
	}
	same := m.refusalOfAll()
	var lines []string
	for _, group := range []string{groupAct, groupLook, groupMove, groupReplay, groupScreen} {
		var part []string
		for i := range m.commands {
			c := &m.commands[i]
			if c.group != group || c.long == "" || !m.present(c) {
				continue
			}
			k, text := t.Key, c.long
			if c.verb != "" {
				switch why := m.refusal(m.verb(c), m.subject()); {
				case same != "":
					k, text = t.Disabled, t.Disabled.Render(c.long)
				case why != "":
					k, text = t.Disabled, t.Disabled.Render(c.binding.Help().Desc+": "+why)
				}
			}
			part = append(part, cells.Cut(k.Render(cells.Pad(c.binding.Help().Key, keys+2))+text, width, s.Ellipsis))
		}
		if len(part) == 0 {
			continue
		}
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		title := t.Title.Render(group)
		if group == groupAct && same != "" {
			title += t.Label.Render(" " + s.Dot + " not now: " + same)
		}
		lines = append(append(lines, cells.Cut(title, width, s.Ellipsis)), part...)
	}
	return lines
}

// refusalOfAll is why no verb can be used, where it is one reason for all of them.
func (m *model) refusalOfAll() string {
	same := ""
	for i := range m.commands {
		c := &m.commands[i]
		if c.verb == "" || !m.present(c) {
			continue
		}
		why := m.refusal(m.verb(c), m.subject())
		if why == "" || same != "" && why != same {
			return ""
		}
		same = why
	}
	return same
}

// helpBox draws the help, as much of it as there is room for.
func (m *model) helpBox(maxWidth, maxHeight int) []string {
	t := &m.theme
	inner := max(1, min(maxWidth-4, 76))
	lines := m.helpLines(inner)
	room := max(1, maxHeight-4)
	if len(lines) > room {
		lines = tighten(lines, room)
	}
	closing := "any key closes this"
	if over := len(lines) - room; over > 0 {
		m.help.top = max(0, min(m.help.top, over))
		closing = fmt.Sprintf("j/k scrolls %s any other key closes this", t.Symbols.Dot)
		lines = lines[m.help.top : m.help.top+room]
	}
	if maxHeight > 4 {
		lines = append(lines, "")
	}
	return m.box(append(lines, t.Label.Render(closing)), inner)
}
