package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Checker evaluates all metrics of a canary once.
type Checker interface {
	// Check never fails as a whole: what could not be evaluated is in the result.
	Check(ctx context.Context, canary *v1beta1.Canary) rollout.CheckResult
}

// HookCall is one call of a webhook.
type HookCall struct {
	Hook v1beta1.CanaryWebhook
	// ID is the same when the same call is made again after a crash.
	ID string
	// Name and Namespace of the canary.
	Name, Namespace string
	Phase           v1beta1.CanaryPhase
	// Checksum stands for the revision and the configs of the run.
	Checksum string
	// Metadata besides the webhook's own, for hooks of type event.
	Metadata map[string]string
}

// Caller calls webhooks.
type Caller interface {
	// Call returns nil when the hook passed. It ends by itself after the hook's timeout and retries.
	Call(ctx context.Context, call HookCall) error
}

type hookAnswer struct{ err string }

// startCheck has the metrics evaluated outside of the queue.
func (c *Controller) startCheck(w *world, e rollout.RunCheck) {
	canary := w.canary
	c.jobs.start(canary.UID, e.ID, false, func(ctx context.Context) any {
		started := c.now()
		result := rollout.CheckResult{ID: e.ID}
		if failure := recovered(func() any {
			result = c.checker.Check(ctx, canary)
			return nil
		}); failure != nil {
			result.Errors = []string{fmt.Sprint(failure)}
		}
		result.ID = e.ID
		c.metrics.Check(canary, result, c.now().Sub(started))
		return result
	}, func() { c.queueCanary(canary) })
}

// startHook has a webhook called outside of the queue.
func (c *Controller) startHook(w *world, e rollout.CallHook) error {
	canary := w.canary
	for _, hook := range canary.HooksOf(e.Type) {
		if hook.Name != e.Name {
			continue
		}
		call := HookCall{
			Hook: hook, ID: e.ID, Name: canary.Name, Namespace: canary.Namespace,
			Phase: e.Phase, Checksum: checksum(canary),
		}
		c.jobs.start(canary.UID, e.ID, e.Again, func(ctx context.Context) any {
			started := c.now()
			err := c.caller.Call(ctx, call)
			c.metrics.Hook(e.Type, err, c.now().Sub(started))
			if err != nil {
				return hookAnswer{err: err.Error()}
			}
			return hookAnswer{}
		}, func() { c.queueCanary(canary) })
		return nil
	}
	return fmt.Errorf("the webhook %s of type %s is no longer in the spec", e.Name, e.Type)
}

func (c *Controller) queueCanary(canary *v1beta1.Canary) {
	c.queue.Add(canaryName(canary))
}

func canaryName(canary *v1beta1.Canary) cache.ObjectName {
	return cache.ObjectName{Namespace: canary.Namespace, Name: canary.Name}
}

// queueAgain looks at the canary again at once: the world as the agent knows it has changed by its
// own write, and waiting for the watch to say so would only cost time.
func (c *Controller) queueAgain(w *world) { c.queueCanary(w.canary) }

// checksum is the same for the same revision and configs, for the receivers of webhooks.
func checksum(canary *v1beta1.Canary) string {
	content, err := json.Marshal([]any{canary.Status.LastAppliedSpec, canary.Status.TrackedConfigs})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:5])
}

// checkNumber is the n of <run>/check-<n>.
func checkNumber(id string) int {
	n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil {
		return -1
	}
	return n
}

// Recorder writes Kubernetes events. It does not block.
type Recorder interface {
	Record(canary *v1beta1.Canary, m rollout.Message, at time.Time)
}

// Metrics counts what the agent does.
type Metrics interface {
	// Begin is called before a pass over a canary, and what it returns after it.
	Begin(name string) (done func())
	// Pass counts a pass over a canary.
	Pass(took time.Duration, err error)
	// QueueDepth sets the number of canaries that wait for a pass.
	QueueDepth(n int)
	// Status is called for every canary that is new or has changed.
	Status(canary *v1beta1.Canary)
	// Effect counts an effect.
	Effect(e rollout.Effect, err error)
	// Check is called after each check.
	Check(canary *v1beta1.Canary, result rollout.CheckResult, took time.Duration)
	// Hook is called after each webhook.
	Hook(t v1beta1.HookType, err error, took time.Duration)
	// Message counts an event.
	Message(canary *v1beta1.Canary, m rollout.Message)
	// Forget drops the series of a canary that is gone.
	Forget(namespace, name string)
}

// tell sends a message to everyone who listens: events, log, event hooks, alert providers.
func (c *Controller) tell(canary *v1beta1.Canary, m rollout.Message) {
	at := c.now()
	c.recorder.Record(canary, m, at)
	c.metrics.Message(canary, m)
	for _, hook := range canary.HooksOf(v1beta1.HookEvent) {
		kind := "Normal"
		if m.Severity != rollout.Info {
			kind = "Warning"
		}
		call := HookCall{
			Hook: hook, ID: string(canary.UID) + "/" + m.Key + "/" + hook.Name,
			Name: canary.Name, Namespace: canary.Namespace, Phase: canary.Status.Phase, Checksum: checksum(canary),
			Metadata: map[string]string{
				"eventMessage": m.Text,
				"eventType":    kind,
				"timestamp":    strconv.FormatInt(at.UnixMilli(), 10),
			},
		}
		c.outcall.send(canary, "event hook "+hook.Name, func(ctx context.Context) {
			if err := c.caller.Call(ctx, call); err != nil && ctx.Err() == nil {
				c.log.Warn("event hook failed", "canary", canary.Name+"."+canary.Namespace, "hook", hook.Name, "error", err)
			}
		})
	}
	if m.Alert != nil {
		c.alert(canary, *m.Alert)
	}
}
