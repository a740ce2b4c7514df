package theme

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// Pen is a style as the text before and after what it paints. Rendering through lipgloss once for a
// style, rather than once for a cell, makes a table several times cheaper. Only colours and
// attributes survive, not padding, borders and the like. The zero value paints nothing.
type Pen struct{ open, end string }

// NewPen takes a style apart.
func NewPen(s lipgloss.Style) Pen {
	open, end, ok := strings.Cut(s.Render("x"), "x")
	if !ok {
		return Pen{}
	}
	return Pen{open, end}
}

// Paint is text in the style of the pen.
func (p Pen) Paint(text string) string {
	if text == "" || p.open == "" {
		return text
	}
	return p.open + text + p.end
}

// Write paints text at the end of b.
func (p Pen) Write(b *strings.Builder, text string) {
	if text == "" {
		return
	}
	b.WriteString(p.open)
	b.WriteString(text)
	b.WriteString(p.end)
}
