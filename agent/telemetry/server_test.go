package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/telemetry"
)

func newServer(live, ready []telemetry.Check) *telemetry.Server {
	return &telemetry.Server{
		Gatherer: telemetry.NewMetrics(telemetry.Info{Version: "v"}).Gatherer(),
		Live:     live, Ready: ready,
		Log: slog.New(slog.DiscardHandler),
	}
}

func get(s *telemetry.Server, path string) (int, string) {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestProbes(t *testing.T) {
	good := telemetry.Check{Name: "good", Probe: func(context.Context) error { return nil }}
	bad := telemetry.Check{Name: "informers", Probe: func(context.Context) error { return errors.New("canaries not synced") }}
	s := newServer([]telemetry.Check{good}, []telemetry.Check{good, bad})

	if code, body := get(s, "/healthz"); code != http.StatusOK || body != "OK" {
		t.Errorf("/healthz: %d %q", code, body)
	}
	if code, body := get(s, "/healthz?verbose"); code != http.StatusOK || body != "[+] good\nOK" {
		t.Errorf("/healthz?verbose: %d %q", code, body)
	}
	if code, body := get(s, "/readyz"); code != http.StatusServiceUnavailable || body != "[+] good\n[-] informers: canaries not synced\n" {
		t.Errorf("/readyz: %d %q", code, body)
	}
	if code, body := get(s, "/metrics"); code != http.StatusOK || !strings.Contains(body, "flagger_info") || !strings.Contains(body, "go_goroutines") {
		t.Errorf("/metrics: %d %q", code, body)
	}
	if code, _ := get(s, "/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("/debug/pprof/: %d", code)
	}
}

// A deadlock shows as a check that does not return.
func TestACheckThatHangsFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		s := newServer([]telemetry.Check{{Name: "stuck", Probe: func(context.Context) error { <-release; return nil }}}, nil)
		start := time.Now()
		code, body := get(s, "/healthz")
		if code != http.StatusServiceUnavailable || !strings.Contains(body, "stuck: no answer") {
			t.Errorf("%d %q", code, body)
		}
		if took := time.Since(start); took >= time.Second {
			t.Errorf("took %s, by when the probe has given up", took)
		}
	})
}

func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dog := telemetry.NewWatchdog(time.Minute)
		probe := dog.Check("queue").Probe
		done := dog.Start("podinfo.test")
		dog.Start("other.test")()
		time.Sleep(time.Minute)
		if err := probe(t.Context()); err != nil {
			t.Errorf("at the limit: %v", err)
		}
		time.Sleep(time.Second)
		if err := probe(t.Context()); err == nil || !strings.Contains(err.Error(), "podinfo.test has been at work for 1m1s") {
			t.Errorf("past the limit: %v", err)
		}
		done()
		if err := probe(t.Context()); err != nil {
			t.Errorf("done: %v", err)
		}
	})
}

func TestServeShutsDownGracefully(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	s := newServer([]telemetry.Check{{Name: "slow", Probe: func(context.Context) error {
		close(entered)
		<-release
		return nil
	}}}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, listener) }()
	answered := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String() + "/healthz")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answered <- string(body)
	}()
	<-entered
	cancel()
	close(release)
	if got := <-answered; got != "OK" {
		t.Errorf("the request under way got %q", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := http.Get("http://" + listener.Addr().String() + "/healthz"); err == nil {
		t.Error("still served after the end")
	}
}

func TestRunSaysWhichAddressIsTaken(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := newServer(nil, nil)
	s.Address = listener.Addr().String()
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), s.Address) {
		t.Errorf("got %v", err)
	}
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, slog.LevelInfo)
	log.Debug("not this")
	log.Warn("weights changed", "canary", "podinfo.test")
	var line map[string]string
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if line["level"] != "warn" || line["msg"] != "weights changed" || line["canary"] != "podinfo.test" || !strings.HasPrefix(line["caller"], "telemetry/server_test.go:") {
		t.Errorf("got %v", line)
	}
	if _, err := time.Parse(time.RFC3339, line["ts"]); err != nil {
		t.Errorf("ts: %v", err)
	}
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "warning": slog.LevelWarn, "warn": slog.LevelWarn, "fatal": slog.LevelError} {
		if got, err := telemetry.ParseLevel(name); err != nil || got != want {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	if _, err := telemetry.ParseLevel("loud"); err == nil || !strings.Contains(err.Error(), "loud") {
		t.Errorf("loud: %v", err)
	}
}
