//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// hookCall is a request that the receiver of hooks got.
type hookCall struct {
	Name, Namespace, Phase, Checksum string
	Metadata                         map[string]string

	key, method, contentType string
	status                   int
}

// hooks is a receiver of webhooks. The answer of each path depends on how often it was called.
type hooks struct {
	url    string
	answer func(path string, nth int) int

	mu    sync.Mutex
	calls map[string][]hookCall
}

func newHooks(t *testing.T, answer func(path string, nth int) int) *hooks {
	l := listen(t, "")
	h := &hooks{url: "http://" + l.Addr().String(), answer: answer, calls: map[string][]hookCall{}}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: h}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return h
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call hookCall
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	call.key, call.method, call.contentType = r.Header.Get("Idempotency-Key"), r.Method, r.Header.Get("Content-Type")
	h.mu.Lock()
	call.status = h.answer(r.URL.Path, len(h.calls[r.URL.Path])+1)
	h.calls[r.URL.Path] = append(h.calls[r.URL.Path], call)
	h.mu.Unlock()
	w.WriteHeader(call.status)
	_, _ = fmt.Fprintf(w, "answer of %s\n\x1b[31msecond line", r.URL.Path)
}

func (h *hooks) of(path string) []hookCall {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls[path])
}

// gate is an answer that changes when it is opened.
type gate struct {
	mu   sync.Mutex
	open bool
}

func (g *gate) status() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open {
		return http.StatusOK
	}
	return http.StatusForbidden
}

func (g *gate) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = true
}

// TestHooks has a hook of every type: the gates hold the run until they are opened, the pre-rollout
// hook is called until it passes, the rollout hook once per check, the post-rollout hook once, and
// the event hook for every event; all with the payload of the contract and a key by which the
// receiver can tell a repetition.
func TestHooks(t *testing.T) {
	t.Parallel()
	var rollout, promotion gate
	h := newHooks(t, func(path string, nth int) int {
		switch {
		case path == "/confirm-rollout":
			return rollout.status()
		case path == "/confirm-promotion":
			return promotion.status()
		case path == "/pre-rollout" && nth <= 2:
			return http.StatusServiceUnavailable
		case path == "/rollout":
			return http.StatusNoContent
		}
		return http.StatusOK
	})
	types := []string{"confirm-rollout", "pre-rollout", "rollout", "confirm-promotion", "post-rollout", "event"}
	s := rehearse(t, stage.App{Interval: "1s", Replicas: 1, Edit: edits(steps(int64(20), int64(40)), func(spec map[string]any) {
		var all []any
		for _, hook := range types {
			all = append(all, map[string]any{
				"name": "my-" + hook, "type": hook, "url": h.url + "/" + hook, "metadata": map[string]any{"team": "blue"},
			})
		}
		analysisOf(spec)["webhooks"] = all
	})})
	s.release("python-2")
	s.until("Waiting", stage.InPhase(v1beta1.PhaseWaiting))
	n := len(h.of("/confirm-rollout"))
	s.eventually("the closed gate to be asked again", func() error { return atLeast(h.of("/confirm-rollout"), n+1) })
	if d := s.deployment("app"); *d.Spec.Replicas != 0 {
		t.Errorf("scaled to %d before the approval", *d.Spec.Replicas)
	}
	rollout.Open()
	s.until("Progressing", stage.InPhase(v1beta1.PhaseProgressing))
	s.until("two failed checks", func(c *v1beta1.Canary) bool { return c.Status.FailedChecks == 2 && c.Status.CanaryWeight == 0 })
	s.until("20 %", atWeight(20))
	waiting := s.until("WaitingPromotion", stage.InPhase(v1beta1.PhaseWaitingPromotion)).Canary.Status
	if waiting.CanaryWeight != 40 {
		t.Errorf("weight %d while the promotion waits", waiting.CanaryWeight)
	}
	promotion.Open()
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	status := s.until("the post-rollout hook to have passed", func(c *v1beta1.Canary) bool {
		return c.Status.Run != nil && slices.ContainsFunc(c.Status.Run.Hooks, func(h v1beta1.HookStatus) bool {
			return h.Name == "post-rollout/my-post-rollout" && h.State == v1beta1.HookPassed
		})
	}).Canary.Status

	s.payloads(h, types)
	for path, phases := range map[string][]string{
		"/confirm-rollout": {"Waiting"}, "/pre-rollout": {"Progressing"}, "/rollout": {"Progressing"},
		"/confirm-promotion": {"Progressing"}, "/post-rollout": {"Succeeded"},
	} {
		for _, call := range h.of(path) {
			if !slices.Contains(phases, call.Phase) {
				t.Errorf("%s: phase %s, want %v", path, call.Phase, phases)
			}
		}
	}
	if calls := h.of("/pre-rollout"); len(calls) != 3 || calls[2].status != http.StatusOK {
		t.Errorf("%d calls of the pre-rollout hook, want 2 that fail and 1 that passes", len(calls))
	}
	if calls := h.of("/post-rollout"); len(calls) != 1 {
		t.Errorf("%d calls of the post-rollout hook, want 1", len(calls))
	}
	keys := map[string]bool{}
	for _, call := range h.of("/rollout") {
		if keys[call.key] {
			t.Errorf("the rollout hook was called twice for one check, %s", call.key)
		}
		keys[call.key] = true
	}
	// The promotion may begin after the hook was called and before the check is due.
	if checks := int(status.Run.Checks); len(keys) < checks || len(keys) > checks+1 {
		t.Errorf("%d calls of the rollout hook for %d checks", len(keys), checks)
	}
	s.wantEvent("pre-rollout check my-pre-rollout failed", "503", "answer of /pre-rollout")
	for _, event := range s.events() {
		if strings.Contains(event, "\x1b") || strings.Contains(event, "second line") {
			t.Errorf("more than the first line of an answer is in the event %q", event)
		}
	}
}

