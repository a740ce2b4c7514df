package fleet

import (
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// Rows of the panel from which it has a heading, and a line that says where in the list it is.
const (
	headingHeight = 3
	placeHeight   = 5
)

// Lines draws the panel: height lines of exactly width columns. The line of headings comes first and,
// when not all canaries are in sight, the line that says which are comes last.
func (t *Table) Lines(width, height int, now time.Time, th *theme.Theme, g chart.Glyphs) []string {
	if width <= 0 || height <= 0 {
		return nil
	}
	t.refresh()
	t.measure()
	p := t.newPainter(width, now, th, g)
	lines := make([]string, 0, height)
	if height >= headingHeight && len(t.rows) > 0 {
		p.l.heading = 1
		lines = append(lines, p.headings())
	}
	t.last = p.l
	if len(t.shown) == 0 {
		t.top, t.page, t.drawn = 0, 0, t.drawn[:0]
		return p.empty(lines, height)
	}
	page := height - len(lines)
	place := height >= placeHeight && (len(t.shown) > page || len(t.shown) < len(t.rows))
	if place {
		page--
	}
	t.scroll(page)
	t.drawn = append(t.drawn[:0], t.shown[t.top:min(t.top+page, len(t.shown))]...)
	for i, r := range t.drawn {
		lines = append(lines, p.row(r, t.top+i == t.cursor))
	}
	blank := strings.Repeat(" ", width)
	for len(lines) < height-1 {
		lines = append(lines, blank)
	}
	if len(lines) < height {
		last := blank
		if place {
			last = p.place()
		}
		lines = append(lines, last)
	}
	return lines
}

// measure finds what the names need.
func (t *Table) measure() {
	if t.unmeasured {
		t.want = wants{}
		for _, r := range t.rows {
			t.want.namespace = max(t.want.namespace, r.namespace.w)
			t.want.name = max(t.want.name, r.name.w)
			t.want.path = max(t.want.path, r.path.w)
		}
		t.unmeasured = false
	}
	t.want.spaces = t.Namespaces || len(t.spaces) > 1
}

// row draws a canary. The selected one is reversed as a whole, without colours of its own, which
// would make patches of it.
func (p *painter) row(r *row, selected bool) string {
	l, s, pens := &p.l, &p.th.Symbols, p.pens
	if selected {
		pens.title, pens.label, pens.rule = theme.Pen{}, theme.Pen{}, theme.Pen{}
		pens.canary, pens.warn, pens.fail = theme.Pen{}, theme.Pen{}, theme.Pen{}
	}
	p.b.Grow(2*p.width + 128)
	lead := " "
	if selected {
		lead = s.After
	}
	p.left(text{lead, 1}, leadWidth, pens.plain)
	if l.namespace > 0 {
		p.left(r.namespace.cutMiddle(l.namespace, s.Ellipsis), l.namespace, pens.label)
		p.pad(gap)
	}
	if l.paths {
		p.left(r.path.cutLeft(l.name, s.Ellipsis), l.name, pens.plain)
	} else {
		p.left(r.name, l.name, pens.plain)
	}
	p.pad(gap)
	p.phase(r, selected)
	p.share(r, &pens)
	if l.step > 0 {
		p.pad(gap)
		p.right(r.step, l.step, pens.plain)
	}
	if l.failed > 0 {
		p.pad(gap)
		pen := pens.label
		switch {
		case r.broken:
			pen = pens.fail
		case r.failing > 0:
			pen = pens.warn
		}
		p.right(r.failed, l.failed, pen)
	}
	p.metric(r, &pens, selected)
	if l.age > 0 {
		p.pad(gap)
		p.right(safe(age(&r.c, p.now)), l.age, pens.label)
	}
	if l.until > 0 {
		p.pad(gap)
		p.right(safe(r.until(p.now)), l.until, pens.title)
	}
	if l.words > 0 {
		p.pad(1)
		pen := pens.plain
		if r.idle {
			pen = pens.label
		}
		p.left(r.next, l.words, pen)
	}
	line := p.line(r.odd)
	if selected {
		return p.chosen.Paint(line)
	}
	return line
}

func (p *painter) phase(r *row, selected bool) {
	x, ok := p.phases[r.phase.s]
	if !ok {
		var style lipgloss.Style
		x.s, _, style = phaseOf(&r.c, p.th)
		x.pen = theme.NewPen(style)
		p.phases[r.phase.s] = x
	}
	pen := x.pen
	if selected {
		pen = theme.Pen{}
	}
	if p.l.phase == 1 {
		p.left(text{x.s, 1}, 1, pen)
		return
	}
	word := r.phase
	if word.w+2 > p.l.phase && word.s == "WaitingPromotion" {
		word = text{"Waiting", 7} // what for is said by what is next
	}
	word = word.cut(p.l.phase-2, p.th.Symbols.Ellipsis)
	p.left(text{x.s + " " + word.s, word.w + 2}, p.l.phase, pen)
}

func (p *painter) share(r *row, pens *pens) {
	l, s := &p.l, &p.th.Symbols
	if l.share == 0 {
		return
	}
	p.pad(gap)
	switch {
	case r.weight < 0 && l.bar > 0:
		p.right(r.share, l.bar+l.share, pens.canary)
		return
	case r.weight < 0:
		p.right(r.brief, l.share, pens.canary)
		return
	case l.bar > 0:
		// A share above zero always shows, one below a hundred never fills the bar.
		n := (r.weight*l.bar + 50) / 100
		if r.weight > 0 {
			n = max(n, 1)
		}
		if r.weight < 100 {
			n = min(n, l.bar-1)
		}
		if p.bars == "" {
			p.bars = strings.Repeat(s.BarFull, l.bar) + strings.Repeat(s.BarEmpty, l.bar)
		}
		full := l.bar * len(s.BarFull)
		pens.canary.Write(&p.b, p.bars[:n*len(s.BarFull)])
		pens.rule.Write(&p.b, p.bars[full:full+(l.bar-n)*len(s.BarEmpty)])
		p.used += l.bar
	}
	p.right(r.share, l.share, pens.plain)
}

func (p *painter) metric(r *row, pens *pens, selected bool) {
	l, s := &p.l, &p.th.Symbols
	if l.value == 0 {
		return
	}
	p.pad(gap)
	begin := p.used
	if r.metric >= 0 {
		m := &r.c.Metrics[r.metric]
		if l.spark > 0 {
			o := chart.Options{Glyphs: p.g}
			if !selected {
				o.Styles = chart.Styles{Canary: p.th.Canary, Fail: p.th.Fail}
			}
			p.points = r.points(p.points[:0], l.spark)
			p.b.WriteString(chart.Bars(chart.Data{Canary: p.points, Min: m.Min, Max: m.Max}, l.spark, o))
			p.used += l.spark
			p.pad(1)
		}
		mark, pen := " ", pens.plain
		switch m.Verdict {
		case verdictFail:
			mark, pen = s.Failed, pens.fail
		case verdictNoData:
			mark, pen = s.NoData, pens.warn
		case verdictError:
			mark, pen = s.Warning, pens.warn
		}
		p.right(r.metricValue, l.value, pen)
		p.left(text{" " + mark, 2}, signWidth, pen)
		if l.metric > 0 {
			p.pad(1)
			name := r.metricName
			if name.w > l.metric { // of the two metrics that everybody has, the end tells them apart
				if rest, ok := strings.CutPrefix(name.s, "request-"); ok {
					name = safe(rest)
				}
			}
			p.left(name, l.metric, pens.label)
		}
	}
	p.pad(l.metricWidth() - (p.used - begin))
}

// metricWidth is the width of the whole column.
func (l *layout) metricWidth() int {
	w := l.value + signWidth
	if l.spark > 0 {
		w += l.spark + 1
	}
	if l.metric > 0 {
		w += l.metric + 1
	}
	return w
}
