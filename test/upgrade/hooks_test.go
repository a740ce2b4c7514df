//go:build linux

package upgrade

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hookTypes are the types of the hooks that every canary has, one of each.
var hookTypes = []string{"confirm-rollout", "pre-rollout", "rollout", "confirm-promotion", "post-rollout"}

// hooks is what the canaries of all namespaces call. It answers with success unless it was told to
// refuse.
type hooks struct {
	url string

	mu      sync.Mutex
	refused map[string]bool     // by namespace/hook
	keys    map[string][]string // of the calls, by namespace/hook
}

// newHooks listens on an address that agents can reach; they refuse loopback addresses.
func newHooks(t *testing.T) *hooks {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "10.244.255.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hooks{url: "http://" + l.Addr().String(), refused: map[string]bool{}, keys: map[string][]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{namespace}/{hook}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(h.receive(r.PathValue("namespace")+"/"+r.PathValue("hook"), r.Header.Get("Idempotency-Key")))
	})
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return h
}

func (h *hooks) receive(hook, key string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys[hook] = append(h.keys[hook], key)
	if h.refused[hook] {
		return http.StatusForbidden
	}
	return http.StatusOK
}

// refuse sets whether a hook of a namespace is answered with failure.
func (h *hooks) refuse(namespace, hook string, refused bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused[namespace+"/"+hook] = refused
}

// calls are the keys by which the receiver of a hook can tell a repetition.
func (h *hooks) calls(namespace, hook string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.keys[namespace+"/"+hook])
}

// webhooks is spec.analysis.webhooks with one of each type.
func (h *hooks) webhooks(namespace string) []any {
	var all []any
	for _, hook := range hookTypes {
		all = append(all, map[string]any{
			"name": "my-" + hook, "type": hook, "timeout": "5s", "url": strings.Join([]string{h.url, namespace, hook}, "/"),
		})
	}
	return all
}
