package tui

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

func TestFleetActsOnTheSelected(t *testing.T) {
	d := fleetDriver(t, 12)
	d.press("j", "j")
	c, _ := d.m.fleet.table.Selected()
	d.press("A")
	d.shows("Abort " + c.Name + " in " + c.Namespace + " on context demo?")
	d.wait(quiet)
	d.run(d.press("y"))
	if len(d.sent) != 1 || d.sent[0].Name != c.Name || d.sent[0].Namespace != c.Namespace || d.sent[0].Verb != "abort" {
		t.Fatalf("sent %+v, want an abort of %s", d.sent, c.Key())
	}
	d.shows("abort of " + c.Name + " accepted")
}

// One canary that keeps an operator waiting must not keep the others.
func TestWaitingIsAboutOneCanary(t *testing.T) {
	d := fleetDriver(t, 30)
	for _, name := range []string{"pricing", "inventory"} {
		d.press("/")
		for _, letter := range name {
			d.press(string(letter))
		}
		d.press("enter", "Z")
		d.wait(quiet)
		if d.press("y") == nil || d.m.status.verb != "pause" || d.m.status.about != name {
			t.Fatalf("%s: waiting for %+v", name, d.m.status)
		}
		d.press("esc")
	}
}

// What a question is about must not change under the operator's fingers.
func TestFleetDialogFollowsItsCanary(t *testing.T) {
	d := fleetDriver(t, 12)
	d.press("j", "j", "A")
	c := d.m.dialog.canary
	d.press("j")
	other := scene.Of("failed")
	other.Namespace, other.Name = "aaa", "first" // comes in above
	d.send(source.Canary{View: other})
	if d.m.dialog == nil || d.m.dialog.canary.Key() != c.Key() {
		t.Fatal("news of another canary changed the question")
	}
	d.send(source.Gone{Namespace: c.Namespace, Name: c.Name})
	d.shows("abort was not sent: the canary was deleted")
}

func TestFleetOpens(t *testing.T) {
	d := fleetDriver(t, 12)
	d.press("j")
	c, _ := d.m.fleet.table.Selected()
	d.press("enter")
	if d.m.screen != inDetail || d.m.detail.canary.Key() != c.Key() {
		t.Fatalf("screen %v of %s", d.m.screen, d.m.detail.canary.Key())
	}
	d.shows("namespace " + c.Namespace)
	d.shows("reading…") // pods and events come later
	stale := d.m.detail.updates.id
	d.press("q")
	if d.m.screen != inFleet || d.m.quit != quitNot {
		t.Fatal("q in a screen within does not go back")
	}
	if after, _ := d.m.fleet.table.Selected(); after.Key() != c.Key() {
		t.Error("another canary is selected after going back")
	}
	d.send(arrived[source.Update]{id: stale, items: []source.Update{source.Failed{Err: errors.New("too late")}}})
	d.hides("too late")
	d.press("q")
	if d.m.quit != quitByKey {
		t.Error("q in the list does not quit")
	}
}

func TestFilterKeys(t *testing.T) {
	d := fleetDriver(t, 40)
	d.press("/", "q", "P", "1") // letters are letters while one types
	if d.m.quit != quitNot || d.m.dialog != nil {
		t.Fatal("a letter of the filter acted")
	}
	d.shows("Nothing matches the filter qP1")
	d.press("esc")
	if d.m.fleet.table.FilterText() != "" {
		t.Error("esc keeps the filter")
	}
	d.press("/", "p", "r", "o", "d", "enter")
	if d.m.fleet.table.FilterText() != "prod" || d.m.prompt != nil {
		t.Error("enter loses the filter")
	}
	d.press("esc")
	if d.m.fleet.table.FilterText() != "" {
		t.Error("esc in the list does not take the filter away")
	}
	d.press("/")
	d.send(tea.PasteMsg{Content: "shop\x1b[2J"})
	if have := d.m.fleet.table.FilterText(); !strings.HasPrefix(have, "shop") || strings.ContainsRune(have, 0x1b) {
		t.Errorf("pasted filter %q", have)
	}
}

func TestPalette(t *testing.T) {
	d := drive(t, "progressing")
	d.press(":", "a", "b", "o", "r", "t", " ", "t", "r", "a", "f", "f", "i", "c")
	d.shows("abort: all traffic back to the primary at once")
	d.hides("promote now")
	d.press("enter")
	d.shows("Abort app in test on context demo?")
	d.press("esc", ":", "n", "o", "n", "s", "e", "n", "s", "e")
	d.shows("nothing has all these words")
	d.press("enter", ":")
	if first := d.m.palette.items[0]; first.id != cmdPromote {
		t.Errorf("first is %q: what can be done has to come first", first.long)
	}
	d.press("esc")
	d.hides("promote now")
}

