//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/terminal"
)

// seenAtMost is how long the screen may take to show what is so. It is a bound for a busy machine,
// not a measurement.
const seenAtMost = 20 * time.Second

// holding brings up a release that holds 40 % for the time of the test.
func holding(t *testing.T) *scene {
	t.Helper()
	s := rehearse(t, stage.App{Interval: "10m", Replicas: 1, Edit: steps(int64(40), int64(60))})
	s.release("python-2")
	s.until("40 %", atWeight(40))
	return s
}

// watching is a terminal of the given size in which a shell runs a script; $watch is the command that
// watches the canary. The test is that of the terminal, which may be a subtest of the scene's.
func (s *scene) watching(t *testing.T, width, height int, kubeconfig, script string) *terminal.Terminal {
	t.Helper()
	return terminal.Start(t, terminal.Options{
		Width: width, Height: height,
		Command: []string{"sh", "-c", script},
		Env: []string{
			"KUBECONFIG=" + kubeconfig,
			"watch=" + programs().Plugin + " watch app -n " + s.app.Namespace,
			"ENV=", "PS1=shell>",
		},
	})
}

// context is the name of the kubeconfig's context, which questions name.
func (s *scene) context() string {
	s.Helper()
	config, err := clientcmd.LoadFromFile(s.cluster.Kubeconfig)
	if err != nil {
		s.Fatal(err)
	}
	return config.CurrentContext
}

// visible has runs of blanks and the frames of boxes as one blank, so that words can be looked for
// that a box has wrapped.
func visible(screen string) string {
	return strings.Join(strings.FieldsFunc(screen, func(r rune) bool {
		return r == ' ' || r == '\n' || r >= 0x2500 && r < 0x2580
	}), " ")
}

// afterwards is what a shell says when the screen has been left: how, and in which state the terminal
// is. It waits for a key then, so that the terminal can be looked at.
const afterwards = `; echo "exit code $?"; stty -a | grep -Eo -- '-?(icanon|echo|isig|opost)\b' | tr '\n' ' '; echo "are the modes"; read key`

// leaves looks at what a screen leaves behind.
func leaves(t *testing.T, term *terminal.Terminal, code int, words ...string) {
	t.Helper()
	left := term.WaitFor("are the modes", seenAtMost)
	if !containsAll(left, append(words, fmt.Sprintf("exit code %d", code))...) {
		t.Errorf("the terminal keeps\n%s\nwant %q and exit code %d", left, words, code)
	}
	modes := strings.Fields(left[strings.Index(left, "exit code"):])
	for _, mode := range []string{"icanon", "echo", "isig", "opost"} {
		if !slices.Contains(modes, mode) {
			t.Errorf("the terminal is not %s as it was before:\n%s", mode, left)
		}
	}
	if state := term.State(); !state.Restored() {
		t.Errorf("the terminal is not as it was before: %+v", state)
	}
}

