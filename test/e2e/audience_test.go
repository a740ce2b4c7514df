//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// smallRate of the load of a scene that counts lost requests and sides, but not the exact split.
const smallRate = 40

// perform is rehearse with a small audience, which begins when the canary is initialized. As nobody
// measures how the proxy splits, many perform at a time.
func perform(t *testing.T, app stage.App) *scene {
	t.Helper()
	s := rehearse(t, app)
	s.atRest()
	s.admit()
	return s
}

// atRest waits until the target has no pods. Pods of the first version that end in the moment in which
// the canary gets its first traffic would lose a request if the proxy hears of it late, as in any
// rolling update.
func (s *scene) atRest() {
	s.Helper()
	s.eventually("app at 0/0", func() error {
		d, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil // The target is of another kind.
		}
		if err != nil {
			return err
		}
		return wantReplicas(d, 0)
	})
}

// admit puts the application under a small load.
func (s *scene) admit() {
	s.Helper()
	s.load = s.audience("", nil)
}

// audience sends requests with a query and a header to where users reach the application: through
// the proxy or, with provider kubernetes, through the apex Service.
func (s *scene) audience(query string, header http.Header) *load.Generator {
	s.Helper()
	if s.app.Provider != v1beta1.ProviderKubernetes {
		if err := s.app.WaitServing(s.ctx, s.cluster); err != nil {
			s.Fatal(err)
		}
		return s.send(load.Config{URL: stage.URL(s.cluster) + query, Host: s.app.Host(), Header: header})
	}
	return s.callers(header)
}

// callers are clients inside of the cluster, who use the apex Service. A Service distributes
// connections, so each request has one of its own.
func (s *scene) callers(header http.Header) *load.Generator {
	s.Helper()
	svc := s.service("app")
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Connection", "close")
	url := "http://" + svc.Spec.ClusterIP + "/"
	s.eventually("the Service app to serve", func() error {
		resp, err := http.Get(url)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	})
	return s.send(load.Config{URL: url, Header: header})
}

func (s *scene) send(config load.Config) *load.Generator {
	s.Helper()
	config.Rate, config.Timeout = smallRate, 5*time.Second
	g, err := load.Start(s.ctx, config)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(g.Stop)
	return g
}

// allServed asserts that no request of a load failed.
func (s *scene) allServed(who string, g *load.Generator) {
	s.Helper()
	for i, f := range g.Failures() {
		s.Errorf("request of %s failed: %s", who, f)
		if i > 20 {
			break
		}
	}
	total := g.Stats().Total
	s.Logf("%d requests of %s", total, who)
	if total < smallRate {
		s.Errorf("only %d requests of %s were made", total, who)
	}
}

// everybodyGets waits until all requests of a load are answered by one version.
func (s *scene) everybodyGets(g *load.Generator, version string) {
	s.Helper()
	if err := g.WaitShare(s.ctx, version, 1, 0, 500*time.Millisecond); err != nil {
		s.Fatal(err)
	}
}

// nobodyGot asserts that a version answered no request that was due between two moments.
func (s *scene) nobodyGot(version string, g *load.Generator, from, to time.Time) {
	s.Helper()
	if stats := g.Window(from, to); stats.ByVersion[version] > 0 || stats.Total == 0 {
		s.Errorf("%s answered %d of %d requests", version, stats.ByVersion[version], stats.Total)
	}
}

func (s *scene) service(name string) *corev1.Service {
	s.Helper()
	svc, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return svc
}

// pods with a value of the label app that are not about to go.
func (s *scene) pods(app string) []corev1.Pod {
	s.Helper()
	list, err := s.cluster.Client().CoreV1().Pods(s.app.Namespace).List(s.ctx, metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		s.Fatal(err)
	}
	var pods []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			pods = append(pods, pod)
		}
	}
	return pods
}

// requests is how many requests for / the pods with a value of the label app have got, copies
// included, by their own count.
func (s *scene) requests(app string) int {
	s.Helper()
	sum := 0
	for _, pod := range s.pods(app) {
		n, err := s.requestsOf(pod.Status.PodIP)
		if err != nil {
			s.Fatalf("metrics of pod %s: %v", pod.Name, err)
		}
		sum += n
	}
	return sum
}

func (s *scene) requestsOf(ip string) (int, error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, "http://"+ip+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	sum, lines := 0, bufio.NewScanner(resp.Body)
	for lines.Scan() {
		labels, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok || !strings.HasPrefix(labels, `http_request_duration_seconds_count{method="GET",path="root"`) {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return 0, fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		sum += n
	}
	return sum, lines.Err()
}

// primaryRuns asserts that the primary has a number of pods, all ready and of a version, and that
// the target is scaled down.
func (s *scene) primaryRuns(version string, pods int32) {
	s.Helper()
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
	primary := s.deployment("app-primary")
	if *primary.Spec.Replicas != pods || primary.Status.ReadyReplicas != pods || primary.Status.UpdatedReplicas != pods {
		s.Errorf("app-primary has %d ready and %d updated of %d pods, want %d",
			primary.Status.ReadyReplicas, primary.Status.UpdatedReplicas, *primary.Spec.Replicas, pods)
	}
	if image := primary.Spec.Template.Spec.Containers[0].Image; image != stage.Image(version) {
		s.Errorf("app-primary runs %s, want %s", image, stage.Image(version))
	}
}

// outcomes of the runs, the newest first.
func (s *scene) outcomes() []v1beta1.RunOutcome {
	var all []v1beta1.RunOutcome
	for _, run := range s.record.Last().Status.History {
		all = append(all, run.Outcome)
	}
	return all
}

// iterations makes a Blue/Green release out of the seed's steps or, with conditions, an A/B test.
// There are no metrics, so that every check passes.
func iterations(n int64, match ...any) func(spec map[string]any) {
	return func(spec map[string]any) {
		analysis := analysisOf(spec)
		for _, field := range []string{"stepWeight", "maxWeight", "metrics"} {
			delete(analysis, field)
		}
		analysis["iterations"] = n
		if len(match) > 0 {
			analysis["match"] = match
		}
	}
}
