package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/kubectl-canary/kubectl-canary/agent/telemetry"
)

// cluster is an API server without any objects but the lease.
type cluster struct {
	*httptest.Server
	mu      sync.Mutex
	lease   map[string]any
	version int
	// refuse says which requests are answered with an error; nil for none.
	refuse func(r *http.Request) bool
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *cluster) refuses(when func(r *http.Request) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = when
}

// holder is who has the lease; empty when nobody has.
func (c *cluster) holder() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	spec, _ := c.lease["spec"].(map[string]any)
	name, _ := spec["holderIdentity"].(string)
	return name
}

// take gives the lease to somebody else, as after a long break of the network.
func (c *cluster) take(identity string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	c.version++
	c.lease["metadata"].(map[string]any)["resourceVersion"] = strconv.Itoa(c.version)
	c.lease["spec"] = map[string]any{"holderIdentity": identity, "leaseDurationSeconds": 3600, "acquireTime": now, "renewTime": now}
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("watch") != "" {
		if r.URL.Query().Get("sendInitialEvents") != "" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil && c.refuse(r) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !strings.Contains(r.URL.Path, "/leases") {
		kind := "PartialObjectMetadataList"
		version := "meta.k8s.io/v1"
		for resource, k := range map[string]string{"canaries": "CanaryList", "deployments": "DeploymentList", "services": "ServiceList"} {
			if strings.HasSuffix(r.URL.Path, "/"+resource) {
				kind, version = k, strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/apis/"), "/api/"), "/"+resource)
			}
		}
		_, _ = fmt.Fprintf(w, `{"kind":%q,"apiVersion":%q,"metadata":{"resourceVersion":"1"},"items":[]}`, kind, version)
		return
	}
	switch r.Method {
	case http.MethodPost, http.MethodPut:
		var lease map[string]any
		if err := json.NewDecoder(r.Body).Decode(&lease); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		metadata := lease["metadata"].(map[string]any)
		if version, _ := metadata["resourceVersion"].(string); c.lease != nil && version != strconv.Itoa(c.version) {
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`)
			return
		}
		c.version++
		metadata["resourceVersion"] = strconv.Itoa(c.version)
		c.lease = lease
	case http.MethodGet:
		if c.lease == nil {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
			return
		}
	}
	_ = json.NewEncoder(w).Encode(c.lease)
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// quiet silences the election.
var quiet = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(slog.DiscardHandler)) })

// replica is an agent that does nothing but hold the lease.
type replica struct {
	working atomic.Bool
	stop    context.CancelFunc
	ended   chan error
}

func newReplica(t *testing.T, c *cluster, name string, election bool, both *atomic.Int32) *replica {
	t.Helper()
	quiet()
	ctx, cancel := context.WithCancel(t.Context())
	r := &replica{stop: cancel, ended: make(chan error, 1)}
	l := &leadership{metrics: telemetry.NewMetrics(telemetry.Info{})}
	o := Options{LeaderElection: election, LeaseDuration: 3 * time.Second, LeaderElectionNamespace: "canary-system"}
	loop := func(ctx context.Context) error {
		r.working.Store(true)
		both.Add(1)
		<-ctx.Done()
		both.Add(-1)
		r.working.Store(false)
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- l.run(ctx, &rest.Config{Host: c.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}, o, name, loop, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return r
}

// TestGotchaH9OneReplicaWorks proves that of several replicas one works at a time, without anybody having
// asked for an election, and that another one takes over when it ends.
func TestGotchaH9OneReplicaWorks(t *testing.T) {
	o, err := ParseFlags(nil, io.Discard)
	if err != nil || !o.LeaderElection {
		t.Fatalf("the election is on %t by default, %v", o.LeaderElection, err)
	}
	c := newCluster(t)
	var working atomic.Int32
	first := newReplica(t, c, "first", o.LeaderElection, &working)
	eventually(t, "the first one works", first.working.Load)
	second := newReplica(t, c, "second", o.LeaderElection, &working)
	for range 80 { // Longer than the lease lasts.
		time.Sleep(50 * time.Millisecond)
		if n := working.Load(); n != 1 || second.working.Load() {
			t.Fatalf("%d work at once", n)
		}
	}
	first.stop()
	if err := <-first.ended; err != nil {
		t.Errorf("the first one ended with %v", err)
	}
	eventually(t, "the second one works", second.working.Load)
	if first.working.Load() || c.holder() != "second" {
		t.Errorf("the lease belongs to %q", c.holder())
	}
}

// TestGotchaH2LosingTheLeaseEndsTheWork proves that whoever has lost the lease, because it cannot be
// renewed or because somebody else has it, ends what is under way and then itself.
func TestGotchaH2LosingTheLeaseEndsTheWork(t *testing.T) {
	for name, lose := range map[string]func(c *cluster){
		"not renewed": func(c *cluster) { c.refuses(func(*http.Request) bool { return true }) },
		"taken":       func(c *cluster) { c.take("usurper") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			var working atomic.Int32
			r := newReplica(t, c, "first", true, &working)
			eventually(t, "it works", r.working.Load)
			lose(c)
			select {
			case err := <-r.ended:
				if err == nil || !strings.Contains(err.Error(), "the lease was lost") {
					t.Errorf("it ended with %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it does not end")
			}
			if working.Load() != 0 {
				t.Error("the work goes on")
			}
		})
	}
}

// TestGotchaH3LogLevelFlag proves that the flag means what it says from the command line to the log.
func TestGotchaH3LogLevelFlag(t *testing.T) {
	for flag, want := range map[string]slog.Level{
		"": slog.LevelInfo, "-log-level=warning": slog.LevelWarn, "-log-level=warn": slog.LevelWarn,
		"-log-level=debug": slog.LevelDebug, "-log-level=error": slog.LevelError,
	} {
		var args []string
		if flag != "" {
			args = append(args, flag)
		}
		o, err := ParseFlags(args, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if level, err := telemetry.ParseLevel(o.LogLevel); err != nil || level != want {
			t.Errorf("%q: %v, %v", flag, level, err)
		}
	}
	if err := Run(t.Context(), Options{LogLevel: "loud"}, "test", io.Discard); err == nil || !strings.Contains(err.Error(), "-log-level") {
		t.Errorf("an unknown level: %v", err)
	}
}

// TestGotchaH4ReadinessOfTheAgent proves it of the agent as it is put together: alive from the start,
// ready when the caches are filled.
func TestGotchaH4ReadinessOfTheAgent(t *testing.T) {
	c := newCluster(t)
	c.refuses(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/canaries") })
	kubeconfig := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":%q}}],
		"contexts":[{"name":"c","context":{"cluster":"c"}}]}`, c.URL)
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	noAlerts(t)
	o, err := ParseFlags([]string{"-kubeconfig=" + kubeconfig, "-address=" + address, "-mesh-provider=kubernetes", "-enable-leader-election=false"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var log bytes.Buffer
	go func() { ended <- Run(ctx, o, "test", &log) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the agent ended with %v\n%s", err, log.String())
		}
	}()
	probe := func(path string) int {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	eventually(t, "it is not ready", func() bool { return probe("/readyz") == http.StatusServiceUnavailable })
	if code := probe("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz answers %d", code)
	}
	c.refuses(nil)
	eventually(t, "it is ready", func() bool { return probe("/readyz") == http.StatusOK })
}
