//go:build linux

package terminal

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

const (
	// startAtMost is how long the tmux server may take; usually it is 10 ms.
	startAtMost = 20 * time.Second
	// callAtMost bounds one call of tmux, which answers in 3 ms unless the machine is overloaded.
	callAtMost = 20 * time.Second
	// poll is the pause between two looks at the screen.
	poll = 40 * time.Millisecond
)

// Options of [Start].
type Options struct {
	// Width and Height are in columns and rows; the default is 80x24.
	Width, Height int
	// Command is the program and its arguments. Start looks the program up in PATH; no shell is
	// between.
	Command []string
	// Env is added to the environment of the test program. The terminal is UTF-8 unless LC_ALL in
	// here says otherwise to the program.
	Env []string
	// Dir is where the program runs; empty for the directory of the test.
	Dir string
}

// Terminal is a terminal in which a program runs, or ran.
type Terminal struct {
	t      testing.TB
	tmux   string // path of the program
	socket string
	server *supervise.Group
	began  time.Time
	frames []frame // the last distinct ones, oldest first
}

// Start runs a program in a new terminal. Without tmux the test is skipped, or fails where
// TESTBED_REQUIRED=1 says that nothing may be skipped.
func Start(t testing.TB, o Options) *Terminal {
	t.Helper()
	if len(o.Command) == 0 {
		t.Fatal("start a terminal: Options.Command names no program")
	}
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		const missing = "no terminal to test in: tmux is not installed (apt-get install tmux)"
		if os.Getenv(testbed.RequiredEnv) == "1" {
			t.Fatalf("%s, and %s=1 turns this into a failure", missing, testbed.RequiredEnv)
		}
		t.Skipf("%s; %s=1 makes this a failure", missing, testbed.RequiredEnv)
	}
	// Not t.TempDir: with the name of the test in it, the path may be too long for a socket.
	dir, err := os.MkdirTemp("", "terminal-")
	if err != nil {
		t.Fatal(err)
	}
	x := &Terminal{
		t: t, tmux: tmux, socket: filepath.Join(dir, "tmux"), began: time.Now(),
		server: supervise.NewGroup(dir, slog.New(slog.DiscardHandler)),
	}
	t.Cleanup(func() {
		x.report()
		_, _ = x.call("kill-server") // What runs in the terminal gets a hangup.
		x.server.StopAll()
		_ = os.RemoveAll(dir)
	})
	ctx, cancel := context.WithTimeout(t.Context(), startAtMost)
	defer cancel()
	err = x.server.Run(ctx, supervise.Spec{
		Name: "tmux", Path: tmux,
		Args: []string{"-u", "-S", x.socket, "-f", os.DevNull, "-D"}, // -D: a child of the test, no daemon
		Env:  append([]string{"LC_ALL=C.UTF-8", "COLORTERM=truecolor", "TMUX="}, o.Env...),
		Ready: func(context.Context) error {
			_, err := os.Stat(x.socket)
			return err
		},
	})
	if err != nil {
		t.Fatalf("start a terminal: %v", err)
	}
	if _, err := x.call(session(o)...); err != nil {
		t.Fatalf("start %s in a terminal: %v", strings.Join(o.Command, " "), err)
	}
	return x
}

// session is the command of tmux that opens the one window.
func session(o Options) []string {
	args := []string{
		"set-option", "-g", "status", "off", ";",
		"set-option", "-g", "default-terminal", "tmux-256color", ";",
		"set-option", "-sg", "escape-time", "0", ";",
		// The screen of a program that has ended stays, with nothing written over it.
		"set-option", "-g", "remain-on-exit", "on", ";",
		"set-option", "-gq", "remain-on-exit-format", "", ";",
		"new-session", "-d", "-s", "0",
		"-x", strconv.Itoa(cmp.Or(o.Width, 80)), "-y", strconv.Itoa(cmp.Or(o.Height, 24)),
	}
	if o.Dir != "" {
		args = append(args, "-c", o.Dir)
	}
	args = append(args, "--")
	for _, arg := range o.Command {
		args = append(args, literal(arg))
	}
	return args
}

// literal keeps tmux from taking the semicolon at the end of an argument for the end of a command.
func literal(arg string) string {
	if rest, ok := strings.CutSuffix(arg, ";"); ok {
		return rest + `\;`
	}
	return arg
}

