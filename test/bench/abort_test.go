//go:build linux

package bench

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// BenchmarkAbort measures the time from the start of `kubectl canary abort` to the last answer that
// the proxy's clients got from the canary.
func BenchmarkAbort(b *testing.B) {
	c := cluster(b)
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
		defer cancel()
		app := stage.App{Namespace: c.Namespace(b), Interval: "5s", Provider: "traefik", Edit: stepWeights(50)}
		record, traffic := present(ctx, b, c, app)
		defer traffic.Stop()
		if err := app.Release(ctx, c, "python-2"); err != nil {
			b.Fatal(err)
		}
		if _, err := record.Until(ctx, "50 %", func(c *v1beta1.Canary) bool { return c.Status.CanaryWeight == 50 }); err != nil {
			b.Fatal(err)
		}
		if err := traffic.WaitShare(ctx, "python-2", 0.5, 0.1, time.Second); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		cmd := exec.CommandContext(ctx, programs.Plugin, "abort", "app", "-y", "-n", app.Namespace)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("abort: %v\n%s", err, out)
		}
		answered := time.Since(begin)
		if err := traffic.WaitShare(ctx, "python-1", 1, 0, time.Second); err != nil {
			b.Fatal(err)
		}
		last := begin
		for _, s := range traffic.Samples(begin, time.Time{}) {
			if s.Version == "python-2" {
				last = s.Time
			}
		}
		if n := len(traffic.Failures()); n > 0 {
			b.Errorf("%d requests failed, the first: %s", n, traffic.Failures()[0])
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(last.Sub(begin).Milliseconds()), "ms-to-0%-at-the-proxy")
		b.ReportMetric(float64(answered.Milliseconds()), "ms-to-answer")
	}
}
