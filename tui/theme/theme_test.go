package theme

import (
	"reflect"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Name{"": Auto, "auto": Auto, "mono": Mono, "high-contrast": HighContrast} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("Parse(%q) = %q, %v", in, got, err)
		}
	}
	_, err := Parse("solarized")
	if err == nil || !strings.Contains(err.Error(), "high-contrast") {
		t.Errorf("Parse says %v, which names no choice", err)
	}
}

// Panels count on one column a sign, except for the comparisons of the ASCII set.
func TestSymbolsAreOneColumn(t *testing.T) {
	for name, set := range map[string]Symbols{"unicode": unicodeSymbols, "ascii": asciiSymbols} {
		v := reflect.ValueOf(set)
		for i := range v.NumField() {
			field, sign := v.Type().Field(i).Name, v.Field(i).String()
			want := 1
			if name == "ascii" && (field == "AtLeast" || field == "AtMost") {
				want = 2
			}
			if ansi.StringWidth(sign) != want {
				t.Errorf("%s %s %q is %d wide", name, field, sign, ansi.StringWidth(sign))
			}
			if name == "ascii" && strings.ContainsFunc(sign, func(r rune) bool { return r > 126 }) {
				t.Errorf("%s %q is not ASCII", field, sign)
			}
		}
	}
}

func TestMonoHasNoColour(t *testing.T) {
	v := reflect.ValueOf(New(Mono, true, false))
	for i := range v.NumField() {
		if s, ok := reflect.TypeAssert[interface{ Render(...string) string }](v.Field(i)); ok {
			if out := s.Render("x"); strings.Contains(out, "38;") || strings.Contains(out, "48;") {
				t.Errorf("%s is coloured: %q", v.Type().Field(i).Name, out)
			}
		}
	}
}

func TestThemesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []Name{Auto, HighContrast, Mono} {
		for _, dark := range []bool{true, false} {
			if name == Mono && dark {
				continue
			}
			key := New(name, dark, false).Canary.Render("x")
			if other, ok := seen[key]; ok {
				t.Errorf("%s draws the canary as %s does", name, other)
			}
			seen[key] = string(name)
		}
	}
}