func atLeast(calls []hookCall, n int) error {
	if len(calls) < n {
		return fmt.Errorf("%d calls, want %d", len(calls), n)
	}
	return nil
}

// payloads asserts what all calls have in common.
func (s *scene) payloads(h *hooks, types []string) {
	s.Helper()
	checksums := map[string]bool{}
	for _, hook := range types {
		calls := h.of("/" + hook)
		if len(calls) == 0 {
			s.Errorf("no call of the hook of type %s", hook)
		}
		for _, call := range calls {
			if call.method != http.MethodPost || call.contentType != "application/json" || call.key == "" ||
				call.Name != "app" || call.Namespace != s.app.Namespace || call.Phase == "" || call.Metadata["team"] != "blue" {
				s.Errorf("call of %s: %+v", hook, call)
			}
			if hook != "event" {
				checksums[call.Checksum] = true
			}
		}
	}
	if len(checksums) != 1 || checksums[""] {
		s.Errorf("checksums %v, want the same for the whole run", checksums)
	}
	s.eventually("the last event to be received", func() error {
		for _, call := range h.of("/event") {
			if strings.Contains(call.Metadata["eventMessage"], "Promotion completed!") {
				return nil
			}
		}
		return fmt.Errorf("%d events", len(h.of("/event")))
	})
	for _, call := range h.of("/event") {
		ms, err := strconv.ParseInt(call.Metadata["timestamp"], 10, 64)
		if kind := call.Metadata["eventType"]; err != nil || time.Since(time.UnixMilli(ms)) > time.Hour ||
			(kind != "Normal" && kind != "Warning") || call.Metadata["eventMessage"] == "" {
			s.Errorf("event %+v", call)
		}
	}
	kubernetes, err := s.cluster.Client().CoreV1().Events(s.app.Namespace).List(s.ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Canary"})
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range kubernetes.Items {
		if !slices.ContainsFunc(h.of("/event"), func(c hookCall) bool { return c.Metadata["eventMessage"] == e.Message }) {
			s.Errorf("the event hook did not get %q", e.Message)
		}
	}
}
