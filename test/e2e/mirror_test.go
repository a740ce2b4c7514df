//go:build linux

package e2e

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

var httpRoutes = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}

func mirrored(percent int64) func(spec map[string]any) {
	return func(spec map[string]any) {
		analysis := analysisOf(spec)
		analysis["mirror"] = true
		if percent > 0 {
			analysis["mirrorWeight"] = percent
		}
	}
}

// copies waits until the canary gets copies, counts for a second how many requests the canary got
// and how many there were, and asserts the share.
func (s *scene) copies(share float64) {
	s.Helper()
	s.eventually("copies", func() error {
		if s.requests("app") == 0 {
			return fmt.Errorf("the canary has got none")
		}
		return nil
	})
	before, begin := s.requests("app"), time.Now()
	s.pass(time.Second)
	got, all := s.requests("app")-before, s.load.Window(begin, time.Now()).Total
	s.Logf("the canary got %d of %d requests", got, all)
	if math.Abs(float64(got)-share*float64(all)) > 5 {
		s.Errorf("the canary got %d copies of %d requests, want %.0f %%", got, all, 100*share)
	}
}

// pass lets time pass under load.
func (s *scene) pass(d time.Duration) {
	s.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
		s.Fatal(s.ctx.Err())
	}
}

// notMirrored asserts that the route copies nothing.
func (s *scene) notMirrored() {
	s.Helper()
	s.eventually("the route to be without a mirror", func() error {
		route, err := s.dynamic().Resource(traefikServices).Namespace(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if mirroring, found, _ := unstructured.NestedMap(route.Object, "spec", "mirroring"); found {
			return fmt.Errorf("it has %v", mirroring)
		}
		return nil
	})
}

// TestMirror sends copies of all requests to the canary before it gets any of its own. The answers
// are the primary's, and with the first weight the copies end.
func TestMirror(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "4s", Edit: edits(steps(int64(30)), mirrored(0))})
	released := time.Now()
	s.release("python-2")
	s.until("the step with copies", mirrors)
	s.copies(1)
	weighted := s.until("30 %", atWeight(30))
	s.nobodyGot("python-2", s.load, released, weighted.At)
	s.notMirrored()
	s.pass(settle)
	before, begin := s.requests("app"), time.Now()
	s.pass(time.Second)
	got, answered := s.requests("app")-before, s.load.Window(begin, time.Now()).ByVersion["python-2"]
	if answered == 0 || got > answered+4 {
		t.Errorf("at 30 %% the canary got %d requests and answered %d: there still are copies", got, answered)
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	s.notMirrored()
	s.noFailures(nil)
	var planned []string
	for _, step := range s.record.Last().Status.Steps {
		planned = append(planned, fmt.Sprint(step.Weight, step.Mirror))
	}
	if want := []string{"0 true", "30 false"}; !slices.Equal(planned, want) {
		t.Errorf("steps %v, want %v", planned, want)
	}
	s.oneRun()
}

// mirrors is the condition of a step with copies.
func mirrors(c *v1beta1.Canary) bool {
	run := c.Status.Run
	return c.Status.Phase == v1beta1.PhaseProgressing && run != nil && run.Step > 0 && c.Status.Steps[run.Step-1].Mirror
}

// TestMirrorBlueGreen checks a version with copies of half of the requests, then with all of them.
func TestMirrorBlueGreen(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "4s", Edit: edits(iterations(1), mirrored(50))})
	released := time.Now()
	s.release("python-2")
	s.until("the step with copies", mirrors)
	s.copies(0.5)
	switched := s.until("the switch", atWeight(100))
	s.nobodyGot("python-2", s.load, released, switched.At)
	s.notMirrored()
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	s.notMirrored()
	s.noFailures(nil)
	s.oneRun()
}

// TestMirrorRefused asks for copies from a gateway that cannot make any and says so in its class:
// such a route would be answered with errors, so nothing is begun.
func TestMirrorRefused(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{Provider: "gatewayapi:v1", Replicas: 1, Edit: edits(iterations(2), mirrored(0))})
	if err := s.app.Apply(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	seen := s.until("the refusal", stalled("UnsupportedByGateway"))
	if m := seen.Canary.Status.Message; !containsAll(m, "spec.analysis.mirror", "HTTPRouteRequestMirror", "GatewayClass traefik") {
		t.Errorf("message %q does not say what is missing where", m)
	}
	s.untouched()
	routes, err := s.dynamic().Resource(httpRoutes).Namespace(s.app.Namespace).List(s.ctx, metav1.ListOptions{})
	if err != nil || len(routes.Items) > 0 {
		t.Errorf("%d routes were made: %v", len(routes.Items), err)
	}
}
