package fleet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// filled is a table of the first n canaries of the scene.
func filled(n int) *Table {
	t := &Table{Scope: "all namespaces", Namespaces: true}
	for _, c := range scene.Fleet(n) {
		t.Put(c)
	}
	t.Synced()
	return t
}

// oneNamespace is the same in a single namespace.
func oneNamespace(n int) *Table {
	t := &Table{Scope: "namespace shop"}
	for _, c := range scene.Fleet(n) {
		c.Namespace = "shop"
		t.Put(c)
	}
	t.Synced()
	return t
}

// hostileStrings are what somebody might put wherever a cluster takes a string.
var hostileStrings = []string{
	"\x1b[2J\x1b]0;owned\x07", "漢字テスト漢字テスト", "e\u0301\u0301\u0301combining", "\u202egnp.exe\u2066",
	"👩‍👩‍👧‍👦👍🏽🇩🇪", "שלום-עולם", "مرحبا", "\xff\xfe\u200b", "\u0301starts", strings.Repeat("long-", 60), "a\nb\tc", "",
}

func hostileTable() *Table {
	t := &Table{Scope: "all namespaces", Namespaces: true}
	for i, c := range scene.Fleet(2 * len(hostileStrings)) {
		s := hostileStrings[i%len(hostileStrings)]
		t.Put(hostile(c, s, i >= len(hostileStrings)))
	}
	t.Synced()
	t.Move(2)
	return t
}

// hostile puts a string into every place of a canary that the panel shows.
func hostile(c view.Canary, s string, phase bool) view.Canary {
	c.Name, c.Namespace, c.Message, c.NextAction, c.Provider = s+c.Name[:2], s, s, s, s
	if phase {
		c.Phase = s
	}
	c.Images = view.Images{Target: []string{s}, Primary: []string{s}}
	for i := range c.Metrics {
		c.Metrics[i].Name, c.Metrics[i].Unit, c.Metrics[i].Message = s, s, s
	}
	for i := range c.Conditions {
		c.Conditions[i].Message = s
	}
	return c
}

var goldenStates = map[string]func() *Table{
	"fleet": func() *Table { t := filled(24); t.Move(4); return t },
	"one namespace": func() *Table {
		t := oneNamespace(24)
		t.Select("shop", "checkout")
		return t
	},
	"thousand": func() *Table { t := filled(1000); t.Sort(ByName); t.Move(500); return t },
	"loading":  func() *Table { return &Table{Scope: "all namespaces"} },
	"empty":    func() *Table { t := &Table{Scope: "namespace shop"}; t.Synced(); return t },
	"filtered": func() *Table { t := filled(1000); t.Filter("Failed !billing-"); return t },
	"nothing":  func() *Table { t := filled(1000); t.Filter("no-such-thing"); return t },
	"hostile":  hostileTable,
}

var sets = map[string]chart.Glyphs{"unicode": chart.Braille, "ascii": chart.ASCII}

func draw(t *Table, width, height int, g chart.Glyphs) []string {
	th := theme.New(theme.Auto, true, g == chart.ASCII)
	return t.Lines(width, height, scene.Epoch, &th, g)
}

func TestGolden(t *testing.T) {
	for state, table := range goldenStates {
		for _, size := range [][2]int{{60, 15}, {80, 24}, {120, 40}, {160, 50}} {
			for set, g := range sets {
				name := strings.ReplaceAll(fmt.Sprintf("%s/%dx%d/%s", state, size[0], size[1], set), " ", "-")
				t.Run(name, func(t *testing.T) {
					lines := draw(table(), size[0], size[1], g)
					checkLines(t, lines, size[0], size[1])
					requireLines(t, lines, colorprofile.NoTTY)
				})
			}
		}
	}
}

func TestColourGolden(t *testing.T) {
	for _, profile := range []colorprofile.Profile{colorprofile.TrueColor, colorprofile.ANSI, colorprofile.ASCII} {
		t.Run(profile.String(), func(t *testing.T) {
			requireLines(t, draw(goldenStates["fleet"](), 120, 30, chart.Braille), profile)
		})
	}
}

func requireLines(t *testing.T, lines []string, profile colorprofile.Profile) {
	t.Helper()
	var out bytes.Buffer
	w := &colorprofile.Writer{Forward: &out, Profile: profile}
	if _, err := w.WriteString(strings.Join(lines, "\n") + "\n"); err != nil {
		t.Fatal(err)
	}
	golden.RequireEqual(t, out.Bytes())
}

