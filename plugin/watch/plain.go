package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/follow"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/plain"
	"github.com/kubectl-canary/kubectl-canary/tui/recording"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// lines prints changes; of one canary, until the run ends that it has seen.
type lines struct {
	*Options
	now      func() time.Time
	printers map[string]*plain.Printer // by canary
	// running is set once a run, or the initialization, of the one canary has been seen under way.
	running bool
}

func (o *Options) lines(now func() time.Time) *lines {
	return &lines{Options: o, now: now, printers: map[string]*plain.Printer{}}
}

func (l *lines) of(key string) *plain.Printer {
	p, ok := l.printers[key]
	if !ok {
		p = &plain.Printer{W: l.Streams.Out, Now: l.now, Color: l.Terminal.Color}
		l.printers[key] = p
	}
	return p
}

// plain prints a line per change.
func (o *Options) plain(ctx context.Context, from source.Source, c *clusterSource) error {
	l := o.lines(o.now)
	if o.Name == "" {
		return l.follow(ctx, from.Fleet(ctx))
	}
	// What is already there, events included, is history and not change; so it is read at once.
	first, err := feed.Get(ctx, feed.Options{Client: c.client, Namespace: o.Namespace, Name: o.Name, Detail: true})
	if err != nil {
		return o.Explain(ctx, err, "watch", o.Namespace, o.Name)
	}
	updates := from.Detail(ctx, o.Namespace, o.Name)
	next, ok := <-updates // Nothing is printed before changes are seen.
	switch failed, isFailed := next.(source.Failed); {
	case isFailed:
		return failed.Err
	case !ok:
		return ctx.Err()
	}
	if _, err := l.take(first); err != nil {
		return err
	}
	if !l.running {
		if _, err := fmt.Fprintln(o.Streams.ErrOut, "no run is under way; waiting for the next one"); err != nil {
			return err
		}
	}
	if done, err := l.update(next); done || err != nil {
		return err
	}
	return l.follow(ctx, updates)
}

// plainReplay prints a recording at once, with the times of then.
func (o *Options) plainReplay(r *recording.Recording, namespace, name string) error {
	var at time.Time
	l := o.lines(func() time.Time { return at })
	for t, update := range r.Updates(namespace, name) {
		at = t.In(o.now().Location())
		switch u := update.(type) {
		case source.Canary:
			if err := l.of(u.View.Key()).Update(u.View); err != nil {
				return err
			}
		case source.Failed: // The end of what was recorded.
		default:
			if _, err := l.update(update); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lines) follow(ctx context.Context, updates <-chan source.Update) error {
	for update := range updates {
		if done, err := l.update(update); done || err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (l *lines) update(update source.Update) (done bool, err error) {
	switch u := update.(type) {
	case source.Canary:
		ended, err := l.take(u.View)
		if ended && err == nil {
			err = follow.Outcome(u.View)
		}
		return ended, err
	case source.Gone:
		key := u.Namespace + "/" + u.Name
		if err := l.of(key).Gone(); err != nil {
			return true, err
		}
		delete(l.printers, key)
		if l.Name == "" {
			return false, nil
		}
		return true, fmt.Errorf("canary %q was deleted", l.Name)
	case source.Stale:
		return false, l.stale(u)
	case source.Fresh:
		delete(l.printers, "") // The next loss is another one.
	case source.Failed:
		return true, u.Err
	}
	return false, nil
}

// stale prints that the connection is lost: once, whatever the number of canaries.
func (l *lines) stale(u source.Stale) error {
	if l.Name == "" {
		return l.of("").Stale(u.Since, u.Err)
	}
	for _, p := range l.printers {
		return p.Stale(u.Since, u.Err)
	}
	return nil
}

// take prints what is new, and tells whether the run of the one canary has ended that was seen.
func (l *lines) take(v view.Canary) (ended bool, err error) {
	if err := l.of(v.Key()).Update(v); err != nil {
		return true, err
	}
	if l.Name == "" {
		return false, nil
	}
	ended = l.running && v.Terminal()
	l.running = l.running || !v.Terminal()
	return ended, nil
}
