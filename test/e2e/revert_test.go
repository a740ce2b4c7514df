//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

func reverting(spec map[string]any) { spec["revertOnDeletion"] = true }

func (s *scene) finalizers() []string {
	s.Helper()
	u, err := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return u.GetFinalizers()
}

func (s *scene) deleteCanary() {
	s.Helper()
	err := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace).Delete(s.ctx, "app", metav1.DeleteOptions{})
	if err != nil {
		s.Fatal(err)
	}
}

// canaryGone waits until the Canary is not there any more.
func (s *scene) canaryGone() {
	s.Helper()
	begin := time.Now()
	s.eventually("the Canary to go", func() error {
		u, err := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		message, _ := u.Object["status"].(map[string]any)["message"].(string)
		return fmt.Errorf("it is there, with finalizers %v: %s", u.GetFinalizers(), message)
	})
	s.Logf("gone after %s", time.Since(begin).Round(time.Millisecond))
}

// TestRevert deletes a Canary with revertOnDeletion under load: the target serves as before the
// Canary was there, the route and the apex Service outlive it, the primary goes, and no request
// fails, neither of those who come through the proxy nor of those who use the Service.
func TestRevert(t *testing.T) {
	t.Parallel()
	for provider, routes := range map[string]schema.GroupVersionResource{"traefik": traefikServices, "gatewayapi:v1": httpRoutes} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			s := perform(t, stage.App{Provider: provider, Edit: edits(steps(int64(50)), reverting)})
			callers := s.callers(nil)
			s.eventually("the finalizer", func() error {
				if !slices.Contains(s.finalizers(), v1beta1.Finalizer) {
					return fmt.Errorf("there are %v", s.finalizers())
				}
				return nil
			})
			s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
			s.deleteCanary()
			s.canaryGone()
			if d := s.deployment("app"); *d.Spec.Replicas != 3 || d.Status.AvailableReplicas != 3 {
				t.Errorf("the target has %d of %d pods, want 3", d.Status.AvailableReplicas, *d.Spec.Replicas)
			}
			if svc := s.service("app"); svc.Spec.Selector["app"] != "app" || len(svc.OwnerReferences) > 0 {
				t.Errorf("the apex Service selects %v and is owned by %v", svc.Spec.Selector, svc.OwnerReferences)
			}
			route, err := s.dynamic().Resource(routes).Namespace(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{})
			if err != nil || len(route.GetOwnerReferences()) > 0 {
				t.Errorf("route %v, %v; want one without owners", route, err)
			}
			s.eventually("the primary to go", func() error {
				if n := len(s.pods("app-primary")); n > 0 {
					return fmt.Errorf("it has %d pods", n)
				}
				_, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Get(s.ctx, "app-primary", metav1.GetOptions{})
				if !apierrors.IsNotFound(err) {
					return fmt.Errorf("it is there: %w", err)
				}
				return nil
			})
			s.pass(4 * time.Second) // The pods of the primary serve for three more.
			s.everybodyGets(s.load, "python-1")
			s.allServed("users", s.load)
			s.allServed("callers of the Service", callers)
		})
	}
}

// TestRevertMidRun deletes the Canary while the canary has traffic.
func TestRevertMidRun(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "10s", Edit: edits(steps(int64(50)), reverting)})
	s.release("python-2")
	s.until("50 %", atWeight(50))
	s.deleteCanary()
	s.wantEvent("UnpromotedTarget", "never promoted")
	s.canaryGone()
	s.everybodyGets(s.load, "python-2")
	s.pass(4 * time.Second)
	s.everybodyGets(s.load, "python-2")
	s.noFailures(nil)
}

// TestRevertMissingTarget has no target to restore: the deletion does not hang on it.
func TestRevertMissingTarget(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Replicas: 1, Edit: edits(steps(int64(50)), reverting)})
	err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Delete(s.ctx, "app", metav1.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.until("the missing target to be noticed", stalled("TargetNotFound"))
	s.deleteCanary()
	s.canaryGone()
	s.wantEvent("Terminated", "target is gone")
}

// TestRevertSwitchedOff takes revertOnDeletion back: the finalizer goes at once, and the deletion
// leaves the target at zero, as it says in a warning.
func TestRevertSwitchedOff(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Replicas: 1, Edit: edits(steps(int64(50)), reverting)})
	s.editCanary(`{"spec":{"revertOnDeletion":false}}`)
	s.eventually("the finalizer to go", func() error {
		if slices.Contains(s.finalizers(), v1beta1.Finalizer) {
			return fmt.Errorf("there are %v", s.finalizers())
		}
		return nil
	})
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
	s.deleteCanary()
	s.canaryGone()
	s.wantEvent("TargetLeftAtZero", s.app.Namespace+"/app has no pods")
	if d := s.deployment("app"); *d.Spec.Replicas != 0 {
		t.Errorf("the target has %d pods without revertOnDeletion", *d.Spec.Replicas)
	}
	s.eventually("the primary to go", func() error {
		_, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Get(s.ctx, "app-primary", metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is there: %w", err)
		}
		return nil
	})
}
