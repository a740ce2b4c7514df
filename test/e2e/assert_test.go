//go:build linux

package e2e

import (
	"fmt"
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// eventually repeats a check until it returns nil.
func (s *scene) eventually(what string, check func() error) {
	s.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			s.Fatalf("waited for %s: %v", what, err)
		}
	}
}

// noFailures asserts that no request failed at the proxy; allowed says which failures the
// application was told to make.
func (s *scene) noFailures(allowed func(version string, status int) bool) {
	s.Helper()
	total, wanted := s.load.Stats().Total, 0
	for i, f := range s.load.Failures() {
		if allowed != nil && f.Err == nil && allowed(f.Version, f.Status) {
			wanted++
			continue
		}
		s.Errorf("request failed: %s", f)
		if i > 20 {
			break
		}
	}
	s.Logf("%d requests, %d failed on purpose", total, wanted)
	if total < rate {
		s.Errorf("only %d requests were made", total)
	}
}

// settle is how long a proxy and connections under way may take to follow a new weight.
const settle = 400 * time.Millisecond

// splitsAsWanted asserts, for every weight the canary had, that the proxy's answers were split
// by it while it was held. It returns the weights in order.
func (s *scene) splitsAsWanted(version string) []int32 {
	s.Helper()
	var weights []int32
	seen := s.record.All()
	for i := 0; i < len(seen); {
		status := seen[i].Canary.Status
		end := i + 1
		for end < len(seen) && seen[end].Canary.Status.CanaryWeight == status.CanaryWeight && seen[end].Canary.Status.Phase == status.Phase {
			end++
		}
		if status.Run != nil && (len(weights) == 0 || weights[len(weights)-1] != status.CanaryWeight) {
			weights = append(weights, status.CanaryWeight)
		}
		// While the primary is rolled, it answers with the new version too.
		if from := seen[i].At.Add(settle); status.Phase == v1beta1.PhaseProgressing && end < len(seen) && seen[end].At.Sub(from) > time.Second {
			stats := s.load.Window(from, seen[end].At)
			got := 100 * stats.Share(version)
			// Traefik deals the requests out by turns; what is left is the requests at the ends.
			tolerance := 1 + 100*2/math.Max(float64(stats.Total), 1)
			if math.Abs(got-float64(status.CanaryWeight)) > tolerance {
				s.Errorf("at weight %d the proxy sent %.1f%% of %d requests to %s", status.CanaryWeight, got, stats.Total, version)
			}
		}
		i = end
	}
	return weights
}

func (s *scene) deployment(name string) *appsv1.Deployment {
	s.Helper()
	d, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return d
}

// atEnd asserts the end state of the seed: app at 0/0, app-primary at 3/3 with the version, and
// the three Services.
func (s *scene) atEnd(version string) {
	s.Helper()
	s.eventually("app at 0/0", func() error {
		d := s.deployment("app")
		if *d.Spec.Replicas != 0 || d.Status.Replicas != 0 {
			return fmt.Errorf("app has %d of %d pods", d.Status.Replicas, *d.Spec.Replicas)
		}
		return nil
	})
	primary := s.deployment("app-primary")
	if *primary.Spec.Replicas != 3 || primary.Status.ReadyReplicas != 3 || primary.Status.UpdatedReplicas != 3 {
		s.Errorf("app-primary has %d ready and %d updated of %d pods, want 3/3",
			primary.Status.ReadyReplicas, primary.Status.UpdatedReplicas, *primary.Spec.Replicas)
	}
	if image := primary.Spec.Template.Spec.Containers[0].Image; image != stage.Image(version) {
		s.Errorf("app-primary runs %s, want %s", image, stage.Image(version))
	}
	for _, name := range []string{"app", "app-primary", "app-canary"} {
		svc, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{})
		if err != nil {
			s.Error(err)
			continue
		}
		want := "app-primary"
		if name == "app-canary" {
			want = "app"
		}
		if svc.Spec.Selector["app"] != want {
			s.Errorf("service %s selects %v, want app=%s", name, svc.Spec.Selector, want)
		}
	}
	if err := s.load.WaitShare(s.ctx, version, 1, 0, time.Second); err != nil {
		s.Error(err)
	}
}

// phases lists the phases in the order in which they were seen.
func (s *scene) phases() []v1beta1.CanaryPhase {
	var phases []v1beta1.CanaryPhase
	for _, seen := range s.record.All() {
		if p := seen.Canary.Status.Phase; len(phases) == 0 || phases[len(phases)-1] != p {
			phases = append(phases, p)
		}
	}
	return phases
}

// events lists the messages of the canary's Kubernetes events.
func (s *scene) events() []string {
	s.Helper()
	list, err := s.cluster.Client().CoreV1().Events(s.app.Namespace).List(s.ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Canary"})
	if err != nil {
		s.Fatal(err)
	}
	var out []string
	for _, e := range list.Items {
		out = append(out, e.Reason+": "+e.Message)
	}
	return out
}
