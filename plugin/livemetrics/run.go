package livemetrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const (
	// DefaultEvery is the pause between two rounds.
	DefaultEvery = 5 * time.Second
	// maxPause bounds the pause after rounds without an answer, which is doubled each time.
	maxPause = time.Minute
	// planAge is how long a plan counts without a change of the canary: templates and the flags of the
	// agent may change as well.
	planAge = time.Minute
)

// Run measures a canary while a run of it is under way, with a pause of every between the rounds, 0
// for [DefaultEvery]; there is never more than one round at once. While no run is under way it asks
// for nothing, but for one watch of the canary. The channel has source.Live only. It is closed when ctx
// ends, and when the API server refuses the user all queries: the Note of the last update says which
// right is missing.
func (m *Meter) Run(ctx context.Context, namespace, name string, every time.Duration) <-chan source.Update {
	if every <= 0 {
		every = DefaultEvery
	}
	out := make(chan source.Update)
	l := &loop{Meter: m, namespace: namespace, name: name, every: every, out: out}
	go func() {
		defer close(out)
		ctx, cancel := context.WithCancel(ctx)
		defer l.rounds.Wait()
		defer cancel()
		l.run(ctx)
	}()
	return out
}

// loop is one Run.
type loop struct {
	*Meter

	namespace, name string
	every           time.Duration
	out             chan<- source.Update

	// rounds that are under way.
	rounds sync.WaitGroup
	// failures in a row.
	failures int
	// made is the plan in use.
	made struct {
		plan       plan
		uid        types.UID
		generation int64
		at         time.Time
	}
}

func (l *loop) run(ctx context.Context) {
	updates := l.watch(ctx)
	if updates == nil {
		return
	}
	var (
		active, measuring bool
		pause             <-chan time.Time // nil when there is none
		results           = make(chan outcome, 1)
	)
	for {
		if active && !measuring && pause == nil {
			measuring = true
			l.rounds.Go(func() { results <- l.measure(ctx) })
		}
		select {
		case <-ctx.Done():
			return
		case u, ok := <-updates:
			if !ok {
				return
			}
			switch u := u.(type) {
			case feed.Canary:
				active = u.View.Active()
			case feed.Gone:
				active = false
			}
			if !active {
				pause = nil // The next run is measured from its beginning.
			}
		case <-pause:
			pause = nil
		case result := <-results:
			measuring = false
			if !active && !result.refused {
				continue // The run has ended meanwhile.
			}
			if !l.send(ctx, result.live) || result.refused {
				return
			}
			pause = time.After(l.pauseAfter(result))
		}
	}
}

// pauseAfter a round; rounds without an answer become rarer.
func (l *loop) pauseAfter(result outcome) time.Duration {
	if result.answered {
		l.failures = 0
		return l.every
	}
	l.failures = min(l.failures+1, 10)
	return min(l.every<<l.failures, max(maxPause, l.every))
}

func (l *loop) send(ctx context.Context, live source.Live) bool {
	select {
	case l.out <- live:
		return true
	case <-ctx.Done():
		return false
	}
}

// nothing is what to say when nothing could be asked.
func (l *loop) nothing(err error) source.Live {
	return source.Live{Namespace: l.namespace, Name: l.name, At: l.now(), Note: notes{{[]string{""}, err.Error()}}.line(0)}
}

// watch tells when a run begins and ends. It is nil when the user may not watch, or ctx has ended.
func (l *loop) watch(ctx context.Context) <-chan feed.Update {
	for {
		updates, err := feed.Start(ctx, feed.Options{Client: l.client, Namespace: l.namespace, Name: l.name})
		if err == nil {
			return updates
		}
		said := l.nothing(fmt.Errorf("cannot watch canary %s: %s", l.name, line(err.Error())))
		if !l.send(ctx, said) || apierrors.IsForbidden(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(l.pauseAfter(outcome{})):
		}
	}
}

// measure is one round, with the canary as it is now.
func (l *loop) measure(ctx context.Context) outcome {
	reading, cancel := context.WithTimeout(ctx, roundPatience)
	defer cancel()
	object, err := l.client.Resource(v1beta1.CanaryResource).Namespace(l.namespace).Get(reading, l.name, metav1.GetOptions{})
	if err != nil {
		return outcome{live: l.nothing(fmt.Errorf("cannot read canary %s: %s", l.name, line(err.Error())))}
	}
	c, problem := view.Decode(object.Object)
	if problem != "" && len(c.GetAnalysis().Metrics) == 0 {
		return outcome{live: l.nothing(errors.New(problem))}
	}
	made := &l.made
	if now := l.now(); made.uid != c.UID || made.generation != c.Generation || now.Sub(made.at) > planAge || len(made.plan.metrics) == 0 {
		// What could not be planned may have had to do with a broken connection.
		made.plan, made.uid, made.generation, made.at = l.plan(reading, c), c.UID, c.Generation, now
	}
	return l.round(ctx, c, made.plan)
}
