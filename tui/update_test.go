package tui

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// driver feeds a model and controls its clock.
type driver struct {
	t    *testing.T
	m    *model
	time time.Time
	sent []Request
	// answer is what Do returns.
	answer Outcome
	err    error
}

func drive(t *testing.T, state string) *driver {
	d := &driver{t: t, time: scene.Epoch, answer: Outcome{Accepted: true, Message: "as you wish"}}
	o := options()
	o.Actions = d
	o.Now = func() time.Time { return d.time }
	d.m = newModel(t.Context(), o)
	d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	for _, u := range updatesOf(state) {
		d.send(u)
	}
	return d
}

func (d *driver) Do(_ context.Context, _ view.Canary, r Request) (Outcome, error) {
	d.sent = append(d.sent, r)
	return d.answer, d.err
}

func (d *driver) send(msg tea.Msg) tea.Cmd {
	if u, ok := msg.(source.Update); ok {
		return d.m.feed(u)
	}
	_, cmd := d.m.Update(msg)
	return cmd
}

func (d *driver) press(keys ...string) tea.Cmd {
	var cmd tea.Cmd
	for _, k := range keys {
		cmd = d.send(keyOf(k))
	}
	return cmd
}

func keyOf(k string) tea.KeyPressMsg {
	switch k {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "space":
		return tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}
	case "right":
		return tea.KeyPressMsg{Code: tea.KeyRight}
	case "left":
		return tea.KeyPressMsg{Code: tea.KeyLeft}
	case "tab":
		return tea.KeyPressMsg{Code: tea.KeyTab}
	case "ctrl+c":
		return tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
}

// all runs commands that end at once, and hands back what they say. Timers are left alone: what takes
// longer than a moment is not waited for.
func (d *driver) all(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	done := make(chan tea.Msg, 1)
	go func() { done <- cmd() }()
	select {
	case msg := <-done:
		if batch, ok := msg.(tea.BatchMsg); ok {
			for _, c := range batch {
				d.all(c)
			}
			return
		}
		if msg != nil {
			d.all(d.send(msg))
		}
	case <-time.After(50 * time.Millisecond):
	}
}

func (d *driver) resize(width, height int) { d.send(tea.WindowSizeMsg{Width: width, Height: height}) }

func (d *driver) wait(by time.Duration) { d.time = d.time.Add(by) }

func (d *driver) screen() string { return ansi.Strip(strings.Join(d.m.frame(), "\n")) }

func (d *driver) shows(text string) {
	d.t.Helper()
	if !strings.Contains(d.screen(), text) {
		d.t.Errorf("no %q on the screen:\n%s", text, d.screen())
	}
}

func (d *driver) hides(text string) {
	d.t.Helper()
	if strings.Contains(d.screen(), text) {
		d.t.Errorf("%q on the screen:\n%s", text, d.screen())
	}
}

// run runs the commands that carry out verbs; timers are left alone.
func (d *driver) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	done := make(chan tea.Msg, 1)
	go func() { done <- cmd() }()
	switch msg := (<-done).(type) {
	case tea.BatchMsg:
		for _, c := range msg[:1] { // the verb comes first, the tick after it
			d.run(c)
		}
	case answerMsg:
		d.send(msg)
	}
}

func TestConfirm(t *testing.T) {
	d := drive(t, "progressing")
	d.press("A")
	d.shows("Abort app in test on context demo?")
	d.shows("All traffic returns to the primary at once")
	d.shows("6d4cf56db6 is rejected")
	d.wait(quiet)
	cmd := d.press("y")
	d.hides("Abort app in test")
	d.shows("abort sent, waiting for the agent's answer")
	d.run(cmd)
	if len(d.sent) != 1 || d.sent[0].Verb != "abort" || d.sent[0].Revision != "rs:6d4cf56db6" {
		t.Fatalf("sent %+v", d.sent)
	}
	d.shows("abort accepted: as you wish")
	d.wait(toastTime)
	d.send(tickMsg{})
	d.hides("abort accepted")
}

