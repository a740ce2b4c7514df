package egress

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFirstLine(t *testing.T) {
	tests := map[string]string{
		"":                              "",
		"\n \r\n":                       "",
		"hi\nthere":                     "hi",
		"\n\n  late  \nx":               "late",
		"a\tb":                          "a b",
		"red \x1b[31m":                  `red \x1b[31m`,
		"bell\a":                        `bell\a`,
		"rtl \u202etxt":                 `rtl \u202etxt`,
		"c1 \u009b":                     `c1 \u009b`,
		"bad \xff utf8":                 `bad \xff utf8`,
		"größer 日本":                     "größer 日本",
		strings.Repeat("é", 120):        strings.Repeat("é", 120),
		strings.Repeat("é", 121):        strings.Repeat("é", 119) + "…",
		strings.Repeat("a", 118) + "\a": strings.Repeat("a", 118) + `\a`,
		strings.Repeat("a", 119) + "\a": strings.Repeat("a", 119) + "…",
	}
	for in, want := range tests {
		if got := FirstLine(in); got != want {
			t.Errorf("FirstLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzFirstLine(f *testing.F) {
	for _, s := range []string{"", "ok", "a\nb", "\x1b]0;x\a", "\u2028\u202e", "\xff\xfe", strings.Repeat("𝔘\u0085", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := FirstLine(in)
		if n := utf8.RuneCountInString(out); n > maxLine {
			t.Errorf("%d runes", n)
		}
		if !utf8.ValidString(out) {
			t.Errorf("invalid UTF-8 in %q", out)
		}
		for _, r := range out {
			if !unicode.IsPrint(r) {
				t.Errorf("%U is not printable", r)
			}
		}
	})
}
