//go:build linux

package terminal

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

// WaitFor waits until the screen shows a text, and returns the screen.
func (x *Terminal) WaitFor(text string, atMost time.Duration) string {
	x.t.Helper()
	return x.Until(strconv.Quote(text)+" on the screen", atMost, func(screen string, _ State) bool {
		return strings.Contains(screen, text)
	})
}

// Until waits for a condition of screen and state, and returns the screen that fulfils it. It ends the
// test when the time is up, and at once when the program has ended without it.
func (x *Terminal) Until(what string, atMost time.Duration, condition func(screen string, s State) bool) string {
	x.t.Helper()
	deadline := time.Now().Add(atMost)
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		text, state := x.look()
		switch {
		case condition(text, state):
			return text
		case state.Exited:
			x.t.Fatalf("the program ended (%s) and there is no %s:\n%s", state.end(), what, text)
		case time.Now().After(deadline):
			x.t.Fatalf("there is no %s after %s:\n%s", what, atMost, text)
		}
		select {
		case <-ticker.C:
		case <-x.t.Context().Done():
			x.t.Fatalf("the test ended while it waited for %s", what)
		}
	}
}

// Wait waits until the program has ended, and returns its exit code, or, as shells do, 128 and the
// number of the signal that ended it. What the program wrote in its last moment may be missing on
// the screen, since tmux closes the terminal when the program is gone; a test that looks at it runs
// the program in a shell that stays.
func (x *Terminal) Wait(atMost time.Duration) int {
	x.t.Helper()
	var last State
	x.Until("end of the program", atMost, func(_ string, s State) bool {
		last = s
		return s.Exited
	})
	if last.Signal != 0 {
		return 128 + int(last.Signal)
	}
	return last.Code
}

// end says how the program ended.
func (s State) end() string {
	if s.Signal != 0 {
		return s.Signal.String()
	}
	return fmt.Sprintf("exit code %d", s.Code)
}

// kept is how many distinct frames are remembered.
const kept = 6

// frame is what a screen showed.
type frame struct {
	at   time.Duration // since the start of the terminal
	text string
}

func (x *Terminal) remember(text string) {
	if n := len(x.frames); n > 0 && x.frames[n-1].text == text {
		return
	}
	if len(x.frames) == kept {
		x.frames = append(x.frames[:0], x.frames[1:]...)
	}
	x.frames = append(x.frames, frame{time.Since(x.began), text})
}

// report saves the last frames of a test that has failed.
func (x *Terminal) report() {
	if !x.t.Failed() {
		return
	}
	var b strings.Builder
	for _, f := range x.frames {
		fmt.Fprintf(&b, "--- after %s\n%s\n", f.at.Round(time.Millisecond), f.text)
	}
	if styled, err := x.call("capture-pane", "-t", "0", "-p", "-e"); err == nil {
		fmt.Fprintf(&b, "--- at the end, with styles\n%s\x1b[m\n", styled)
	}
	dir := testbed.ArtifactsDir(x.t.Name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		x.t.Logf("the frames of the terminal are lost: %v", err)
		return
	}
	path := filepath.Join(dir, "terminal.txt")
	for i := 2; ; i++ { // A test may have several.
		if _, err := os.Stat(path); err != nil {
			break
		}
		path = filepath.Join(dir, fmt.Sprintf("terminal-%d.txt", i))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		x.t.Logf("the frames of the terminal are lost: %v", err)
		return
	}
	if n := len(x.frames); n > 0 {
		x.t.Logf("the last frame of the terminal:\n%s", x.frames[n-1].text)
	}
	x.t.Logf("the last frames of the terminal: %s", path)
}
