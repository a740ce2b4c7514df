package controller

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaB9UndecodableStopsOnlyItself proves that a Canary that an older schema has let in, and that
// cannot be decoded, is told so on itself while all others are looked after, those that come later too.
func TestGotchaB9UndecodableStopsOnlyItself(t *testing.T) {
	bad := canaryOf("bad", func(spec map[string]any) {
		spec["analysis"] = map[string]any{"interval": "1s", "threshold": int64(1), "stepWeight": 2.5}
	})
	api := newAPIServer(t, deploymentObject("bad"), bad, deploymentObject("app"), canaryOf("app", nil), deploymentObject("later"))
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	api.put(canaryOf("later", nil))
	r.atRest(t, "later", v1beta1.PhaseInitialized)
	reason, message := r.condition("bad", v1beta1.ConditionStalled)
	if reason != "Undecodable" || !strings.Contains(message, "stepWeight") {
		t.Errorf("the condition says %q: %q", reason, message)
	}
	if api.find("deployments", "bad-primary") != nil {
		t.Error("something was made for it")
	}
	r.pass(t, "bad")
	if asked := api.asked(); len(asked) > 0 {
		t.Errorf("it is said again and again: %v", asked)
	}
	// Repaired, it is looked after.
	api.edit("canaries", "bad", func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, int64(2), "spec", "analysis", "stepWeight")
	})
	r.atRest(t, "bad", v1beta1.PhaseInitialized)
}

// TestGotchaH1PanicStopsOnlyItsCanary proves that a panic in a pass over one canary ends neither the
// process nor the passes over others, and that the canary goes on when the cause is gone.
func TestGotchaH1PanicStopsOnlyItsCanary(t *testing.T) {
	var fixed atomic.Bool
	p := &parts{record: func(canary *v1beta1.Canary) {
		if canary.Name == "boom" && !fixed.Load() {
			var none *rollout.Alert
			_ = none.Text
		}
	}}
	api := newAPIServer(t, deploymentObject("boom"), canaryOf("boom", nil), deploymentObject("fine"), canaryOf("fine", nil))
	r := start(t, api, p, func(c *Config) { c.Workers = 1 })
	eventually(t, "boom is tried again and again", func() bool { return r.passesOf("boom") > 3 })
	eventually(t, "fine is looked after", func() bool { return r.phase("fine") == v1beta1.PhaseInitialized })
	fixed.Store(true)
	r.atRest(t, "boom", v1beta1.PhaseInitialized)
}

// TestGotchaH1PanicInACheckOrAHook proves it of what runs outside of the queue: the panic is the
// result of the check or the call.
func TestGotchaH1PanicInACheckOrAHook(t *testing.T) {
	for name, p := range map[string]*parts{
		"check": {check: func(context.Context, *v1beta1.Canary) rollout.CheckResult { panic("a fault on purpose") }},
		"hook":  {call: func(context.Context, HookCall) error { panic("a fault on purpose") }},
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPIServer(t, deploymentObject("app"), canaryOf("app", func(spec map[string]any) {
				if name == "hook" {
					spec["analysis"].(map[string]any)["webhooks"] = []any{map[string]any{"name": "try", "type": "pre-rollout", "url": "http://hook/"}}
				}
			}))
			r := start(t, api, p, nil)
			r.atRest(t, "app", v1beta1.PhaseInitialized)
			api.edit("deployments", "app", func(u *unstructured.Unstructured) { image(u, "app:2") })
			eventually(t, "the run ends", func() bool { return r.phase("app") == v1beta1.PhaseFailed })
			eventually(t, "somebody is told why", func() bool { return p.said("a fault on purpose") })
		})
	}
}

// TestGotchaF4EventHooksAreAsynchronous proves that a receiver of events that never answers delays
// neither the canary that it belongs to nor any other.
func TestGotchaF4EventHooksAreAsynchronous(t *testing.T) {
	var calls atomic.Int32
	p := &parts{call: func(ctx context.Context, call HookCall) error {
		calls.Add(1)
		<-ctx.Done()
		return ctx.Err()
	}}
	hang := func(spec map[string]any) {
		spec["analysis"].(map[string]any)["webhooks"] = []any{map[string]any{"name": "sink", "type": "event", "url": "http://sink/"}}
	}
	objects := []*unstructured.Unstructured{}
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"} // More than there are lanes and workers.
	for _, name := range names {
		objects = append(objects, deploymentObject(name), canaryOf(name, hang))
	}
	objects = append(objects, deploymentObject("quiet"), canaryOf("quiet", nil))
	api := newAPIServer(t, objects...)
	r := start(t, api, p, nil)
	for _, name := range append(names, "quiet") {
		eventually(t, name+" is initialized", func() bool { return r.phase(name) == v1beta1.PhaseInitialized })
	}
	// A whole run of one of them, its promotion included.
	api.edit("deployments", "a", func(u *unstructured.Unstructured) { image(u, "app:2") })
	eventually(t, "a is promoted", func() bool { return r.phase("a") == v1beta1.PhaseSucceeded })
	if calls.Load() == 0 {
		t.Error("no event hook was called")
	}
}

// TestGotchaF4FullLaneDrops proves that a backlog of events is bounded and that nobody waits for room.
func TestGotchaF4FullLaneDrops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := newOutcalls(ctx, discard)
	defer o.wait()
	defer cancel()
	canary := &v1beta1.Canary{}
	var ran atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3 * outcallBacklog {
			o.send(canary, "x", func(ctx context.Context) { ran.Add(1); <-ctx.Done() })
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("sending waits for the receiver")
	}
	if got := ran.Load(); got > 1 {
		t.Errorf("%d calls of one canary at once: their order is lost", got)
	}
}

// TestGotchaB15PassesDoNotOverlap proves that no two passes over one canary go on at once, whatever
// wakes it, and that an edit of the interval does not start a second analysis beside the one under way.
func TestGotchaB15PassesDoNotOverlap(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	var checks atomic.Int32
	hold := make(chan struct{})
	p := &parts{
		begin: func(string) func() {
			mu.Lock()
			defer mu.Unlock()
			now++
			most = max(most, now)
			return func() {
				time.Sleep(time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				now--
			}
		},
		check: func(ctx context.Context, _ *v1beta1.Canary) rollout.CheckResult {
			checks.Add(1)
			select {
			case <-hold:
			case <-ctx.Done():
			}
			return rollout.CheckResult{}
		},
	}
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
	r := start(t, api, p, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	api.edit("deployments", "app", func(u *unstructured.Unstructured) { image(u, "app:2") })
	eventually(t, "a check is under way", func() bool { return checks.Load() == 1 })
	for i, interval := range []string{"2s", "10ms", "1ms", "3s", "1s"} {
		api.edit("canaries", "app", func(u *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(u.Object, interval, "spec", "analysis", "interval")
		})
		for range 20 {
			r.queue.Add(nameOf("app"))
			time.Sleep(time.Millisecond)
		}
		r.pass(t, "app")
		if got := checks.Load(); got != 1 {
			t.Fatalf("edit %d: %d checks at once", i, got)
		}
	}
	close(hold)
	eventually(t, "the run goes on", func() bool { return r.phase("app") == v1beta1.PhaseSucceeded })
	mu.Lock()
	defer mu.Unlock()
	if most != 1 {
		t.Errorf("%d passes at once", most)
	}
}