// The key map is the only list of keys: what it has can be found in the help.
func TestHelpHasEveryKey(t *testing.T) {
	for name, d := range map[string]*driver{
		"detail": drive(t, "progressing"), "fleet": fleetDriver(t, 4), "text": textDriver(t, "y"), "history": historyDriver(t),
	} {
		help := strings.Join(d.m.helpLines(200), "\n")
		for i := range d.m.commands {
			c := &d.m.commands[i]
			if !d.m.present(c) || c.long == "" {
				continue
			}
			if !strings.Contains(help, c.binding.Help().Key) {
				t.Errorf("%s: no key %q in the help", name, c.binding.Help().Key)
			}
		}
	}
}

// No key means two things on one screen.
func TestKeysAreUnique(t *testing.T) {
	for name, d := range map[string]*driver{
		"detail": drive(t, "progressing"), "fleet": fleetDriver(t, 4), "text": textDriver(t, "y"),
		"history": historyDriver(t), "replay": replayDriver(t),
	} {
		owner := map[string]commandID{}
		for i := range d.m.commands {
			c := &d.m.commands[i]
			if !d.m.present(c) {
				continue
			}
			for _, k := range c.binding.Keys() {
				if other, taken := owner[k]; taken && other != c.id {
					t.Errorf("%s: key %q has two meanings", name, k)
				}
				owner[k] = c.id
			}
		}
	}
}

func replayDriver(t *testing.T) *driver {
	d := historyDriver(t)
	d.press("enter")
	return d
}

func TestTexts(t *testing.T) {
	d := drive(t, "progressing")
	l := d.withTexts()
	for key, want := range map[string]string{"y": "kind: Canary", "e": "canary/app", "l": "listening on :8080"} {
		d.all(d.press(key))
		d.shows(want)
		d.press("esc")
		d.hides(want)
		d.shows("Metrics")
	}
	if len(l.asked) != 3 {
		t.Errorf("asked for %v", l.asked)
	}
	d.press("?")
	d.shows("the manifest and its status as YAML")
}

func TestReplayOfARun(t *testing.T) {
	d := replayDriver(t)
	if d.m.screen != inDetail || d.m.detail.replay == nil {
		t.Fatal("enter does not replay the run")
	}
	d.shows("1/10") // the beginning
	d.press("A")
	d.shows("abort: this is a replay")
	d.press("space", "right")
	d.shows("20% of the traffic")
	d.shows("2/10")
	d.press("right")
	d.shows("check failed")
	d.press("left", "left")
	d.shows("10% of the traffic")
	d.shows("1/10")
	d.press("space")
	before := d.m.detail.replay.at
	d.wait(time.Second)
	d.send(tickMsg{})
	if at := d.m.detail.replay.at; at.Sub(before) != time.Duration(d.m.detail.replay.speed*float64(time.Second)) {
		t.Errorf("a second later it is %s further", at.Sub(before))
	}
	d.wait(time.Hour)
	d.send(tickMsg{})
	d.shows("✘ Failed")
	if d.m.playing() || d.m.counting() {
		t.Error("it plays on after the end")
	}
	d.press("space") // begins anew
	d.press("esc")
	if d.m.detail.replay != nil || d.m.screen != inDetail {
		t.Error("esc does not leave the replay")
	}
	d.shows("5/10")
}

func TestOldRunsCannotBeReplayed(t *testing.T) {
	d := historyDriver(t)
	d.press("G", "enter")
	d.shows("of this run only its end is kept")
	d.shows("wrong image")
}

// What the user may not do is greyed, and says which role gives it.
func TestRights(t *testing.T) {
	d := drive(t, "progressing")
	l := d.withTexts()
	l.refusals = map[string]string{"abort": "you may not abort canaries in namespace \"test\"; role canary-operator gives it\x1b[2J"}
	d.resize(160, 40)
	d.all(d.m.askRights(&d.m.detail.canary))
	d.press("A")
	d.shows("role canary-operator gives it^[[2J")
	if d.m.dialog != nil {
		t.Error("a dialog opened")
	}
	d.press("P")
	d.shows("Promote app")

	f := fleetDriver(t, 12) // where they are asked for when a question opens
	f.press("j", "j")
	c, _ := f.m.fleet.table.Selected()
	f.m.source.(*library).refusals = map[string]string{"abort": "no"}
	f.all(f.press("A"))
	f.shows("abort was not sent: no")
	if f.m.detail.rightsOf != c.Key() {
		t.Errorf("rights of %q", f.m.detail.rightsOf)
	}
}

func TestApprove(t *testing.T) {
	d := drive(t, "gated")
	d.press("Y")
	d.shows("Approve gate qa of app")
	d.wait(quiet)
	d.run(d.press("y"))
	if len(d.sent) != 1 || d.sent[0].Gate != "qa" || d.sent[0].Verb != "approve" {
		t.Errorf("sent %+v", d.sent)
	}
}

