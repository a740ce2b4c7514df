package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// The breakpoints of the layout.
const (
	tinyWidth     = 20 // below this nothing useful can be said
	compactWidth  = 60 // below this, or compactHeight, a summary
	compactHeight = 15
	wideWidth     = 120 // from this and wideHeight on, two columns
	wideHeight    = 28
	roomyHeight   = 28 // from this height on, blank lines separate the parts
	leastText     = 5  // below this a text or a history says nothing
	podsHeight    = 36 // from this height on, the stacked layout lists pods too
)

// leastMetrics is what the metrics keep when another panel has the focus: the heading and three rows.
const leastMetrics = 4

// View declares the whole terminal: text, title, progress.
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.frame(), "\n"))
	v.AltScreen = true
	v.WindowTitle = m.windowTitle()
	v.ProgressBar = m.progress()
	if m.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

func (m *model) windowTitle() string {
	if m.screen == inFleet {
		return "canaries: " + m.scope
	}
	_, word, _ := m.phase()
	return m.detail.canary.Name + " " + m.detail.canary.Namespace + ": " + word
}

// progress is the weight or, where that says nothing, the share of the steps, shown by terminals in their tab or on the task bar.
func (m *model) progress() *tea.ProgressBar {
	c := &m.detail.canary
	switch {
	case !m.detail.loaded || m.detail.gone || m.screen == inFleet:
		return tea.NewProgressBar(tea.ProgressBarNone, 0)
	case c.Phase == "Failed":
		return tea.NewProgressBar(tea.ProgressBarError, 100)
	case c.Active() && (c.Paused() || m.detail.stale != nil):
		return tea.NewProgressBar(tea.ProgressBarWarning, m.done())
	case c.Active():
		return tea.NewProgressBar(tea.ProgressBarDefault, m.done())
	}
	return tea.NewProgressBar(tea.ProgressBarNone, 0)
}

// done is how far the run is, in percent.
func (m *model) done() int {
	c := &m.detail.canary
	if noun, at, of := c.Position(); noun == "iteration" && of > 0 {
		return clampInt(100*at/of, 0, 100)
	}
	return clampInt(int(c.Weight), 0, 100)
}

// frame is the screen: exactly height lines of exactly width columns.
func (m *model) frame() []string {
	w, h := m.width, m.height
	if w <= 0 || h <= 0 {
		return nil
	}
	m.zones, m.barLines = m.zones[:0], 0
	var lines []string
	switch {
	case w < tinyWidth:
		lines = []string{"terminal too small"}
	case m.screen == inFleet:
		lines = m.fleetFrame(w, h)
	case m.screen == inText && h >= leastText:
		lines = m.textFrame(w, h)
	case m.screen == inHistory && h >= leastText:
		lines = m.historyFrame(w, h)
	case w < compactWidth || h < compactHeight:
		lines = m.compact(w, h)
	case w >= wideWidth && h >= wideHeight:
		lines = m.wide(w, h)
	default:
		lines = m.stacked(w, h)
	}
	lines = full(lines, w, h, m.theme.Symbols.Ellipsis)
	switch {
	case w < tinyWidth:
	case m.dialog != nil:
		lines = overlay(lines, m.dialogBox(w, h), w)
	case m.palette != nil:
		lines = overlay(lines, m.paletteBox(w, h), w)
	case m.help != nil:
		lines = overlay(lines, m.helpBox(w, h), w)
	}
	return lines
}

// full fits every line to the width and the lines to the height. All drawing ends here, so that no
// panel and no string of the cluster can break the frame.
func full(lines []string, width, height int, ellipsis string) []string {
	out := make([]string, max(0, height))
	for i := range out {
		line := ""
		if i < len(lines) {
			line = lines[i]
		}
		out[i] = cells.Fit(line, width, ellipsis)
	}
	return out
}

// top is what all layouts but the compact one begin with. Blank lines are for those who have them.
func (m *model) top(width, height int) []string {
	roomy := height >= roomyHeight
	lines := append(m.header(width), m.sides(width)...)
	if roomy {
		lines = append(lines, "")
	}
	lines = append(lines, m.rundown(width)...)
	if roomy {
		lines = append(lines, "")
	}
	return lines
}

// bottom is the time line of a replay, the status line and the keys.
func (m *model) bottom(width, height int) []string {
	var lines []string
	if b := m.timelineBar(); b != nil {
		lines = b.Lines(width, &m.theme)
		m.barTop, m.barLines = height-2-len(lines), len(lines)
	}
	status := m.statusLine()
	switch {
	case m.prompt != nil:
		status = m.prompt.line(m, width)
	case m.hint:
		status = m.theme.Label.Render("new here? ") + m.theme.Key.Render("?") + m.theme.Label.Render(" shows all keys, ") +
			m.theme.Key.Render(":") + m.theme.Label.Render(" finds a command by name; keys that act ask first")
	}
	return append(lines, status, m.footer(width, height-1))
}

