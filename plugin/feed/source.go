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
	"k8s.io/apimachinery/pkg/fields"
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
	// firstPage is small, so that a screen has something to show at once; page is what one with many
	// canaries takes in between two frames.
	firstPage, page = 50, 200
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
	opAlive             // the server answered a heartbeat
	opPage              // items are some of all
	opListed            // all there is has been sent
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
	// next is where a list goes on that has been begun; empty when none has.
	next string
	// heartbeat is the silence after which the server is asked whether it is there; zero never asks.
	heartbeat time.Duration
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

// begin reads the first page of a list; rest reads the others.
func (s *source) begin(ctx context.Context) ([]unstructured.Unstructured, error) {
	options := s.options
	options.Limit = firstPage
	list, err := s.client.List(ctx, options)
	if err != nil {
		return nil, err
	}
	if s.next = list.GetContinue(); s.next == "" {
		s.version = list.GetResourceVersion()
	}
	return list.Items, nil
}

// rest sends what is left of a list page by page.
func (s *source) rest(ctx context.Context, send func(message) bool) error {
	options := s.options
	options.Limit = page
	for s.next != "" {
		options.Continue = s.next
		list, err := s.client.List(ctx, options)
		if err != nil {
			return err
		}
		if !send(message{op: opPage, items: list.Items}) {
			return context.Canceled
		}
		if s.next = list.GetContinue(); s.next == "" {
			s.version = list.GetResourceVersion()
		}
	}
	if !send(message{op: opListed}) {
		return context.Canceled
	}
	return nil
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
			s.version, s.next = "", "" // The next list is of everything.
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
	if s.next != "" {
		if err := s.rest(ctx, send); err != nil {
			return err
		}
	}
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
	seen, err := s.follow(ctx, w, send)
	if err != nil {
		return err
	}
	if ctx.Err() == nil && !seen && time.Since(started) < time.Second {
		return errors.New("the API server ended the watch at once")
	}
	return ctx.Err()
}

// follow hands on the events of a watch until it ends; seen is true when there was one.
func (s *source) follow(ctx context.Context, w watch.Interface, send func(message) bool) (seen bool, err error) {
	var silence <-chan time.Time // never, without a heartbeat
	if s.heartbeat > 0 {
		ticker := time.NewTicker(s.heartbeat)
		defer ticker.Stop()
		silence = ticker.C
	}
	last := time.Now()
	for {
		select {
		case event, ok := <-w.ResultChan():
			if !ok {
				return seen, nil
			}
			seen, last = true, time.Now()
			if err := s.handle(event, send); err != nil {
				return seen, err
			}
		case <-silence:
			if time.Since(last) < s.heartbeat {
				continue
			}
			if err := s.knock(ctx); err != nil {
				return seen, err
			}
			if !send(message{op: opAlive}) {
				return seen, context.Canceled
			}
		}
	}
}

// knock asks the server for as little as the user may read: a list out of its cache that has one
// object at most.
func (s *source) knock(ctx context.Context) error {
	patience := s.heartbeat / 2
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the API server has not answered for %s", patience))
	defer cancel()
	options := s.options
	options.ResourceVersion = "0"
	if options.FieldSelector == "" {
		options.FieldSelector = fields.OneTermEqualSelector("metadata.name", "-").String()
	}
	_, err := s.client.List(ctx, options)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
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
func pause(ctx context.Context, d time.Duration) bool { return Pause(ctx, d+rand.N(d/5+1)) }

// Pause waits, and is false when ctx ended first.
func Pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
