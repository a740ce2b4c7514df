package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func env(kv map[string]string) func(string) string {
	return func(k string) string { return kv[k] }
}

func start(t *testing.T, kv map[string]string) (*server, *httptest.Server) {
	t.Helper()
	cfg, err := readConfig(nil, env(kv))
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(cfg)
	srv := httptest.NewServer(s.handler())
	t.Cleanup(srv.Close)
	return s, srv
}

func get(t *testing.T, url string) (code int, version, body string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("X-Version"), string(b)
}

func TestErrorRateIsExact(t *testing.T) {
	for _, rate := range []struct {
		value string
		want  int
	}{{"0", 0}, {"0.1", 10}, {"0.25", 25}, {"0.33", 33}, {"1", 100}} {
		_, srv := start(t, map[string]string{"ERROR_RATE": rate.value, "VERSION": "v"})
		failed := 0
		for range 100 {
			if code, _, _ := get(t, srv.URL+"/"); code == 500 {
				failed++
			}
		}
		if failed != rate.want {
			t.Errorf("ERROR_RATE=%s: %d of 100 failed, want %d", rate.value, failed, rate.want)
		}
	}
}

func TestTagDecidesBehaviour(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want config
	}{
		{"plain", map[string]string{"IMAGE_TAG": "python-1"}, config{version: "python-1"}},
		{"bad", map[string]string{"IMAGE_TAG": "python-2-bad"}, config{version: "python-2-bad", errorRate: 1}},
		{"bad but overridden", map[string]string{"IMAGE_TAG": "2-bad", "ERROR_RATE": "0.5"}, config{version: "2-bad", errorRate: .5}},
		{"slow", map[string]string{"IMAGE_TAG": "2-slow"}, config{version: "2-slow", latencyMin: time.Second, latencyMax: time.Second}},
		{"crash", map[string]string{"IMAGE_TAG": "2-crash"}, config{version: "2-crash", crash: true}},
		{"version wins", map[string]string{"IMAGE_TAG": "1", "VERSION": "2"}, config{version: "2"}},
	} {
		got, err := readConfig([]string{"--level=info"}, env(c.env))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		c.want.port, c.want.shutdownDelay = "9898", time.Second
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestBadConfigNamesTheVariable(t *testing.T) {
	for name, value := range map[string]string{"ERROR_RATE": "NaN", "LATENCY": "5ms..1ms", "START_DELAY": "soon", "UNREADY": "perhaps", "SHUTDOWN_DELAY": "-1s"} {
		_, err := readConfig(nil, env(map[string]string{name: value}))
		if err == nil || !strings.Contains(err.Error(), name+"="+`"`+value) {
			t.Errorf("%s=%s: error %v does not name it", name, value, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	s, srv := start(t, map[string]string{"VERSION": "v7"})
	for path, want := range map[string]int{"/": 200, "/status/404": 404, "/status/99": 400, "/delay/0.01": 200, "/delay/x": 400, "/version": 200, "/healthz": 200, "/readyz": 503, "/nothing": 404} {
		code, version, body := get(t, srv.URL+path)
		if code != want {
			t.Errorf("GET %s = %d %s, want %d", path, code, body, want)
		}
		if path != "/nothing" && version != "v7" {
			t.Errorf("GET %s: X-Version %q", path, version)
		}
	}
	s.ready.Store(true)
	if code, _, _ := get(t, srv.URL+"/readyz"); code != 200 {
		t.Errorf("/readyz of a ready server = %d", code)
	}
	res, err := http.Post(srv.URL+"/token", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if !strings.Contains(string(b), `"token":`) {
		t.Errorf("POST /token = %s", b)
	}
	_, _, metrics := get(t, srv.URL+"/metrics")
	for _, line := range []string{
		`http_request_duration_seconds_count{method="GET",path="root",status="200"} 1`,
		`http_request_duration_seconds_count{method="GET",path="status",status="404"} 1`,
		`http_requests_total{status="503"} 1`,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}

func TestLatencyStaysInRange(t *testing.T) {
	s := &server{cfg: config{latencyMin: 10 * time.Millisecond, latencyMax: 50 * time.Millisecond}}
	var sum time.Duration
	for n := range uint64(1000) {
		d := s.latency(n + 1)
		if d < 10*time.Millisecond || d > 50*time.Millisecond {
			t.Fatalf("request %d takes %v", n, d)
		}
		sum += d
	}
	if mean := sum / 1000; mean < 29*time.Millisecond || mean > 31*time.Millisecond {
		t.Errorf("mean %v, want about 30ms", mean)
	}
}

func TestPodcliAsksThePodForLocalhost(t *testing.T) {
	if got := inPod("localhost:9898", "10.244.0.9"); got != "10.244.0.9:9898" {
		t.Errorf("localhost became %s", got)
	}
	_, srv := start(t, nil)
	if err := podcli([]string{"check", "http", srv.URL + "/healthz"}, ""); err != nil {
		t.Error(err)
	}
	if err := podcli([]string{"check", "http", srv.URL + "/readyz"}, ""); err == nil {
		t.Error("an unready server passed")
	}
}
