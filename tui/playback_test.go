package tui

import (
	"bytes"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/recording"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// tape is a recording of a whole run, a state each second.
func tape(t *testing.T) *recording.Player {
	t.Helper()
	var file bytes.Buffer
	r := recording.New(&file, recording.Header{Started: time.Now(), Context: "prod", Namespace: "test", Name: "app"})
	updates := make(fed)
	through := r.Wrap(updates).Detail(t.Context(), "test", "app")
	run := scene.NewRun(time.Now().Add(-time.Minute))
	for second := range 60 {
		updates <- source.Canary{View: run.At(time.Now().Add(time.Duration(second-60)*time.Second), 1)}
		<-through
	}
	time.Sleep(20 * time.Millisecond) // a recording has a length
	updates <- source.Alive{}
	<-through
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := recording.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	return recording.NewPlayer(read)
}

func TestPlayback(t *testing.T) {
	p := tape(t)
	d := &driver{t: t, time: scene.Epoch}
	o := options()
	o.Source, o.Playback, o.Actions = p, p, nil
	d.m = newModel(t.Context(), o)
	d.resize(100, 36)
	d.all(d.m.Init())
	d.shows("recording")
	d.shows("paused")
	d.press("A")
	d.shows("abort: this is a recording")
	d.press("?")
	d.shows("not now: this is a recording")
	d.press("esc")

	d.press("G")
	_, end := p.Span()
	if !p.Now().Equal(end) {
		t.Errorf("G leads to %s, not to the end %s", p.Now(), end)
	}
	d.press("g", "space")
	if !p.Playing() {
		t.Error("space does not play")
	}
	d.press(">", ">", "<")
	if p.Speed() != 2 {
		t.Errorf("speed %v", p.Speed())
	}
	if len(d.m.moments()) == 0 {
		t.Error("the time line does not know what is to come")
	}
	frame := strings.Join(d.m.frame(), "\n")
	checkFrame(t, frame, 100, 36)
	d.send(tea.MouseClickMsg{X: 99, Y: d.m.barTop + 1, Button: tea.MouseLeft})
	if p.Playing() || end.Sub(p.Now()) > end.Sub(p.Recording().Start())/20 {
		t.Errorf("a click at the end leads to %s, playing %v", p.Now(), p.Playing())
	}
}
