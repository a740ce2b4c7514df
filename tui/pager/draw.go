package pager

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/cells"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// noteRows bounds what a note takes from the text; on a screen of a few rows it is one.
const (
	noteRows = 2
	fewRows  = 8
)

// Lines draws the pane: exactly height lines, each of exactly width columns. The last one tells the
// position, unless it is the only one. The size is kept for the methods that move by what is seen.
func (p *Pager) Lines(width, height int, th *theme.Theme) []string {
	if width <= 0 || height <= 0 {
		p.width, p.height = 0, 0
		return make([]string, max(0, height))
	}
	out := make([]string, 0, height)
	if p.note != "" && height >= 4 {
		s, rows := &th.Symbols, noteRows
		if height < fewRows {
			rows = 1
		}
		for _, row := range cells.Wrap(s.Warning+" "+p.note, width, rows, s.Ellipsis) {
			out = append(out, th.Banner.Render(cells.Fit(row, width, s.Ellipsis)))
		}
	}
	status := min(1, height-1)
	p.resize(width, height-len(out)-status)
	out = p.text(out, th)
	for len(out) < height-status {
		out = append(out, strings.Repeat(" ", width))
	}
	if status > 0 {
		out = append(out, p.status(width, th))
	}
	return out
}

// resize keeps the first line that is seen.
func (p *Pager) resize(width, height int) {
	p.width, p.height = width, height
	p.keepTop()
	p.sideways(0)
}

// text draws the rows that are seen.
func (p *Pager) text(out []string, th *theme.Theme) []string {
	if len(p.lines) == 0 {
		return append(out, th.Label.Render(cells.Fit(p.nothing(), p.width, th.Symbols.Ellipsis)))
	}
	at := p.first()
	current, searching := p.currentMatch()
	for n := 0; n < p.height && at.line < len(p.lines); at.line, at.row = at.line+1, 0 {
		l := &p.lines[at.line]
		b := brush{line: l, spans: p.kind.spans(l.text, th), search: p.search.text, match: lipgloss.NewStyle().Reverse(true)}
		if searching && at.line == current {
			b.match = th.Banner
		}
		b.find()
		for rows := p.rows(at.line); at.row < rows && n < p.height; at.row, n = at.row+1, n+1 {
			out = append(out, cells.Fit(p.row(&b, at.row, th), p.width, th.Symbols.Ellipsis))
		}
	}
	return out
}

// nothing says why there is no text.
func (p *Pager) nothing() string {
	if !p.loaded {
		return "Waiting for the first lines."
	}
	switch p.kind {
	case Events:
		return "There are no events; the cluster keeps them for an hour or so."
	case Logs:
		return "Nothing has been logged yet."
	case YAML, Plain:
	}
	return "There is nothing to show."
}

// row draws one row of a line, with a mark at each end where a line that is not wrapped goes on.
func (p *Pager) row(b *brush, row int, th *theme.Theme) string {
	if p.wrap {
		from, to := b.line.row(row, p.width)
		return b.paint(from, to)
	}
	left, right := p.left, p.left+p.width
	before, after := "", ""
	if left > 0 && b.line.width > 0 {
		before = th.Rule.Render(th.Symbols.Before)
		left++
	}
	if b.line.width > right {
		after = th.Rule.Render(th.Symbols.After)
		right--
	}
	from, to, pad := b.line.columns(left, right)
	text := before + strings.Repeat(" ", pad) + b.paint(from, to)
	if after != "" {
		text = cells.Pad(text, p.width-1) + after
	}
	return text
}

// status tells where in the text this is, and what is searched for.
func (p *Pager) status(width int, th *theme.Theme) string {
	s := &th.Symbols
	found := ""
	if p.search.text != "" {
		found = "/" + p.search.text
		if current, total := p.Found(); total > 0 {
			found += fmt.Sprintf(" %d/%d", current, total)
		} else {
			found += " not found"
		}
	}
	var where []string
	if n := len(p.lines); n > 0 {
		at := p.first()
		end := p.moved(at, p.height)
		if end.row == 0 {
			end.line--
		}
		where = append(where, fmt.Sprintf("%d-%d of %d", at.line+1, min(end.line, n-1)+1, n))
	}
	if p.dropped > 0 {
		where = append(where, fmt.Sprintf("%d older dropped", p.dropped))
	}
	if p.left > 0 {
		where = append(where, fmt.Sprintf("column %d", p.left+1))
	}
	if p.wrap {
		where = append(where, "wrap")
	}
	if p.follow {
		where = append(where, "follow")
	}
	line := cells.Spread(found, strings.Join(where, " "+s.Dot+" "), width, s.Ellipsis)
	return th.Label.Render(line)
}

// brush paints parts of one line.
type brush struct {
	line   *line
	spans  []span
	search string
	match  lipgloss.Style
	// found are the places of what is searched for.
	found [][2]int
}

func (b *brush) find() {
	if b.search == "" {
		return
	}
	for at := 0; at < len(b.line.text); {
		from, to := index(b.line.text[at:], b.search)
		if from < 0 {
			return
		}
		b.found = append(b.found, [2]int{at + from, at + to})
		at += to
	}
}

// paint styles the bytes of a line from one to another. Styles change between characters as a person
// sees them only, so that none is torn apart.
func (b *brush) paint(from, to int) string {
	if len(b.spans) == 0 && len(b.found) == 0 {
		return b.line.text[from:to]
	}
	var out strings.Builder
	spans, found := b.spans, b.found
	var style *lipgloss.Style
	begin := from
	flush := func(at int) {
		switch text := b.line.text[begin:at]; {
		case text == "":
		case style == nil:
			out.WriteString(text)
		default:
			out.WriteString(style.Render(text))
		}
		begin = at
	}
	for at := from; at < to; {
		size, _ := b.line.unit(at)
		for len(spans) > 0 && spans[0].to <= at {
			spans = spans[1:]
		}
		for len(found) > 0 && found[0][1] <= at {
			found = found[1:]
		}
		var next *lipgloss.Style
		switch {
		case len(found) > 0 && found[0][0] < at+size:
			next = &b.match
		case len(spans) > 0 && spans[0].from < at+size:
			next = spans[0].style
		}
		if next != style {
			flush(at)
			style = next
		}
		at += size
	}
	flush(to)
	return out.String()
}
