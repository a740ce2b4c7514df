package tui

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// library is a source with texts and refusals, and with canaries that the test puts in by hand.
type library struct {
	fed
	refusals map[string]string
	asked    []string
}

func (l *library) Inspect(_ context.Context, subject source.Subject, _, _ string) <-chan source.Chunk {
	l.asked = append(l.asked, string(subject))
	out := make(chan source.Chunk, 1)
	lines := map[source.Subject][]string{
		source.SubjectYAML:   {"apiVersion: flagger.app/v1beta1", "kind: Canary", "metadata:", "  name: app", "  # a comment", "spec:", "  analysis:", "    interval: 30s"},
		source.SubjectEvents: {"12:04:42  Normal   Synced  canary/app  Advance app.test canary weight 40", "12:04:02  Warning  Synced  canary/app  Halt app.test advancement"},
		source.SubjectLogs:   {"agent: level=info msg=\"step judged\" canary=test/app", "canary/app-6d4cf56db6-4dz8p app: listening on :8080", "primary/app-primary-7c9f8d5b4f-2x7kq app: WARN slow request"},
	}[subject]
	out <- source.Chunk{Replace: true, Lines: lines}
	close(out)
	return out
}

func (l *library) Refusals(context.Context, string, string) (map[string]string, error) {
	return l.refusals, nil
}

// fleetDriver shows n canaries.
func fleetDriver(t *testing.T, n int) *driver {
	d := &driver{t: t, time: scene.Epoch, answer: Outcome{Accepted: true, Message: "as you wish"}}
	o := options()
	o.Name, o.Namespace, o.Scope, o.Actions, o.Source = "", "", "all namespaces", d, &library{fed: make(fed)}
	o.Now = func() time.Time { return d.time }
	d.m = newModel(t.Context(), o)
	d.resize(100, 30)
	var updates []source.Update
	for _, c := range scene.Fleet(n) {
		updates = append(updates, source.Canary{View: c})
	}
	d.m.feed(append(updates, source.Synced{})...)
	return d
}

// withTexts gives the screen of one canary a source that has texts.
func (d *driver) withTexts() *library {
	l := &library{fed: make(fed)}
	d.m.source = l
	return l
}

// finished is a state whose run can be replayed, with earlier ones.
func finished() view.Canary {
	c := scene.Of("failed")
	start := c.Steps[0].Start
	c.Run.ID, c.Run.Start, c.Run.End, c.Run.MaxWeight = "r9", start, scene.Epoch, 40
	c.Run.Outcome, c.Run.Message, c.Run.Revision = "RolledBack", c.Message, c.Revision
	c.History = []view.Run{
		*c.Run,
		{ID: "r8", Revision: "rs:7c9f8d5b4f", Start: start.Add(-26 * time.Hour), End: start.Add(-26*time.Hour + 5*time.Minute), Outcome: "Promoted", MaxWeight: 100, Message: "Promotion completed"},
		{ID: "r7", Revision: "rs:5b4f7c9f8d", Start: start.Add(-50 * time.Hour), End: start.Add(-50*time.Hour + 40*time.Second), Outcome: "Aborted", MaxWeight: 10, FailedChecks: 1, By: "ada", Message: "wrong image"},
	}
	return c
}

