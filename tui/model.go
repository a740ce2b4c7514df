package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// model is the one Bubble Tea model: what every screen shares, and the screen of one canary.
type model struct {
	// ctx bounds the actions that are under way; it is the context of Run.
	ctx     context.Context
	actions Actions
	now     func() time.Time

	context  string // name of the kubeconfig context
	readOnly bool

	clock         time.Time // now() as of the last message; View knows no other time
	width, height int
	keys          keyMap
	themeName     theme.Name
	isDark, ascii bool
	theme         theme.Theme
	glyphs        chart.Glyphs

	detail  detail
	dialog  *dialog // nil unless a verb waits for confirmation
	help    bool
	status  status
	ticking bool // a tick is on its way
	quit    quitKind
}

type quitKind int

const (
	quitNot quitKind = iota
	quitByKey
	quitInterrupted
)

// detail is the screen of one canary.
type detail struct {
	canary view.Canary // cleaned
	loaded bool        // false until the first CanaryMsg
	stale  *StaleMsg
	gone   bool
	charts []metricChart // one for each of canary.Metrics
	focus  panel
	newest int // events scrolled away at the top
}

// panel is a part of the screen that can be given the spare room.
type panel int

const (
	panelMetrics panel = iota
	panelEvents
	panelPods
	panels
)

func newModel(ctx context.Context, o Options) *model {
	m := &model{
		ctx: ctx, actions: o.Actions, now: o.Now, keys: newKeyMap(),
		context: view.Clean(o.Context), readOnly: o.ReadOnly || o.Actions == nil,
		themeName: o.Theme, isDark: true, ascii: o.ASCII,
	}
	if m.now == nil {
		m.now = time.Now
	}
	if m.ascii {
		m.glyphs = chart.ASCII
	}
	m.detail.canary = view.Canary{Name: o.Name, Namespace: o.Namespace}.Cleaned()
	m.clock = m.now()
	m.restyle()
	return m
}

func (m *model) restyle() { m.theme = theme.New(m.themeName, m.isDark, m.ascii) }

// Init asks for the background of the terminal, which the automatic theme follows.
func (m *model) Init() tea.Cmd {
	if m.themeName == theme.Mono {
		return nil
	}
	return tea.RequestBackgroundColor
}

// Update takes in one message. It does no I/O: what takes time happens in the commands it returns.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.clock = m.now()
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(0, msg.Width), max(0, msg.Height)
	case tea.BackgroundColorMsg:
		m.isDark = msg.IsDark()
		m.restyle()
	case tea.KeyPressMsg:
		cmd = m.press(msg)
	case CanaryMsg:
		m.take(msg.Canary)
	case StaleMsg:
		m.detail.stale = &msg
	case GoneMsg:
		m.detail.gone, m.detail.stale = true, nil
		m.dropDialog("the canary was deleted")
	case answerMsg:
		m.answer(msg)
	case tickMsg:
		m.ticking = false
	}
	m.status.expire(m.clock)
	return m, tea.Batch(cmd, m.tick())
}

// take replaces what is shown by a newer state.
func (m *model) take(c view.Canary) {
	d := &m.detail
	// Keep the event one is reading in its place while newer ones arrive above it.
	if d.newest > 0 {
		d.newest += max(0, len(c.Events)-len(d.canary.Events))
	}
	d.canary, d.loaded, d.stale, d.gone = c.Cleaned(), true, nil, false
	d.charts = metricCharts(d.canary)
	m.scroll(0)
	if m.dialog == nil {
		return
	}
	if d.canary.Revision != m.dialog.revision {
		m.dropDialog("another revision is being rolled out now")
	} else if why := m.refusal(m.dialog.verb); why != "" {
		m.dropDialog(why)
	}
}

// scroll moves the events by n, within what there is.
func (m *model) scroll(n int) {
	m.detail.newest = max(0, min(m.detail.newest+n, len(m.detail.canary.Events)-1))
}

// tick keeps exactly one tick on its way while something counts.
func (m *model) tick() tea.Cmd {
	if m.ticking || !m.counting() {
		return nil
	}
	m.ticking = true
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return tickMsg{} })
}

// counting is true while a number on the screen changes by itself.
func (m *model) counting() bool {
	c := &m.detail.canary
	return m.detail.stale != nil || m.status.counting() ||
		(!m.detail.gone && (c.Active() || c.NextActionTime.After(m.clock)))
}
