package logs

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
)

// retryDelay is the pause before a source that could not be read is tried again: rights may be given,
// and a primary created, while somebody looks at the screen.
const retryDelay = 15 * time.Second

// Omission is something that cannot be read.
type Omission struct {
	// Origin is "agent", "canary" or "primary", or counts containers that are too many.
	Origin string
	// Pod is empty when it is not about a single one.
	Pod string
	// Err says what was tried, and wraps the answer of the API server. It is nil when what was left
	// out can be read.
	Err error
}

// Sink takes what a [Screen] reads. An error of Line ends the reading.
type Sink interface {
	// Line is a line with its prefix, which says where it comes from. All lines come from one
	// goroutine.
	Line(text string) error
	// Omit is called for each thing that cannot be read, from any goroutine, and with a nil Err
	// for an origin whose pods were found.
	Omit(Omission)
}

// Screen reads the logs of a canary for a screen: what there is in the order of time, then new
// lines as they come. What cannot be read is tried again.
type Screen struct {
	// Cluster to read from.
	Cluster *cluster.Access
	// Now is the clock; the time of the agent's lines is shown in its zone.
	Now func() time.Time
	// Canary whose logs are read, with its target.
	Canary *v1beta1.Canary
	// Foreign is set when another controller runs the canary; its lines take the place of the agent's.
	Foreign bool
	// Tail is how many of the last lines of each container are read.
	Tail int64
}

// Run reads until ctx ends, or the sink fails. It returns an error at once for a kubeconfig that
// cannot be used.
func (s *Screen) Run(ctx context.Context, sink Sink) error {
	client, err := s.Cluster.Dynamic()
	if err != nil {
		return err
	}
	o := &Options{
		Deps: cli.Deps{Cluster: s.Cluster, Now: s.Now},
		Name: s.Canary.Name, Namespace: s.Canary.Namespace, From: origins, Tail: s.Tail,
	}
	if len(feed.Workloads(s.Canary)) == 0 { // a target without pods of its own
		o.From = []string{fromAgent}
	}
	r, err := newReader(o, client, screenSink{sink})
	if err != nil {
		return err
	}
	r.foreign = s.Foreign

	ctx, cancel := context.WithCancel(ctx)
	f := newFollower(r)
	defer f.readers.Wait()
	defer cancel()
	var groups []group
	for _, origin := range o.From {
		if g, ok := f.find(ctx, origin, s.Canary); ok {
			groups = append(groups, g)
		}
	}
	open, err := r.history(ctx, groups)
	if err != nil {
		return err
	}
	for _, from := range open {
		f.shown[from.run] = from.last
	}
	for _, origin := range o.From {
		at := slices.IndexFunc(groups, func(g group) bool { return g.origin == origin })
		f.readers.Go(func() {
			if at >= 0 {
				f.pods(ctx, groups[at])
			}
			for feed.Pause(ctx, retryDelay) {
				if g, ok := f.find(ctx, origin, s.Canary); ok {
					f.pods(ctx, g)
				}
			}
		})
	}
	return f.write(ctx)
}

// find is not ok when the pods of an origin cannot be found, which it has said.
func (f *follower) find(ctx context.Context, origin string, c *v1beta1.Canary) (group, bool) {
	g, err := f.group(ctx, origin, c)
	if ctx.Err() != nil {
		return g, false
	}
	if err := f.leaveOut(origin, err); err != nil {
		f.stop(ctx, err)
	}
	return g, err == nil
}

// screenSink is the sink of a screen, which has its own way to see that the connection is lost.
type screenSink struct{ Sink }

func (s screenSink) line(c container, text string, _ time.Time) error {
	return s.Line(c.prefix() + text)
}

func (s screenSink) leaveOut(o Omission) error {
	// A pod that has gone in the meantime is nothing to tell.
	if o.Pod == "" || !apierrors.IsNotFound(o.Err) {
		s.Omit(o)
	}
	return nil
}

func (s screenSink) lost(error) error { return nil }
