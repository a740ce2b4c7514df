package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// ErrInterrupted is returned by [Run] when the user left with ctrl+c or the process got SIGINT.
var ErrInterrupted = errors.New("interrupted")

// Options of [Run].
type Options struct {
	// Source reports what is shown.
	Source source.Source
	// Actions carries out operator verbs; nil makes the screen read-only.
	Actions Actions
	// Playback controls the recording that Source plays; nil for a cluster.
	Playback Playback
	// Name and Namespace of the canary to show; without a name all canaries of the scope are.
	Name, Namespace string
	// Scope says in words which canaries those are, such as "all namespaces".
	Scope string
	// Context is the name of the kubeconfig context, for the header and for confirmations.
	Context string
	// ReadOnly refuses every operator verb.
	ReadOnly bool
	// NoLive leaves out the values between the checks, until a key asks for them.
	NoLive bool
	// NoMouse leaves the mouse to the terminal.
	NoMouse bool
	// Hint shows where to find the keys, until one is pressed.
	Hint bool
	// Theme is one of the names of package theme; empty is automatic.
	Theme theme.Name
	// ASCII forces signs and charts without Unicode. It is set anyway where Environ names a locale
	// that is not UTF-8.
	ASCII bool
	// Now is the clock; nil is time.Now. Times on the screen are in its location.
	Now func() time.Time
	// Input and Output are the terminal; nil is the process's own.
	Input  io.Reader
	Output io.Writer
	// Environ is the environment of the terminal; nil is the process's own.
	Environ []string
}

// fps bounds the frames drawn in a second. The screen changes once a second by itself; the rest is
// head room for keys, which must be seen within 50 ms.
const fps = 30

// Run shows the screen until the user leaves it or ctx ends, and returns the last state that was
// seen of the canary that was shown last; its name is empty when none was. It prints nothing after
// the screen is gone.
//
// The error is nil when the user quit, [ErrInterrupted] after ctrl+c, the cause of ctx when that
// ended, and that of the source when it failed before anything could be shown.
func Run(ctx context.Context, o Options) (view.Canary, error) {
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	o.ASCII = o.ASCII || !theme.UTF8(o.Environ)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := newModel(ctx, o)
	p := tea.NewProgram(m, programOptions(ctx, o)...)
	_, err := p.Run()
	var last view.Canary
	if m.detail.loaded {
		last = m.detail.present
	}
	switch {
	case m.quit == quitFailed:
		return last, m.failure
	case m.quit == quitInterrupted, errors.Is(err, tea.ErrInterrupted):
		return last, ErrInterrupted
	case err != nil && ctx.Err() != nil:
		return last, context.Cause(ctx)
	case err != nil:
		return last, fmt.Errorf("draw the screen: %w", err)
	}
	return last, nil
}

func programOptions(ctx context.Context, o Options) []tea.ProgramOption {
	opts := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithFPS(fps), tea.WithEnvironment(o.Environ),
		tea.WithoutSignalHandler(), // Signals end ctx, which says why; two handlers would race.
	}
	if o.Input != nil {
		opts = append(opts, tea.WithInput(o.Input))
	}
	if o.Output != nil {
		opts = append(opts, tea.WithOutput(o.Output))
	}
	if NoColor(o.Environ) || o.Theme == theme.Mono {
		// The library reads NO_COLOR as a boolean, which leaves NO_COLOR=yes coloured. This profile
		// keeps bold and reverse.
		opts = append(opts, tea.WithColorProfile(colorprofile.ASCII))
	}
	return opts
}

// NoColor reports whether NO_COLOR is present, with any value.
func NoColor(env []string) bool {
	for _, kv := range env {
		if strings.HasPrefix(kv, "NO_COLOR=") {
			return true
		}
	}
	return false
}
