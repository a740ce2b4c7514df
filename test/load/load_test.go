package load

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func begin(t *testing.T, cfg Config) *Generator {
	t.Helper()
	g, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	return g
}

// waitTotal waits until n requests have been answered.
func waitTotal(t *testing.T, g *Generator, n int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for g.Stats().Total < n {
		g.mu.Lock()
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%d requests after 10s, want %d: %v", g.Stats().Total, n, g.Stats())
		}
	}
}

func TestSlowServerDoesNotSlowTheLoop(t *testing.T) {
	release := make(chan struct{})
	var arrived atomic.Int64
	srv := serve(t, func(http.ResponseWriter, *http.Request) {
		if arrived.Add(1) == 20 {
			close(release) // no answer before twenty are waiting
		}
		<-release
	})
	g := begin(t, Config{URL: srv.URL, Rate: 200})
	waitTotal(t, g, 20)
	s := g.Since(time.Time{})
	if s.Failures > 0 {
		t.Errorf("failures: %v", g.Failures())
	}
	if s.Max < 50*time.Millisecond {
		t.Errorf("the first request waited %v, want the 95ms it takes to send 20", s.Max)
	}
}

func TestCountsByVersionAndStatus(t *testing.T) {
	var n atomic.Int64
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		i := n.Add(1)
		w.Header().Set(VersionHeader, []string{"v1", "v2"}[i%2])
		if r.Host != "app.example" || r.Header.Get("X-Test") != "yes" {
			w.WriteHeader(400)
		} else if i%4 == 0 {
			w.WriteHeader(503)
		}
	})
	g := begin(t, Config{URL: srv.URL, Rate: 500, Host: "app.example", Header: http.Header{"X-Test": {"yes"}}})
	if err := g.WaitShare(t.Context(), "v2", 0.5, 0.1, 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	g.Stop()
	s := g.Stats()
	if s.ByStatus[400] != 0 || s.ByStatus[503] != s.Failures || s.Failures != s.Total/4 || len(g.Failures()) != s.Failures {
		t.Errorf("counted %v, %v", s, s.ByStatus)
	}
}

func TestWaitShareSaysWhatItSaw(t *testing.T) {
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(VersionHeader, "v1") })
	g := begin(t, Config{URL: srv.URL, Rate: 500})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := g.WaitShare(ctx, "v2", 1, 0, 50*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "v1 100.0%") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestBrokenConnectionIsAFailureAndNotRetried(t *testing.T) {
	var asked atomic.Int64
	srv := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%2 == 0 { // on a connection that has been used
			panic(http.ErrAbortHandler)
		}
	})
	g := begin(t, Config{URL: srv.URL, Rate: 100})
	waitTotal(t, g, 20)
	g.Stop()
	s := g.Stats()
	if int64(s.Total) != asked.Load() {
		t.Errorf("%d requests were recorded, the server saw %d", s.Total, asked.Load())
	}
	if s.Errors != s.Total/2 {
		t.Errorf("%d of %d failed, want half", s.Errors, s.Total)
	}
}

func TestRefusesOtherNetworks(t *testing.T) {
	for _, u := range []string{"http://192.0.2.1/", "http://[2001:db8::1]/", "http://10.97.0.1", "https://127.0.0.1/", "ftp://x", "::"} {
		if _, err := Start(t.Context(), Config{URL: u}); err == nil {
			t.Errorf("%s was accepted", u)
		}
	}
	if err := refuseOthers(t.Context(), "tcp", "198.51.100.7:80", nil); !errors.Is(err, errNotAllowed) {
		t.Errorf("a resolved address outside: %v", err)
	}
	if err := refuseOthers(t.Context(), "tcp", "10.244.3.7:80", nil); err != nil {
		t.Errorf("a pod: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	srv := serve(t, func(http.ResponseWriter, *http.Request) {})
	g := begin(t, Config{URL: srv.URL, Rate: 2000, Keep: 10})
	waitTotal(t, g, 100)
	g.Stop()
	kept := g.Samples(time.Time{}, time.Time{})
	if len(kept) != 10 || g.Stats().Total < 100 {
		t.Errorf("%d samples kept of %d", len(kept), g.Stats().Total)
	}
}

func TestOverloadIsReported(t *testing.T) {
	release := make(chan struct{})
	srv := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	g := begin(t, Config{URL: srv.URL, Rate: 500, MaxInFlight: 3})
	waitTotal(t, g, 5)
	if f := g.Failures(); len(f) == 0 || !errors.Is(f[0].Err, errOverload) {
		t.Errorf("failures: %v", f)
	}
	close(release)
}
