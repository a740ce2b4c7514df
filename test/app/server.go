package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxDelay bounds /delay, so that a typing error does not hold a connection for
// hours.
const maxDelay = 5 * time.Minute

type server struct {
	cfg      config
	hostname string
	ready    atomic.Bool
	ending   atomic.Bool
	requests atomic.Uint64 // of /, for the even spread of errors and latencies
	tokens   atomic.Uint64
	registry *prometheus.Registry
	duration *prometheus.HistogramVec
	total    *prometheus.CounterVec
	gates    gates
}

func newServer(cfg config) *server {
	hostname, _ := os.Hostname()
	s := &server{
		cfg: cfg, gates: gates{open: map[string]bool{}}, hostname: first(os.Getenv("HOSTNAME"), hostname),
		registry: prometheus.NewRegistry(),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Seconds spent serving HTTP requests.",
			Buckets: prometheus.DefBuckets,
		}, []string{"method", "path", "status"}),
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "The total number of HTTP requests.",
		}, []string{"status"}),
	}
	s.registry.MustRegister(s.duration, s.total)
	return s
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/{$}", s.measured("root", s.root))
	mux.Handle("POST /token", s.measured("token", s.token))
	mux.Handle("/status/{code}", s.measured("status", s.status))
	mux.Handle("/delay/{seconds}", s.measured("delay", s.delay))
	mux.Handle("/version", s.measured("version", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"version": s.cfg.version})
	}))
	mux.Handle("/healthz", s.measured("healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "OK"})
	}))
	mux.Handle("/readyz", s.measured("readyz", s.readyz))
	s.gates.handle(mux, s.measured)
	mux.Handle("/metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	return mux
}

// measured counts requests by route and not by URL: the number of time series has
// to stay small whatever a client asks for.
func (s *server) measured(path string, h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		w.Header().Set("X-Version", s.cfg.version)
		if s.ending.Load() {
			// The client shall leave by itself. Were its kept connection closed
			// from here, a request could be on its way on it.
			w.Header().Set("Connection", "close")
		}
		rec := &recorder{ResponseWriter: w, code: http.StatusOK}
		h(rec, r)
		status := strconv.Itoa(rec.code)
		s.duration.WithLabelValues(method(r), path, status).Observe(time.Since(start).Seconds())
		s.total.WithLabelValues(status).Inc()
	})
}

func (s *server) root(w http.ResponseWriter, r *http.Request) {
	n := s.requests.Add(1)
	if !sleep(r.Context(), s.latency(n)) {
		return
	}
	if fails(n, s.cfg.errorRate) {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "ERROR_RATE", "version": s.cfg.version})
		return
	}
	body := map[string]string{"hostname": s.hostname, "version": s.cfg.version, "message": "greetings from " + s.cfg.version}
	if strings.Contains(r.Header.Get("Accept"), "text/html") || strings.Contains(r.UserAgent(), "Mozilla") {
		_, _ = fmt.Fprintf(w, "%s on %s\n", body["message"], s.hostname)
		return
	}
	reply(w, http.StatusOK, body)
}

// fails spreads errors evenly: request n fails when the sum of the rates passes
// a whole number, so n requests have floor(n·rate) failures at any time.
func fails(n uint64, rate float64) bool {
	const tiny = 1e-9 // 10 · 0.1 has to be a whole 1
	return math.Floor(float64(n)*rate+tiny) > math.Floor(float64(n-1)*rate+tiny)
}

// latency walks through the range in steps of the golden ratio, which spreads
// any number of requests about evenly over it.
func (s *server) latency(n uint64) time.Duration {
	span := s.cfg.latencyMax - s.cfg.latencyMin
	if span == 0 {
		return s.cfg.latencyMin
	}
	_, part := math.Modf(float64(n) * 0.6180339887498949)
	return s.cfg.latencyMin + time.Duration(part*float64(span))
}

func (s *server) token(w http.ResponseWriter, _ *http.Request) {
	// Not a credential: the seeds' load scripts only want something to send back.
	reply(w, http.StatusOK, map[string]string{"token": fmt.Sprintf("%s-%d", s.hostname, s.tokens.Add(1))})
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil || code < 200 || code > 599 {
		reply(w, http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("/status/%s: want a code from 200 to 599", r.PathValue("code"))})
		return
	}
	if code == http.StatusNoContent || code == http.StatusNotModified {
		w.WriteHeader(code)
		return
	}
	reply(w, code, map[string]int{"status": code})
}

func (s *server) delay(w http.ResponseWriter, r *http.Request) {
	secs, err := strconv.ParseFloat(r.PathValue("seconds"), 64)
	d := time.Duration(secs * float64(time.Second))
	if err != nil || !(secs >= 0) || secs > maxDelay.Seconds() {
		reply(w, http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("/delay/%s: want seconds from 0 to %v", r.PathValue("seconds"), maxDelay.Seconds())})
		return
	}
	if sleep(r.Context(), d) {
		reply(w, http.StatusOK, map[string]float64{"delay": secs})
	}
}

func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	if !s.ready.Load() {
		reply(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
		return
	}
	reply(w, http.StatusOK, map[string]string{"status": "OK"})
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client is gone if it fails
}

// method keeps invented methods out of the labels.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "OTHER"
}

type recorder struct {
	http.ResponseWriter
	code int
}

func (r *recorder) WriteHeader(code int) {
	r.code = code
	r.ResponseWriter.WriteHeader(code)
}