// call runs a command of tmux and returns what it wrote.
func (x *Terminal) call(args ...string) (string, error) {
	// The end of the test must not keep its cleanup from working.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.t.Context()), callAtMost)
	defer cancel()
	cmd := exec.CommandContext(ctx, x.tmux, slices.Concat([]string{"-u", "-S", x.socket}, args)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("tmux %s: %w: %s", args[0], err, strings.TrimSpace(errOut.String()))
	}
	return out.String(), nil
}

func (x *Terminal) must(args ...string) string {
	x.t.Helper()
	out, err := x.call(args...)
	if err != nil {
		x.t.Fatal(err)
	}
	return out
}

// Keys presses keys by the names that tmux has for them: "A", "Enter", "Escape", "Tab", "Up", "C-z".
func (x *Terminal) Keys(keys ...string) {
	x.t.Helper()
	args := []string{"send-keys", "-t", "0", "--"}
	for _, key := range keys {
		args = append(args, literal(key))
	}
	x.must(args...)
}

// Send writes to the program as it is: text that is typed or pasted, and sequences such as those of
// a mouse.
func (x *Terminal) Send(text string) {
	x.t.Helper()
	args := []string{"send-keys", "-t", "0", "-H"}
	for _, b := range []byte(text) {
		args = append(args, strconv.FormatUint(uint64(b), 16))
	}
	x.must(args...)
}

// Click presses and releases the left button of the mouse on a cell; the first is 0, 0. Programs
// that did not ask for the mouse would take it for keys.
func (x *Terminal) Click(column, row int) {
	x.t.Helper()
	if !x.State().Mouse {
		x.t.Fatal("click: the program has not asked for the mouse")
	}
	x.Send(fmt.Sprintf("\x1b[<0;%d;%dM\x1b[<0;%d;%dm", column+1, row+1, column+1, row+1))
}

// Resize gives the terminal another size.
func (x *Terminal) Resize(width, height int) {
	x.t.Helper()
	x.must("resize-window", "-t", "0", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}

// Text is the screen without styles, one line for each row, without blanks at the ends of lines.
func (x *Terminal) Text() string {
	x.t.Helper()
	text, _ := x.look()
	return text
}

// Styled is the screen with the escape sequences of its styles.
func (x *Terminal) Styled() string {
	x.t.Helper()
	return x.must("capture-pane", "-t", "0", "-p", "-e")
}

// State is what there is to know of a terminal beside its text.
type State struct {
	Alternate bool // a full-screen program has the screen
	Cursor    bool // the cursor is visible
	Mouse     bool // the program is told of the mouse
	Exited    bool
	Code      int            // exit code, once Exited
	Signal    syscall.Signal // that ended the program, or 0
	PID       int            // of the program
	// Width and Height are the size in columns and rows.
	Width, Height int
}

// Restored is true when nothing of a full-screen program is left.
func (s State) Restored() bool { return !s.Alternate && s.Cursor && !s.Mouse }

// stateFormat asks for numbers; those that there are none of are empty.
const stateFormat = "#{alternate_on},#{cursor_flag},#{mouse_any_flag},#{pane_dead}," +
	"#{pane_dead_status},#{pane_dead_signal},#{pane_pid},#{pane_width},#{pane_height}"

// State asks the terminal.
func (x *Terminal) State() State {
	x.t.Helper()
	_, state := x.look()
	return state
}

// look reads screen and state at one moment.
func (x *Terminal) look() (string, State) {
	x.t.Helper()
	out := x.must("display-message", "-t", "0", "-p", stateFormat, ";", "capture-pane", "-t", "0", "-p")
	first, text, _ := strings.Cut(out, "\n")
	fields := strings.Split(first, ",")
	numbers := make([]int, 9)
	if len(fields) != len(numbers) {
		x.t.Fatalf("tmux says %q about the terminal, want %d numbers", first, len(numbers))
	}
	for i, field := range fields {
		numbers[i], _ = strconv.Atoi(field)
	}
	x.remember(text)
	closed, known := numbers[3] == 1, fields[4]+fields[5] != ""
	if closed && !known {
		// How the program ended is known a moment after it has closed the terminal; or never, since
		// tmux 3.3 at times misses the signal about its child. Another one makes it look again.
		_ = x.server.Signal("tmux", syscall.SIGCHLD)
	}
	return text, State{
		Alternate: numbers[0] == 1, Cursor: numbers[1] == 1, Mouse: numbers[2] == 1,
		Exited: closed && known,
		Code:   numbers[4], Signal: syscall.Signal(numbers[5]), PID: numbers[6], Width: numbers[7], Height: numbers[8],
	}
}
