package tui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// noActions stands for a caller that could act; frames do not call it.
type noActions struct{}

func (noActions) Do(context.Context, view.Canary, Request) (Outcome, error) { return Outcome{}, nil }

func options() Options {
	return Options{
		Name: "app", Namespace: "test", Context: "demo", Actions: noActions{},
		Now: func() time.Time { return scene.Epoch },
	}
}

func updatesOf(state string) []source.Update {
	switch state {
	case "connecting":
		return nil
	case "stale":
		return []source.Update{
			source.Canary{View: scene.Of("progressing")},
			source.Stale{Since: scene.Epoch.Add(-12 * time.Second), Err: errors.New("connection refused")},
		}
	case "gone":
		return []source.Update{source.Canary{View: scene.Of("succeeded")}, source.Gone{}}
	}
	return []source.Update{source.Canary{View: scene.Of(state)}}
}

func TestFrameGolden(t *testing.T) {
	states := append([]string{"connecting", "stale", "gone"}, scene.States()...)
	for _, state := range states {
		for _, size := range [][2]int{{18, 3}, {40, 10}, {80, 24}, {120, 40}, {160, 50}} {
			for _, glyphs := range []chart.Glyphs{chart.Braille, chart.Block, chart.ASCII} {
				t.Run(fmt.Sprintf("%s/%dx%d/%s", state, size[0], size[1], glyphs), func(t *testing.T) {
					o := options()
					o.ASCII = glyphs == chart.ASCII
					m := modelOf(o, size[0], size[1], updatesOf(state)...)
					m.glyphs = glyphs
					frame := strings.Join(m.frame(), "\n")
					if glyphs == chart.Block && frame == Frame(o, size[0], size[1], updatesOf(state)...) {
						return // No chart: the same as with braille.
					}
					requireFrame(t, frame, size[0], size[1], colorprofile.NoTTY)
					sameInColour(t, frame)
				})
			}
		}
	}
}

// sameInColour checks that colours take nothing away and add nothing: every profile shows the same
// text, at every size.
func sameInColour(t *testing.T, frame string) {
	t.Helper()
	plain := ansi.Strip(frame)
	for _, profile := range profiles {
		if have := ansi.Strip(written(t, frame, profile)); have != plain {
			t.Errorf("%s changes the text:\n%s", profile, have)
		}
	}
}

var profiles = []colorprofile.Profile{colorprofile.TrueColor, colorprofile.ANSI256, colorprofile.ANSI, colorprofile.ASCII}

func written(t *testing.T, frame string, profile colorprofile.Profile) string {
	t.Helper()
	var out bytes.Buffer
	w := &colorprofile.Writer{Forward: &out, Profile: profile}
	if _, err := w.WriteString(frame); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The colours themselves are looked at in the size of a small terminal.
func TestColourGolden(t *testing.T) {
	for _, state := range append([]string{"stale"}, scene.States()...) {
		for _, profile := range profiles {
			for _, name := range []theme.Name{theme.Auto, theme.Light, theme.HighContrast, theme.Mono} {
				if name != theme.Auto && (profile != colorprofile.TrueColor || state != "progressing" && state != "failed") {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", state, profile, name), func(t *testing.T) {
					o := options()
					o.Theme = name
					requireFrame(t, Frame(o, 80, 24, updatesOf(state)...), 80, 24, profile)
				})
			}
		}
	}
}

func requireFrame(t *testing.T, frame string, width, height int, profile colorprofile.Profile) {
	t.Helper()
	checkFrame(t, frame, width, height)
	golden.RequireEqual(t, []byte(written(t, frame, profile)+"\n"))
}

// checkFrame asserts what a terminal needs: exactly so many lines, each exactly so wide, and no
// control characters but our own styles.
func checkFrame(t *testing.T, frame string, width, height int) {
	t.Helper()
	if width <= 0 || height <= 0 {
		if frame != "" {
			t.Fatalf("%d×%d: want nothing, got %q", width, height, frame)
		}
		return
	}
	lines := strings.Split(frame, "\n")
	if len(lines) != height {
		t.Fatalf("%d×%d: %d lines", width, height, len(lines))
	}
	for i, line := range lines {
		if w := ansi.StringWidth(line); w != width {
			t.Fatalf("%d×%d: line %d is %d wide: %q", width, height, i, w, line)
		}
		if bad := controls(line); bad != "" {
			t.Fatalf("%d×%d: line %d has %q: %q", width, height, i, bad, line)
		}
	}
}

// controls returns the first thing in a line that is neither text nor a style.
func controls(line string) string {
	for line != "" {
		i := strings.IndexFunc(line, func(r rune) bool {
			return r < 0x20 || (r >= 0x7f && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069)
		})
		if i < 0 {
			return ""
		}
		line = line[i:]
		rest, ok := strings.CutPrefix(line, "\x1b[")
		if !ok {
			return line[:1]
		}
		params := strings.TrimLeft(rest, "0123456789;:")
		if !strings.HasPrefix(params, "m") {
			return line[:2]
		}
		line = params[1:]
	}
	return ""
}

// With ASCII signs the whole frame is ASCII, whatever the state.
func TestASCIIFrames(t *testing.T) {
	for _, state := range scene.States() {
		o := options()
		o.ASCII, o.Theme = true, theme.Mono
		frame := ansi.Strip(Frame(o, 160, 50, updatesOf(state)...))
		for _, r := range frame {
			if r > 126 {
				t.Fatalf("%s: %q in ASCII frame", state, r)
			}
		}
	}
}

// Words carry the state, not colours alone.
func TestReadableWithoutColour(t *testing.T) {
	for state, words := range map[string][]string{
		"progressing": {"Progressing", "4/10", "12s", "pass", "60%", "40%"},
		"failed":      {"Failed", "FAIL", "5 failed"},
		"nodata":      {"no data", "error", "prometheus: connection refused"},
		"stale":       {"stale since 12s: connection refused", "Progressing"},
		"gone":        {"Deleted"},
		"paused":      {"Paused", "pause by alice accepted"},
		"gated":       {"Waiting", "28m00s", "Y approves, N rejects"},
		"abtesting":   {"matching", "all others", "iteration 4 of 10"},
		"bluegreen":   {"copies of the requests"},
		"rollback":    {"Rolling back", "rollback to 7c9f8d5b4f"},
		"restored":    {"Rolled back", "was brought back"},
	} {
		frame := ansi.Strip(Frame(options(), 80, 24, updatesOf(state)...))
		for _, word := range words {
			if !strings.Contains(frame, word) {
				t.Errorf("%s: no %q in\n%s", state, word, frame)
			}
		}
	}
}

// Nothing may move from one second to the next: only the places of the clock differ.
func TestFramesDoNotJump(t *testing.T) {
	now := scene.Epoch
	o := options()
	o.Now = func() time.Time { return now }
	var first []string
	for second := range 30 {
		now = scene.Epoch.Add(time.Duration(second) * time.Second)
		lines := strings.Split(ansi.Strip(Frame(o, 80, 24, updatesOf("progressing")...)), "\n")
		if first == nil {
			first = lines
			continue
		}
		for i := range lines {
			if i == 1 || strings.HasPrefix(lines[i], "next") { // the age of the run, the countdown
				continue
			}
			if lines[i] != first[i] {
				t.Fatalf("line %d changed after %d s:\n%s\n%s", i, second, first[i], lines[i])
			}
		}
	}
}
