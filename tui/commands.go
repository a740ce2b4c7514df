package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
)

// command is something a key does. Dispatch, footer, help and palette read the same table, so that
// none of them can promise what another does not do.
type command struct {
	id      commandID
	binding key.Binding // its help has the key as written and a word for the footer
	long    string      // one line for help and palette
	group   string
	in      place // the screens that have it
	verb    string
	hidden  bool // not in the palette: moving about
}

type commandID int

const (
	cmdNone commandID = iota
	cmdPromote
	cmdStep
	cmdAbort
	cmdPause
	cmdRetry
	cmdRollback
	cmdApprove
	cmdReject
	cmdOpen
	cmdHistory
	cmdYAML
	cmdLogs
	cmdEvents
	cmdLive
	cmdDown
	cmdUp
	cmdPageDown
	cmdPageUp
	cmdTop
	cmdBottom
	cmdLeft
	cmdRight
	cmdFocus
	cmdFilter
	cmdNext
	cmdPrevious
	cmdSort
	cmdReverse
	cmdWrap
	cmdFollow
	cmdPlay
	cmdSlower
	cmdFaster
	cmdChart
	cmdTheme
	cmdMouse
	cmdPalette
	cmdHelp
	cmdBack
	cmdQuit
	cmdSuspend
)

// The groups of the help, in its order.
const (
	groupAct    = "Act on the canary"
	groupLook   = "Look at"
	groupMove   = "Move"
	groupReplay = "Replay"
	groupScreen = "This screen"
)

