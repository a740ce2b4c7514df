//go:build linux

package faults

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// servers are what canaries of all namespaces call: hooks at /hooks/<namespace>/<name>, and a
// metrics server that answers every query with 1.
type servers struct {
	url string

	mu    sync.Mutex
	hangs map[string]func(hook string, nth int) bool // by namespace
	fails map[string]bool                            // by namespace
	calls map[string]map[string][]call               // by namespace and hook
}

// call is one that was received.
type call struct {
	key  string // by which a receiver can tell that it had the call before
	hung bool
}

// newServers listens on an address that agents can reach; they refuse loopback addresses.
func newServers(t *testing.T) *servers {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "10.244.255.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &servers{url: "http://" + l.Addr().String(), hangs: map[string]func(string, int) bool{}, fails: map[string]bool{}, calls: map[string]map[string][]call{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hooks/{namespace}/{hook}", s.hook)
	mux.HandleFunc("/api/v1/query", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%d,"1"]}]}}`, time.Now().Unix())
	})
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: mux}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// behave sets which calls of a namespace's hooks are not answered, and whether the rollout hook
// fails from the second check on.
func (s *servers) behave(namespace string, hang func(hook string, nth int) bool, fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs[namespace], s.fails[namespace] = hang, fails
}

func (s *servers) hook(w http.ResponseWriter, r *http.Request) {
	status := s.receive(r.PathValue("namespace"), r.PathValue("hook"), r.Header.Get("Idempotency-Key"))
	if status == 0 {
		// Only what was read to its end tells that the caller has given up.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		return
	}
	w.WriteHeader(status)
}

// receive notes a call and says what to answer, 0 for nothing.
func (s *servers) receive(namespace, hook, key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.calls[namespace]
	if of == nil {
		of = map[string][]call{}
		s.calls[namespace] = of
	}
	before := of[hook]
	hang := s.hangs[namespace]
	hung := hang != nil && hang(hook, len(before)+1)
	of[hook] = append(before, call{key, hung})
	switch {
	case hung:
		return 0
	case hook == "rollout" && s.fails[namespace] && len(before) > 0 && before[0].key != key:
		return http.StatusInternalServerError
	}
	return http.StatusOK
}

// repeated counts calls that had been made and answered before.
func (s *servers) repeated(namespace string) (n int, which []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hook, calls := range s.calls[namespace] {
		answered := map[string]bool{}
		for _, c := range calls {
			if answered[c.key] {
				n++
				which = append(which, hook+" "+c.key)
			}
			answered[c.key] = answered[c.key] || !c.hung
		}
	}
	return n, which
}

// count is how often a hook was called.
func (s *servers) count(namespace, hook string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls[namespace][hook])
}

// hookTypes are all that are called at most once per run, or once per check, when they pass.
var hookTypes = []string{"confirm-rollout", "pre-rollout", "rollout", "confirm-promotion", "post-rollout"}

// webhooks is spec.analysis.webhooks with one of each type.
func (s *servers) webhooks(namespace, timeout string) []any {
	var all []any
	for _, hook := range hookTypes {
		all = append(all, map[string]any{
			"name": "my-" + hook, "type": hook, "timeout": timeout,
			"url": strings.Join([]string{s.url, "hooks", namespace, hook}, "/"),
		})
	}
	return all
}
