package fleet

import (
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// pens are the styles of one row.
type pens struct {
	plain, title, label, rule, canary, warn, fail theme.Pen
}

// painter draws one frame.
type painter struct {
	t     *Table
	l     layout
	width int
	now   time.Time
	th    *theme.Theme
	g     chart.Glyphs

	pens   pens
	chosen theme.Pen // the selected row
	phases map[string]sign
	bars   string // one filled and one empty bar, to cut from
	points []chart.Point
	b      strings.Builder
	used   int // columns written of the line
}

// sign is the sign of a phase and its style, made once for each phase of a frame.
type sign struct {
	s   string
	pen theme.Pen
}

func (t *Table) newPainter(width int, now time.Time, th *theme.Theme, g chart.Glyphs) *painter {
	pen := theme.NewPen
	return &painter{
		t: t, l: arrange(width, t.want), width: width, now: now, th: th, g: g,
		pens: pens{
			title: pen(th.Title), label: pen(th.Label), rule: pen(th.Rule), canary: pen(th.Canary),
			warn: pen(th.Warn), fail: pen(th.Fail),
		},
		chosen: pen(lipgloss.NewStyle().Bold(true).Reverse(true)),
		phases: map[string]sign{},
	}
}

// pad writes n spaces.
func (p *painter) pad(n int) {
	const spaces = "                                                                "
	for ; n > len(spaces); n -= len(spaces) {
		p.b.WriteString(spaces)
		p.used += len(spaces)
	}
	if n > 0 {
		p.b.WriteString(spaces[:n])
		p.used += n
	}
}

// left writes a text into width columns, cut at its end.
func (p *painter) left(x text, width int, pen theme.Pen) {
	x = x.cut(width, p.th.Symbols.Ellipsis)
	pen.Write(&p.b, x.s)
	p.used += x.w
	p.pad(width - x.w)
}

// right writes a text at the right of width columns. It is a number: a cut one would be a wrong one.
func (p *painter) right(x text, width int, pen theme.Pen) {
	if x.w > width {
		x = text{strings.Repeat("#", width), width}
	}
	p.pad(width - x.w)
	pen.Write(&p.b, x.s)
	p.used += x.w
}

// line ends a line: exactly width columns, whatever was written.
func (p *painter) line(odd bool) string {
	p.pad(p.width - p.used)
	s := p.b.String()
	if over := p.used > p.width; over || odd && ansi.StringWidth(s) != p.width {
		s = cells.Fit(s, p.width, p.th.Symbols.Ellipsis)
	}
	p.b.Reset()
	p.used = 0
	return s
}
