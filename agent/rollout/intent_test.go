package rollout

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestShorten proves that what people write into an intent is bounded and stays valid text.
func TestShorten(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("ü", 100), strings.Repeat("\U0001F600", 50), strings.Repeat("\x80", 100)} {
		got := shorten(s, 64)
		if len(got) > 64 {
			t.Errorf("%q: %d bytes", s, len(got))
		}
		if len(s) <= 64 && got != s {
			t.Errorf("%q became %q", s, got)
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q was cut inside of a character", got)
		}
	}
}