func TestVerbs(t *testing.T) {
	for key, want := range map[string]struct{ state, verb, text string }{
		"P": {"progressing", "promote", "remaining 6 steps and their checks are skipped"},
		"S": {"progressing", "promote-step", "Step 4 ends now, without its check; the canary gets 50%"},
		"Z": {"progressing", "pause", "The canary keeps 40%"},
		"A": {"progressing", "abort", "All traffic returns"},
	} {
		d := drive(t, want.state)
		d.press(key)
		if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(d.screen(), "│", "")), " "), want.text) {
			t.Errorf("%s: no %q:\n%s", key, want.text, d.screen())
		}
		d.wait(quiet)
		d.run(d.press("enter"))
		if len(d.sent) != 1 || d.sent[0].Verb != want.verb {
			t.Errorf("%s: sent %+v", key, d.sent)
		}
	}
}

func TestResumeWhilePaused(t *testing.T) {
	d := drive(t, "paused")
	c := scene.Of("paused")
	for i := range c.Verbs {
		c.Verbs[i].Enabled, c.Verbs[i].Reason = true, ""
	}
	d.send(source.Canary{View: c})
	d.shows("Z resume")
	d.press("Z")
	d.wait(quiet)
	d.run(d.press("y"))
	if len(d.sent) != 1 || d.sent[0].Verb != "resume" {
		t.Errorf("sent %+v", d.sent)
	}
}

func TestCancel(t *testing.T) {
	for _, key := range []string{"n", "esc", "q"} {
		d := drive(t, "progressing")
		d.press("P", key) // at once: leaving is always safe
		d.hides("Promote app")
		d.wait(quiet)
		d.run(d.press("y"))
		if len(d.sent) != 0 || d.m.quit != quitNot {
			t.Errorf("%s: sent %+v, quit %v", key, d.sent, d.m.quit)
		}
	}
}

// Keys typed before the question could be read must not answer it.
func TestGracePeriod(t *testing.T) {
	d := drive(t, "progressing")
	d.press("A", "y", "enter")
	for range 3 {
		d.wait(quiet - time.Millisecond)
		d.press("y") // each starts the wait anew
	}
	d.shows("Abort app")
	if len(d.sent) != 0 {
		t.Fatalf("sent %+v", d.sent)
	}
	d.wait(quiet)
	d.run(d.press("y"))
	if len(d.sent) != 1 {
		t.Errorf("sent %+v", d.sent)
	}
}

func TestGracePeriodEnds(t *testing.T) {
	d := drive(t, "progressing")
	d.press("A")
	for range 10 {
		d.wait(150 * time.Millisecond)
		d.press("x")
	}
	d.run(d.press("y")) // 1.5 s after the opening, though it never was quiet
	if len(d.sent) != 1 {
		t.Errorf("sent %+v", d.sent)
	}
}

func TestHeldKeyDoesNotConfirm(t *testing.T) {
	d := drive(t, "progressing")
	d.press("A")
	d.wait(2 * ceiling)
	k := keyOf("y")
	k.IsRepeat = true
	d.send(k)
	if d.m.dialog == nil || d.m.status.waiting() {
		t.Error("a key held down confirmed")
	}
}

func TestPasteDoesNothing(t *testing.T) {
	d := drive(t, "progressing")
	d.send(tea.PasteMsg{Content: "Ayyyq"})
	if d.m.dialog != nil || d.m.quit != quitNot {
		t.Error("pasted text acted")
	}
}

func TestDisabledKeysSayWhy(t *testing.T) {
	for _, c := range []struct{ state, key, why string }{
		{"succeeded", "A", "abort: no run is under way"},
		{"connecting", "P", "promote: nothing is known of the canary yet"},
		{"gone", "P", "promote: the canary was deleted"},
		{"foreign", "Z", "pause: another controller runs this canary"},
	} {
		d := drive(t, c.state)
		d.press(c.key)
		d.shows(c.why)
		if d.m.dialog != nil {
			t.Errorf("%s %s: a dialog opened", c.state, c.key)
		}
	}
}

