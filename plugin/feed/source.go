package feed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// The kinds of objects a feed reads.
type kind int

const (
	kindCanary kind = iota
	kindEvent
	kindCanaryPod
	kindPrimaryPod
	kindTarget  // the target workload
	kindPrimary // the primary workload
)

const (
	// chunk bounds the memory of a list on both sides.
	chunk = 500
	// firstDelay and maxDelay bound the pause before another attempt.
	firstDelay = 200 * time.Millisecond
	maxDelay   = 15 * time.Second
)

// op is what a message means.
type op int

const (
	opReplace op = iota // items are all there is
	opPut               // object was added or changed
	opDelete            // object was removed
	opBroken            // err broke the connection; the source tries again
	opFresh             // the connection works again
	opDenied            // err ended the source for good
)

// message is what a source tells the model.
type message struct {
	kind   kind
	epoch  int
	op     op
	items  []unstructured.Unstructured
	object *unstructured.Unstructured
	err    error
}

// source lists and watches one collection.
type source struct {
	kind kind
	// epoch tells the messages of a source from those of its predecessor.
	epoch   int
	client  dynamic.ResourceInterface
	options metav1.ListOptions

	version string
}

func resource(client dynamic.Interface, gvr schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return client.Resource(gvr)
	}
	return client.Resource(gvr).Namespace(namespace)
}

// list reads everything, in chunks, and remembers where to watch from.
func (s *source) list(ctx context.Context) ([]unstructured.Unstructured, error) {
	options := s.options
	options.Limit = chunk
	var items []unstructured.Unstructured
	for {
		page, err := s.client.List(ctx, options)
		if err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if options.Continue = page.GetContinue(); options.Continue == "" {
			s.version = page.GetResourceVersion()
			return items, nil
		}
	}
}

// run watches until ctx ends or access is denied. It lists first unless that has been done.
func (s *source) run(ctx context.Context, send func(message) bool) {
	delay := firstDelay
	broken := false
	for ctx.Err() == nil {
		err := s.once(ctx, send, func() bool {
			delay = firstDelay
			if !broken {
				return true
			}
			broken = false
			return send(message{op: opFresh})
		})
		switch {
		case err == nil:
			continue // The server ends every watch after some minutes.
		case ctx.Err() != nil:
			return
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			s.version = ""
			continue
		case s.kind != kindCanary && (apierrors.IsForbidden(err) || apierrors.IsNotFound(err)):
			send(message{op: opDenied, err: err})
			return
		}
		broken = true
		if !send(message{op: opBroken, err: err}) || !pause(ctx, delay) {
			return
		}
		delay = min(2*delay, maxDelay)
	}
}

// once lists if it must, then watches until the watch ends. Alive is called when the server has
// answered.
func (s *source) once(ctx context.Context, send func(message) bool, alive func() bool) error {
	if s.version == "" {
		items, err := s.list(ctx)
		if err != nil {
			return err
		}
		if !send(message{op: opReplace, items: items}) || !alive() {
			return ctx.Err()
		}
	}
	options := s.options
	options.ResourceVersion = s.version
	options.AllowWatchBookmarks = true
	// Watches of many users must not all end in the same second.
	timeout := int64(300 + rand.IntN(300))
	options.TimeoutSeconds = &timeout
	w, err := s.client.Watch(ctx, options)
	if err != nil {
		return err
	}
	defer w.Stop()
	if !alive() {
		return ctx.Err()
	}
	started := time.Now()
	seen := false
	for event := range w.ResultChan() {
		seen = true
		if err := s.handle(event, send); err != nil {
			return err
		}
	}
	if ctx.Err() == nil && !seen && time.Since(started) < time.Second {
		return errors.New("the API server ended the watch at once")
	}
	return ctx.Err()
}

func (s *source) handle(event watch.Event, send func(message) bool) error {
	if event.Type == watch.Error {
		return apierrors.FromObject(event.Object)
	}
	accessor, err := meta.Accessor(event.Object)
	if err != nil {
		return fmt.Errorf("cannot read a watch event: %w", err)
	}
	object, ok := event.Object.(*unstructured.Unstructured)
	if event.Type != watch.Bookmark && ok {
		what := opPut
		if event.Type == watch.Deleted {
			what = opDelete
		}
		if !send(message{op: what, object: object}) {
			return context.Canceled
		}
	}
	// Only after the event has been passed on: a resumed watch must not leave it out.
	s.version = accessor.GetResourceVersion()
	return nil
}

// pause waits, with a jitter of a fifth, and is false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d + rand.N(d/5+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
