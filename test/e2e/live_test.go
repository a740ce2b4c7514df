//go:build linux

package e2e

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/livemetrics"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// meter measures with the rights of a user; "" is the administrator.
func (s *scene) meter(user string) *livemetrics.Meter {
	s.Helper()
	config := rest.CopyConfig(s.cluster.RESTConfig)
	config.Impersonate.UserName, config.QPS = user, -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		s.Fatal(err)
	}
	meter, err := livemetrics.New(livemetrics.Options{Config: config, Client: client})
	if err != nil {
		s.Fatal(err)
	}
	return meter
}

// bind gives a user a role in a namespace, until the test ends.
func (s *scene) bind(user, kind, role, namespace string) {
	s.Helper()
	rbac := s.cluster.Client().RbacV1().RoleBindings(namespace)
	binding, err := rbac.Create(s.ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{GenerateName: role + "-"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role},
	}, metav1.CreateOptions{})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = rbac.Delete(context.Background(), binding.Name, metav1.DeleteOptions{}) })
}

// releaseFailing releases a version of which this part of the requests fail.
func (s *scene) releaseFailing(version string, part float64) {
	s.Helper()
	s.patchTarget(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{
			"name": "app", "image": stage.Image(version),
			"env": []any{map[string]any{"name": "ERROR_RATE", "value": fmt.Sprint(part)}},
		}},
	}}}})
}

// window of the metrics, and what is left of a rate of the requests that were counted.
const (
	liveWindow    = 10 * time.Second
	liveTolerance = 6.0 // percent
)

// TestLiveValues measures between the checks, through the API server's proxy, while a third of the
// canary's requests fail: the values are near what the clients see. A viewer is told which right is
// missing, once, and measures when it is given.
func TestLiveValues(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{Interval: "120s", Replicas: 1, Edit: edits(steps(int64(50)), func(spec map[string]any) {
		analysis := analysisOf(spec)
		analysis["metrics"] = []any{
			map[string]any{"name": "request-success-rate", "interval": liveWindow.String(), "thresholdRange": map[string]any{"min": int64(99)}},
			map[string]any{"name": "request-duration", "interval": liveWindow.String(), "thresholdRange": map[string]any{"max": int64(500)}},
		}
	})})
	viewer := "vera-of-" + s.app.Namespace
	s.bind(viewer, "ClusterRole", "canary-viewer", s.app.Namespace)
	s.bind(viewer, "ClusterRole", "canary-viewer", stage.AgentNamespace)
	s.releaseFailing("python-2", 0.3)
	held := s.until("50 %", atWeight(50)).At

	s.seesTheTruth(s.meter(""), held)

	live := s.updates(s.meter(viewer))
	refused := `live values: you may not use services/proxy in namespace monitoring; a Role there with get on services/proxy of "http:prometheus:9090" gives it`
	if first, ok := <-live; !ok || first.Note != refused || len(first.Values) != 0 {
		t.Errorf("have %+v, want the note %q", first, refused)
	}
	if more, ok := <-live; ok {
		t.Errorf("have %+v after the refusal", more)
	}
	// The Role of docs/permissions.md.
	roles := s.cluster.Client().RbacV1().Roles("monitoring")
	role, err := roles.Create(s.ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "live-values-"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""}, Resources: []string{"services/proxy"}, ResourceNames: []string{"http:prometheus:9090"}, Verbs: []string{"get"},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = roles.Delete(context.Background(), role.Name, metav1.DeleteOptions{}) })
	s.bind(viewer, "Role", role.Name, "monitoring")
	s.eventually("the right to count", func() error {
		if live := s.meter(viewer).Measure(s.ctx, s.record.Last()); len(live.Values) != 2 || live.Note != "" {
			return fmt.Errorf("have %+v", live)
		}
		return nil
	})
	if now := s.record.Last().Status; len(now.Measurements) != 0 || now.Phase != v1beta1.PhaseProgressing {
		t.Errorf("the agent has checked, so this was not between checks: phase %s, measurements %+v", now.Phase, now.Measurements)
	}
}

// updates are the live values, until the test ends.
func (s *scene) updates(meter *livemetrics.Meter) <-chan source.Live {
	out := make(chan source.Live)
	go func() {
		defer close(out)
		for u := range meter.Run(s.ctx, s.app.Namespace, "app", time.Second) {
			if live, ok := u.(source.Live); ok {
				out <- live
			}
		}
	}()
	return out
}

// seesTheTruth compares live values with what the clients have seen in the same window. The weight has
// been held since a time.
func (s *scene) seesTheTruth(meter *livemetrics.Meter, held time.Time) {
	s.Helper()
	last := ""
	ctx, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	for u := range meter.Run(ctx, s.app.Namespace, "app", time.Second) {
		live, ok := u.(source.Live)
		if !ok || live.At.Before(held.Add(liveWindow+2*time.Second)) {
			continue
		}
		stats := s.load.Window(live.At.Add(-liveWindow), live.At)
		truth := 100 - 100*float64(stats.FailuresByVersion["python-2"])/math.Max(float64(stats.ByVersion["python-2"]), 1)
		last = fmt.Sprintf("truth %.1f %%, measured %s", truth, describe(live))
		if live.Note != "" || len(live.Values) != 2 || live.Values[0].Canary == nil || live.Values[0].Primary == nil || live.Values[1].Canary == nil {
			continue
		}
		rate, primary, duration := *live.Values[0].Canary, *live.Values[0].Primary, *live.Values[1].Canary
		if truth < 90 && math.Abs(rate-truth) <= liveTolerance && primary == 100 && duration > 0 && duration < 500 {
			s.Log(last)
			return
		}
	}
	s.Fatalf("no live value was near the truth; at last: %s", last)
}

func describe(live source.Live) string {
	out := []string{}
	for _, v := range live.Values {
		show := func(f *float64) string {
			if f == nil {
				return "none"
			}
			return fmt.Sprintf("%.2f", *f)
		}
		out = append(out, v.Metric+" canary "+show(v.Canary)+" primary "+show(v.Primary))
	}
	return strings.Join(append(out, live.Note), ", ")
}
