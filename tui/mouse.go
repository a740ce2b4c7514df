package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// wheelLines is how far a turn of the wheel scrolls.
const wheelLines = 3

// point handles the mouse. A click never sends a verb: it presses a key of the footer, chooses a row,
// gives a panel the room, or moves in a replay.
func (m *model) point(msg tea.MouseMsg) tea.Cmd {
	mouse := msg.Mouse()
	switch msg.(type) {
	case tea.MouseWheelMsg:
		return m.wheel(mouse)
	case tea.MouseClickMsg:
		if mouse.Button == tea.MouseLeft {
			m.hint = false
			return m.click(mouse.X, mouse.Y)
		}
	}
	return nil
}

func (m *model) wheel(mouse tea.Mouse) tea.Cmd {
	n := wheelLines
	switch mouse.Button {
	case tea.MouseWheelDown:
	case tea.MouseWheelUp:
		n = -n
	default:
		return nil
	}
	switch {
	case m.dialog != nil || m.prompt != nil:
	case m.help != nil:
		m.help.top = max(0, m.help.top+n)
	case m.palette != nil:
		m.palette.selected = max(0, min(len(m.palette.items)-1, m.palette.selected+n/wheelLines))
	case m.screen == inFleet:
		m.fleet.table.Move(n)
	case m.screen == inDetail:
		m.scroll(n)
	case m.screen == inText:
		m.text.pager.Scroll(n)
	case m.screen == inHistory:
		m.selectRun(n / wheelLines)
	}
	return nil
}

func (m *model) click(x, y int) tea.Cmd {
	switch {
	case m.dialog != nil || m.prompt != nil:
		return nil // A question is answered by a key.
	case m.help != nil:
		m.help = nil
		return nil
	case m.palette != nil:
		m.palette = nil
		return nil
	}
	for _, z := range m.zones {
		if z.line == y && x >= z.from && x < z.to {
			if z.command != nil {
				return m.do(z.command)
			}
			m.detail.focus = z.panel
			return nil
		}
	}
	if t, ok := m.timeAt(x, y); ok {
		m.seek(t)
		return nil
	}
	switch m.screen { //nolint:exhaustive // anywhere is not a screen
	case inFleet:
		return m.clickFleet(x, y)
	case inHistory:
		m.clickHistory(y)
	case inDetail, inText:
	}
	return nil
}

// clickFleet chooses a row, or opens it when it is chosen already; a click on a heading sorts.
func (m *model) clickFleet(x, y int) tea.Cmd {
	t := &m.fleet.table
	line := y - m.fleet.top
	before, had := t.Selected()
	if line < 0 || t.ClickHeading(x, line) || !t.Click(line) {
		return nil
	}
	if after, ok := t.Selected(); ok && had && after.Key() == before.Key() {
		return m.moveFleet(cmdOpen)
	}
	return nil
}

// timeAt is the moment of a replay under the mouse.
func (m *model) timeAt(x, y int) (time.Time, bool) {
	b := m.timelineBar()
	if b == nil || y < m.barTop || y >= m.barTop+m.barLines {
		return time.Time{}, false
	}
	return b.TimeAt(x, m.width)
}
