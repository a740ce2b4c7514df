package main

import (
	"context"
	"sync"
	"time"

	"github.com/kubectl-canary/kubectl-canary/tui"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
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

// play sends the state of the run four times a second until ctx ends.
func (f *fake) play(ctx context.Context, source chan<- tui.Update) {
	defer close(source)
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		now := time.Now()
		f.mu.Lock()
		c := f.run.At(now, f.speed)
		f.mu.Unlock()
		select {
		case source <- tui.CanaryMsg{Canary: c}:
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
func (f *fake) Do(ctx context.Context, r tui.Request) (tui.Outcome, error) {
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
