package feed

import (
	"context"
	"errors"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Get reads one canary once, with its events, pods and images if Detail is set. The error is that
// of reading the canary itself; what else cannot be read is noted in the view.
func Get(ctx context.Context, options Options) (view.Canary, error) {
	if options.Name == "" || options.Namespace == "" {
		return view.Canary{}, errors.New("feed: Get needs a namespace and a name")
	}
	client := resource(options.Client, v1beta1.CanaryResource, options.Namespace)
	object, err := client.Get(ctx, options.Name, metav1.GetOptions{})
	if err != nil {
		return view.Canary{}, err
	}
	canary, problem := view.Decode(object.Object)
	extra := view.Extra{Problem: problem}
	if !options.Detail {
		return view.Build(canary, extra), nil
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := newModel(options, nil)
	d := newDetail(ctx, m, canary, nil)
	var reads sync.WaitGroup
	var mu sync.Mutex
	handle := func(msg message) {
		mu.Lock()
		defer mu.Unlock()
		msg.epoch = d.epoch
		d.handle(msg)
	}
	reads.Go(func() { handle(listed(ctx, d.eventSource(canary))) })
	for _, w := range d.workloads(canary) {
		reads.Go(func() {
			msg, ok := w.get(ctx)
			if !ok {
				return
			}
			handle(msg)
			if s := d.podSource(msg); s != nil {
				handle(listed(ctx, s))
			}
		})
	}
	reads.Wait()
	if ctx.Err() != nil {
		return view.Canary{}, ctx.Err()
	}
	d.fill(&extra)
	return view.Build(canary, extra), nil
}

// listed is the message of a source that is read once.
func listed(ctx context.Context, s *source) message {
	items, err := s.list(ctx)
	if err != nil {
		return message{kind: s.kind, op: opDenied, err: err}
	}
	return message{kind: s.kind, op: opReplace, items: items}
}
