//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// weightsOf the services of a TraefikService, by name.
func weightsOf(route *unstructured.Unstructured) map[string]int64 {
	services, _, _ := unstructured.NestedSlice(route.Object, "spec", "weighted", "services")
	weights := map[string]int64{}
	for _, each := range services {
		service, _ := each.(map[string]any)
		name, _ := service["name"].(string)
		weights[name], _ = service["weight"].(int64)
	}
	return weights
}

// TestRouteDrift has somebody else write the route in mid-run: it is put back within a second, a
// condition and an event name the writer, the run goes on where it was, and no request fails.
func TestRouteDrift(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{Interval: "2s", Edit: steps(int64(20), int64(40))})
	s.release("python-2")
	s.until("20 %", atWeight(20))
	routes := s.dynamic().Resource(traefikServices).Namespace(s.app.Namespace)
	var route *unstructured.Unstructured
	s.eventually("20 % in the route", func() (err error) {
		// The agent notes the weight in the status before it writes the route.
		if route, err = routes.Get(s.ctx, "app", metav1.GetOptions{}); err != nil {
			return err
		}
		for _, weight := range weightsOf(route) {
			if weight == 20 {
				return nil
			}
		}
		return fmt.Errorf("weights %v", weightsOf(route))
	})
	wanted := weightsOf(route)
	services, _, _ := unstructured.NestedSlice(route.Object, "spec", "weighted", "services")
	for _, each := range services {
		service, _ := each.(map[string]any)
		service["weight"] = int64(50)
	}
	if err := unstructured.SetNestedSlice(route.Object, services, "spec", "weighted", "services"); err != nil {
		t.Fatal(err)
	}
	if _, err := routes.Update(s.ctx, route, metav1.UpdateOptions{FieldManager: "helm"}); err != nil {
		t.Fatal(err)
	}
	written := time.Now()
	s.eventually("the weights to be put back", func() error {
		route, err := routes.Get(s.ctx, "app", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for name, weight := range weightsOf(route) {
			if weight == 50 {
				return fmt.Errorf("%s still has 50, want %v", name, wanted)
			}
		}
		return nil
	})
	took := time.Since(written)
	t.Logf("put back after %s", took.Round(time.Millisecond))
	if took > time.Second {
		t.Errorf("put back after %s, want a second at most", took)
	}
	seen := s.until("the condition", func(c *v1beta1.Canary) bool { return conditionOf(c, v1beta1.ConditionRouteDrift) != nil })
	if c := conditionOf(seen.Canary, v1beta1.ConditionRouteDrift); c.Status != metav1.ConditionTrue || !containsAll(c.Message, "helm") {
		t.Errorf("condition %+v does not name the writer", c)
	}
	s.wantEvent("RouteDrift", "field manager helm")
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	if len(s.record.Last().Status.History) != 1 {
		t.Error("the drift began another run")
	}
	if c := conditionOf(s.record.Last(), v1beta1.ConditionRouteDrift); c != nil {
		t.Errorf("the condition stays after the route has been in order for an interval: %+v", c)
	}
	s.atEnd("python-2")
	s.noFailures(nil)
}
