//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// step does one thing that takes time, and says on stderr what it is and how long it took.
func step(ctx context.Context, what string, do func(context.Context) error) error {
	fmt.Fprintf(os.Stderr, "  %-40s", what)
	begin := time.Now()
	err := do(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, " interrupted")
		return context.Canceled
	case err != nil:
		fmt.Fprintln(os.Stderr, " failed")
		return fmt.Errorf("%s: %w", what, err)
	}
	fmt.Fprintf(os.Stderr, "%5.1f s\n", time.Since(begin).Seconds())
	return nil
}

// introduce says what there is to see, and what is going to happen.
func (s *show) introduce() {
	plugin := s.programs.Plugin
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, plugin); err == nil && !strings.HasPrefix(rel, "..") {
			plugin = rel
		}
	}
	next := fmt.Sprintf(`Next: %s is released. It gets 5%% of the requests, then 5%% more every %s as
long as its success rate and latency are good. At 50%% it is promoted.`, nextImage, interval)
	if s.bad {
		next = fmt.Sprintf(`Next: %s is released, which answers every request with an error.
It gets 5%% of the requests, is judged every %s, and rolled back after 5 failed checks.`, badImage, interval)
	}
	fmt.Fprintf(os.Stderr, `
Deployment app, three pods of %s, answers %d requests a second.

  app         %s/
  Prometheus  %s

In a second terminal:

  export KUBECONFIG=%s
  %s status app
  %s abort app

%s

`, firstImage, rate, s.cluster.HostGatewayURL, s.cluster.HostPrometheusURL, s.cluster.HostKubeconfig, plugin, plugin, next)
}

// readingTime is how long the words stay before the screen takes their place.
const readingTime = 8 * time.Second

// countdown waits for the enter key, but not for ever. It polls the terminal rather than having a
// goroutine read it, which would take the first key from the screen.
func countdown(ctx context.Context) error {
	fd := int(os.Stdin.Fd())
	for end := time.Now().Add(readingTime); ; {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		fmt.Fprintf(os.Stderr, "\rThe screen opens in %d s, or with enter; there q quits, ctrl+z leads back here.",
			(left+time.Second-1)/time.Second)
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, int(min(left, time.Second/5).Milliseconds())+1)
		switch {
		case ctx.Err() != nil:
			fmt.Fprintln(os.Stderr)
			return context.Canceled
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait for a key: %w", err)
		case n > 0:
			// The terminal hands out whole lines, so this is up to the enter key.
			if _, err := unix.Read(fd, make([]byte, 4096)); err != nil && !errors.Is(err, unix.EINTR) {
				return fmt.Errorf("read a key: %w", err)
			}
			end = time.Now()
		}
	}
	fmt.Fprintln(os.Stderr)
	return nil
}
