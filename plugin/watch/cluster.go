package watch

import (
	"context"
	"time"

	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/inspect"
	"github.com/kubectl-canary/kubectl-canary/plugin/livemetrics"
	"github.com/kubectl-canary/kubectl-canary/plugin/rights"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// clusterSource is what the screens see of a cluster.
type clusterSource struct {
	*Options
	*inspect.Inspector
	rights.Checker
	client dynamic.Interface
	scope  feed.Options
	meter  *livemetrics.Meter
}

var (
	_ source.Source    = (*clusterSource)(nil)
	_ source.Inspector = (*clusterSource)(nil)
	_ source.Rights    = (*clusterSource)(nil)
	_ source.LiveMeter = (*clusterSource)(nil)
)

// ahead is how many updates may wait for the screen, so that a thousand canaries become a few frames.
const ahead = 256

// Fleet implements source.Source.
func (c *clusterSource) Fleet(ctx context.Context) <-chan source.Update {
	return c.follow(ctx, c.scope, func(err error) error { return c.Options.Cluster.Explain(err, "watch canaries") }, func() error { return nil })
}

// Detail implements source.Source. A canary that does not exist when the watch begins is an error.
func (c *clusterSource) Detail(ctx context.Context, namespace, name string) <-chan source.Update {
	options := feed.Options{Client: c.client, Namespace: namespace, Name: name, Detail: true, Heartbeat: heartbeat}
	return c.follow(ctx, options,
		func(err error) error { return c.Explain(ctx, err, "watch", namespace, name) },
		func() error { return cli.NotFound(ctx, c.Options.Cluster, namespace, name) })
}

// Live implements source.LiveMeter.
func (c *clusterSource) Live(ctx context.Context, namespace, name string) <-chan source.Update {
	return c.meter.Run(ctx, namespace, name, 0)
}

// follow translates the updates of a feed. Explain puts its first error into words; nothing is the
// error of a beginning at which there is no canary.
func (c *clusterSource) follow(ctx context.Context, options feed.Options, explain func(error) error, nothing func() error) <-chan source.Update {
	out := make(chan source.Update, ahead)
	send := func(u source.Update) bool {
		select {
		case out <- u:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(out)
		updates, err := feed.Start(ctx, options)
		if err != nil {
			send(source.Failed{Err: explain(err)})
			return
		}
		seen := false
		for update := range updates {
			if _, synced := update.(feed.Synced); synced && !seen {
				if err := nothing(); err != nil {
					send(source.Failed{Err: err})
					return
				}
			}
			u := c.translate(update)
			if _, ok := u.(source.Canary); ok {
				seen = true
			}
			if !send(u) {
				return
			}
		}
	}()
	return out
}

func (c *clusterSource) translate(update feed.Update) source.Update {
	switch u := update.(type) {
	case feed.Canary:
		return source.Canary{View: u.View}
	case feed.Gone:
		return source.Gone{Namespace: u.Namespace, Name: u.Name}
	case feed.Stale:
		return source.Stale{Since: u.Since, Err: u.Err}
	case feed.Fresh:
		return source.Fresh{}
	case feed.Synced:
		return source.Synced{}
	}
	return source.Alive{At: c.now()}
}

func (o *Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}
