package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// fed is a source that reports what is put into it, whatever it is asked for.
type fed chan source.Update

func (f fed) Fleet(context.Context) <-chan source.Update                  { return f }
func (f fed) Detail(context.Context, string, string) <-chan source.Update { return f }

// runScreen starts the screen on a pipe, shows one state, and presses a key once the state was taken.
func runScreen(t *testing.T, ctx context.Context, key string, env ...string) (out string, name string, err error) {
	t.Helper()
	input, keys := io.Pipe()
	t.Cleanup(func() { _ = keys.Close() })
	updates := make(fed)
	go func() {
		updates <- source.Canary{View: scene.Of("progressing")}
		updates <- source.Canary{View: scene.Of("progressing")} // taken only after the first was handed over
		if key != "" {
			_, _ = keys.Write([]byte(key))
		}
	}()
	var screen bytes.Buffer
	o := options()
	o.Source, o.Input, o.Output, o.Environ = updates, input, &screen, append(env, "TERM=xterm-256color")
	c, err := Run(ctx, o)
	return screen.String(), c.Name, err
}

// What ends the first screen before it showed anything is the error of the program.
func TestRunFails(t *testing.T) {
	cause := errors.New("there is no canary \"app\"")
	updates := make(fed, 1)
	updates <- source.Failed{Err: cause}
	close(updates)
	o := options()
	o.Source, o.Input, o.Output, o.Environ = updates, strings.NewReader(""), io.Discard, []string{"TERM=xterm-256color"}
	if c, err := Run(t.Context(), o); !errors.Is(err, cause) || c.Name != "" {
		t.Errorf("Run = %q, %v", c.Name, err)
	}
}

func TestRunQuits(t *testing.T) {
	_, name, err := runScreen(t, t.Context(), "q")
	if err != nil || name != "app" {
		t.Errorf("Run = %q, %v", name, err)
	}
}

func TestRunInterrupted(t *testing.T) {
	_, _, err := runScreen(t, t.Context(), "\x03")
	if !errors.Is(err, ErrInterrupted) {
		t.Errorf("Run = %v, want ErrInterrupted", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	cause := errors.New("deadline of the test")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, _, err := runScreen(t, ctx, "")
	if !errors.Is(err, cause) {
		t.Errorf("Run = %v, want the cause of the context", err)
	}
}

func TestNoColour(t *testing.T) {
	out, _, err := runScreen(t, t.Context(), "q", "NO_COLOR=yes", "COLORTERM=truecolor")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "38;") || strings.Contains(out, "\x1b[31m") {
		t.Errorf("colours in spite of NO_COLOR: %q", out)
	}
}

func TestUTF8(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want bool
	}{
		{nil, true},
		{[]string{"LANG=C"}, false},
		{[]string{"LANG=de_DE.UTF-8"}, true},
		{[]string{"LANG=de_DE.UTF-8", "LC_ALL=POSIX"}, false},
		{[]string{"LANG=C", "LC_CTYPE=C.utf8"}, true},
		{[]string{"LC_ALL=", "LANG=en_US.ISO-8859-1"}, false},
	} {
		if got := theme.UTF8(c.env); got != c.want {
			t.Errorf("UTF8(%v) = %v", c.env, got)
		}
	}
}

// bomb is an error that panics when it is put into words.
type bomb struct{}

func (bomb) Error() string { panic("boom") }

// A panic must not leave a terminal behind in which nobody can see what they type.
func TestPanicRestoresTheTerminal(t *testing.T) {
	input, keys := io.Pipe()
	t.Cleanup(func() { _ = keys.Close() })
	drawn := &drawing{entered: make(chan struct{})}
	updates := make(fed, 2)
	updates <- source.Canary{View: scene.Of("progressing")}
	go func() {
		<-drawn.entered
		updates <- source.Failed{Err: bomb{}}
	}()
	o := options()
	o.Source, o.Input, o.Output, o.Environ = updates, input, drawn, []string{"TERM=xterm-256color"}
	if _, err := Run(t.Context(), o); !errors.Is(err, tea.ErrProgramPanic) {
		t.Errorf("Run = %v", err)
	}
	out := drawn.all.String()
	for on, off := range map[string]string{"\x1b[?1049h": "\x1b[?1049l", "\x1b[?25l": "\x1b[?25h"} {
		if entered, left := strings.LastIndex(out, on), strings.LastIndex(out, off); entered < 0 || left < entered {
			t.Errorf("%q at %d, but %q at %d", on, entered, off, left)
		}
	}
}

// drawing takes what is drawn, and tells when the alternate screen was entered.
type drawing struct {
	all     bytes.Buffer
	entered chan struct{}
	once    sync.Once
}

func (d *drawing) Write(p []byte) (int, error) {
	n, err := d.all.Write(p)
	if bytes.Contains(d.all.Bytes(), []byte("\x1b[?1049h")) {
		d.once.Do(func() { close(d.entered) })
	}
	return n, err
}