// Each screen, and everything that lies over one, at the sizes that matter.
func TestScreensGolden(t *testing.T) {
	shots := map[string]func(t *testing.T) *driver{
		"fleet":   func(t *testing.T) *driver { return fleetDriver(t, 40) },
		"fleet-1": func(t *testing.T) *driver { return fleetDriver(t, 1) },
		"fleet-0": func(t *testing.T) *driver { return fleetDriver(t, 0) },
		"fleet-connecting": func(t *testing.T) *driver {
			d := fleetDriver(t, 0)
			d.m.fleet = newFleet(Options{Scope: "all namespaces"})
			return d
		},
		"fleet-stale": func(t *testing.T) *driver {
			d := fleetDriver(t, 8)
			d.wait(40 * time.Second)
			d.send(source.Stale{Since: scene.Epoch, Err: fmt.Errorf("connection refused")})
			return d
		},
		"fleet-filter": func(t *testing.T) *driver {
			d := fleetDriver(t, 40)
			d.press("/", "p", "r", "o", "d")
			return d
		},
		"fleet-dialog": func(t *testing.T) *driver {
			d := fleetDriver(t, 12)
			d.press("j", "j", "Z")
			return d
		},
		"dialog": func(t *testing.T) *driver {
			d := drive(t, "progressing")
			d.press("A")
			return d
		},
		"dialog-reason": func(t *testing.T) *driver {
			d := drive(t, "progressing")
			d.press("A")
			d.wait(quiet)
			d.press("r", "b", "a", "d", "enter")
			return d
		},
		"dialog-gate": func(t *testing.T) *driver {
			d := drive(t, "gated")
			d.press("Y")
			return d
		},
		"help": func(t *testing.T) *driver {
			d := drive(t, "progressing")
			d.press("?")
			return d
		},
		"help-fleet": func(t *testing.T) *driver {
			d := fleetDriver(t, 12)
			d.press("?")
			return d
		},
		"palette": func(t *testing.T) *driver {
			d := drive(t, "progressing")
			d.press(":", "r", "o", "l")
			return d
		},
		"hint": func(t *testing.T) *driver {
			d := drive(t, "progressing")
			d.m.hint = true
			return d
		},
		"yaml":   func(t *testing.T) *driver { return textDriver(t, "y") },
		"events": func(t *testing.T) *driver { return textDriver(t, "e") },
		"logs":   func(t *testing.T) *driver { return textDriver(t, "l") },
		"search": func(t *testing.T) *driver {
			d := textDriver(t, "y")
			d.press("/", "a", "p", "p")
			return d
		},
		"history": func(t *testing.T) *driver { return historyDriver(t) },
		"history-old": func(t *testing.T) *driver {
			d := historyDriver(t)
			d.press("G")
			return d
		},
		"history-none": func(t *testing.T) *driver {
			d := drive(t, "initializing")
			d.press("h")
			return d
		},
		"replay": func(t *testing.T) *driver {
			d := historyDriver(t)
			d.press("enter", "space", "right", "right", "right")
			return d
		},
		"live": func(t *testing.T) *driver {
			d := drive(t, "progressing")
			for i := range 5 {
				at := scene.Epoch.Add(time.Duration(i-4) * 2 * time.Second)
				d.send(source.Live{Namespace: "test", Name: "app", At: at, Values: []source.Value{
					{Metric: "request-success-rate", Canary: new(99.9 - float64(i)/10)}, {Metric: "request-duration", Canary: new(250 + 20*float64(i))},
				}})
			}
			return d
		},
	}
	for name, shot := range shots {
		for _, size := range [][2]int{{24, 6}, {60, 15}, {80, 24}, {120, 36}, {160, 50}} {
			for _, ascii := range []bool{false, true} {
				set := map[bool]string{false: "unicode", true: "ascii"}[ascii]
				t.Run(fmt.Sprintf("%s/%dx%d/%s", name, size[0], size[1], set), func(t *testing.T) {
					d := shot(t)
					if ascii {
						d.m.ascii, d.m.glyphs = true, 2
						d.m.restyle()
					}
					d.resize(size[0], size[1])
					frame := strings.Join(d.m.frame(), "\n")
					requireFrame(t, frame, size[0], size[1], colorprofile.NoTTY)
					sameInColour(t, frame)
				})
			}
		}
	}
}

func textDriver(t *testing.T, key string) *driver {
	d := drive(t, "progressing")
	d.withTexts()
	d.all(d.press(key))
	return d
}

func historyDriver(t *testing.T) *driver {
	d := drive(t, "failed")
	d.send(source.Canary{View: finished()})
	d.press("h")
	return d
}
