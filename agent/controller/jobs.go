package controller

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// jobs runs what is slow, metric checks and webhooks, outside of the queue: at most a fixed number
// at once, each canary's under its uid. Results stay until the run they belong to is over.
type jobs struct {
	mu       sync.Mutex
	byCanary map[types.UID]map[string]*job
	slots    chan struct{}
	ctx      context.Context
	running  sync.WaitGroup
	now      func() time.Time
}

type job struct {
	done       bool
	finishedAt time.Time
	result     any
}

// newJobs runs at most size jobs at once, until ctx is done.
func newJobs(ctx context.Context, size int, now func() time.Time) *jobs {
	return &jobs{
		byCanary: map[types.UID]map[string]*job{},
		slots:    make(chan struct{}, size),
		ctx:      ctx,
		now:      now,
	}
}

// start runs f under the id unless a job of that id runs or has run; again starts it anew when it
// is done. notify is called when the result can be read.
func (j *jobs) start(canary types.UID, id string, again bool, f func(context.Context) any, notify func()) {
	j.mu.Lock()
	mine := j.byCanary[canary]
	if mine == nil {
		mine = map[string]*job{}
		j.byCanary[canary] = mine
	}
	if old, ok := mine[id]; ok && (!again || !old.done) {
		j.mu.Unlock()
		return
	}
	this := &job{}
	mine[id] = this
	j.mu.Unlock()

	j.running.Go(func() {
		select {
		case j.slots <- struct{}{}:
			defer func() { <-j.slots }()
		case <-j.ctx.Done():
			return
		}
		result := recovered(func() any { return f(j.ctx) })
		if j.ctx.Err() != nil {
			return // Interrupted by the shutdown; the next process starts the job anew.
		}
		j.mu.Lock()
		this.done, this.result, this.finishedAt = true, result, j.now()
		j.mu.Unlock()
		notify()
	})
}

// recovered turns a panic of one job into its result, so that the other canaries go on.
func recovered(f func() any) (result any) {
	defer func() {
		if p := recover(); p != nil {
			result = fmt.Errorf("internal error: %v; please report it", p)
		}
	}()
	return f()
}

// of returns copies of the canary's jobs.
func (j *jobs) of(canary types.UID) map[string]job {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make(map[string]job, len(j.byCanary[canary]))
	for id, this := range j.byCanary[canary] {
		out[id] = *this
	}
	return out
}

// keep drops the finished jobs of a canary that belong to another run than the one named, and
// all of them when the run is empty.
func (j *jobs) keep(canary types.UID, run string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, this := range j.byCanary[canary] {
		if this.done && (run == "" || !strings.HasPrefix(id, run+"/")) {
			delete(j.byCanary[canary], id)
		}
	}
	if len(j.byCanary[canary]) == 0 {
		delete(j.byCanary, canary)
	}
}

// wait returns when no job runs any more; the context of newJobs must be done.
func (j *jobs) wait() { j.running.Wait() }
