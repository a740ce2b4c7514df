//go:build linux

package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
)

// pairs is how often each of two programs runs, one after the other.
const pairs = 15

// execute runs a program that has to succeed and says how long that took, and what it wrote to
// standard error.
func execute(ctx context.Context, b *testing.B, c *testbed.Cluster, home, program string, args ...string) (time.Duration, string) {
	b.Helper()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "KUBECONFIG=" + c.Kubeconfig}
	var said strings.Builder
	cmd.Stderr = &said
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	if err != nil {
		b.Fatalf("%s %s: %v: %s", filepath.Base(program), strings.Join(args, " "), err, said.String())
	}
	return wall, said.String()
}

// peak is the most memory that the plugin had, in megabytes.
func peak(ctx context.Context, b *testing.B, c *testbed.Cluster, home string, args ...string) float64 {
	b.Helper()
	_, said := execute(ctx, b, c, home, measure, append([]string{programs.Plugin}, args...)...)
	lines := strings.Split(strings.TrimSpace(said), "\n")
	bytes, err := strconv.ParseInt(lines[len(lines)-1], 10, 64)
	if err != nil {
		b.Fatalf("peak said %q: %v", said, err)
	}
	return float64(bytes) / 1e6
}

func median(runs []time.Duration) time.Duration {
	slices.Sort(runs)
	return runs[len(runs)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// BenchmarkList compares `kubectl canary list` of 300 canaries with `kubectl get canaries` of the same,
// alternating, with warm discovery caches: the ratio of the medians. First by themselves, then with
// 10,000 other objects in the namespace.
func BenchmarkList(b *testing.B) {
	c := cluster(b)
	namespace := c.Namespace(b)
	if err := stage.ScaleAgent(b.Context(), c, 0); err != nil { // Nobody else is to be busy.
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := stage.ScaleAgent(context.Background(), c, 1); err != nil {
			b.Error(err)
		}
	})
	canaries(b, c, namespace, 300)
	for _, beside := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("300-beside-%d", beside), func(b *testing.B) {
			crowd(b, c, namespace, beside)
			home := b.TempDir()
			for b.Loop() {
				var ours, theirs []time.Duration
				for range pairs + 1 {
					them, _ := execute(b.Context(), b, c, home, c.Program(binaries.Kubectl), "get", "canaries", "-n", namespace)
					us, _ := execute(b.Context(), b, c, home, programs.Plugin, "list", "-n", namespace)
					ours, theirs = append(ours, us), append(theirs, them)
				}
				us, them := median(ours[1:]), median(theirs[1:]) // The first pair warms the caches.
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(milliseconds(us), "ms-ours")
				b.ReportMetric(milliseconds(them), "ms-kubectl")
				b.ReportMetric(float64(us)/float64(them), "ratio")
				b.ReportMetric(peak(b.Context(), b, c, home, "list", "-n", namespace), "MB-peak")
			}
		})
	}
}

// BenchmarkVersion is the start and the end of the program, without a cluster.
func BenchmarkVersion(b *testing.B) {
	c := cluster(b)
	home := b.TempDir()
	for b.Loop() {
		var runs []time.Duration
		for range 2 * pairs {
			took, _ := execute(b.Context(), b, c, home, programs.Plugin, "version", "--client")
			runs = append(runs, took)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(milliseconds(median(runs)), "ms-start-to-exit")
		b.ReportMetric(peak(b.Context(), b, c, home, "version", "--client"), "MB-peak")
	}
}

// canaries makes canaries as they are after a run.
func canaries(b *testing.B, c *testbed.Cluster, namespace string, n int) {
	b.Helper()
	client, err := dynamic.NewForConfig(c.RESTConfig)
	if err != nil {
		b.Fatal(err)
	}
	resource := client.Resource(v1beta1.CanaryResource).Namespace(namespace)
	template, err := stage.App{Namespace: namespace, Provider: "traefik"}.Canary()
	if err != nil {
		b.Fatal(err)
	}
	atOnce(b, n, func(i int) error {
		u, err := finished(template, fmt.Sprintf("app-%03d", i))
		if err != nil {
			return err
		}
		status := u.Object["status"]
		made, err := resource.Create(b.Context(), u, metav1.CreateOptions{FieldManager: "kubectl"})
		if err != nil {
			return err
		}
		made.Object["status"] = status
		_, err = resource.UpdateStatus(b.Context(), made, metav1.UpdateOptions{FieldManager: "canary-agent"})
		return err
	})
}

// crowd makes objects of kinds that a careless plugin would list.
func crowd(b *testing.B, c *testbed.Cluster, namespace string, n int) {
	b.Helper()
	atOnce(b, n/2, func(i int) error {
		_, err := c.Client().CoreV1().Events(namespace).Create(b.Context(), &corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: fmt.Sprintf("event-%d", i), Namespace: namespace},
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: "other"},
			Reason:         "Other", Message: "something else", Type: corev1.EventTypeNormal,
		}, metav1.CreateOptions{})
		return err
	})
	atOnce(b, n/2, func(i int) error {
		_, err := c.Client().CoreV1().ConfigMaps(namespace).Create(b.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("config-%d", i)}, Data: map[string]string{"a": "b"},
		}, metav1.CreateOptions{})
		return err
	})
}

