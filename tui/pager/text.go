package pager

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// line is one of the text, fit for a terminal.
type line struct {
	text string
	// width in columns.
	width int
	// ascii lines have a column for each byte.
	ascii bool
}

func newLine(raw string) line {
	raw = strings.TrimRight(raw, "\r\n")
	over := 0
	if len(raw) > longestLine {
		end := longestLine
		for end > longestLine-utf8.UTFMax && !utf8.RuneStart(raw[end]) {
			end--
		}
		raw, over = raw[:end], len(raw)-end
	}
	if strings.Contains(raw, "\t") {
		raw = strings.ReplaceAll(raw, "\t", "    ")
	}
	l := line{text: view.Clean(raw)}
	if over > 0 {
		l.text += fmt.Sprintf(" [%d more bytes]", over)
	}
	l.ascii = isASCII(l.text)
	l.width = len(l.text)
	if !l.ascii {
		l.width = ansi.StringWidth(l.text)
	}
	return l
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unit is the first character of a string as a person sees it, and how wide it is.
func (l *line) unit(at int) (size, width int) {
	if l.ascii {
		return 1, 1
	}
	cluster, width := ansi.FirstGraphemeCluster(l.text[at:], ansi.GraphemeWidth)
	return max(1, len(cluster)), width
}

// rows is how many rows a line takes when it is wrapped.
func (l *line) rows(width int) int {
	switch {
	case width <= 0 || l.width <= width:
		return 1
	case l.ascii:
		return (l.width + width - 1) / width
	}
	n := 0
	for at := 0; at < len(l.text); n++ {
		at = l.rowEnd(at, width)
	}
	return n
}

// rowEnd is where a row ends that begins at a byte. It has at least one character, which may be
// wider than the row.
func (l *line) rowEnd(at, width int) int {
	if l.ascii {
		return min(len(l.text), at+max(1, width))
	}
	used := 0
	for begin := at; at < len(l.text); {
		size, w := l.unit(at)
		if used += w; used > width && at > begin {
			break
		}
		at += size
	}
	return at
}

// row is where a row of a wrapped line begins and ends.
func (l *line) row(n, width int) (from, to int) {
	if l.ascii {
		from = min(len(l.text), n*max(1, width))
		return from, l.rowEnd(from, width)
	}
	for to = l.rowEnd(0, width); n > 0; n-- {
		from, to = to, l.rowEnd(to, width)
	}
	return from, to
}

// columns are the bytes of what lies whole between two columns, and how many columns of a character
// that is cut come before.
func (l *line) columns(left, right int) (from, to, pad int) {
	if l.ascii {
		return min(left, len(l.text)), max(min(left, len(l.text)), min(right, len(l.text))), 0
	}
	at, column := 0, 0
	for at < len(l.text) && column < left {
		size, w := l.unit(at)
		at, column = at+size, column+w
	}
	from, pad = at, column-left
	for at < len(l.text) {
		size, w := l.unit(at)
		if column += w; column > right {
			break
		}
		at += size
	}
	return from, at, max(0, pad)
}

// column of a byte.
func (l *line) column(offset int) int {
	if l.ascii {
		return offset
	}
	column := 0
	for at := 0; at < offset && at < len(l.text); {
		size, w := l.unit(at)
		if at+size > offset {
			break
		}
		at, column = at+size, column+w
	}
	return column
}