// TestScreenAbort is what an operator does who sees that a release is bad: watches it, presses the
// key, reads the question, says yes, and sees what came of it.
func TestScreenAbort(t *testing.T) {
	t.Parallel()
	s := holding(t)
	term := s.watching(t, 120, 40, s.cluster.Kubeconfig, "$watch"+afterwards)
	screen := term.Until("the run and its images", seenAtMost, func(screen string, _ terminal.State) bool {
		return containsAll(screen, "40%", "python-1", "python-2")
	})
	if !containsAll(screen, "app", s.app.Namespace, "Progressing", "A abort") {
		t.Errorf("the screen does not show the run:\n%s", screen)
	}
	if state := term.State(); !state.Alternate || state.Cursor {
		t.Errorf("a screen that is drawn: %+v", state)
	}

	// The key alone does nothing, and no is an answer.
	question := func() string {
		term.Keys("A")
		return term.Until("the question", seenAtMost, func(screen string, _ terminal.State) bool {
			return strings.Contains(visible(screen), "Abort app in "+s.app.Namespace)
		})
	}
	if asked := visible(question()); !containsAll(asked, "on context "+s.context()+"?", "All traffic returns to the primary") {
		t.Errorf("the question does not name context and effect: %s", asked)
	}
	term.Keys("n")
	term.Until("the question gone", seenAtMost, func(screen string, _ terminal.State) bool {
		return !strings.Contains(screen, "Abort app in")
	})

	// A yes that was typed ahead is none.
	term.Keys("A", "y")
	question()
	if in := s.record.Last().Status.LastIntent; in != nil {
		t.Fatalf("an intent was sent without a confirmation: %+v", in)
	}
	// Keys are heard once none has come for half a second; the test has no other sign of it.
	time.Sleep(time.Second)
	pressed := time.Now()
	term.Keys("y")
	term.WaitFor("abort accepted", seenAtMost)
	t.Logf("from the key to the agent's answer on the screen: %s", time.Since(pressed).Round(time.Millisecond))
	term.Until("the outcome", seenAtMost, func(screen string, _ terminal.State) bool {
		return strings.Contains(screen, "Failed") && strings.Contains(screen, "100%")
	})
	status := s.until("Failed", stage.InPhase(v1beta1.PhaseFailed)).Canary.Status
	if in := status.LastIntent; in == nil || in.Verb != v1beta1.VerbAbort || in.Outcome != v1beta1.IntentAccepted || in.By == "" {
		t.Errorf("lastIntent %+v", in)
	}
	if h := status.History; len(h) != 1 || h[0].Outcome != v1beta1.OutcomeAborted {
		t.Errorf("history %+v, want one aborted run", h)
	}

	// A key that has nothing to do says why.
	term.Keys("A")
	term.WaitFor("abort: ", seenAtMost)

	term.Keys("q")
	leaves(t, term, 0, "app", "Failed", "borted")
}

// TestScreen has a release under way, and everything that can happen to a terminal.
func TestScreen(t *testing.T) {
	t.Parallel()
	s := holding(t)
	t.Run("Resize", func(t *testing.T) { screenResize(t, s) })
	t.Run("Suspend", func(t *testing.T) { screenSuspend(t, s) })
	t.Run("Killed", func(t *testing.T) { screenKilled(t, s) })
	t.Run("Dumb", func(t *testing.T) { screenDumb(t, s) })
	// The last, since it changes the run.
	t.Run("ServerGone", func(t *testing.T) { screenServerGone(t, s) })
}

// screenResize draws the screen in one size after the other: each has the words it has room for, and
// none ends the program.
func screenResize(t *testing.T, s *scene) {
	term := s.watching(t, 120, 40, s.cluster.Kubeconfig, "$watch"+afterwards)
	term.WaitFor("40%", seenAtMost)
	for _, size := range []struct {
		width, height int
		words         []string
	}{
		{80, 24, []string{"app", "Progressing", "40%", "60%", "python-2", "A abort", "q quit"}},
		{60, 15, []string{"app", "Progressing", "40%", "60%"}},
		{40, 10, []string{"app", "Progressing", "40%"}},
		{20, 5, []string{"Progressing", "40%"}},
		{10, 3, nil},
		{1, 1, nil},
		{160, 50, []string{"app", "Progressing", "40%", "60%", "python-1", "python-2", "A abort", "q quit"}},
		{20, 50, []string{"40%"}},
		{160, 5, []string{"app", "Progressing", "40%"}},
		{120, 40, []string{"app", "Progressing", "40%", "60%", "A abort", "q quit"}},
	} {
		term.Resize(size.width, size.height)
		what := fmt.Sprintf("%q at %dx%d", size.words, size.width, size.height)
		screen := term.Until(what, seenAtMost, func(screen string, state terminal.State) bool {
			rows := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
			// The keys are in the last row of a frame; what is left of the one before has none there.
			drawn := size.words == nil || strings.TrimSpace(rows[len(rows)-1]) != ""
			return state.Alternate && drawn && containsAll(screen, size.words...) && strings.TrimSpace(screen) != ""
		})
		if lines := strings.Count(screen, "\n"); lines > size.height {
			t.Errorf("%s: %d lines", what, lines)
		}
	}
	term.Keys("q")
	leaves(t, term, 0, "app", "Progressing")
}

