package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/target"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const (
	// reads bounds how many targets are read at the same time.
	reads = 8
	// unsettledDelay, doubled up to unsettledMax, is the pause before a target is read again that
	// the cluster has not dealt with yet.
	unsettledDelay = 50 * time.Millisecond
	unsettledMax   = 2 * time.Second
	// lookAgain is how often a target is compared again whose revision nobody has taken up: it may
	// have moved on, or back.
	lookAgain = 15 * time.Second
)

// answer is what a target said.
type answer struct {
	key      string
	revision target.Revision
	err      error
	// over is set when time ran out before it said anything.
	over bool
}

// read asks for the revision of a target, in the background.
func (w *waiter) read(ctx context.Context, o *one) {
	if o.reading {
		return
	}
	o.reading, o.asked = true, o.view.TargetRevision
	v := o.view
	w.readers++
	go func() {
		a := answer{key: v.Key()}
		for delay := unsettledDelay; ; delay = min(2*delay, unsettledMax) {
			a.revision, a.err = w.targetOf(ctx, v)
			if !errors.Is(a.err, target.ErrUnsettled) || !feed.Pause(ctx, delay) {
				break
			}
		}
		a.over = ctx.Err() != nil
		w.answers <- a
	}()
}

func (w *waiter) targetOf(ctx context.Context, v view.Canary) (target.Revision, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return target.Revision{}, ctx.Err()
	}
	return target.Read(ctx, w.client, v.Namespace, v.Target)
}

func (w *waiter) answer(ctx context.Context, a answer) error {
	w.readers--
	o := w.all[a.key]
	if a.over || o.result != nil {
		return nil
	}
	if word := o.answer(a.revision, a.err); word != nil {
		doing := fmt.Sprintf("read %s %s", o.view.Target.Kind, o.view.Target.Name)
		_, err := fmt.Fprintln(w.Streams.ErrOut, view.Clean(fmt.Sprintf(
			"canary %s: it is not known which revision its target has, so its status is taken as it is: %s",
			o.view.Name, w.Cluster.Explain(word, doing))))
		if err != nil {
			return err
		}
	}
	if o.stale() { // The status went on meanwhile.
		w.read(ctx, o)
	}
	return w.conclude(o)
}

// compare looks at the targets again whose revision nobody has taken up.
func (w *waiter) compare(ctx context.Context) {
	for _, o := range w.all {
		if o.result == nil && o.known && !o.explicit && o.revision != "" && !o.taken {
			w.read(ctx, o)
		}
	}
}
