//go:build linux

package supervise

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func newTestGroup(t *testing.T) *Group {
	g := NewGroup(t.TempDir(), slog.New(slog.DiscardHandler))
	t.Cleanup(g.StopAll)
	return g
}

// shell describes a process that is ready once it has written to its log.
func shell(g *Group, name, script string) Spec {
	return Spec{Name: name, Path: "/bin/sh", Args: []string{"-c", script},
		Ready: func(context.Context) error {
			if g.Tail(name, 1) == "" {
				return errors.New("nothing in the log")
			}
			return nil
		}}
}

func TestEarlyEndQuotesTheLog(t *testing.T) {
	g := newTestGroup(t)
	spec := shell(g, "broken", "echo the port is taken >&2; exit 3")
	spec.Ready = func(context.Context) error { return errors.New("never") }
	err := g.Run(t.Context(), spec)
	if err == nil || !strings.Contains(err.Error(), "the port is taken") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error does not explain the end: %v", err)
	}
	if err := g.Exited(); err == nil {
		t.Error("an end by itself is not reported")
	}
}

func TestNotReadyInTime(t *testing.T) {
	g := newTestGroup(t)
	spec := shell(g, "slow", "exec sleep 60")
	spec.Ready = func(context.Context) error { return errors.New("still loading") }
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := g.Run(ctx, spec); err == nil || !strings.Contains(err.Error(), "still loading") {
		t.Errorf("error does not say what was missing: %v", err)
	}
}

func TestKillStartStop(t *testing.T) {
	g := newTestGroup(t)
	if err := g.Run(t.Context(), shell(g, "p", "echo up; sleep 60 & wait")); err != nil {
		t.Fatal(err)
	}
	first := g.Pid("p")
	if err := g.Start(t.Context(), "p"); err == nil {
		t.Error("started a running process again")
	}
	if err := g.Kill9("p"); err != nil {
		t.Fatal(err)
	}
	if g.Pid("p") != 0 {
		t.Error("the process is still there after Kill9")
	}
	// The helper it started has lost its parent; process 1 collects it soon.
	for deadline := time.Now().Add(5 * time.Second); syscall.Kill(-first, 0) != syscall.ESRCH; {
		if time.Now().After(deadline) {
			t.Fatal("a helper of the process outlives Kill9")
		}
		time.Sleep(time.Millisecond)
	}
	if err := g.Start(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	if second := g.Pid("p"); second == 0 || second == first {
		t.Errorf("process id is %d, before it was %d", second, first)
	}
	if err := g.Stop("p"); err != nil {
		t.Fatal(err)
	}
	if err := g.Exited(); err != nil {
		t.Errorf("requested ends are reported: %v", err)
	}
	if err := g.Stop("q"); err == nil {
		t.Error("stopped a process that does not exist")
	}
}

func TestWaitSaysHowAProcessEnded(t *testing.T) {
	g := newTestGroup(t)
	if err := g.Run(t.Context(), shell(g, "p", "echo up; read x </dev/null; sleep 0.1; kill -9 $$")); err != nil {
		t.Fatal(err)
	}
	state, err := g.Wait(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if status, ok := state.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("it ended by %s, want signal 9", state)
	}
	if err := g.Start(t.Context(), "p"); err != nil {
		t.Errorf("it cannot be started again: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := g.Wait(ctx, "p"); err == nil {
		t.Error("a process that runs has ended")
	}
}

func TestStopKillsWhatIgnoresTerm(t *testing.T) {
	g := newTestGroup(t)
	spec := shell(g, "stubborn", "trap '' TERM; echo up; while :; do sleep 60; done")
	spec.StopGrace = 50 * time.Millisecond
	if err := g.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	g.StopAll()
	if g.Pid("stubborn") != 0 {
		t.Error("it still runs")
	}
}

func TestTailOfLongAndMissingFiles(t *testing.T) {
	path := t.TempDir() + "/log"
	if err := os.WriteFile(path, []byte(strings.Repeat("x\n", 100_000)+"a\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := tail(path, 2); got != "a\nb" {
		t.Errorf("tail is %q", got)
	}
	if got := tail(path+".none", 2); !strings.Contains(got, "no such file") {
		t.Errorf("tail of a missing file is %q", got)
	}
}
