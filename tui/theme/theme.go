package theme

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/chart"
)

// Name is a theme the user can choose.
type Name string

const (
	// Auto follows the background of the terminal, dark or light.
	Auto Name = "auto"
	// Dark is for terminals that do not tell their background.
	Dark Name = "dark"
	// Light is Dark for a bright background.
	Light Name = "light"
	// HighContrast has no grey: bright or dark colours in bold, on the same axis.
	HighContrast Name = "high-contrast"
	// Mono has no colour at all, only bold, faint and reverse.
	Mono Name = "mono"
)

// Names lists the themes, for flags and their completion.
func Names() []string {
	return []string{string(Auto), string(Dark), string(Light), string(HighContrast), string(Mono)}
}

// Parse accepts one of [Names]; the empty string is Auto.
func Parse(s string) (Name, error) {
	switch n := Name(s); n {
	case "":
		return Auto, nil
	case Auto, Dark, Light, HighContrast, Mono:
		return n, nil
	}
	return "", fmt.Errorf("unknown theme %q: use one of %s", s, strings.Join(Names(), ", "))
}

// Theme is a style for each token and the signs to go with it.
type Theme struct {
	// Title is for names, Label for what stands beside a value, Rule for lines and axes.
	Title, Label, Rule lipgloss.Style
	// Canary and Primary are the two sides.
	Canary, Primary lipgloss.Style
	// Pass, Fail and Warn are verdicts; each is used with its sign only.
	Pass, Fail, Warn lipgloss.Style
	// Limit is the line a value must not cross.
	Limit lipgloss.Style
	// Banner is a line that must not be overlooked, such as stale data.
	Banner lipgloss.Style
	// Key is a key that can be pressed, Disabled one that cannot.
	Key, Disabled lipgloss.Style

	Symbols Symbols
}

// palette is one colour per token; an empty string leaves the terminal's own.
type palette struct {
	label, rule, canary, primary, pass, fail, limit, warn string
	bold                                                  bool
}

var (
	dark = palette{
		label: "#9E9E9E", rule: "#6C6C6C",
		canary: "#E69F00", primary: "#56B4E9", pass: "#2BB38A", fail: "#F0703A", limit: "#CC79A7", warn: "#F0E442",
	}
	// Okabe and Ito's orange has too little contrast on white, so the light palette darkens it.
	light = palette{
		label: "#5F5F5F", rule: "#8A8A8A",
		canary: "#A65E00", primary: "#0072B2", pass: "#00704F", fail: "#B83A00", limit: "#97417A", warn: "#7A6500",
	}
	contrastDark = palette{
		canary: "#FFB61A", primary: "#7FD0FF", pass: "#5CFFC4", fail: "#FF8A50", limit: "#FF9FD6", warn: "#FFF36B", bold: true,
	}
	contrastLight = palette{
		canary: "#7A3F00", primary: "#003F73", pass: "#00402D", fail: "#8A1F00", limit: "#6B1450", warn: "#574800", bold: true,
	}
)

// New builds a theme. isDark is the background of the terminal; ascii chooses signs for terminals
// without UTF-8. Colours are true colours; the terminal library reduces them to what there is.
func New(name Name, isDark, ascii bool) Theme {
	var t Theme
	switch name {
	case Mono:
		t = mono()
	case HighContrast:
		t = contrastLight.theme()
		if isDark {
			t = contrastDark.theme()
		}
	case Dark:
		t = dark.theme()
	case Light:
		t = light.theme()
	case Auto:
		t = light.theme()
		if isDark {
			t = dark.theme()
		}
	default:
		return New(Auto, isDark, ascii)
	}
	t.Symbols = unicodeSymbols
	if ascii {
		t.Symbols = asciiSymbols
	}
	return t
}

func (p palette) theme() Theme {
	fg := func(hex string) lipgloss.Style {
		s := lipgloss.NewStyle().Bold(p.bold)
		if hex == "" {
			return s.Bold(false)
		}
		return s.Foreground(lipgloss.Color(hex))
	}
	return Theme{
		Title: lipgloss.NewStyle().Bold(true), Label: fg(p.label), Rule: fg(p.rule),
		Canary: fg(p.canary), Primary: fg(p.primary),
		Pass: fg(p.pass), Fail: fg(p.fail).Bold(true), Warn: fg(p.warn), Limit: fg(p.limit),
		Banner: fg(p.warn).Bold(true).Reverse(true),
		Key:    lipgloss.NewStyle().Bold(true), Disabled: fg(p.rule).Faint(p.rule == ""),
	}
}

func mono() Theme {
	plain, bold := lipgloss.NewStyle(), lipgloss.NewStyle().Bold(true)
	faint := lipgloss.NewStyle().Faint(true)
	return Theme{
		Title: bold, Label: faint, Rule: faint, Canary: bold, Primary: plain,
		Pass: plain, Fail: bold, Warn: bold, Limit: faint, Banner: bold.Reverse(true), Key: bold, Disabled: faint,
	}
}

// Chart is the part of the theme that charts need.
func (t Theme) Chart() chart.Styles {
	return chart.Styles{Canary: t.Canary, Primary: t.Primary, Limit: t.Limit, Axis: t.Rule, Fail: t.Fail, Label: t.Label}
}