func TestReadOnly(t *testing.T) {
	d := drive(t, "progressing")
	d.m.readOnly = true
	d.press("A")
	d.shows("abort: this screen is read-only")
	d.shows("read-only")
}

func TestWaitingBlocksAllButAbort(t *testing.T) {
	d := drive(t, "progressing")
	d.press("Z")
	d.wait(quiet)
	first := d.press("y")
	d.press("P")
	d.shows("waiting for the answer to pause")
	d.hides("Promote app")
	d.press("A")
	d.shows("Abort app")
	d.wait(quiet)
	second := d.press("y")
	d.run(first)
	d.shows("abort sent") // the answer to the pause does not end the wait for the abort
	d.run(second)
	d.hides("abort sent")
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		answer Outcome
		err    error
		want   string
	}{
		{Outcome{Message: "too late"}, nil, "✘ abort refused: too late"},
		{Outcome{}, errors.New("no answer in 30s\x1b[2J"), "✘ abort failed: no answer in 30s^[[2J"},
	} {
		d := drive(t, "progressing")
		d.answer, d.err = c.answer, c.err
		d.press("A")
		d.wait(quiet)
		d.run(d.press("y"))
		d.shows(c.want)
	}
}

// A question about one run must not be answered for another.
func TestDialogClosesWhenTheRunChanges(t *testing.T) {
	d := drive(t, "progressing")
	d.press("P")
	c := scene.Of("progressing")
	c.Revision = "rs:other"
	d.send(source.Canary{View: c})
	d.hides("Promote app")
	d.shows("promote was not sent: another revision")

	d = drive(t, "progressing")
	d.press("P")
	d.send(source.Canary{View: scene.Of("failed")})
	d.shows("promote was not sent: no run is under way")
}

func TestQuit(t *testing.T) {
	d := drive(t, "progressing")
	d.press("?")
	d.shows("any other key closes this")
	d.press("q")
	if d.m.quit != quitNot {
		t.Error("q closed more than the help")
	}
	d.press("q")
	if d.m.quit != quitByKey {
		t.Error("q did not quit")
	}
	d = drive(t, "progressing")
	d.press("A", "ctrl+c")
	if d.m.quit != quitInterrupted {
		t.Error("ctrl+c did not leave an open dialog")
	}
}

func TestEventsScroll(t *testing.T) {
	d := drive(t, "progressing")
	d.shows("Advance app.test canary weight 40")
	d.press("j")
	d.hides("canary weight 40")
	d.shows("1 newer")
	c := scene.Of("progressing")
	c.Events = append(c.Events, view.Event{Message: "brand new", Time: scene.Epoch})
	d.send(source.Canary{View: c})
	d.hides("brand new") // what is being read stays
	d.shows("2 newer")
	d.press("G")
	d.shows("New revision detected")
	d.press("j", "j", "j", "g")
	d.shows("brand new")
	d.press("k", "k")
	d.shows("brand new")
}

func TestFocusGivesRoom(t *testing.T) {
	d := drive(t, "many")
	d.hides("more3")
	d.press("tab") // events
	d.shows("New revision detected")
	d.press("tab") // pods
	d.shows("more3")
	d.press("tab") // metrics again
	d.hides("more3")
	d.shows("custom-metric-5")
}

func TestGlyphs(t *testing.T) {
	d := drive(t, "progressing")
	before := d.screen()
	d.press("c")
	if d.screen() == before {
		t.Error("c changed nothing")
	}
	d.press("c", "c")
	if d.screen() != before {
		t.Error("c does not come around")
	}
}

