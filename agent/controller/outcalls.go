package controller

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	// outcallLanes calls go on at once; a receiver that hangs delays only the canaries of its lane.
	outcallLanes = 4
	// outcallBacklog calls may wait in a lane; more are dropped and logged.
	outcallBacklog = 256
)

// outcalls calls the hooks of type event and the alert providers, in the order of the messages of
// each canary, without anybody waiting for the answer.
type outcalls struct {
	lanes   [outcallLanes]chan func(context.Context)
	running sync.WaitGroup
	log     *slog.Logger
}

func newOutcalls(ctx context.Context, log *slog.Logger) *outcalls {
	o := &outcalls{log: log}
	for i := range o.lanes {
		lane := make(chan func(context.Context), outcallBacklog)
		o.lanes[i] = lane
		o.running.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case call := <-lane:
					if failure := recovered(func() any { call(ctx); return nil }); failure != nil {
						log.Error("a call failed", "error", failure)
					}
				}
			}
		})
	}
	return o
}

// send puts a call into the lane of its canary. It does not block. What names the call in the log.
func (o *outcalls) send(canary *v1beta1.Canary, what string, call func(context.Context)) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(canary.UID)) // A hash never fails.
	select {
	case o.lanes[h.Sum32()%outcallLanes] <- call:
	default:
		o.log.Warn("dropped, too many are waiting", "canary", canary.Name+"."+canary.Namespace, "call", what)
	}
}

func (o *outcalls) wait() { o.running.Wait() }
