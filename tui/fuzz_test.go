package tui

import (
	"errors"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// Around every breakpoint, dialog and help open or not, the frame always fits.
func TestEverySize(t *testing.T) {
	var sizes [][2]int
	for _, width := range []int{0, 1, 19, 20, 59, 60, 119, 120, 200} {
		for _, height := range []int{0, 1, 2, 5, 14, 15, 27, 28, 36, 70} {
			sizes = append(sizes, [2]int{width, height})
		}
	}
	for _, state := range []string{"connecting", "stale", "many", "failed", "nodata"} {
		d := drive(t, state)
		for i, keys := range [][]string{nil, {"tab"}, {"tab"}, {"?"}, {"?", "A"}} {
			d.press(keys...)
			for j, size := range sizes {
				if state != "many" && j%5 != i { // all sizes once is enough for the others
					continue
				}
				d.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				checkFrame(t, strings.Join(d.m.frame(), "\n"), size[0], size[1])
			}
		}
	}
}

// hostile puts a string wherever a cluster could.
func hostile(c view.Canary, s string) view.Canary {
	c.Name, c.Namespace, c.Phase, c.Message, c.Provider = s, s, s, s, s
	c.Revision, c.PromotedRevision, c.NextAction, c.EventsNote, c.PodsNote = s, s, s, s, s
	c.Images = view.Images{Target: []string{s, s}, Primary: []string{s}}
	c.Target = view.Ref{Kind: s, Name: s}
	for i := range c.Metrics {
		c.Metrics[i].Name, c.Metrics[i].Unit, c.Metrics[i].Verdict, c.Metrics[i].Message = s, s, s, s
	}
	for i := range c.Events {
		c.Events[i].Message, c.Events[i].Type = s, s
	}
	for i := range c.Pods {
		c.Pods[i].Name, c.Pods[i].Reason = s, s
	}
	for i := range c.Hooks {
		c.Hooks[i].Name, c.Hooks[i].State = s, s
	}
	for i := range c.Verbs {
		c.Verbs[i].Reason = s
	}
	c.LastIntent = &view.Intent{Verb: s, By: s, Outcome: s, Message: s}
	c.Conditions = []view.Condition{{Type: "Stalled", Status: "True", Message: s}}
	return c
}

func FuzzFrame(f *testing.F) {
	f.Add(80, 24, "\x1b[2J\x1b]0;owned\x07", int32(40), 4, 99.5, uint8(0))
	f.Add(160, 50, "漢字テスト\u202egnp.exe", int32(-5), -3, -1e308, uint8(1))
	f.Add(40, 10, "👩‍👩‍👧‍👦\u0301\u0301\x9b31m", int32(1<<30), 1<<40, 0.0, uint8(2))
	f.Add(19, 1, "\xff\xfe\u200b\u2066", int32(100), 0, 5e-324, uint8(3))
	f.Add(61, 15, strings.Repeat("é\n\t", 3000), int32(1), 10, 1e300, uint8(7))
	states := scene.States()
	f.Fuzz(func(t *testing.T, width, height int, s string, weight int32, step int, value float64, mode uint8) {
		width, height = width%250, height%80
		c := scene.Of(states[int(mode>>4)%len(states)])
		c.Weight, c.CurrentStep, c.TotalSteps = weight, step, step
		for i := range c.Metrics {
			c.Metrics[i].Value, c.Metrics[i].Min = &value, &value
			for j := range c.Metrics[i].Samples {
				if j%3 == 0 {
					c.Metrics[i].Samples[j].Value = &value
				}
			}
		}
		if mode&1 != 0 {
			c = hostile(c, s)
		}
		c.Message = s
		d := drive(t, "connecting")
		d.send(tea.WindowSizeMsg{Width: width, Height: height})
		d.send(source.Canary{View: c})
		d.press("A")
		if mode&2 != 0 {
			d.press("n", "tab", "j", "c")
		}
		if mode&4 != 0 {
			d.send(source.Stale{Err: errors.New(s)})
			d.send(answerMsg{verb: "abort", err: errors.New(s)})
		}
		checkFrame(t, strings.Join(d.m.frame(), "\n"), max(0, width), max(0, height))
		if bad := controls(d.m.windowTitle()); bad != "" {
			t.Fatalf("%q in the title of the window", bad)
		}
	})
}