// atOnce calls f for 0 to n-1, sixteen at a time.
func atOnce(b *testing.B, n int, f func(int) error) {
	b.Helper()
	var all sync.WaitGroup
	places := make(chan struct{}, 16)
	errs := make(chan error, n)
	for i := range n {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if err := f(i); err != nil {
				errs <- err
			}
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		b.Fatal(err)
	}
}

// verbs are command lines whose requests are counted, in this order: the run is at a gate.
var verbs = []string{
	"list", "status app", "explain app", "history app", "events app", "logs app --from agent --tail 1",
	"gate list app", "wait app --for=phase=Progressing", "doctor", "version",
	"pause app", "resume app", "promote app --step -y", "abort app -y", "retry app -y",
	"set image app app=" + stage.AppImage + ":python-3 --dry-run=server",
}

// BenchmarkVerbRequests counts what each verb asks the API server for.
func BenchmarkVerbRequests(b *testing.B) {
	c := cluster(b)
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 3*time.Minute)
		defer cancel()
		app := stage.App{Namespace: c.Namespace(b), Interval: "60s", Provider: "traefik", Edit: stepWeights(20, 40, 60)}
		record, traffic := present(ctx, b, c, app)
		defer traffic.Stop()
		if err := app.Release(ctx, c, "python-2"); err != nil {
			b.Fatal(err)
		}
		if _, err := record.Until(ctx, "20 %", func(c *v1beta1.Canary) bool { return c.Status.CanaryWeight == 20 }); err != nil {
			b.Fatal(err)
		}
		home := b.TempDir()
		for _, verb := range verbs {
			args := append(strings.Fields(verb), "-n", app.Namespace)
			begin := time.Now()
			execute(ctx, b, c, home, programs.Plugin, args...)
			total, by, err := requests.count(begin, time.Now(), func(r request) bool {
				return strings.HasPrefix(r.UserAgent, "kubectl-canary/")
			})
			if err != nil {
				b.Fatal(err)
			}
			name, _, _ := strings.Cut(verb, " ")
			b.ReportMetric(float64(total), "requests-"+name)
			b.Logf("kubectl canary %s: %d requests\n%s", verb, total, list(by))
		}
		b.ReportMetric(0, "ns/op")
	}
}

// finished is a canary with the status of a run of ten steps that has succeeded.
func finished(template []byte, name string) (*unstructured.Unstructured, error) {
	u, err := object(template)
	if err != nil {
		return nil, err
	}
	u.SetName(name)
	var steps, samples []any
	for i := range 10 {
		at := time.Date(2026, 8, 1, 12, i, 0, 0, time.UTC).Format(time.RFC3339)
		steps = append(steps, map[string]any{"weight": int64(5 * (i + 1)), "state": "Passed", "startTime": at, "endTime": at})
		samples = append(samples, map[string]any{"time": at, "value": "99.95", "weight": int64(5 * (i + 1)), "verdict": "Pass"})
	}
	at := "2026-08-01T12:10:00Z"
	u.Object["status"] = map[string]any{
		"phase": "Succeeded", "canaryWeight": int64(0), "failedChecks": int64(0), "iterations": int64(0),
		"lastAppliedSpec": "rs:7c548cbb77", "lastPromotedSpec": "rs:7c548cbb77", "lastTransitionTime": at,
		"observedGeneration": int64(1), "message": "revision rs:7c548cbb77 is the primary's",
		"run": map[string]any{
			"id": "run-1", "revision": "rs:7c548cbb77", "startTime": at, "endTime": at, "outcome": "Promoted",
			"phaseStartTime": at, "step": int64(10), "checks": int64(10), "weight": int64(50),
		},
		"steps": steps,
		"measurements": []any{
			map[string]any{"metric": "request-success-rate", "unit": "percent", "min": "99", "samples": samples},
			map[string]any{"metric": "request-duration", "unit": "milliseconds", "max": "500", "samples": samples},
		},
		"conditions": []any{map[string]any{
			"type": "Promoted", "status": "True", "reason": "Succeeded", "lastUpdateTime": at, "lastTransitionTime": at,
			"message": "Canary analysis completed successfully, promotion finished.",
		}},
	}
	return u, nil
}

func object(text []byte) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	return u, yaml.Unmarshal(text, &u.Object)
}