// checkLines asserts what a screen needs: height lines of exactly width columns, with nothing in
// them but text and styles.
func checkLines(t *testing.T, lines []string, width, height int) {
	t.Helper()
	if width <= 0 || height <= 0 {
		if len(lines) > 0 {
			t.Fatalf("%d×%d: want nothing, got %q", width, height, lines)
		}
		return
	}
	if len(lines) != height {
		t.Fatalf("%d×%d: %d lines", width, height, len(lines))
	}
	for i, line := range lines {
		if w := ansi.StringWidth(line); w != width {
			t.Fatalf("%d×%d: line %d is %d wide: %q", width, height, i, w, line)
		}
		text := ansi.Strip(line)
		if clean := view.Clean(text); clean != text {
			t.Fatalf("%d×%d: line %d is not clean: %q", width, height, i, line)
		}
		for rest := line; ; { // the only sequences are styles
			_, after, found := strings.Cut(rest, "\x1b")
			if !found {
				break
			}
			if params := strings.TrimLeft(strings.TrimPrefix(after, "["), "0123456789;:"); !strings.HasPrefix(params, "m") {
				t.Fatalf("%d×%d: line %d moves the terminal: %q", width, height, i, line)
			}
			rest = after
		}
	}
}

func TestEverySize(t *testing.T) {
	for state, table := range goldenStates {
		tb := table()
		for width := -1; width <= 210; width++ {
			for _, height := range []int{-1, 0, 1, 2, 3, 4, 5, 7, 30} {
				if state == "thousand" && width%10 != 0 {
					continue
				}
				lines := draw(tb, width, height, chart.Braille)
				checkLines(t, lines, width, height)
				if width > leadWidth && height > 0 && tb.Shown() > 0 && !strings.Contains(strings.Join(lines, "\n"), "›") {
					t.Fatalf("%s %d×%d: the selected row is not in sight", state, width, height)
				}
			}
		}
	}
}

// With ASCII signs the panel is ASCII, as long as the names are.
func TestASCII(t *testing.T) {
	for _, n := range []int{0, 24, 1000} {
		for _, width := range []int{20, 60, 80, 120, 200} {
			tb := filled(n)
			for range sorts {
				for _, r := range ansi.Strip(strings.Join(draw(tb, width, 30, chart.ASCII), "\n")) {
					if r > 126 {
						t.Fatalf("%d canaries, %d wide: %q", n, width, r)
					}
				}
				tb.NextSort()
				tb.Reverse()
			}
		}
	}
}

func FuzzLines(f *testing.F) {
	for i, s := range hostileStrings {
		f.Add(20+15*i, 1+3*i, s, "!"+s, int32(40*i-80), i*i-1, 99.5-float64(i*50), uint8(i*37))
	}
	f.Fuzz(func(t *testing.T, width, height int, s, filter string, weight int32, step int, value float64, mode uint8) {
		width, height = width%260, height%80
		tb := &Table{Namespaces: mode&1 != 0, Scope: "all namespaces"}
		for i, c := range scene.Fleet(24) {
			c.Weight, c.CurrentStep, c.TotalSteps = weight, step, step
			c.FailedChecks, c.Threshold, c.ErroredChecks = weight, weight/2, int32(step)
			for j := range c.Metrics {
				c.Metrics[j].Value, c.Metrics[j].Min = &value, &value
				for k := range c.Metrics[j].Samples {
					if k%3 == int(mode%4) {
						c.Metrics[j].Samples[k].Value = &value
					}
				}
			}
			if i%2 == 0 {
				c = hostile(c, s, mode&2 != 0)
			}
			tb.Put(c)
		}
		if mode&4 != 0 {
			tb.Synced()
		}
		tb.Sort(Column(mode >> 4))
		if mode&8 != 0 {
			tb.Reverse()
			tb.Filter(filter)
		}
		checkLines(t, draw(tb, width, height, chart.Glyphs(mode%3)), max(0, width), max(0, height))
		tb.Page(step)
		tb.Move(int(weight))
		tb.Click(height / 2)
		tb.ClickHeading(width/2, 0)
		checkLines(t, draw(tb, width, height, chart.Glyphs(mode%3)), max(0, width), max(0, height))
		if c, ok := tb.Selected(); ok && c.Name != view.Clean(c.Name) {
			t.Fatalf("the selected canary is not clean: %q", c.Name)
		}
	})
}
