package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	if filepath.Base(os.Args[0]) == "podcli" {
		if err := podcli(os.Args[1:], os.Getenv("BIND_ADDRESS")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	cfg, err := readConfig(os.Args[1:], os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(2)
	}
	if err := run(cfg); err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func run(cfg config) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if cfg.crash {
		return fmt.Errorf("version %s crashes, as its tag or CRASH_AFTER demands", cfg.version)
	}
	if !sleep(ctx, cfg.startDelay) {
		return nil
	}
	s := newServer(cfg)
	listener, err := net.Listen("tcp", net.JoinHostPort(cfg.address, cfg.port))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Printf("version %s listens on %s\n", cfg.version, listener.Addr())
	srv := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 2)
	go func() {
		if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve: %w", err)
		}
	}()
	if cfg.crashAfter > 0 {
		time.AfterFunc(cfg.crashAfter, func() {
			failed <- fmt.Errorf("version %s crashes after %v, as CRASH_AFTER demands", cfg.version, cfg.crashAfter)
		})
	}
	go func() {
		if !cfg.unready && sleep(ctx, cfg.readyDelay) {
			s.ready.Store(true)
		}
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// Who routes to this pod learns of its end a moment later than the pod does.
	// Until then it goes on serving, or each rollout would cost requests.
	s.ready.Store(false)
	s.ending.Store(true)
	fmt.Printf("version %s is told to end, serves %v more\n", cfg.version, cfg.shutdownDelay)
	select {
	case err := <-failed:
		return err
	case <-time.After(cfg.shutdownDelay):
	}
	drain, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := srv.Shutdown(drain); err != nil {
		return fmt.Errorf("requests were still in flight after 10s: %w", err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
