package controller

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// outcallLanes calls go on at once; a receiver that hangs delays only the canaries of its lane.
	outcallLanes = 4
	// outcallBacklog calls may wait in a lane; more are dropped and logged.
	outcallBacklog = 256
)

// outcalls calls the hooks of type event, in the order of the events of each canary, without
// anybody waiting for the answer.
type outcalls struct {
	lanes   [outcallLanes]chan HookCall
	running sync.WaitGroup
	log     *slog.Logger
}

func newOutcalls(ctx context.Context, caller Caller, log *slog.Logger) *outcalls {
	o := &outcalls{log: log}
	for i := range o.lanes {
		lane := make(chan HookCall, outcallBacklog)
		o.lanes[i] = lane
		o.running.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case call := <-lane:
					if err := caller.Call(ctx, call); err != nil && ctx.Err() == nil {
						log.Warn("event hook failed", "canary", call.Name+"."+call.Namespace, "hook", call.Hook.Name, "error", err)
					}
				}
			}
		})
	}
	return o
}

// send puts a call into the lane of its canary. It does not block.
func (o *outcalls) send(canary types.UID, call HookCall) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(canary)) // A hash never fails.
	select {
	case o.lanes[h.Sum32()%outcallLanes] <- call:
	default:
		o.log.Warn("event hook dropped, too many are waiting", "canary", call.Name+"."+call.Namespace, "hook", call.Hook.Name)
	}
}

func (o *outcalls) wait() { o.running.Wait() }
