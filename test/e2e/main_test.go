//go:build linux

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func programs() stage.Programs {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return stage.In(filepath.Join(cache, "kubectl-canary", "e2e"))
}

func TestMain(m *testing.M) {
	nodelet.PodInit()
	queueAll()
	if err := programs().Build(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testbed.Main(m, testbed.Options{Programs: images()})
}

// images is the node's table: the product and the application, which has a shell so that a manifest
// can say what a pod does, and another controller, which does nothing.
func images() map[string]nodelet.Program {
	all := programs().Images()
	for name, program := range all {
		if strings.HasPrefix(name, stage.AppImage+":") {
			program.Commands = map[string]string{"sh": "/bin/sh"}
			program.Env["PROGRAM"] = program.Path // For the shell to start.
			all[name] = program
		}
	}
	all[otherController+":*"] = nodelet.Program{Path: programs().App}
	return all
}

// otherController is the image of the controller that serves the same API.
const otherController = "flagger"

var installed struct {
	once sync.Once
	err  error
}

// setup returns the shared cluster with the product installed.
func setup(t testing.TB) *testbed.Cluster {
	t.Helper()
	c := testbed.Shared(t)
	installed.once.Do(func() {
		// Kinds that a canary may refer to are there before the agent, as they ought to be.
		if installed.err = stage.InstallKinds(context.Background(), c, stage.KEDA, stage.Knative); installed.err == nil {
			installed.err = stage.Install(context.Background(), c)
		}
	})
	if installed.err != nil {
		t.Fatal(installed.err)
	}
	return c
}

// scene is one application under load in a namespace of its own.
type scene struct {
	*testing.T
	ctx     context.Context
	cluster *testbed.Cluster
	app     stage.App
	record  *stage.Record
	load    *load.Generator
}

// rate of the load, in requests per second; with 20 requests in 200 ms the smallest step of 5 %
// is one request.
const rate = 100

// begin makes a namespace for the application and a record of its canary; nothing is applied yet.
func begin(t *testing.T, app stage.App) *scene {
	t.Helper()
	return open(t, app, false)
}

func open(t *testing.T, app stage.App, played bool) *scene {
	t.Helper()
	c := setup(t)
	house.enter(t, played)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	app.Namespace = c.Namespace(t)
	if app.Interval == "" {
		app.Interval = "3s"
	}
	if app.Provider == "" {
		app.Provider = "traefik"
	}
	s := &scene{T: t, ctx: ctx, cluster: c, app: app}
	var err error
	if s.record, err = stage.Watch(ctx, c, app.Namespace, "app"); err != nil {
		t.Fatal(err)
	}
	return s
}

// rehearse applies the application and waits until it is initialized; nobody uses it.
func rehearse(t *testing.T, app stage.App) *scene {
	t.Helper()
	s := begin(t, app)
	s.initialize()
	return s
}

func (s *scene) initialize() {
	s.Helper()
	if err := s.app.Apply(s.ctx, s.cluster); err != nil {
		s.Fatal(err)
	}
	s.until("Initialized", stage.InPhase(v1beta1.PhaseInitialized))
}

// play is rehearse with an audience: the application is under load.
func play(t *testing.T, app stage.App) *scene {
	t.Helper()
	s := open(t, app, true)
	s.initialize()
	err := s.app.WaitServing(s.ctx, s.cluster)
	if err != nil {
		t.Fatal(err)
	}
	if s.load, err = load.Start(s.ctx, load.Config{
		URL: stage.URL(s.cluster), Host: s.app.Host(), Rate: rate, Timeout: 5 * time.Second,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.load.Stop)
	return s
}

func (s *scene) until(what string, condition func(*v1beta1.Canary) bool) stage.Seen {
	s.Helper()
	seen, err := s.record.Until(s.ctx, what, condition)
	if err != nil {
		s.Fatal(err)
	}
	return seen
}

func (s *scene) release(version string) {
	s.Helper()
	if err := s.app.Release(s.ctx, s.cluster, version); err != nil {
		s.Fatal(err)
	}
}