// screenSuspend goes to the shell and comes back.
func screenSuspend(t *testing.T, s *scene) {
	term := s.watching(t, 100, 30, s.cluster.Kubeconfig, "exec sh -i")
	term.WaitFor("shell>", seenAtMost)
	term.Send("$watch\r")
	for range 2 {
		term.WaitFor("Progressing", seenAtMost)
		term.Keys("C-z")
		term.Until("the shell", seenAtMost, func(screen string, state terminal.State) bool {
			return state.Restored() && strings.Contains(screen, "shell>") && strings.Contains(screen, "Stopped")
		})
		term.Send("echo $((40+2)) is here\r")
		term.WaitFor("42 is here", seenAtMost)
		term.Send("fg\r")
		term.Until("the screen again", seenAtMost, func(screen string, state terminal.State) bool {
			return state.Alternate && !state.Cursor && containsAll(screen, "Progressing", "40%", "A abort")
		})
	}
	// It takes keys as before.
	term.Keys("?")
	term.WaitFor("promote one step", seenAtMost)
	term.Keys("Escape")
	// A key right behind an escape would be one with alt.
	term.Until("the help gone", seenAtMost, func(screen string, _ terminal.State) bool {
		return !strings.Contains(screen, "promote one step")
	})
	term.Keys("q")
	term.Until("the shell", seenAtMost, func(screen string, state terminal.State) bool { return state.Restored() })
	term.Send("echo exit code $?\r")
	term.WaitFor("exit code 0", seenAtMost)
}

// screenKilled ends the program by what ends programs: the terminal is as before.
func screenKilled(t *testing.T, s *scene) {
	for _, end := range []struct {
		name string
		end  func(term *terminal.Terminal, pid int)
		code int
	}{
		{"TERM", func(_ *terminal.Terminal, pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) }, 130},
		{"INT", func(_ *terminal.Terminal, pid int) { _ = syscall.Kill(pid, syscall.SIGINT) }, 130},
		{"key", func(term *terminal.Terminal, _ int) { term.Keys("C-c") }, 130},
	} {
		t.Run(end.name, func(t *testing.T) {
			pidFile := filepath.Join(t.TempDir(), "pid")
			term := s.watching(t, 100, 30, s.cluster.Kubeconfig,
				`sh -c 'echo $$ >`+pidFile+`; exec $watch'`+afterwards)
			term.WaitFor("40%", seenAtMost)
			text, err := os.ReadFile(pidFile)
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			end.end(term, pid)
			leaves(t, term, end.code, "app", "Progressing")
		})
	}
}

// screenDumb has a terminal that cannot be drawn on: there are lines instead.
func screenDumb(t *testing.T, s *scene) {
	term := s.watching(t, 100, 30, s.cluster.Kubeconfig, "TERM=dumb $watch"+afterwards)
	term.Until("a line about the run", seenAtMost, func(screen string, state terminal.State) bool {
		return state.Restored() && containsAll(screen, "Progressing", "40%")
	})
	term.Keys("C-c")
}

// screenServerGone takes the API server away from under the screen. What is shown is said to be old;
// when the server is back, so is the truth, and what has changed meanwhile.
func screenServerGone(t *testing.T, s *scene) {
	wire := newWire(t, s.cluster.RESTConfig.Host)
	term := s.watching(t, 120, 40, s.kubeconfigThrough(t, wire), "$watch"+afterwards)
	term.WaitFor("40%", seenAtMost)

	wire.cut()
	screen := term.WaitFor("stale since", seenAtMost)
	if !containsAll(screen, "Progressing", "40%") {
		t.Errorf("what was known is gone from the screen:\n%s", screen)
	}
	s.do("pause", "app", "-y")
	s.until("a pause", func(c *v1beta1.Canary) bool {
		return c.Status.LastIntent != nil && c.Status.LastIntent.Verb == v1beta1.VerbPause
	})

	wire.mend()
	term.Until("the news", 40*time.Second, func(screen string, _ terminal.State) bool {
		return !strings.Contains(screen, "stale since") && strings.Contains(screen, "Paused")
	})
	term.Keys("q")
	leaves(t, term, 0, "app")
}
