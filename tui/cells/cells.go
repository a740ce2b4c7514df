// Package cells measures and shapes styled text by terminal columns. Every screen and panel fits its
// lines here, so that no string of a cluster can break a frame.
package cells

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Fit cuts or pads a styled string to exactly width columns.
func Fit(s string, width int, ellipsis string) string {
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

// Cut is Fit without the padding.
func Cut(s string, width int, ellipsis string) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(s, width, ellipsis)
}

// Pad fills a string up to width columns; a longer one is left alone.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// PadLeft is Pad with the string at the right.
func PadLeft(s string, width int) string {
	return strings.Repeat(" ", max(0, width-ansi.StringWidth(s))) + s
}

// Spread puts left and right at the two ends of a line; when both do not fit, left is cut, and
// given up where nothing of it would be left.
func Spread(left, right string, width int, ellipsis string) string {
	w := ansi.StringWidth(right)
	switch {
	case w == 0:
		return Fit(left, width, ellipsis)
	case w+4 > width:
		return Fit(right, width, ellipsis)
	}
	return Fit(left, width-w-2, ellipsis) + "  " + right
}

// Wrap breaks plain text into at most limit lines; what is left over ends in an ellipsis.
func Wrap(s string, width, limit int, ellipsis string) []string {
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

// Span writes a duration in at most three characters per unit and two units: 9s, 2m05s, 3h10m.
func Span(d time.Duration) string {
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

// ShortRevision drops the kind of a revision and what no one reads of a digest.
func ShortRevision(s string) string {
	if _, after, ok := strings.Cut(s, ":"); ok && after != "" {
		s = after
	}
	return ansi.Truncate(s, 12, "")
}

// ShortImage drops registry and folders; tags and the start of digests stay.
func ShortImage(s string) string {
	s = s[strings.LastIndexByte(s, '/')+1:]
	if name, digest, ok := strings.Cut(s, "@"); ok {
		_, hex, _ := strings.Cut(digest, ":")
		s = name + "@" + ansi.Truncate(hex, 12, "")
	}
	return s
}

// LowerFirst puts a sentence into the middle of another.
func LowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}
