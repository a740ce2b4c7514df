package pager

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// search is what is looked for, and the lines that have it.
type search struct {
	text string
	// matches are numbers of lines, dropped ones counted, in order.
	matches []int
	// current is an index of matches; -1 when there is none.
	current int
}

// Search looks for a text, in upper or lower case, and moves to the nearest line that has it: the
// first from where the screen begins, else the last before. An empty text ends the search.
// What comes later is looked at as well.
func (p *Pager) Search(text string) {
	text = view.Clean(strings.ToValidUTF8(text[:min(len(text), longestSearch)], ""))
	p.search = search{text: text, current: -1}
	if text == "" {
		return
	}
	for i := range p.lines {
		p.search.take(p.lines[i].text, p.dropped+i)
	}
	p.search.current = p.nearest()
	p.show()
}

// SearchText is what is looked for; empty when nothing is.
func (p *Pager) SearchText() string { return p.search.text }

// Found tells which of how many lines with the text is the current one, counted from 1. It is 0 when
// that line was dropped, or there is none.
func (p *Pager) Found() (current, total int) {
	if p.search.text == "" {
		return 0, 0
	}
	return p.search.current + 1, len(p.search.matches)
}

// Next moves to the next line with the text that is searched for, and from the last to the first.
func (p *Pager) Next() { p.step(1) }

// Previous moves to the line before with the text that is searched for, and from the first to the
// last.
func (p *Pager) Previous() { p.step(-1) }

func (p *Pager) step(by int) {
	n := len(p.search.matches)
	switch {
	case n == 0:
		return
	case p.search.current < 0:
		p.search.current = p.nearest()
	default:
		p.search.current = (p.search.current + by + n) % n
	}
	p.show()
}

// take looks at a line that has come.
func (s *search) take(text string, number int) {
	if s.text == "" {
		return
	}
	if from, _ := index(text, s.text); from >= 0 {
		s.matches = append(s.matches, number)
	}
}

// drop forgets lines before one.
func (s *search) drop(first int) {
	n, _ := slices.BinarySearch(s.matches, first)
	s.matches = s.matches[n:]
	s.current = max(-1, s.current-n)
}

// nearest is the first match from where the screen begins, else the last before.
func (p *Pager) nearest() int {
	n, _ := slices.BinarySearch(p.search.matches, p.dropped+p.first().line)
	return min(n, len(p.search.matches)-1)
}

// currentMatch is the line of the current match.
func (p *Pager) currentMatch() (number int, ok bool) {
	if i := p.search.current; i >= 0 && i < len(p.search.matches) {
		return p.search.matches[i] - p.dropped, true
	}
	return 0, false
}

// show moves so that the current match is seen.
func (p *Pager) show() {
	number, ok := p.currentMatch()
	if !ok {
		return
	}
	at := position{line: number}
	l := &p.lines[at.line]
	from, to := index(l.text, p.search.text)
	if p.wrap {
		for end := l.rowEnd(0, p.width); end <= from && end < len(l.text); end = l.rowEnd(end, p.width) {
			at.row++
		}
	} else {
		p.reveal(l.column(from), l.column(to))
	}
	first := p.first()
	p.follow, p.top = false, first
	if end := p.moved(first, max(1, p.height)); first.after(at) || !end.after(at) {
		p.top = p.moved(at, -p.height/3)
		p.keepTop()
	}
}

// reveal moves sideways until the columns are seen, and those of the marks at both ends.
func (p *Pager) reveal(from, to int) {
	if from >= p.left+min(1, p.left) && to < p.left+p.width || p.width <= 0 {
		return
	}
	p.left = 0
	if to >= p.width {
		p.sideways(from - p.width/3)
	}
}

// index is where a text is first found in a line, whatever the case; -1 when it is not there.
func index(line, text string) (from, to int) {
	first, _ := utf8.DecodeRuneInString(text)
	for from, r := range line {
		if !sameLetter(r, first) {
			continue
		}
		if n := prefix(line[from:], text); n > 0 {
			return from, from + n
		}
	}
	return -1, -1
}

// prefix is how many bytes of a line are the text, whatever the case; 0 when it begins otherwise.
func prefix(line, text string) int {
	n := 0
	for _, want := range text {
		have, size := utf8.DecodeRuneInString(line[n:])
		if size == 0 || !sameLetter(have, want) {
			return 0
		}
		n += size
	}
	return n
}

func sameLetter(a, b rune) bool {
	switch {
	case a == b:
		return true
	case a < utf8.RuneSelf && b < utf8.RuneSelf:
		return a|0x20 == b|0x20 && 'a' <= a|0x20 && a|0x20 <= 'z'
	}
	return unicode.ToLower(a) == unicode.ToLower(b) || unicode.ToUpper(a) == unicode.ToUpper(b)
}
