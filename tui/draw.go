package tui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// fit cuts or pads a styled string to exactly width columns.
func fit(s string, width int, ellipsis string) string {
	if width <= 0 {
		return ""
	}
	w := ansi.StringWidth(s)
	if w > width {
		s = ansi.Truncate(s, width, ellipsis)
		w = ansi.StringWidth(s) // a wide rune may have left a column over
	}
	return s + strings.Repeat(" ", max(0, width-w))
}

// cut is fit without the padding.
func cut(s string, width int, ellipsis string) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(s, width, ellipsis)
}

// pad fills a string up to width columns; a longer one is left alone.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// padLeft is pad with the string at the right.
func padLeft(s string, width int) string {
	return strings.Repeat(" ", max(0, width-ansi.StringWidth(s))) + s
}

// spread puts left and right at the two ends of a line; when both do not fit, left is cut, and
// given up where nothing of it would be left.
func spread(left, right string, width int, ellipsis string) string {
	w := ansi.StringWidth(right)
	switch {
	case w == 0:
		return fit(left, width, ellipsis)
	case w+4 > width:
		return fit(right, width, ellipsis)
	}
	return fit(left, width-w-2, ellipsis) + "  " + right
}

// wrap breaks plain text into at most limit lines; what is left over ends in an ellipsis.
func wrap(s string, width, limit int, ellipsis string) []string {
	if width <= 0 || limit <= 0 || s == "" {
		return nil
	}
	lines := strings.Split(ansi.Wrap(s, width, ""), "\n")
	if len(lines) > limit {
		last := strings.Join(lines[limit-1:], " ")
		lines = append(lines[:limit-1], ansi.Truncate(last, width, ellipsis))
	}
	return lines
}

// span writes a duration in at most three characters per unit and two units: 9s, 2m05s, 3h10m.
func span(d time.Duration) string {
	d = max(0, d.Round(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d/time.Minute), int(d%time.Minute/time.Second))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
	return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
}

// at writes a moment as the time of day, or as the date when it is not of today; always eight
// columns, so that lists line up.
func (m *model) at(t time.Time) string {
	if t.IsZero() {
		return "        "
	}
	t = t.In(m.clock.Location())
	if m.clock.Sub(t).Abs() > 20*time.Hour {
		return t.Format("02 Jan  ")
	}
	return t.Format("15:04:05")
}

// shortRevision drops the kind of a revision and what no one reads of a digest.
func shortRevision(s string) string {
	if _, after, ok := strings.Cut(s, ":"); ok && after != "" {
		s = after
	}
	return ansi.Truncate(s, 12, "")
}

// shortImage drops registry and folders; tags and the start of digests stay.
func shortImage(s string) string {
	s = s[strings.LastIndexByte(s, '/')+1:]
	if name, digest, ok := strings.Cut(s, "@"); ok {
		_, hex, _ := strings.Cut(digest, ":")
		s = name + "@" + ansi.Truncate(hex, 12, "")
	}
	return s
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

// heading is a title on a rule; the focused one has a heavier line and a sign, so that it is seen
// without colour.
func (m *model) heading(title, right string, width int, p panel) string {
	t, s := &m.theme, &m.theme.Symbols
	title = t.Title.Render(title) + " "
	line := s.Line
	if m.detail.focus == p {
		line = s.HoldFull
	}
	if right != "" {
		right = " " + right
	}
	room := width - ansi.StringWidth(title) - ansi.StringWidth(right)
	if room < 3 {
		right, room = "", width-ansi.StringWidth(title)
	}
	return title + t.Rule.Render(strings.Repeat(line, max(0, room))) + right
}

// labelWidth is the column in which the values of all labelled rows begin.
const labelWidth = 9

// row is a label and its value.
func (m *model) row(label, value string) string {
	return m.theme.Label.Render(pad(label, labelWidth)) + value
}
