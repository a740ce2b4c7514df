package view

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a string from the cluster safe to write on one line of a terminal: line breaks and
// tabs become spaces; escape sequences, other control characters, and characters that reorder or
// hide text become visible; broken UTF-8 becomes U+FFFD. Everything else passes unchanged.
//
// Anyone who may write an Event or a pod status could otherwise move the cursor, recolour or
// retitle the terminal of whoever looks at it.
func Clean(s string) string {
	if !dirty(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == '\u2028' || r == '\u2029':
			b.WriteByte(' ')
		case r < 0x20:
			b.WriteByte('^')
			b.WriteRune(r + '@')
		case unsafeRune(r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func dirty(s string) bool {
	if !utf8.ValidString(s) {
		return true
	}
	return strings.ContainsFunc(s, unsafeRune)
}

func unsafeRune(r rune) bool {
	switch {
	case unicode.IsControl(r): // C0, DEL and C1
		return true
	case r == '\u2028' || r == '\u2029': // line and paragraph separator
		return true
	case unicode.Is(unicode.Bidi_Control, r): // text that reads differently from what it is
		return true
	case r == '\u200b' || r == '\ufeff': // invisible
		return true
	}
	return false
}
