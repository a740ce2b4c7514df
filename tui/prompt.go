package tui

import (
	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// prompt is one line of input in place of the status line.
type prompt struct {
	kind   promptKind
	label  string
	before string // what esc goes back to
	input  textinput.Model
}

type promptKind int

const (
	promptFilter promptKind = iota
	promptSearch
	promptReason
)

// longestInput bounds what can be typed; a reason is cut by the agent well before.
const longestInput = 500

func newPrompt(kind promptKind, label, value string) *prompt {
	return &prompt{kind: kind, label: label, before: value, input: newInput(value)}
}

// newInput is a line of input whose cursor does not blink, since that would draw a frame each time.
func newInput(value string) textinput.Model {
	input := textinput.New()
	input.Prompt = ""
	input.CharLimit = longestInput
	input.SetVirtualCursor(true)
	styles := input.Styles()
	styles.Focused = textinput.StyleState{}
	styles.Cursor.Color = lipgloss.NoColor{}
	styles.Cursor.Blink = false
	input.SetStyles(styles)
	input.SetValue(value)
	input.CursorEnd()
	input.Focus()
	return input
}

func matches(msg tea.KeyPressMsg, b key.Binding) bool { return key.Matches(msg, b) }

// pressPrompt handles a key while something is typed. What it does is seen at once: a filter filters
// with every letter.
func (m *model) pressPrompt(msg tea.KeyPressMsg) tea.Cmd {
	p := m.prompt
	switch msg.String() {
	case "esc":
		m.prompt = nil
		m.typed(p.kind, p.before)
		return nil
	case "enter":
		m.prompt = nil
		m.typed(p.kind, view.Clean(p.input.Value()))
		if m.dialog != nil {
			m.dialog.opened, m.dialog.lastKey = m.clock, m.clock // that enter, pressed twice, must not confirm
			return m.dialog.wake()
		}
		return nil
	}
	return m.edit(msg)
}

// edit hands keys and pasted text to what is being typed.
func (m *model) edit(msg tea.Msg) tea.Cmd {
	switch {
	case m.prompt != nil:
		p := m.prompt
		p.input, _ = p.input.Update(msg)
		if p.kind != promptReason {
			m.typed(p.kind, view.Clean(p.input.Value()))
		}
	case m.palette != nil:
		m.palette.input, _ = m.palette.input.Update(msg)
		m.palette.narrow(m)
	}
	return nil
}

// typed puts the text where it belongs.
func (m *model) typed(kind promptKind, text string) {
	switch kind {
	case promptFilter:
		m.fleet.table.Filter(text)
	case promptSearch:
		m.text.pager.Search(text)
	case promptReason:
		if m.dialog != nil {
			m.dialog.reason = text
		}
	}
}

// line draws the prompt.
func (p *prompt) line(m *model, width int) string {
	t := &m.theme
	p.input.SetWidth(max(1, width-len(p.label)-2))
	return cells.Fit(t.Key.Render(p.label)+p.input.View(), width, "")
}