// commands is the one key map. Keys that act on the cluster are upper-case, so that no slip of a
// finger opens a dialog.
func commands() []command {
	bind := func(help, word string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, word))
	}
	act := func(id commandID, k, word, verb, long string) command {
		return command{id: id, binding: bind(k, word, k), long: long, group: groupAct, in: inFleet | inDetail, verb: verb}
	}
	look := func(id commandID, in place, k, word, long string) command {
		return command{id: id, binding: bind(k, word, k), long: long, group: groupLook, in: in}
	}
	move := func(id commandID, in place, b key.Binding, long string) command {
		return command{id: id, binding: b, long: long, group: groupMove, in: in, hidden: true}
	}
	screen := func(id commandID, b key.Binding, long string) command {
		return command{id: id, binding: b, long: long, group: groupScreen, in: anywhere}
	}
	const lists = inFleet | inHistory | inText
	return []command{
		act(cmdApprove, "Y", "approve", verbApprove, "approve the gate that waits"),
		act(cmdReject, "N", "reject", verbReject, "reject the gate that waits: the run is rolled back"),
		act(cmdPromote, "P", "promote", verbPromote, "promote now: skip the steps and checks that are left"),
		act(cmdStep, "S", "step", verbStep, "promote one step: go to the next weight now"),
		act(cmdAbort, "A", "abort", verbAbort, "abort: all traffic back to the primary at once"),
		act(cmdPause, "Z", "pause", verbPause, "pause or resume: hold the weight, checks go on"),
		act(cmdRetry, "R", "retry", verbRetry, "retry the revision that failed"),
		act(cmdRollback, "B", "rollback", verbRollback, "roll back to the revision before the promoted one"),

		look(cmdOpen, inFleet, "enter", "open", "open the canary"),
		{id: cmdOpen, binding: bind("enter", "replay", "enter"), long: "replay the run", group: groupLook, in: inHistory},
		look(cmdHistory, inFleet|inDetail, "h", "history", "history: earlier runs, and the last one as a replay"),
		look(cmdYAML, inFleet|inDetail, "y", "yaml", "the manifest and its status as YAML"),
		look(cmdLogs, inFleet|inDetail, "l", "logs", "logs of the agent about it, and of its pods"),
		look(cmdEvents, inFleet|inDetail, "e", "events", "events of it and of what it owns"),
		look(cmdLive, inDetail, "v", "live", "values between the checks, from Prometheus: on or off"),

		move(cmdDown, lists, bind("j/k", "move", "j", "down"), "down; up"),
		{id: cmdDown, binding: bind("j/k", "events", "j", "down"), long: "scroll the events: older; newer", group: groupMove, in: inDetail, hidden: true},
		{id: cmdUp, binding: bind("k", "", "k", "up"), in: anywhere, hidden: true},
		move(cmdPageDown, lists, bind("pgdn/pgup", "", "pgdown", "ctrl+d", "ctrl+f"), "a page down; up"),
		{id: cmdPageUp, binding: bind("pgup", "", "pgup", "ctrl+u", "ctrl+b"), in: lists, hidden: true},
		move(cmdTop, anywhere, bind("g/G", "", "g", "home"), "to the beginning; to the end"),
		{id: cmdBottom, binding: bind("G", "", "G", "end"), in: anywhere, hidden: true},
		move(cmdRight, inText, bind("left/right", "", "right"), "sideways"),
		{id: cmdLeft, binding: bind("left", "", "left"), in: inText, hidden: true},
		move(cmdFocus, inDetail, bind("tab", "focus", "tab"), "give the spare room to metrics, events or pods"),
		{id: cmdFilter, binding: bind("/", "filter", "/"), long: "filter: words that must be there, !word for those that must not", group: groupMove, in: inFleet},
		{id: cmdFilter, binding: bind("/", "search", "/"), long: "search", group: groupMove, in: inText},
		{id: cmdNext, binding: bind("n/N", "next", "n"), long: "next match; the one before", group: groupMove, in: inText, hidden: true},
		{id: cmdPrevious, binding: bind("N", "", "N"), in: inText, hidden: true},
		{id: cmdSort, binding: bind("s", "sort", "s"), long: "sort by the next column", group: groupMove, in: inFleet},
		{id: cmdReverse, binding: bind("r", "reverse", "r"), long: "reverse the order", group: groupMove, in: inFleet},
		{id: cmdWrap, binding: bind("w", "wrap", "w"), long: "wrap long lines, or cut them", group: groupMove, in: inText},
		{id: cmdFollow, binding: bind("f", "follow", "f"), long: "follow what is added at the end", group: groupMove, in: inText},

		{id: cmdPlay, binding: bind("space", "play", "space"), long: "play or pause", group: groupReplay, in: anywhere},
		{id: cmdRight, binding: bind("left/right", "moment", "right"), long: "to the moment before; after", group: groupReplay, in: inDetail, hidden: true},
		{id: cmdLeft, binding: bind("left", "", "left"), in: inDetail, hidden: true},
		{id: cmdFaster, binding: bind("</>", "speed", ">", "."), long: "slower; faster", group: groupReplay, in: anywhere, hidden: true},
		{id: cmdSlower, binding: bind("<", "", "<", ","), in: anywhere, hidden: true},

		{id: cmdChart, binding: bind("c", "chart", "c"), long: "draw charts in braille, blocks or ASCII", group: groupScreen, in: inFleet | inDetail},
		screen(cmdTheme, bind("t", "theme", "t"), "next theme: dark, light, high contrast, no colour"),
		screen(cmdMouse, bind("m", "mouse", "m"), "mouse on or off; off lets the terminal select text"),
		screen(cmdPalette, bind(":", "commands", ":", "ctrl+p"), "every command, by name"),
		screen(cmdHelp, bind("?", "help", "?"), "this help"),
		{id: cmdBack, binding: bind("esc", "back", "esc"), long: "back", group: groupScreen, in: anywhere},
		{id: cmdQuit, binding: bind("q", "quit", "q"), long: "quit, or back from a screen within; runs go on", group: groupScreen, in: anywhere},
		screen(cmdSuspend, bind("ctrl+z", "shell", "ctrl+z"), "to the shell; fg returns"),
	}
}

