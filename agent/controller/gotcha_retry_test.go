package controller

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaB10SyncErrorsAreRetried proves that a pass that failed is made again, later each time,
// without any event that asks for it.
func TestGotchaB10SyncErrorsAreRetried(t *testing.T) {
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
	api.disturb(func(method, _ string) int {
		if method == http.MethodPatch {
			return http.StatusInternalServerError
		}
		return 0
	})
	r := start(t, api, &parts{}, nil)
	// Three objects make three events at most.
	eventually(t, "the pass is tried again and again", func() bool { return r.passesOf("app") > 6 })
	if n := r.queue.NumRequeues(nameOf("app")); n < 3 {
		t.Errorf("the queue knows of %d failures: it does not wait longer each time", n)
	}
	api.disturb(nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	if n := r.queue.NumRequeues(nameOf("app")); n != 0 {
		t.Errorf("%d failures are remembered after a success", n)
	}
}

// TestGotchaB10InvalidCanaryIsTold proves that a Canary that cannot be acted upon has a condition with
// the path of the field and an event, each once, and that it goes on when it is mended.
func TestGotchaB10InvalidCanaryIsTold(t *testing.T) {
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", func(spec map[string]any) {
		spec["service"] = map[string]any{"port": int64(-1)}
	}))
	r := start(t, api, &parts{}, nil)
	eventually(t, "a condition is written", func() bool {
		reason, message := r.condition("app", v1beta1.ConditionStalled)
		return reason == "InvalidSpec" && strings.Contains(message, "spec.service.port")
	})
	eventually(t, "an event says so", func() bool { return r.said("spec.service.port") })
	api.asked()
	r.pass(t, "app")
	r.pass(t, "app")
	if asked := api.asked(); len(asked) > 0 {
		t.Errorf("requests: %v", asked)
	}
	if got := r.heard("app", "InvalidSpec"); len(got) != 1 || got[0].Severity != rollout.Warning {
		t.Errorf("events: %+v", got)
	}
	if api.find("deployments", "app-primary") != nil {
		t.Error("something was made for it")
	}
	api.edit("canaries", "app", func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, int64(80), "spec", "service", "port")
	})
	r.atRest(t, "app", v1beta1.PhaseInitialized)
}

// TestGotchaB13ConflictsLoseNothing proves that a status is never written over one that the agent has
// not seen: what it decided on an old one is dropped, and decided anew.
func TestGotchaB13ConflictsLoseNothing(t *testing.T) {
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	e, _ := r.index.get(nameOf("app"))
	stale := r.newestCanary(e)
	api.edit("canaries", "app", func(u *unstructured.Unstructured) {
		u.SetAnnotations(map[string]string{"somebody": "else"})
		_ = unstructured.SetNestedField(u.Object, "written by somebody else", "status", "message")
	})
	status := *stale.Status.DeepCopy()
	status.Message = "decided on what was"
	_, err := r.writeStatus(t.Context(), stale, status)
	if again, ok := errors.AsType[*retryError](err); !ok || again.after <= 0 {
		t.Fatalf("a conflict is %v", err)
	}
	u := api.find("canaries", "app")
	if message, _, _ := unstructured.NestedString(u.Object, "status", "message"); message != "written by somebody else" {
		t.Errorf("what somebody else wrote is gone: %v", u.Object["status"])
	}

	// A whole run in which every other write comes too late.
	var n atomic.Int32
	api.disturb(func(method, path string) int {
		if method == http.MethodPatch && strings.HasSuffix(path, "/status") && n.Add(1)%2 == 1 {
			return http.StatusConflict
		}
		return 0
	})
	api.edit("deployments", "app", func(u *unstructured.Unstructured) { image(u, "app:2") })
	r.atRest(t, "app", v1beta1.PhaseSucceeded)
	for _, reason := range []string{"RunStarted", "NewRevision", "Succeeded"} {
		if got := r.heard("app", reason); len(got) > 1 {
			t.Errorf("said %d times: %v", len(got), got)
		}
	}
	if n.Load() < 4 {
		t.Errorf("%d writes: there was no conflict", n.Load())
	}
	history, _, _ := unstructured.NestedSlice(api.find("canaries", "app").Object, "status", "history")
	if len(history) != 1 {
		t.Errorf("runs: %v", history)
	}
}

// TestGotchaH4ReadyWhenTheCachesAreFilled proves that the agent is not ready, and looks at nothing,
// before it knows everything: half a cache looks like objects that were deleted.
func TestGotchaH4ReadyWhenTheCachesAreFilled(t *testing.T) {
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
	api.disturb(func(method, path string) int {
		if method == http.MethodGet && strings.HasSuffix(path, "/services") {
			return http.StatusServiceUnavailable
		}
		return 0
	})
	r := start(t, api, &parts{}, nil)
	eventually(t, "the canaries are in the cache", func() bool { return r.queue.Len() > 0 })
	time.Sleep(100 * time.Millisecond)
	if r.Ready() == nil || r.passesOf("app") > 0 {
		t.Errorf("ready: %v, after %d passes", r.Ready(), r.passesOf("app"))
	}
	api.disturb(nil)
	eventually(t, "it is ready", func() bool { return r.Ready() == nil })
	eventually(t, "it goes to work", func() bool { return r.phase("app") == v1beta1.PhaseInitialized })
}
