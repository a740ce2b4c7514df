package plain

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/exp/golden"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
)

func printer() (*Printer, *bytes.Buffer) {
	var out bytes.Buffer
	return &Printer{W: &out, Now: func() time.Time { return scene.Epoch }}, &out
}

func update(t *testing.T, p *Printer, c view.Canary) {
	t.Helper()
	if err := p.Update(c); err != nil {
		t.Fatal(err)
	}
}

// A whole watch: begin, go on, lose the connection, be paused, fail.
func TestWatchGolden(t *testing.T) {
	p, out := printer()
	update(t, p, scene.Of("waiting"))
	update(t, p, scene.Of("progressing"))
	for range 3 {
		if err := p.Stale(scene.Epoch.Add(-12*time.Second), errors.New("connection refused")); err != nil {
			t.Fatal(err)
		}
	}
	update(t, p, scene.Of("paused"))
	update(t, p, scene.Of("failed"))
	if err := p.Gone(); err != nil {
		t.Fatal(err)
	}
	golden.RequireEqual(t, out.Bytes())
}

func TestOnlyChangesArePrinted(t *testing.T) {
	for _, state := range scene.States() {
		p, out := printer()
		update(t, p, scene.Of(state))
		if out.Len() == 0 {
			t.Errorf("%s: nothing printed", state)
		}
		out.Reset()
		update(t, p, scene.Of(state))
		if out.Len() != 0 {
			t.Errorf("%s: printed again:\n%s", state, out)
		}
	}
}

func TestEventsThatHappenAgain(t *testing.T) {
	p, out := printer()
	c := view.Canary{Name: "app", Namespace: "test", Events: []view.Event{{Message: "halt", Count: 1, Time: scene.Epoch}}}
	update(t, p, c)
	out.Reset()
	c.Events = []view.Event{{Message: "halt", Count: 2, Time: scene.Epoch}, {Message: "same second", Count: 1, Time: scene.Epoch}}
	update(t, p, c)
	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "halt (2 times)") || !strings.Contains(got, "same second") {
		t.Errorf("printed %q", got)
	}
}

func TestOutcome(t *testing.T) {
	p, out := printer()
	update(t, p, scene.Of("progressing"))
	out.Reset()
	update(t, p, scene.Of("succeeded"))
	if !strings.Contains(out.String(), "outcome   Promoted after 5m8s") {
		t.Errorf("printed\n%s", out)
	}
}

// A gate is printed when it is reached, with the command that opens it, and when it is answered.
func TestGates(t *testing.T) {
	p, out := printer()
	update(t, p, scene.Of("progressing"))
	out.Reset()
	c := scene.Of("gated")
	update(t, p, c)
	if !strings.Contains(out.String(), "gate      qa waits for: kubectl canary approve app -n test --gate qa\n") {
		t.Errorf("printed\n%s", out)
	}
	out.Reset()
	c.Gates[1].State, c.Gates[1].By = "Approved", "ada"
	update(t, p, c)
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "gate      qa approved by ada\n") {
		t.Errorf("printed\n%s", got)
	}
}

// Neither A/B nor Blue/Green is told in percent.
func TestStrategies(t *testing.T) {
	for state, want := range map[string]string{
		"abtesting": "weight    matching requests canary, iteration 4 of 10\n",
		"bluegreen": "weight    0% canary, requests are mirrored, iteration 4 of 10\n",
		"rollback":  "phase     Promoting (rollback to rs:7c9f8d5b4f): bringing",
	} {
		p, out := printer()
		update(t, p, scene.Of(state))
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: printed\n%s", state, out)
		}
	}
}

func TestHostileStrings(t *testing.T) {
	p, out := printer()
	c := scene.Of("progressing")
	bad := "x\x1b[2J\u202e\r\nfake line"
	c.Name, c.Message, c.Revision, c.Events[0].Message, c.Metrics[0].Name = bad, bad, bad, bad, bad
	update(t, p, c)
	if strings.ContainsAny(out.String(), "\x1b\r\u202e") || strings.Contains(out.String(), "\nfake") {
		t.Errorf("printed %q", out)
	}
}

func TestColour(t *testing.T) {
	p, out := printer()
	update(t, p, scene.Of("failed"))
	if strings.Contains(out.String(), "\x1b") {
		t.Error("coloured though nobody asked")
	}
	p, out = printer()
	p.Color = true
	update(t, p, scene.Of("failed"))
	if !strings.Contains(out.String(), "\x1b[31mphase") {
		t.Errorf("printed %q", out)
	}
}
