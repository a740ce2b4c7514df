package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The limits of the server. Writing is given long, for /metrics of many canaries on slow links.
const (
	readTimeout     = 5 * time.Second
	writeTimeout    = time.Minute
	idleTimeout     = 15 * time.Second
	shutdownTimeout = 3 * time.Second
	maxHeaderBytes  = 16 << 10
	maxScrapes      = 4
)

// Server answers /metrics, /healthz and /readyz.
type Server struct {
	// Address to listen on, such as :8080.
	Address string
	// Gatherer is what /metrics serves.
	Gatherer prometheus.Gatherer
	// Live checks are those of /healthz: when one fails, the process has to be restarted.
	Live []Check
	// Ready checks are those of /readyz: when one fails, the process is not of use yet.
	Ready []Check
	// Log for failing checks and errors of the server; slog.Default() when nil.
	Log *slog.Logger
}

// Run listens and serves until the context ends, then lets requests that are under way finish.
func (s *Server) Run(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.Address)
	if err != nil {
		return fmt.Errorf("listen on %q for metrics and probes: %w; choose another port if it is taken", s.Address, err)
	}
	return s.Serve(ctx, listener)
}

// Serve is Run with a listener of the caller's, which it closes.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadTimeout:       readTimeout,
		ReadHeaderTimeout: readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.log().Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve metrics and probes on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	// The context is over, but requests under way are given their time.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		err = errors.Join(err, server.Close())
		return fmt.Errorf("stop serving metrics and probes on %s within %s: %w", listener.Addr(), shutdownTimeout, err)
	}
	return nil
}

// Handler is the server's, for use within another one.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.Gatherer, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            scrapeLog{s.log()},
		MaxRequestsInFlight: maxScrapes,
	}))
	mux.Handle("GET /healthz", checks{log: s.log(), endpoint: "healthz", list: s.Live})
	mux.Handle("GET /readyz", checks{log: s.log(), endpoint: "readyz", list: s.Ready})
	return mux
}

func (s *Server) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}

// scrapeLog takes errors of single collectors, which do not spoil the rest of the answer.
type scrapeLog struct{ log *slog.Logger }

func (l scrapeLog) Println(v ...any) {
	l.log.Error("collecting metrics failed", "error", fmt.Sprint(v...))
}
