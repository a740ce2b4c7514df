package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// model is the one Bubble Tea model: what every screen shares, and the screens.
type model struct {
	// ctx bounds the subscriptions and the actions that are under way; it is the context of Run.
	ctx      context.Context
	source   source.Source
	actions  Actions
	playback Playback // nil unless a recording is played
	now      func() time.Time

	context  string // name of the kubeconfig context
	scope    string // what the fleet is made of, in words
	readOnly bool

	clock         time.Time // now() as of the last message; View knows no other time
	shown         time.Time // the moment that is shown: the clock, or the position in a replay
	width, height int
	commands      []command
	themeName     theme.Name
	isDark, ascii bool
	theme         theme.Theme
	glyphs        chart.Glyphs
	mouse         bool
	hint          bool   // the hint of the first run is shown
	zones         []zone // of the frame that was drawn last

	barTop, barLines int // where the time line of a replay was drawn

	root, screen place // the screen it began with, the screen that is shown
	from         place // where history or text was opened
	fleet        *fleetScreen
	detail       detail
	history      historyScreen
	text         textScreen

	subscriptions int // that there have been; the last one's id
	dialog        *dialog
	palette       *palette
	prompt        *prompt
	help          *helpPage
	status        status
	ticking       bool // a tick is on its way
	quit          quitKind
	failure       error // what ended the first screen before it showed anything
}

type quitKind int

const (
	quitNot quitKind = iota
	quitByKey
	quitInterrupted
	quitFailed
)

// place is a screen. Those behind the root form a path: fleet, detail, and history or text.
type place int

const (
	inFleet place = 1 << iota
	inDetail
	inHistory
	inText

	anywhere = inFleet | inDetail | inHistory | inText
)

func newModel(ctx context.Context, o Options) *model {
	m := &model{
		ctx: ctx, source: o.Source, actions: o.Actions, playback: o.Playback, now: o.Now,
		context: view.Clean(o.Context), scope: view.Clean(o.Scope), readOnly: o.ReadOnly || o.Actions == nil,
		commands: commands(), themeName: o.Theme, isDark: o.Theme != theme.Light, ascii: o.ASCII,
		mouse: !o.NoMouse, hint: o.Hint, root: inFleet,
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.ascii {
		m.glyphs = chart.ASCII
	}
	if o.Name != "" {
		m.root = inDetail
	}
	m.screen = m.root
	m.fleet = newFleet(o)
	m.detail = newDetail(view.Canary{Name: o.Name, Namespace: o.Namespace}.Cleaned(), !o.NoLive)
	m.tell()
	m.restyle()
	return m
}

func (m *model) restyle() { m.theme = theme.New(m.themeName, m.isDark, m.ascii) }

// tell reads the clock, for a message.
func (m *model) tell() {
	m.clock = m.now()
	m.shown = m.clock
	switch {
	case m.playback != nil:
		m.shown = m.playback.Now()
	case m.detail.replay != nil:
		m.shown = m.detail.replay.at
	}
}

// Init asks for the background of the terminal, which the automatic theme follows, and opens the
// first screen. It is drawn before anything has answered.
func (m *model) Init() tea.Cmd {
	var cmds []tea.Cmd
	if m.themeName == theme.Auto || m.themeName == "" {
		cmds = append(cmds, tea.RequestBackgroundColor)
	}
	if m.root == inFleet {
		cmds = append(cmds, m.openFleet())
	} else {
		cmds = append(cmds, m.openDetail(m.detail.canary))
	}
	return tea.Batch(cmds...)
}

// Update takes in one message. It does no I/O: what takes time happens in the commands it returns.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.tell()
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(0, msg.Width), max(0, msg.Height)
	case tea.BackgroundColorMsg:
		m.isDark = msg.IsDark()
		m.restyle()
	case tea.KeyPressMsg:
		cmd = m.press(msg)
	case tea.MouseMsg:
		cmd = m.point(msg)
	case arrived[source.Update]:
		cmd = m.takeUpdates(msg)
	case arrived[source.Chunk]:
		cmd = m.takeChunks(msg)
	case rightsMsg:
		m.takeRights(msg)
	case answerMsg:
		m.answer(msg)
	case tickMsg:
		m.ticking = false
		m.advance()
	default:
		cmd = m.edit(msg) // pasted text
	}
	m.status.expire(m.clock)
	return m, tea.Batch(cmd, m.tick())
}

// tick keeps exactly one tick on its way while something counts.
func (m *model) tick() tea.Cmd {
	if m.ticking || !m.counting() {
		return nil
	}
	m.ticking = true
	return tea.Tick(m.tickEvery(), func(time.Time) tea.Msg { return tickMsg{} })
}

// tickEvery is a second, as everything that counts counts seconds; a replay moves faster.
func (m *model) tickEvery() time.Duration {
	if m.playing() {
		return 200 * time.Millisecond
	}
	return time.Second
}

// counting is true while a number on the screen changes by itself.
func (m *model) counting() bool {
	if m.status.counting() || m.playing() {
		return true
	}
	if m.playback != nil {
		return false // its clock stands
	}
	switch m.screen { //nolint:exhaustive // anywhere is not a screen
	case inFleet:
		return m.fleet.counting() || m.fleet.table.Counting(m.clock)
	case inDetail:
		d := &m.detail
		if d.replay != nil {
			return false
		}
		return d.counting() || m.reading() || !d.gone && (d.canary.Active() || d.canary.NextActionTime.After(m.clock))
	case inHistory, inText:
		return m.detail.counting()
	}
	return false
}
