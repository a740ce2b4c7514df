package main

import (
	"context"
	"sync"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// fake is a run that needs no cluster. It answers operator verbs a second later.
type fake struct {
	run   *scene.Run
	mu    sync.Mutex
	speed float64
	began time.Time
}

func newFake(speed float64) *fake {
	now := time.Now()
	return &fake{run: scene.NewRun(now), speed: max(speed, 0.01), began: now}
}

// Fleet implements source.Source: some canaries at rest.
func (f *fake) Fleet(ctx context.Context) <-chan source.Update {
	out := make(chan source.Update, 256)
	go func() {
		defer close(out)
		for _, c := range scene.Fleet(40) {
			out <- source.Canary{View: c}
		}
		out <- source.Synced{}
		<-ctx.Done()
	}()
	return out
}

// Detail implements source.Source: whatever the name, the run.
func (f *fake) Detail(ctx context.Context, _, _ string) <-chan source.Update {
	out := make(chan source.Update)
	go f.play(ctx, out)
	return out
}

// play sends the state of the run four times a second until ctx ends.
func (f *fake) play(ctx context.Context, out chan<- source.Update) {
	defer close(out)
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		now := time.Now()
		f.mu.Lock()
		c := f.run.At(now, f.speed)
		f.mu.Unlock()
		select {
		case out <- source.Canary{View: c}:
		case <-ctx.Done():
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Do implements tui.Actions.
func (f *fake) Do(ctx context.Context, _ view.Canary, r tui.Request) (tui.Outcome, error) {
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return tui.Outcome{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	message, ok := f.run.Do(r.Verb, time.Now())
	return tui.Outcome{Accepted: ok, Message: message}, nil
}
