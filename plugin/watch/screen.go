package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/klog/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/follow"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui"
	"github.com/kubectl-canary/kubectl-canary/tui/recording"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

func themes() string { return strings.Join(theme.Names(), ", ") }

// show draws the screen of a cluster, or prints its changes.
func (o *Options) show(ctx context.Context, c *clusterSource, recorder *recording.Recorder) error {
	var from source.Source = c
	if recorder != nil {
		from = recorder.Wrap(c)
	}
	if o.Plain {
		return o.plain(ctx, from, c)
	}
	var act tui.Actions = &actions{
		sender: intent.Sender{Client: c.client, Now: o.now},
		explain: func(err error, doing string, seen view.Canary) error {
			return o.Explain(ctx, err, doing, seen.Namespace, seen.Name)
		},
	}
	if recorder != nil {
		act = recordedActions{act, recorder}
	}
	return o.draw(ctx, tui.Options{
		Source: from, Actions: act, Name: o.Name, Namespace: o.Namespace,
		Scope: o.scope(), Context: o.Cluster.Context(), Hint: firstTime(),
	})
}

// recorded ends a recording. What is wrong with it is said, but the screen was seen all the same.
func recorded(err error, recorder *recording.Recorder, o *Options) error {
	broken := recorder.Close()
	if broken != nil {
		return errors.Join(err, fmt.Errorf("the recording is not complete: %w", broken))
	}
	if _, e := fmt.Fprintf(o.Streams.ErrOut, "recorded to %s; see it with: kubectl canary watch --replay %s\n", o.Record, o.Record); e != nil {
		return errors.Join(err, e)
	}
	return err
}

// replay shows a recording.
func (o *Options) replay(ctx context.Context) error {
	r, err := recording.Open(o.Replay)
	if err != nil {
		return err
	}
	namespace, name, err := o.chosen(r)
	if err != nil {
		return err
	}
	if o.Plain {
		return o.plainReplay(r, namespace, name)
	}
	player := recording.NewPlayer(r)
	player.Play()
	return o.draw(ctx, tui.Options{
		Source: player, Playback: player, Name: name, Namespace: namespace,
		Scope: r.Header.Scope, Context: r.Header.Context,
	})
}

// chosen is the canary of a recording to show: the one that was asked for, then or now, or none for
// all of them.
func (o *Options) chosen(r *recording.Recording) (namespace, name string, err error) {
	namespace, name = r.Header.Namespace, r.Header.Name
	if o.Name == "" {
		return namespace, name, nil
	}
	var has []string
	for _, c := range r.Canaries() {
		if c[1] == o.Name {
			return c[0], c[1], nil
		}
		has = append(has, c[1])
	}
	return "", "", fmt.Errorf("the recording %s has no canary %q; it has: %s", o.Replay, o.Name, strings.Join(has, ", "))
}

// draw runs the screen, and leaves a line of what was last seen on the terminal.
func (o *Options) draw(ctx context.Context, t tui.Options) error {
	name, err := theme.Parse(o.Theme)
	if err != nil {
		return err
	}
	// What client-go logs would be written over the screen; what matters of it, the feed reports.
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	t.Theme, t.ASCII, t.ReadOnly, t.NoLive, t.NoMouse = name, o.ASCII, o.ReadOnly, !o.Live, !o.Mouse
	t.Now, t.Input, t.Output = o.Now, o.Streams.In, o.Streams.Out
	last, err := tui.Run(ctx, t)
	if last.Name != "" {
		// The screen is gone with what was on it; the terminal keeps this line.
		if _, err := fmt.Fprintln(o.Streams.Out, follow.Line(last.Cleaned())); err != nil {
			return err
		}
	}
	if errors.Is(err, tui.ErrInterrupted) {
		return context.Canceled
	}
	return err
}

// firstTime is true once for each user, who is told then where to find the keys. A directory that
// cannot be written to does not matter.
func firstTime() bool {
	cache, err := os.UserCacheDir()
	if err != nil {
		return false
	}
	path := filepath.Join(cache, "kubectl-canary", "watched")
	if _, err := os.Stat(path); err == nil {
		return false
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false
	}
	return os.WriteFile(path, nil, 0o600) == nil
}
