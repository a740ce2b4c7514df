//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

const (
	rate        = 50 // requests per second
	interval    = 5 * time.Second
	firstImage  = "python-1" // as in the seed
	nextImage   = "python-2"
	badImage    = "python-2-bad"
	startAtMost = 2 * time.Minute
)

// show is one run of the demo.
type show struct {
	options
	programs stage.Programs
	cluster  *testbed.Cluster
	app      stage.App
	record   *stage.Record
	load     *load.Generator
	begun    time.Time // the load
}

// play shows the release from the empty machine to the last word.
func play(ctx context.Context, o options, programs stage.Programs) (err error) {
	s := &show{options: o, programs: programs, app: stage.App{
		Namespace: "default", Provider: "traefik", Interval: interval.String(),
	}}
	defer func() {
		if ctx.Err() != nil {
			err = context.Canceled
		}
		s.tearDown(err)
	}()
	if err := s.raise(ctx); err != nil {
		return err
	}
	s.introduce()
	if s.screen {
		if err := countdown(ctx); err != nil {
			return err
		}
	}
	watched := s.watch(ctx)
	s.load.Stop()
	end := s.summary()
	if watched != nil {
		return watched
	}
	if s.screen {
		return nil // whoever looked on may have broken whatever they liked
	}
	return end
}

// version is what is released.
func (s *show) version() string {
	if s.bad {
		return badImage
	}
	return nextImage
}

// raise brings everything up to the moment before the release.
func (s *show) raise(ctx context.Context) error {
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"start the cluster", s.start},
		{"install the CRDs and the agent", func(ctx context.Context) error { return stage.Install(ctx, s.cluster) }},
		{"deploy the application and its canary", s.deploy},
		{"put it under load", s.putUnderLoad},
	}
	for _, x := range steps {
		err := step(ctx, x.what, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeoutCause(ctx, startAtMost, fmt.Errorf("not done after %s", startAtMost))
			defer cancel()
			return x.do(ctx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *show) start(ctx context.Context) (err error) {
	s.cluster, err = testbed.Start(ctx, testbed.Options{Programs: s.programs.Images()})
	return err
}

// deploy puts the first seed into the cluster and waits until its canary is ready for a release.
func (s *show) deploy(ctx context.Context) (err error) {
	// The record outlasts the step.
	if s.record, err = stage.Watch(context.WithoutCancel(ctx), s.cluster, s.app.Namespace, "app"); err != nil {
		return err
	}
	if err := s.app.Apply(ctx, s.cluster); err != nil {
		return err
	}
	if err := s.cluster.Apply(ctx, s.app.Namespace, []byte(localRoute)); err != nil {
		return err
	}
	_, err = s.record.Until(ctx, "its initialization", stage.InPhase(v1beta1.PhaseInitialized))
	return err
}

// localRoute lets browsers in, which cannot be told to send another host than that of the URL.
const localRoute = `
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: app-local}
spec:
  routes:
  - kind: Rule
    match: Host(` + "`127.0.0.1`) || Host(`localhost`" + `)
    services: [{kind: TraefikService, name: app}]
`

// putUnderLoad sends requests from now on, once the proxy knows where to.
func (s *show) putUnderLoad(ctx context.Context) (err error) {
	if err := s.awaitRoute(ctx); err != nil {
		return err
	}
	s.begun = time.Now()
	s.load, err = load.Start(context.WithoutCancel(ctx), load.Config{
		URL: stage.URL(s.cluster), Host: s.app.Host(), Rate: rate,
	})
	if err != nil {
		return err
	}
	return s.load.WaitShare(ctx, firstImage, 1, 0, time.Second)
}

// watch runs the plugin on the terminal until the user leaves it, or, without a screen, until the
// release has ended. How it ended is not an error here.
func (s *show) watch(ctx context.Context) error {
	release := func() error { return s.app.Release(ctx, s.cluster, s.version()) }
	cmd := exec.CommandContext(ctx, s.programs.Plugin, "watch", "app")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "KUBECONFIG="+s.cluster.Kubeconfig)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it puts the terminal right
	cmd.WaitDelay = 5 * time.Second
	released := &afterFirst{w: os.Stdout, do: release}
	if s.screen {
		if err := release(); err != nil {
			return err
		}
	} else {
		cmd.Args = append(cmd.Args, "--plain")
		cmd.Stdin = nil
		// The first lines say how things are; from then on no change is missed. Both streams go
		// to one place, so that their lines stay in order.
		cmd.Stdout, cmd.Stderr = released, released
	}
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case released.err != nil:
		return released.err
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Canceled
	case errors.As(err, &exit) && exit.ExitCode() == exitRolledBack:
		return nil
	case errors.As(err, &exit) && exit.ExitCode() == exitInterrupted:
		return context.Canceled
	}
	return fmt.Errorf("kubectl-canary watch app: %w", err)
}

// afterFirst does something once when the first lines have been written.
type afterFirst struct {
	w    io.Writer
	do   func() error
	done bool
	err  error // of do
}

func (a *afterFirst) Write(p []byte) (int, error) {
	n, err := a.w.Write(p)
	if err != nil || a.done {
		return n, err
	}
	a.done = true
	a.err = a.do()
	return n, a.err
}

// exitRolledBack is the plugin's exit code after a release that failed.
const exitRolledBack = 3

// tearDown leaves nothing behind but, after an error, what helps to understand it.
func (s *show) tearDown(err error) {
	if s.load != nil {
		s.load.Stop()
	}
	if s.cluster == nil {
		return // a cluster that did not start has cleaned up, and said where its logs are
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		dir := testbed.ArtifactsDir("demo")
		if dumped := s.cluster.Dump(dir); dumped != nil {
			fmt.Fprintln(os.Stderr, "demo: the dump of the cluster is incomplete:", dumped)
		}
		fmt.Fprintln(os.Stderr, "demo: logs and objects of the cluster:", dir)
	}
	_ = step(context.Background(), "stop the cluster", func(context.Context) error {
		s.cluster.Stop()
		return nil
	})
}
