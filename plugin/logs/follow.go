package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
)

// reopenDelay is the pause before a log that has ended while its container runs is opened again.
const reopenDelay = time.Second

// follower prints the lines of all containers as they come, those of new pods included.
type follower struct {
	*reader
	out  chan said
	fail chan error

	mu sync.Mutex
	// begun are the containers whose logs have been opened.
	begun map[string]bool
	// running are those that may still write.
	running map[string]bool
	// shown is up to when logs have been read before they are followed.
	shown   map[string]time.Time
	open    int
	readers sync.WaitGroup
}

// said is a line, and who wrote it.
type said struct {
	container
	line
}

func newFollower(r *reader) *follower {
	return &follower{
		reader: r, out: make(chan said), fail: make(chan error),
		begun: map[string]bool{}, running: map[string]bool{}, shown: map[string]time.Time{},
	}
}

func (r *reader) follow(parent context.Context, groups []group) error {
	ctx, cancel := context.WithCancel(parent)
	f := newFollower(r)
	defer f.readers.Wait()
	defer cancel()
	for _, g := range groups {
		f.readers.Go(func() { f.pods(ctx, g) })
	}
	f.readers.Go(func() { f.canary(ctx) })
	return f.write(ctx)
}

// write hands on what comes, until ctx ends or something fails.
func (f *follower) write(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-f.fail:
			return err
		case s := <-f.out:
			if err := f.reader.write(s.container, s.line); err != nil {
				return err
			}
		}
	}
}

func (f *follower) stop(ctx context.Context, err error) {
	select {
	case f.fail <- err:
	case <-ctx.Done():
	}
}

// canary ends everything when the canary is gone.
func (f *follower) canary(ctx context.Context) {
	options := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", f.Name).String()}
	feed.Objects(ctx, f.client.Resource(v1beta1.CanaryResource).Namespace(f.Namespace), options, func(c feed.Change) bool {
		if c.Removed != nil || c.Listed && len(c.All) == 0 {
			f.stop(ctx, fmt.Errorf("canary %q was deleted", f.Name))
			return false
		}
		return true
	})
}

// pods keeps the containers of a group followed. Those that are there at the beginning show their
// last lines; of those that come later everything is new.
func (f *follower) pods(ctx context.Context, g group) {
	first, broken := true, false
	feed.Objects(ctx, f.reader.pods(g), metav1.ListOptions{LabelSelector: g.selector}, func(c feed.Change) bool {
		switch {
		case c.Broken != nil && broken:
			return true
		case c.Broken != nil:
			broken = true
			if err := f.lost(c.Broken); err != nil {
				f.stop(ctx, err)
			}
			return true
		case c.Denied != nil:
			if err := f.leaveOut(g.origin, f.Cluster.Explain(c.Denied, "follow the pods with labels "+g.selector)); err != nil {
				f.stop(ctx, err)
			}
			return false
		}
		broken = false
		for i := range c.All {
			f.pod(ctx, g.origin, &c.All[i], first)
		}
		if c.Put != nil {
			f.pod(ctx, g.origin, c.Put, false)
		}
		if c.Removed != nil {
			f.gone(c.Removed)
		}
		first = first && !c.Listed
		return true
	})
}

func (f *follower) pod(ctx context.Context, origin string, object *unstructured.Unstructured, first bool) {
	p := podOf(object)
	if p == nil {
		return
	}
	for _, c := range f.containers(origin, p) {
		f.mu.Lock()
		f.running[c.run] = c.running
		begin := !f.begun[c.run] && f.open < maxStreams
		if begin {
			f.begun[c.run] = true
			f.open++
		}
		f.mu.Unlock()
		if !begin {
			continue
		}
		s := span{follow: true, tail: -1}
		if at, shown := f.shown[c.run]; shown {
			s.after = at
		} else if first {
			s.tail, s.since = f.Tail, f.Since
		}
		f.readers.Go(func() { f.read(ctx, c, s) })
	}
}

func (f *follower) gone(object *unstructured.Unstructured) {
	if p := podOf(object); p != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, c := range f.containers(fromAgent, p) { // of any name
			delete(f.running, c.run)
			delete(f.begun, c.run)
		}
	}
}

// read follows one container to its end, across lost connections.
func (f *follower) read(ctx context.Context, c container, s span) {
	defer func() {
		f.mu.Lock()
		f.open--
		f.mu.Unlock()
	}()
	after := s.after
	var err error
	if c.origin == fromAgent && s.tail >= 0 {
		after, err = f.past(ctx, c)
		s = span{follow: true, tail: -1, since: recent, after: after}
	}
	for err == nil || !final(err) {
		if err == nil {
			var at time.Time
			at, err = f.once(ctx, c, s, after)
			if at.After(after) {
				after = at
				s = span{follow: true, tail: -1, after: at}
			}
		} else {
			err = nil
		}
		if ctx.Err() != nil || !f.pauses(ctx, c) {
			break
		}
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	if err := f.leaveOutPod(c, "read the logs", err); err != nil {
		f.stop(ctx, err)
	}
}

// recent is how far back a log is read that had no line about the canary.
const recent = 10 * time.Second

// past prints the last lines of the agent about the canary, and returns the time of the last.
func (f *follower) past(ctx context.Context, c container) (after time.Time, err error) {
	s, err := f.source(ctx, c)
	if err != nil {
		return after, err
	}
	defer s.close()
	for {
		l, err := s.read()
		if errors.Is(err, io.EOF) {
			return after, nil
		}
		if err != nil {
			return after, err
		}
		if after = l.time; !f.tell(ctx, c, l) {
			return after, ctx.Err()
		}
	}
}

// final is true for an answer of the API server that does not change by asking again.
func final(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsNotFound(err) || apierrors.IsBadRequest(err) || apierrors.IsUnauthorized(err)
}

// pauses waits before a log is opened again, and is false when its container writes no more.
func (f *follower) pauses(ctx context.Context, c container) bool {
	f.mu.Lock()
	running := f.running[c.run]
	f.mu.Unlock()
	if !running {
		return false
	}
	return feed.Pause(ctx, reopenDelay)
}

// once follows a log until it ends, leaving out what is not after a time, and returns the time of its
// last line.
func (f *follower) once(ctx context.Context, c container, s span, after time.Time) (at time.Time, err error) {
	body, err := f.reader.open.stream(ctx, c, s)
	if err != nil {
		return at, err
	}
	defer body.Close()
	in := newLines(body)
	for {
		l, err := in.next()
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		if !after.IsZero() && !l.time.After(after) {
			continue // The API server counts in seconds.
		}
		at = l.time
		if f.wanted(c, l) && !f.tell(ctx, c, l) {
			return at, ctx.Err()
		}
	}
}

// tell hands a line to who prints.
func (f *follower) tell(ctx context.Context, c container, l line) bool {
	select {
	case f.out <- said{c, l}:
		return true
	case <-ctx.Done():
		return false
	}
}
