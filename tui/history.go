package tui

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/cells"
)

// historyScreen lists the runs of a canary. The last of them can be replayed: of earlier ones the
// status keeps only how they ended.
type historyScreen struct {
	selected int
	top      int // line of the screen on which the first run is, for the mouse
}

func (m *model) openHistory() tea.Cmd {
	cmd, ok := m.within()
	if !ok {
		return cmd
	}
	m.screen, m.history = inHistory, historyScreen{}
	return cmd
}

// runs of the canary, newest first.
func (m *model) runs() []view.Run { return m.detail.present.Runs() }

// kept is true for the run whose steps and samples the status still has.
func (m *model) kept(r *view.Run) bool {
	run := m.detail.present.Run
	return run != nil && run.ID == r.ID
}

func (m *model) selectRun(n int) {
	m.history.selected = max(0, min(m.history.selected+n, len(m.runs())-1))
}

// moveHistory carries out the commands that move about in the history.
func (m *model) moveHistory(id commandID) tea.Cmd {
	const page = 10
	switch id { //nolint:exhaustive // the others mean nothing here
	case cmdDown:
		m.selectRun(1)
	case cmdUp:
		m.selectRun(-1)
	case cmdPageDown:
		m.selectRun(page)
	case cmdPageUp:
		m.selectRun(-page)
	case cmdTop:
		m.history.selected = 0
	case cmdBottom:
		m.selectRun(len(m.runs()))
	case cmdOpen:
		m.replayRun()
	}
	return nil
}

func (m *model) replayRun() {
	runs := m.runs()
	if len(runs) == 0 {
		return
	}
	r := &runs[min(m.history.selected, len(runs)-1)]
	switch {
	case m.playback != nil:
		m.status.say(m.clock, toneWarn, "this is a recording already; space plays it")
	case !m.kept(r):
		m.status.say(m.clock, toneWarn, "of this run only its end is kept; --record keeps all of one")
	default:
		m.screen = inDetail
		if !m.startReplay() {
			m.screen = inHistory
			m.status.say(m.clock, toneWarn, "this run has not begun its first step")
		}
	}
}

func (m *model) clickHistory(y int) {
	i := y - m.history.top
	switch {
	case i < 0 || i >= len(m.runs()):
	case i == m.history.selected:
		m.replayRun()
	default:
		m.history.selected = i
	}
}

// outcome of a run as sign, word and style.
func (m *model) outcome(r *view.Run) (sign, word string, style lipgloss.Style) {
	t, s := &m.theme, &m.theme.Symbols
	switch {
	case r.Outcome == "":
		return s.Active, "running", t.Canary
	case r.Outcome == "Promoted" || r.Outcome == "Restored":
		return s.Passed, r.Outcome, t.Pass
	case r.Failed():
		return s.Failed, r.Outcome, t.Fail
	}
	return s.Skipped, r.Outcome, t.Label
}

// historyFrame draws the list of runs, and what is known of the one that is selected.
func (m *model) historyFrame(width, height int) []string {
	t, s := &m.theme, &m.theme.Symbols
	lines := m.header(width)[:2]
	if height >= roomyHeight {
		lines = append(lines, "")
	}
	if len(m.runs()) > 0 {
		lines = append(lines, t.Label.Render(cells.Cut(m.runColumns("  Revision", "Outcome", "Began", "Took", "Reached", "Failed"), width, s.Ellipsis)))
	}
	bottom := m.bottom(width, height)
	m.history.top = len(lines)
	runs := m.runs()
	for i := range runs {
		lines = append(lines, m.runLine(i, &runs[i], width))
	}
	if len(runs) == 0 {
		text := "no run yet; one begins when the target changes"
		if m.detail.present.Foreign {
			text = "another controller runs this canary, and keeps no history of its runs"
		}
		lines = append(lines, t.Label.Render(cells.Cut(text, width, s.Ellipsis)))
	} else {
		r := &runs[min(m.history.selected, len(runs)-1)]
		lines = append(lines, "", t.Rule.Render(strings.Repeat(s.Line, width)))
		lines = append(lines, m.runWords(r, width)...)
	}
	return append(full(lines, width, height-len(bottom), s.Ellipsis), bottom...)
}

func (m *model) runColumns(revision, outcome, began, took, reached, failed string) string {
	return cells.Pad(revision, 16) + cells.Pad(outcome, 19) + cells.Pad(began, 18) + cells.PadLeft(took, 7) + "  " +
		cells.PadLeft(reached, 7) + "  " + cells.PadLeft(failed, 8)
}

func (m *model) runLine(i int, r *view.Run, width int) string {
	t, s := &m.theme, &m.theme.Symbols
	mark, name := "  ", cells.ShortRevision(r.Revision)
	if i == m.history.selected {
		mark, name = t.Key.Render(s.After)+" ", t.Title.Render(name)
	}
	sign, word, style := m.outcome(r)
	began, took, failed := "", "", ""
	if !r.Start.IsZero() {
		began = r.Start.In(m.clock.Location()).Format("Jan 02 15:04:05")
		end := r.End
		if end.IsZero() {
			end = m.clock
		}
		took = cells.Span(end.Sub(r.Start))
	}
	if r.FailedChecks > 0 {
		failed = t.Fail.Render(s.Failed + " " + count(r.FailedChecks))
	}
	return cells.Cut(m.runColumns(mark+name, style.Render(sign+" "+word), began, took, strconv.Itoa(int(r.MaxWeight))+"%", failed), width, s.Ellipsis)
}

// runWords say what the columns have no room for.
func (m *model) runWords(r *view.Run, width int) []string {
	t, s := &m.theme, &m.theme.Symbols
	var lines []string
	if r.Message != "" {
		lines = append(lines, cells.Wrap(r.Message, width, 4, s.Ellipsis)...)
	}
	if r.By != "" {
		lines = append(lines, m.row("by", r.By))
	}
	if r.Checks > 0 {
		lines = append(lines, m.row("checks", fmt.Sprintf("%d failed of %d", r.FailedChecks, r.Checks)))
	}
	lines = append(lines, m.row("revision", r.Revision))
	if m.kept(r) && m.playback == nil {
		lines = append(lines, "", t.Key.Render("enter")+" "+t.Label.Render("replays it: "+plural(len(m.detail.present.Steps), "step")+", every check"))
	}
	return lines
}