func TestStaleAndBack(t *testing.T) {
	d := drive(t, "stale")
	d.shows("stale since 12s: connection refused")
	d.shows("4/10") // the last data stay
	d.wait(3 * time.Second)
	d.send(tickMsg{})
	d.shows("stale since 15s")
	d.send(source.Canary{View: scene.Of("progressing")})
	d.hides("stale")
}

// A tick is on its way exactly while something counts.
func TestTicks(t *testing.T) {
	d := drive(t, "succeeded")
	if d.m.ticking {
		t.Error("an idle screen ticks")
	}
	d.send(source.Canary{View: scene.Of("progressing")})
	if !d.m.ticking {
		t.Error("a run does not tick")
	}
	if cmd := d.send(source.Canary{View: scene.Of("progressing")}); cmd != nil {
		t.Error("a second tick was started")
	}
	d.send(source.Canary{View: scene.Of("succeeded")})
	if cmd := d.send(tickMsg{}); cmd != nil || d.m.ticking {
		t.Error("the tick goes on when nothing counts")
	}
}

func TestTerminalState(t *testing.T) {
	for state, want := range map[string]struct {
		bar   tea.ProgressBarState
		value int
		title string
	}{
		"progressing": {tea.ProgressBarDefault, 40, "app test: Progressing"},
		"failed":      {tea.ProgressBarError, 100, "app test: Failed"},
		"paused":      {tea.ProgressBarWarning, 40, "app test: Paused"},
		"succeeded":   {tea.ProgressBarNone, 0, "app test: Succeeded"},
		"connecting":  {tea.ProgressBarNone, 0, "app test: Connecting"},
	} {
		v := drive(t, state).m.View()
		if v.ProgressBar.State != want.bar || v.ProgressBar.Value != want.value || v.WindowTitle != want.title || !v.AltScreen {
			t.Errorf("%s: %+v %q", state, *v.ProgressBar, v.WindowTitle)
		}
	}
}

// Pods on their way out are not missing: the rows count those that are there to stay.
func TestPodsOnTheirWayOut(t *testing.T) {
	ready := view.Pod{Side: view.SideCanary, Ready: true}
	going := view.Pod{Side: view.SideCanary, Reason: "Terminating"}
	for want, pods := range map[string][]view.Pod{
		"":          nil,
		"1/1 ready": {ready, going, going},
		"2 ending":  {going, going},
		"no pods":   {{Side: view.SidePrimary}},
	} {
		if have := podCount(pods, view.SideCanary); have != want {
			t.Errorf("%d pods: %q, want %q", len(pods), have, want)
		}
	}
}

// The agent counts failed checks anew once a run has ended, and calls a failed run stalled, too.
func TestEndOfARun(t *testing.T) {
	d := drive(t, "failed")
	c := d.m.detail.canary
	c.FailedChecks, c.Message = 0, "failed checks threshold reached 5."
	c.Run = &view.Run{ID: "1", Outcome: "RolledBack", Checks: 7, FailedChecks: 5}
	c.Conditions = []view.Condition{{Type: "Stalled", Status: "True", Message: "Failed: " + c.Message}}
	d.send(source.Canary{View: c})
	d.shows("5 failed of 7")
	d.shows("\n" + c.Message)
	d.hides("Stalled")
}

// The address of a request would leave no room for what is wrong with it.
func TestStaleNamesTheCause(t *testing.T) {
	d := drive(t, "progressing")
	d.send(source.Stale{Err: fmt.Errorf("watch: %w", &url.Error{Op: "Get", URL: "https://10.0.0.1/apis", Err: errors.New("connection refused")})})
	d.shows("stale since 0s: connection refused")
}

// The theme follows the background of the terminal.
func TestBackground(t *testing.T) {
	d := drive(t, "progressing")
	before := strings.Join(d.m.frame(), "\n")
	d.send(tea.BackgroundColorMsg{Color: ansi.BrightWhite})
	if strings.Join(d.m.frame(), "\n") == before {
		t.Error("a light background changes nothing")
	}
}
