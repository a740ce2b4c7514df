//go:build linux

package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

var (
	programs stage.Programs
	requests audit
	// measure is the program that measures the memory of another.
	measure string
	install struct {
		once sync.Once
		err  error
	}
)

// agentUser is who the agent is to the API server.
const agentUser = "system:serviceaccount:" + stage.AgentNamespace + ":canary-agent"

func TestMain(m *testing.M) {
	nodelet.PodInit()
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		fail(err)
	}
	programs = stage.In(filepath.Join(cache, "kubectl-canary", "bench"))
	if err := programs.Build(context.Background()); err != nil {
		fail(err)
	}
	measure = filepath.Join(cache, "kubectl-canary", "bench", "peak")
	if err := stage.BuildTest(context.Background(), "./bench/peak", measure); err != nil {
		fail(err)
	}
	dir := os.Getenv("BENCH_AUDIT_DIR")
	if dir == "" {
		// The outer process makes it and the inner one finds it.
		if dir, err = os.MkdirTemp("", "kubectl-canary-bench-"); err != nil {
			fail(err)
		}
		if err := os.Setenv("BENCH_AUDIT_DIR", dir); err != nil {
			fail(err)
		}
	}
	var args []string
	if requests, args, err = newAudit(dir); err != nil {
		fail(err)
	}
	testbed.Main(m, testbed.Options{Programs: programs.Images(), APIServerArgs: args, Clients: []string{binaries.Kubectl}})
}

func cluster(b *testing.B) *testbed.Cluster {
	b.Helper()
	c := testbed.Shared(b)
	install.once.Do(func() { install.err = stage.Install(context.Background(), c) })
	if install.err != nil {
		b.Fatal(install.err)
	}
	return c
}

// BenchmarkThreeStepRollout holds three steps for 10 s each, so 30 s of it are the steps.
func BenchmarkThreeStepRollout(b *testing.B) {
	rollout(b, "10s", 20, 40, 60)
}

// BenchmarkFiveStepRollout counts the requests of a five-step release; its time is the steps'.
func BenchmarkFiveStepRollout(b *testing.B) {
	rollout(b, "3s", 10, 20, 30, 40, 50)
}

func rollout(b *testing.B, interval string, weights ...int64) {
	c := cluster(b)
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 3*time.Minute)
		defer cancel()
		app := stage.App{Namespace: c.Namespace(b), Interval: interval, Provider: "traefik", Edit: stepWeights(weights...)}
		release(ctx, b, c, app)
	}
}

// stepWeights replaces the steps of the seed.
func stepWeights(weights ...int64) func(spec map[string]any) {
	return func(spec map[string]any) {
		analysis, _ := spec["analysis"].(map[string]any)
		delete(analysis, "stepWeight")
		delete(analysis, "maxWeight")
		steps := make([]any, len(weights))
		for i, w := range weights {
			steps[i] = w
		}
		analysis["stepWeights"] = steps
	}
}

// present brings the application up and puts it under load.
func present(ctx context.Context, b *testing.B, c *testbed.Cluster, app stage.App) (*stage.Record, *load.Generator) {
	b.Helper()
	record, err := stage.Watch(ctx, c, app.Namespace, "app")
	if err != nil {
		b.Fatal(err)
	}
	if err := app.Apply(ctx, c); err != nil {
		b.Fatal(err)
	}
	if _, err := record.Until(ctx, "Initialized", stage.InPhase(v1beta1.PhaseInitialized)); err != nil {
		b.Fatal(err)
	}
	if err := app.WaitServing(ctx, c); err != nil {
		b.Fatal(err)
	}
	if err := app.WaitScaledDown(ctx, c); err != nil {
		b.Fatal(err)
	}
	traffic, err := load.Start(ctx, load.Config{URL: stage.URL(c), Host: app.Host(), Rate: 100, Timeout: 5 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	if err := traffic.WaitShare(ctx, "python-1", 1, 0, time.Second); err != nil {
		b.Fatal(err)
	}
	return record, traffic
}

func release(ctx context.Context, b *testing.B, c *testbed.Cluster, app stage.App) {
	b.Helper()
	record, traffic := present(ctx, b, c, app)
	defer traffic.Stop()
	begin := time.Now()
	if err := app.Release(ctx, c, "python-2"); err != nil {
		b.Fatal(err)
	}
	done, err := record.Until(ctx, "Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	if err != nil {
		b.Fatal(err)
	}
	var lastOld time.Time
	for _, s := range traffic.Samples(begin, time.Time{}) {
		if s.Version == "python-1" {
			lastOld = s.Time
		}
	}
	if err := app.WaitScaledDown(ctx, c); err != nil {
		b.Fatal(err)
	}
	total, by, err := requests.requests(agentUser, app.Namespace, begin, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	if n := len(traffic.Failures()); n > 0 {
		b.Errorf("%d requests failed, the first: %s", n, traffic.Failures()[0])
	}
	b.ReportMetric(0, "ns/op") // One release is one operation; the figures below are what counts.
	b.ReportMetric(lastOld.Sub(begin).Seconds(), "s-to-all-traffic-on-new")
	b.ReportMetric(done.At.Sub(begin).Seconds(), "s-to-Succeeded")
	b.ReportMetric(float64(total), "API-requests")
	b.Logf("requests of the agent at the API server:\n%s", list(by))
}