func TestReason(t *testing.T) {
	d := drive(t, "progressing")
	d.press("A")
	d.wait(quiet)
	d.press("r", "y", "e", "s")
	d.wait(2 * ceiling)       // typing takes its time
	d.press("enter", "enter") // they belong to the reason, the second one too
	if len(d.sent) != 0 || d.m.dialog == nil {
		t.Fatal("typing a reason confirmed")
	}
	d.wait(quiet)
	d.run(d.press("y"))
	if len(d.sent) != 1 || d.sent[0].Reason != "yes" {
		t.Errorf("sent %+v", d.sent)
	}
}

func TestMouse(t *testing.T) {
	d := fleetDriver(t, 40)
	d.m.frame()
	d.send(tea.MouseClickMsg{X: 5, Y: d.m.fleet.top + 4, Button: tea.MouseLeft})
	first, _ := d.m.fleet.table.Selected()
	d.send(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	second, _ := d.m.fleet.table.Selected()
	if first.Key() == second.Key() {
		t.Error("the wheel moves nothing")
	}
	d.m.frame()
	for _, z := range d.m.zones {
		if z.command != nil && z.command.id == cmdHelp {
			d.send(tea.MouseClickMsg{X: z.from, Y: z.line, Button: tea.MouseLeft})
		}
	}
	d.shows("Act on the canary")
	d.send(tea.MouseClickMsg{X: 1, Y: 1, Button: tea.MouseLeft})
	d.hides("Act on the canary")
	d.send(tea.MouseClickMsg{X: 5, Y: d.m.fleet.top + 4, Button: tea.MouseLeft})
	d.send(tea.MouseClickMsg{X: 5, Y: d.m.fleet.top + 4, Button: tea.MouseLeft})
	if d.m.screen != inDetail {
		t.Error("a click on the selected row does not open it")
	}
	d.press("A")
	for y := range 30 { // a click never confirms
		for x := 0; x < 100; x += 3 {
			d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
		}
	}
	if len(d.sent) != 0 {
		t.Errorf("clicks sent %+v", d.sent)
	}
	if d.m.View().MouseMode != tea.MouseModeCellMotion {
		t.Error("the mouse is not asked for")
	}
	d.press("esc", "m")
	if d.m.View().MouseMode != tea.MouseModeNone {
		t.Error("m does not give the mouse back")
	}
}

// A click on the heading of a panel gives it the room, in both layouts.
func TestClickOnAHeading(t *testing.T) {
	for _, size := range [][2]int{{80, 40}, {140, 40}} {
		d := drive(t, "many")
		d.resize(size[0], size[1])
		for word, want := range map[string]panel{"Events ": panelEvents, "Pods ": panelPods, "Metrics ": panelMetrics} {
			lines := strings.Split(d.screen(), "\n")
			for y, line := range lines {
				if before, _, found := strings.Cut(line, word); found {
					d.send(tea.MouseClickMsg{X: ansi.StringWidth(before) + 1, Y: y, Button: tea.MouseLeft})
					break
				}
			}
			if d.m.detail.focus != want {
				t.Errorf("%v: a click on %q gives the focus to %d", size, word, d.m.detail.focus)
			}
		}
	}
}

func TestClickOnTheTimeLine(t *testing.T) {
	d := replayDriver(t)
	d.m.frame()
	d.send(tea.MouseClickMsg{X: 40, Y: d.m.barTop + 1, Button: tea.MouseLeft})
	r := d.m.detail.replay
	half := r.from.Add(r.to.Sub(r.from) / 2)
	if off := r.at.Sub(half).Abs(); r.playing || off > r.to.Sub(r.from)/20 {
		t.Errorf("a click in the middle leads to %s of %s", r.at.Sub(r.from), r.to.Sub(r.from))
	}
}

func TestThemes(t *testing.T) {
	d := drive(t, "progressing")
	seen := map[theme.Name]bool{}
	for range 4 {
		d.press("t")
		seen[d.m.themeName] = true
	}
	if len(seen) != 4 {
		t.Errorf("t goes through %v", seen)
	}
}

// A server that hangs is told from a run on which nothing happens.
func TestSilence(t *testing.T) {
	d := drive(t, "progressing")
	d.wait(quietFor + time.Second)
	d.send(tickMsg{})
	d.shows("nothing heard from the API server for 26s")
	d.send(source.Alive{At: d.time})
	d.hides("nothing heard")
}

func TestLiveValues(t *testing.T) {
	d := drive(t, "progressing")
	d.resize(160, 50)
	d.m.source = meter{&library{fed: make(fed)}}
	live := source.Live{Namespace: "test", Name: "app", At: scene.Epoch, Values: []source.Value{{Metric: "request-success-rate", Canary: new(98.7)}}}
	d.send(live)
	d.shows("now 98.7%")
	d.shows("live")
	d.press("v")
	d.hides("now 98.7%")
	d.send(live) // on its way when it was switched off
	d.hides("now 98.7%")
	d.press("v")
	d.send(live)
	d.shows("now 98.7%")
	next := scene.Of("progressing")
	next.Run.ID = "another"
	d.send(source.Canary{View: next})
	d.hides("now 98.7%")
}

// A replay does not show what was measured later.
func TestLiveValuesOfAReplay(t *testing.T) {
	d := historyDriver(t)
	from, to := d.m.detail.present.Run.Start, d.m.detail.present.Run.End
	for at := from; at.Before(to); at = at.Add(10 * time.Second) {
		d.send(source.Live{Namespace: "test", Name: "app", At: at, Values: []source.Value{{Metric: "request-success-rate", Canary: new(99.5)}}})
	}
	all := len(d.m.detail.charts[0].data.Live)
	d.press("enter", "space", "right", "right")
	shown := d.m.detail.charts[0].data.Live
	if len(shown) == 0 || len(shown) >= all || shown[len(shown)-1].Time.After(d.m.detail.replay.at) {
		t.Errorf("%d of %d values at %s of the run", len(shown), all, d.m.detail.replay.at.Sub(from))
	}
	d.press("esc")
	if len(d.m.detail.charts[0].data.Live) != all {
		t.Error("values are lost after the replay")
	}
}

func TestLiveNote(t *testing.T) {
	d := drive(t, "progressing")
	d.resize(120, 40)
	d.m.source = meter{&library{fed: make(fed)}}
	d.send(source.Live{Namespace: "test", Name: "app", At: scene.Epoch, Note: "you may not use services/proxy\x1b[2J"})
	d.shows("live values: you may not use services/proxy^[[2J")
	d.press("v")
	d.hides("live values:")
}

// What ended for good must not go on looking current.
func TestEndedSourceIsStale(t *testing.T) {
	d := drive(t, "progressing")
	d.send(source.Failed{Err: errors.New("no more")})
	d.wait(2 * time.Minute)
	d.send(tickMsg{})
	d.shows("stale since 2m00s: no more")
}

type meter struct{ *library }

func (meter) Live(context.Context, string, string) <-chan source.Update { return nil }

// The hint of the first time goes with the first key.
func TestHint(t *testing.T) {
	d := drive(t, "progressing")
	d.m.hint = true
	d.shows("new here?")
	d.press("j")
	d.hides("new here?")
}

func TestFuzzyKeysNeverPanic(t *testing.T) {
	keys := []string{
		"j", "k", "g", "G", "enter", "esc", "tab", "h", "y", "e", "l", "v", "/", "a", " ", "n", "s", "r", "w", "f", "c", "t", "m", ":", "?",
		"A", "P", "Z", "R", "B", "Y", "N", "S", "space", "left", "right", "<", ">",
	}
	seed := uint32(1)
	next := func(n int) int {
		seed = seed*1664525 + 1013904223
		return int(seed>>16) % n
	}
	states := scene.States()
	for range 40 {
		d := fleetDriver(t, next(30))
		for range 60 {
			switch next(12) {
			case 0:
				d.resize(next(200), next(60))
			case 1:
				c := finished()
				if next(2) == 0 {
					c = scene.Of(states[next(len(states))])
				}
				c.Name, c.Namespace = d.m.detail.canary.Name, d.m.detail.canary.Namespace
				d.m.feed(source.Canary{View: c})
			case 2:
				d.m.feed(source.Gone{Namespace: d.m.detail.canary.Namespace, Name: d.m.detail.canary.Name})
			case 3:
				d.wait(time.Duration(next(5000)) * time.Millisecond)
				d.send(tickMsg{})
			case 4:
				d.send(tea.MouseClickMsg{X: next(200), Y: next(60), Button: tea.MouseLeft})
			default:
				if cmd := d.press(keys[next(len(keys))]); cmd != nil && d.m.quit != quitNot {
					d.m.quit = quitNot
				}
			}
			checkFrame(t, strings.Join(d.m.frame(), "\n"), d.m.width, d.m.height)
		}
	}
}

// What lies right of a box stays in its columns, also where the box cuts a wide character in two.
func TestRightOf(t *testing.T) {
	for column, want := range map[int]string{0: "ab漢cd", 2: "漢cd", 3: " cd", 4: "cd", 6: ""} {
		if have := rightOf("ab漢cd", column, 6); have != want {
			t.Errorf("right of column %d: %q, want %q", column, have, want)
		}
	}
}
