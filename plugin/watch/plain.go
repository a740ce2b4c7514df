package watch

import (
	"context"
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/follow"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/plain"
)

// lines prints changes, and ends with the run that it has seen.
type lines struct {
	*Options
	printer *plain.Printer
	// running is set once a run, or the initialization, has been seen under way.
	running bool
}

func (o *Options) plain(ctx context.Context, options feed.Options) error {
	// What is already there, events included, is history and not change; so it is read at once.
	first, err := feed.Get(ctx, options)
	if err != nil {
		return o.Explain(ctx, err, "watch", o.Namespace, o.Name)
	}
	updates, err := feed.Start(ctx, options)
	if err != nil {
		return o.Explain(ctx, err, "watch", o.Namespace, o.Name)
	}
	l := &lines{Options: o, printer: &plain.Printer{W: o.Streams.Out, Now: o.Now, Color: o.Terminal.Color}}
	if _, err := l.take(first); err != nil {
		return err
	}
	if !l.running {
		if _, err := fmt.Fprintln(o.Streams.ErrOut, "no run is under way; waiting for the next one"); err != nil {
			return err
		}
	}
	for update := range updates {
		if done, err := l.update(update); done || err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (l *lines) update(update feed.Update) (done bool, err error) {
	switch u := update.(type) {
	case feed.Canary:
		ended, err := l.take(u.View)
		if ended && err == nil {
			err = follow.Outcome(u.View)
		}
		return ended, err
	case feed.Gone:
		if err := l.printer.Gone(); err != nil {
			return true, err
		}
		return true, fmt.Errorf("canary %q was deleted", l.Name)
	case feed.Stale:
		return false, l.printer.Stale(u.Since, u.Err)
	}
	return false, nil
}

// take prints what is new, and tells whether the run that was seen has ended.
func (l *lines) take(v view.Canary) (ended bool, err error) {
	if err := l.printer.Update(v); err != nil {
		return true, err
	}
	ended = l.running && v.Terminal()
	l.running = l.running || !v.Terminal()
	return ended, nil
}
