package pager

// Follow reports whether the end of the text is kept in view.
func (p *Pager) Follow() bool { return p.follow }

// SetFollow keeps to the end as lines come, or stays where it is.
func (p *Pager) SetFollow(follow bool) {
	if p.follow && !follow {
		p.top = p.last()
	}
	p.follow = follow
}

// Scroll moves by so many rows, down or, when negative, up. To move up ends following.
func (p *Pager) Scroll(n int) {
	switch {
	case n < 0:
		from := p.first()
		if to := p.moved(from, n); to != from {
			p.follow, p.top = false, to
		}
	case n > 0 && !p.follow:
		p.top = p.moved(p.top, n)
		p.keepTop()
	}
}

// Page moves by so many screens, which overlap by a row.
func (p *Pager) Page(n int) {
	const most = 1 << 20 // More screens than there can be, and no overflow.
	p.Scroll(max(-most, min(most, n)) * max(1, p.height-1))
}

// Top moves to the beginning, and ends following.
func (p *Pager) Top() {
	if p.last() != (position{}) { // else there is nowhere to go
		p.follow = false
	}
	p.top = position{}
}

// Bottom moves to the end, and follows it.
func (p *Pager) Bottom() { p.follow = true }

// Left moves the text so many columns to the right.
func (p *Pager) Left(n int) { p.sideways(-n) }

// Right moves the text so many columns to the left, to see what does not fit. Wrapped text has
// nothing there.
func (p *Pager) Right(n int) { p.sideways(n) }

func (p *Pager) sideways(n int) {
	if p.wrap {
		return
	}
	n = max(-p.longest, min(p.longest, n))
	p.left = max(0, min(p.left+n, p.longest-p.width))
}

// Wrap reports whether long lines are wrapped.
func (p *Pager) Wrap() bool { return p.wrap }

// ToggleWrap wraps long lines, or cuts them. The first line that is seen stays the first.
func (p *Pager) ToggleWrap() {
	if !p.follow {
		p.top.row = 0
	}
	p.wrap, p.left = !p.wrap, 0
	p.keepTop()
}

// first is the first row that is seen.
func (p *Pager) first() position {
	if p.follow {
		return p.last()
	}
	return p.top
}

// last is the first row of the last screen.
func (p *Pager) last() position {
	return p.moved(position{line: len(p.lines)}, -max(1, p.height))
}

// keepTop keeps the position within the text: no empty rows below its end.
func (p *Pager) keepTop() {
	p.top.line = max(0, p.top.line)
	if p.top.line < len(p.lines) {
		p.top.row = max(0, min(p.top.row, p.rows(p.top.line)-1))
	}
	if last := p.last(); p.top.after(last) {
		p.top = last
	}
}

func (a position) after(b position) bool {
	return a.line > b.line || a.line == b.line && a.row > b.row
}

func (p *Pager) rows(line int) int {
	if !p.wrap {
		return 1
	}
	return p.lines[line].rows(p.width)
}

// moved is a position so many rows on, at most the beginning or the end. Only the lines in between
// are looked at.
func (p *Pager) moved(at position, n int) position {
	if !p.wrap {
		if n > len(p.lines) || n < -len(p.lines) {
			n = max(-len(p.lines), min(len(p.lines), n))
		}
		return position{line: max(0, min(at.line+n, len(p.lines)))}
	}
	for ; n < 0; n++ {
		// Whole lines at once: a line may have thousands of rows.
		if step := min(at.row, -n); step > 0 {
			at.row -= step
			n += step - 1
			continue
		}
		if at.line == 0 {
			return position{}
		}
		at.line--
		at.row = p.rows(at.line) - 1
	}
	for n > 0 && at.line < len(p.lines) {
		rest := p.rows(at.line) - at.row
		if n < rest {
			at.row += n
			return at
		}
		n -= rest
		at = position{line: at.line + 1}
	}
	return at
}
