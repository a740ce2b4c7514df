//go:build linux

package terminal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

const atMost = 10 * time.Second

func sh(script string, args ...string) []string {
	return append([]string{"sh", "-c", script, "sh"}, args...)
}

func TestKeysAndExit(t *testing.T) {
	t.Parallel()
	x := Start(t, Options{Env: []string{"GREETING=blätter ⣿ ok"}, Command: sh(`echo "$GREETING:$1"; read line; echo "got <$line>"; exit 3`, "a b;")})
	x.WaitFor("blätter ⣿ ok:a b;", atMost)
	x.Send("one; two")
	x.Keys("Enter")
	x.WaitFor("got <one; two>", atMost)
	if code := x.Wait(atMost); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	if text := x.Text(); !strings.Contains(text, "got <") || strings.Contains(text, "dead") {
		t.Errorf("the screen of a program that has ended does not stay as it was:\n%s", text)
	}
}

func TestSignal(t *testing.T) {
	t.Parallel()
	x := Start(t, Options{Command: sh("echo ready; exec sleep 100")})
	x.WaitFor("ready", atMost) // Before that, tmux itself may have the signal.
	if err := syscall.Kill(x.State().PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := x.Wait(atMost); code != 143 {
		t.Errorf("exit code %d, want 128 + SIGTERM", code)
	}
}

func TestStyled(t *testing.T) {
	t.Parallel()
	x := Start(t, Options{Command: sh(`printf '\033[1;38;2;230;159;0mamber\033[m plain'; read line`)})
	x.WaitFor("amber plain", atMost)
	if styled := x.Styled(); !strings.Contains(styled, "38;2;230;159;0mamber") {
		t.Errorf("true colour is lost: %q", styled)
	}
}

func TestResize(t *testing.T) {
	t.Parallel()
	x := Start(t, Options{Width: 100, Height: 30, Command: sh(`trap 'stty size' WINCH; stty size; while :; do read line; done`)})
	x.WaitFor("30 100", atMost)
	for _, size := range [][2]int{{10, 3}, {160, 50}, {1, 1}, {80, 24}} {
		x.Resize(size[0], size[1])
		if s := x.State(); s.Width != size[0] || s.Height != size[1] {
			t.Errorf("the terminal is %dx%d, want %dx%d", s.Width, s.Height, size[0], size[1])
		}
	}
	x.WaitFor("24 80", atMost)
}

func TestState(t *testing.T) {
	t.Parallel()
	x := Start(t, Options{Command: sh(`read line
		printf '\033[?1049h\033[?25l\033[?1000h\033[?1006hfull'; IFS= read -r line
		printf '\033[?1049l\033[?25h\033[?1000lleft'; read line`)})
	if s := x.State(); !s.Restored() || s.Exited {
		t.Errorf("at first: %+v", s)
	}
	x.Keys("Enter")
	x.WaitFor("full", atMost)
	if s := x.State(); !s.Alternate || s.Cursor || !s.Mouse || s.Restored() {
		t.Errorf("full screen: %+v", s)
	}
	x.Click(4, 2)
	x.WaitFor("[<0;5;3M", atMost)
	x.Keys("Enter")
	x.WaitFor("left", atMost)
	if s := x.State(); !s.Restored() {
		t.Errorf("after a full-screen program: %+v", s)
	}
}

// TestEnd looks for what a terminal leaves behind: neither its server nor the program outlives the
// test.
func TestEnd(t *testing.T) {
	t.Parallel()
	var pid int
	var socket string
	t.Run("test", func(t *testing.T) {
		x := Start(t, Options{Command: []string{"sleep", "1000"}})
		pid, socket = x.State().PID, x.socket
	})
	if _, err := os.Stat(filepath.Dir(socket)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", socket, err)
	}
	for deadline := time.Now().Add(atMost); syscall.Kill(pid, 0) == nil; {
		if time.Now().After(deadline) {
			t.Fatalf("the program (process %d) outlived its terminal", pid)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// failing is a test that fails without ending the one around it.
type failing struct {
	testing.TB
	cleanups []func()
	log      strings.Builder
	fatal    string
}

func (f *failing) Helper()            {}
func (f *failing) Name() string       { return "TestFailing" }
func (f *failing) Failed() bool       { return f.fatal != "" }
func (f *failing) Cleanup(end func()) { f.cleanups = append(f.cleanups, end) }
func (f *failing) Logf(format string, args ...any) {
	fmt.Fprintf(&f.log, format+"\n", args...)
}
func (f *failing) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run runs a test to its end and returns why it failed.
func (f *failing) run(test func(testing.TB)) string {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, end := range f.cleanups {
				end()
			}
		}()
		test(f)
	}()
	<-done
	return f.fatal
}

// TestFailure has tests fail: they say what they waited for and what there was instead, and leave the
// frames behind.
func TestFailure(t *testing.T) {
	t.Setenv(testbed.ArtifactsEnv, t.TempDir())
	late := &failing{TB: t}
	why := late.run(func(t testing.TB) {
		x := Start(t, Options{Command: sh(`echo one; sleep 0.3; printf '\033[2J\033[Htwo'; read line`)})
		x.WaitFor("one", atMost)
		x.WaitFor("three", 2*time.Second)
	})
	if !strings.Contains(why, `there is no "three" on the screen after 2s:`) || !strings.Contains(why, "\ntwo") {
		t.Errorf("the failure says %q", why)
	}
	if !strings.Contains(late.log.String(), "the last frame of the terminal:\ntwo") {
		t.Errorf("the log says %q", late.log.String())
	}
	found, err := filepath.Glob(filepath.Join(os.Getenv(testbed.ArtifactsEnv), "*failing", "terminal.txt"))
	if err != nil || len(found) != 1 {
		t.Fatalf("artefacts %q, %v", found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil || !strings.Contains(string(text), "\none\n") || !strings.Contains(string(text), "with styles\ntwo") {
		t.Errorf("the frames are %q, %v", text, err)
	}

	began := time.Now()
	why = (&failing{TB: t}).run(func(t testing.TB) {
		Start(t, Options{Command: sh(`echo no such thing; sleep 0.3; exit 7`)}).WaitFor("ready", time.Minute)
	})
	if time.Since(began) > atMost || !strings.Contains(why, "the program ended (exit code 7)") || !strings.Contains(why, "no such thing") {
		t.Errorf("after %s the failure says %q", time.Since(began), why)
	}
}

// TestWithoutTmux must not pass for a test that ran where nothing may be skipped.
func TestWithoutTmux(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv(testbed.RequiredEnv, "1")
	why := (&failing{TB: t}).run(func(t testing.TB) { Start(t, Options{Command: []string{"true"}}) })
	if !strings.Contains(why, "apt-get install tmux") {
		t.Errorf("the failure says %q", why)
	}
}