// stacked puts all panels below each other. The focused one gets the spare lines, the others what
// they need least.
func (m *model) stacked(width, height int) []string {
	e := m.theme.Symbols.Ellipsis
	lines := m.top(width, height)
	bottom := m.bottom(width, height)
	room := height - len(lines) - len(bottom)

	events := clampInt(room/3, 3, 10)
	pods := 0
	if height >= podsHeight || m.detail.focus == panelPods {
		pods = clampInt(len(m.detail.canary.Pods)+1, 2, 7)
	}
	metrics := room - events - pods
	switch m.detail.focus {
	case panelMetrics, panels:
	case panelEvents:
		metrics = min(room-4, 1+len(m.detail.canary.Metrics), leastMetrics)
		events = room - metrics - pods
	case panelPods:
		metrics = min(room-4, 1+len(m.detail.canary.Metrics), leastMetrics)
		pods = max(2, min(room-metrics, len(m.detail.canary.Pods)+1))
		events = room - metrics - pods
	}
	m.panelZone(panelMetrics, len(lines), 0, width)
	lines = append(lines, full(m.metrics(width, metrics), width, max(0, metrics), e)...)
	if pods > 0 {
		m.panelZone(panelPods, len(lines), 0, width)
		lines = append(lines, full(m.pods(width, pods), width, pods, e)...)
	}
	if events > 0 {
		m.panelZone(panelEvents, len(lines), 0, width)
		lines = append(lines, full(m.events(width, events), width, events, e)...)
	}
	return append(full(lines, width, height-len(bottom), e), bottom...)
}

// wide has the charts at the left, pods and events at the right.
func (m *model) wide(width, height int) []string {
	const gap = 3
	lines := m.top(width, height)
	bottom := m.bottom(width, height)
	room := height - len(lines) - len(bottom)
	right := clampInt(width*2/5, 44, 80)
	left := width - right - gap

	pods := clampInt(len(m.detail.canary.Pods)+1, 2, room/2)
	if m.detail.focus == panelEvents {
		pods = min(pods, 5)
	}
	m.panelZone(panelMetrics, len(lines), 0, left)
	m.panelZone(panelPods, len(lines), left+gap, width)
	m.panelZone(panelEvents, len(lines)+pods+1, left+gap, width)
	e := m.theme.Symbols.Ellipsis
	a := full(m.metrics(left, room), left, room, e)
	b := full(m.pods(right, pods), right, pods, e)
	b = append(b, strings.Repeat(" ", right))
	b = append(b, full(m.events(right, room-pods-1), right, max(0, room-pods-1), e)...)
	for i := range a {
		lines = append(lines, a[i]+strings.Repeat(" ", gap)+b[i])
	}
	return append(lines, bottom...)
}

// panelZone makes the heading of a panel take clicks, which give it the room.
func (m *model) panelZone(p panel, line, from, to int) {
	m.zones = append(m.zones, zone{line: line, from: from, to: to, panel: p})
}

// compact says the most important things first, one a line, as far as there are lines.
func (m *model) compact(width, height int) []string {
	t, s, c := &m.theme, &m.theme.Symbols, &m.detail.canary
	sign, word, style := m.phase()
	step := ""
	if noun, at, of := c.Position(); of > 0 {
		step = t.Label.Render(noun+" ") + count(int32(at)) + "/" + count(int32(of))
	}
	state := style.Render(sign+" "+word) + " " + c.Share()
	if height == 1 {
		return []string{t.Title.Render(cells.Cut(c.Name, max(6, width/3), s.Ellipsis)) + " " + state + " " + step}
	}
	lines := []string{
		cells.Spread(t.Title.Render(c.Name)+" "+t.Label.Render(c.Namespace), state, width, s.Ellipsis),
	}
	if text := m.banner(); text != "" {
		lines = append(lines, t.Banner.Render(cells.Fit(text, width, s.Ellipsis)))
	} else {
		text, style := m.message()
		lines = append(lines, style.Render(cells.Cut(text, width, s.Ellipsis)))
	}
	lines = append(lines, m.bar(m.done(), max(1, width-max(11, 1+ansi.StringWidth(step))), t.Canary)+" "+step)
	lines = append(lines, m.row("next", m.next(width)[0]), m.row("checks", m.checks()))
	for i := range c.Metrics {
		lines = append(lines, m.metricLine(i, width))
	}
	if height < 5 {
		return lines
	}
	bottom := m.bottom(width, height)
	return append(full(lines, width, height-len(bottom), s.Ellipsis), bottom...)
}

func clampInt(v, lo, hi int) int { return max(lo, min(v, max(lo, hi))) }