var (
	keyInterrupt = key.NewBinding(key.WithKeys("ctrl+c"))
	keySuspend   = key.NewBinding(key.WithKeys("ctrl+z"))
	keyConfirm   = key.NewBinding(key.WithKeys("y", "enter"))
	keyCancel    = key.NewBinding(key.WithKeys("n", "esc", "q"))
	keyReason    = key.NewBinding(key.WithKeys("r"))
)

// present is true for a command that the screen has now.
func (m *model) present(c *command) bool {
	switch {
	case c.in&m.screen == 0:
		return false
	case c.group == groupReplay || c.id == cmdLeft && c.in == inDetail || c.id == cmdSlower:
		return m.replaying() != nil
	case c.id == cmdBack:
		return m.screen != m.root || m.detail.replay != nil || m.fleet.table.FilterText() != ""
	case c.id == cmdLive:
		return m.meter() != nil
	case c.id == cmdYAML || c.id == cmdLogs || c.id == cmdEvents:
		return m.inspector() != nil
	}
	return true
}

// commandOf is what a key means on this screen.
func (m *model) commandOf(msg tea.KeyPressMsg) *command {
	for i := range m.commands {
		if c := &m.commands[i]; key.Matches(msg, c.binding) && m.present(c) {
			return c
		}
	}
	return nil
}

// press handles a key: ctrl+c passes everything, then whatever lies on top of the screen has it.
func (m *model) press(msg tea.KeyPressMsg) tea.Cmd {
	m.hint = false
	switch {
	case key.Matches(msg, keyInterrupt):
		m.quit = quitInterrupted
		return tea.Quit
	case key.Matches(msg, keySuspend):
		return tea.Suspend
	case m.prompt != nil:
		return m.pressPrompt(msg)
	case m.dialog != nil:
		return m.pressDialog(msg)
	case m.palette != nil:
		return m.pressPalette(msg)
	case m.help != nil:
		return m.pressHelp(msg)
	}
	if c := m.commandOf(msg); c != nil {
		return m.do(c)
	}
	return nil
}

// do carries a command out, whether it came by key, by mouse or from the palette.
func (m *model) do(c *command) tea.Cmd {
	if c.verb != "" {
		return m.ask(m.verb(c))
	}
	switch c.id {
	case cmdPalette:
		m.palette = newPalette(m)
	case cmdHelp:
		m.help = &helpPage{}
	case cmdChart:
		m.glyphs = m.glyphs.Next()
	case cmdTheme:
		m.nextTheme()
	case cmdMouse:
		m.mouse = !m.mouse
		m.status.say(m.clock, tonePass, map[bool]string{true: "the mouse works here", false: "the mouse is the terminal's"}[m.mouse])
	case cmdSuspend:
		return tea.Suspend
	case cmdQuit:
		if m.screen == m.root {
			m.quit = quitByKey
			return tea.Quit
		}
		return m.back()
	case cmdBack:
		return m.back()
	case cmdPlay, cmdSlower, cmdFaster:
		m.control(c.id)
	case cmdYAML, cmdLogs, cmdEvents:
		return m.openText(subjects[c.id])
	case cmdHistory:
		return m.openHistory()
	default:
		return m.move(c.id)
	}
	return nil
}

// move is what commands do that mean something else on each screen.
func (m *model) move(id commandID) tea.Cmd {
	switch m.screen { //nolint:exhaustive // anywhere is not a screen
	case inFleet:
		return m.moveFleet(id)
	case inDetail:
		return m.moveDetail(id)
	case inHistory:
		return m.moveHistory(id)
	case inText:
		return m.moveText(id)
	}
	return nil
}

// back leaves a replay, a filter, or the screen for the one it was opened from.
func (m *model) back() tea.Cmd {
	switch {
	case m.screen == inDetail && m.detail.replay != nil:
		m.stopReplay()
	case m.screen == inFleet:
		m.fleet.table.Filter("")
	case m.screen == m.root:
	case m.screen == inDetail:
		m.detail.leave()
		m.screen = inFleet
	default:
		m.text.leave()
		if m.screen = m.from; m.screen == inFleet {
			m.detail.leave()
		}
	}
	return nil
}
