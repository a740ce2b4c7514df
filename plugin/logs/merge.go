package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// maxStreams bounds how many logs are open at the same time.
	maxStreams = 50
	// openers bounds how many are being opened.
	openers = 8
)

// source is a log that is open, and its next line.
type source struct {
	container
	close func()
	read  func() (line, error)
	head  line
	done  bool
	// last is the time of the last line that was read, wanted or not.
	last time.Time
}

// merge prints all logs in the order of time. One line of each is in memory, and with --tail that
// many of the agent's, since those about other canaries do not count.
func (r *reader) merge(ctx context.Context, groups []group) error {
	open, err := r.history(ctx, groups)
	switch {
	case err != nil:
		return err
	case open == nil:
		_, err := fmt.Fprintf(r.Streams.ErrOut, "No container of canary %s has begun to write.\n", r.Name)
		return err
	case len(open) == 0:
		return errNothing
	}
	return nil
}

// history hands on what all logs have, in the order of time. It returns those that could be opened;
// nil when there is none.
func (r *reader) history(ctx context.Context, groups []group) ([]*source, error) {
	var all []container
	for _, g := range groups {
		for i := range g.pods {
			all = append(all, r.containers(g.origin, &g.pods[i])...)
		}
	}
	if len(all) > maxStreams {
		if err := r.leaveOut(fmt.Sprintf("%d of %d containers", len(all)-maxStreams, len(all)), errors.New("too many at once; choose with --from and -c")); err != nil {
			return nil, err
		}
		all = all[:maxStreams]
	}
	sources := make([]*source, len(all))
	failures := make([]error, len(all))
	var opening sync.WaitGroup
	slots := make(chan struct{}, openers)
	for i, c := range all {
		opening.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			sources[i], failures[i] = r.source(ctx, c)
		})
	}
	opening.Wait()
	open := []*source{}
	for i, s := range sources {
		if s == nil {
			if ctx.Err() != nil {
				continue
			}
			if err := r.leaveOutPod(all[i], "read the logs", failures[i]); err != nil {
				return nil, err
			}
			continue
		}
		defer s.close()
		open = append(open, s)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(all) == 0:
		return nil, nil
	}
	return open, r.inOrder(ctx, open)
}

func (r *reader) inOrder(ctx context.Context, open []*source) error {
	for _, s := range open {
		if err := r.advance(s); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		var first *source
		for _, s := range open {
			if !s.done && (first == nil || s.head.time.Before(first.head.time)) {
				first = s
			}
		}
		if first == nil {
			return nil
		}
		if err := r.write(first.container, first.head); err != nil {
			return err
		}
		if err := r.advance(first); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// advance reads the next line of a source. A line without a time keeps that of the one before.
func (r *reader) advance(s *source) error {
	before := s.head.time
	var err error
	if s.head, err = s.read(); err != nil {
		s.done = true
		if !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
			return r.leaveOutPod(s.container, "read the rest of the logs", err)
		}
		return nil
	}
	if s.head.time.IsZero() {
		s.head.time = before
	}
	return nil
}

func (r *reader) source(ctx context.Context, c container) (*source, error) {
	s := span{tail: r.Tail, since: r.Since}
	if c.origin == fromAgent {
		s.tail = -1
	}
	body, err := r.open.stream(ctx, c, s)
	if err != nil {
		return nil, err
	}
	in := newLines(body)
	out := &source{container: c, close: func() { _ = body.Close() }}
	out.read = func() (line, error) {
		l, err := in.next()
		if err == nil && l.time.After(out.last) {
			out.last = l.time
		}
		return l, err
	}
	if c.origin != fromAgent {
		return out, nil
	}
	next := out.read
	about := func() (line, error) {
		for {
			l, err := next()
			if err != nil || r.wanted(c, l) {
				return l, err
			}
		}
	}
	out.read = about
	if r.Tail >= 0 {
		out.read, err = last(about, int(r.Tail))
		if err != nil {
			out.close()
			return nil, err
		}
	}
	return out, nil
}

// last reads to the end and keeps the last n lines.
func last(read func() (line, error), n int) (func() (line, error), error) {
	var kept []line
	for {
		l, err := read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		kept = append(kept, l)
		if len(kept) > 2*n { // now and then, so that it costs little
			kept = append(kept[:0:0], kept[len(kept)-n:]...)
		}
	}
	kept = kept[max(0, len(kept)-n):]
	return func() (line, error) {
		if len(kept) == 0 {
			return line{}, io.EOF
		}
		l := kept[0]
		kept = kept[1:]
		return l, nil
	}, nil
}
