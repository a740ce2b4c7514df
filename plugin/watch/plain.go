package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/status"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// plain prints a line per change, and ends with the run that it has seen.
func (o *Options) plain(ctx context.Context, first view.Canary, updates <-chan feed.Update) error {
	printed := ""
	running := false
	take := func(v view.Canary) (ended bool, err error) {
		if line := status.Line(v.Cleaned()); line != printed {
			printed = line
			if _, err := fmt.Fprintf(o.Streams.Out, "%s  %s\n", o.Now().Format(time.TimeOnly), line); err != nil {
				return false, err
			}
		}
		ended = running && v.Terminal()
		running = running || !v.Terminal()
		return ended, nil
	}
	if _, err := take(first); err != nil {
		return err
	}
	if !running {
		fmt.Fprintln(o.Streams.ErrOut, "no run is under way; waiting for the next one")
	}
	for update := range updates {
		switch u := update.(type) {
		case feed.Canary:
			ended, err := take(u.View)
			if err != nil {
				return err
			}
			if ended {
				return status.Outcome(u.View)
			}
		case feed.Gone:
			return fmt.Errorf("canary %q was deleted", o.Name)
		case feed.Stale:
			fmt.Fprintf(o.Streams.ErrOut, "connection lost, trying again: %s\n", view.Clean(u.Err.Error()))
		case feed.Fresh:
			fmt.Fprintln(o.Streams.ErrOut, "connected again")
		}
	}
	return ctx.Err()
}
