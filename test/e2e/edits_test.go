//go:build linux

package e2e

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// TestEditedProvider changes the traffic provider in mid-run: the run goes on with the old one to its
// end, which leaves the old route with all traffic on the primary, and only then the new one is used.
func TestEditedProvider(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "2s", Edit: steps(int64(30), int64(60))})
	s.release("python-2")
	s.until("30 %", atWeight(30))
	s.editCanary(`{"spec":{"provider":"kubernetes"}}`)
	s.until("60 %", atWeight(60))
	if bound := s.record.Last().Status.Bound; bound == nil || bound.Provider != "traefik" {
		t.Errorf("in mid-run the canary is bound to %+v", bound)
	}
	s.until("the new provider at rest", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseSucceeded && c.Status.Bound != nil && c.Status.Bound.Provider == "kubernetes"
	})
	s.oneRun()
	s.primaryRuns("python-2", 3)
	route, err := s.dynamic().Resource(traefikServices).Namespace(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{})
	if err != nil {
		t.Fatalf("the old route: %v", err)
	}
	services, _, err := unstructured.NestedSlice(route.Object, "spec", "weighted", "services")
	if err != nil || len(services) != 1 {
		t.Errorf("the old route has %v, %v; want the primary alone", services, err)
	}
	s.noFailures(nil)
}

// TestEditedTarget renames the target and the Service of a canary: nothing moves, and it goes on when
// the edit is taken back.
func TestEditedTarget(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "2s", Edit: steps(int64(50))})
	for _, tt := range []struct{ edit, back, path string }{
		{`{"spec":{"targetRef":{"name":"other"}}}`, `{"spec":{"targetRef":{"name":"app"}}}`, "spec.targetRef"},
		{`{"spec":{"service":{"name":"other"}}}`, `{"spec":{"service":{"name":null}}}`, "spec.service.name"},
	} {
		before := s.record.Len()
		s.editCanary(tt.edit)
		seen := s.after(before, "Rebound", stalled("Rebound"))
		if m := conditionOf(seen.Canary, v1beta1.ConditionStalled).Message; !containsAll(m, tt.path, "change it back") {
			t.Errorf("message %q, want one with %s", m, tt.path)
		}
		n := s.record.Len()
		s.editCanary(tt.back)
		s.after(n, "a canary without a problem", func(c *v1beta1.Canary) bool { return conditionOf(c, v1beta1.ConditionStalled) == nil })
	}
	s.release("python-2")
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.noFailures(nil)
}

// TestEditedSteps shortens and lengthens the steps in mid-run: what is done stays done.
func TestEditedSteps(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Replicas: 1, Interval: "2s", Edit: steps(int64(20), int64(40), int64(60), int64(80))})
	s.release("python-2")
	s.until("20 %", atWeight(20))
	s.editCanary(`{"spec":{"analysis":{"stepWeights":[10,30,50]}}}`)
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	var weights []int32
	for _, step := range s.record.Last().Status.Steps {
		if step.State != v1beta1.StepPassed {
			t.Errorf("step %+v", step)
		}
		weights = append(weights, step.Weight)
	}
	if len(weights) != 3 || weights[0] != 20 || weights[1] != 30 || weights[2] != 50 {
		t.Errorf("the steps were %v, want 20, 30, 50", weights)
	}
	s.oneRun()
}
