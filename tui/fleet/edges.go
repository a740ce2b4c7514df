package fleet

import (
	"strconv"
	"strings"
)

// headings draws the names of the columns, with an arrow at the one that orders the rows, and
// remembers where they are.
func (p *painter) headings() string {
	l := &p.l
	first := true
	head := func(c Column, name string, width int, right bool) {
		if width <= 0 {
			return
		}
		lead := gap
		if first {
			lead, first = leadWidth, false
		}
		end := p.used + lead + width
		x, pen := safe(name).cut(width, p.th.Symbols.Ellipsis), p.pens.label
		if right {
			lead += width - x.w
		}
		if c == p.t.order { // the arrow stands in the gap
			pen = p.pens.title
			x = text{p.arrow() + x.s, x.w + 1}
			lead--
		}
		p.pad(lead)
		p.left(x, x.w, pen)
		p.pad(end - p.used)
		l.edges = append(l.edges, edge{c, p.used + 1})
	}
	name := ByName
	if l.paths {
		name = ByNamespace
	}
	head(ByNamespace, "Namespace", l.namespace, false)
	head(name, "Name", l.name, false)
	if l.phase > 1 {
		head(ByPhase, "Phase", l.phase, false)
	}
	head(ByShare, "Share", l.bar+l.share, true)
	head(ByStep, "Step", l.step, true)
	head(ByFailed, "Fails", l.failed, true)
	if l.spark > 0 {
		head(ByMetric, "Metric", l.metricWidth(), false)
	} else if l.value > 0 {
		head(ByMetric, "Metric", l.value, true)
		p.pad(signWidth)
	}
	head(ByAge, "Age", l.age, true)
	words := 0
	if l.words > 0 {
		words = l.words + 1
	}
	head(ByNext, "Next", l.until, true)
	if words > 0 {
		p.pad(words)
		l.edges[len(l.edges)-1].x = p.width
	}
	return p.line(false)
}

// arrow points the way the sorted column goes: down where its greatest, last or worst is first.
func (p *painter) arrow() string {
	down := false
	switch p.t.order {
	case ByShare, ByStep, ByFailed, ByMetric:
		down = true
	default:
	}
	switch {
	case p.ascii() && down != p.t.reversed:
		return "v"
	case p.ascii():
		return "^"
	case down != p.t.reversed:
		return "▼"
	}
	return "▲"
}

// ascii is true for a theme whose signs are ASCII; it has no sign of its own for what is asked here.
func (p *painter) ascii() bool { return p.th.Symbols.Line[:min(1, len(p.th.Symbols.Line))] < "\x80" }

// place says which rows are in sight: "12–40 of 1,000", and how many the filter hides.
func (p *painter) place() string {
	t, s := p.t, &p.th.Symbols
	dash := "–"
	if p.ascii() {
		dash = "-"
	}
	var text string
	if n := len(t.shown); n > t.page {
		text = thousands(t.top+1) + dash + thousands(t.top+t.page) + " of " + thousands(n)
	} else {
		text = thousands(n)
	}
	if hidden := len(t.rows) - len(t.shown); hidden > 0 {
		text += " shown, " + thousands(hidden) + " hidden by the filter"
	}
	x := safe(text)
	rule := p.width - x.w - 3
	if rule < 1 {
		p.left(x, p.width, p.pens.label)
		return p.line(false)
	}
	p.pens.rule.Write(&p.b, strings.Repeat(s.Line, rule))
	p.used += rule
	p.pad(1)
	p.left(x, x.w, p.pens.label)
	p.pad(1)
	p.pens.rule.Write(&p.b, s.Line)
	p.used++
	return p.line(false)
}

// thousands writes 1000 as 1,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
