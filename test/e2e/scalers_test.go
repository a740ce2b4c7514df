//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// rehearseWith is rehearse with objects that the Canary or its workload refer to.
func rehearseWith(t *testing.T, app stage.App, objects string) *scene {
	t.Helper()
	s := begin(t, app)
	s.apply(objects)
	s.initialize()
	return s
}

// apply applies objects of a YAML text in the scene's namespace.
func (s *scene) apply(objects string) {
	s.Helper()
	if err := s.cluster.Apply(s.ctx, s.app.Namespace, []byte(objects)); err != nil {
		s.Fatal(err)
	}
}

func autoscaled(apiVersion, kind string) func(spec map[string]any) {
	return func(spec map[string]any) {
		spec["autoscalerRef"] = map[string]any{"apiVersion": apiVersion, "kind": kind, "name": "app"}
	}
}

func (s *scene) hpa(name string) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	return s.cluster.Client().AutoscalingV2().HorizontalPodAutoscalers(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{})
}

func (s *scene) patchHPA(patch string) {
	s.Helper()
	_, err := s.cluster.Client().AutoscalingV2().HorizontalPodAutoscalers(s.app.Namespace).
		Patch(s.ctx, "app", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "e2e"})
	if err != nil {
		s.Fatal(err)
	}
}

// limits waits until the primary's autoscaler has these.
func (s *scene) limits(least, most int32) {
	s.Helper()
	begin := time.Now()
	s.eventually(fmt.Sprintf("the primary's autoscaler to be from %d to %d", least, most), func() error {
		hpa, err := s.hpa("app-primary")
		if err != nil {
			return err
		}
		if hpa.Spec.MinReplicas == nil || *hpa.Spec.MinReplicas != least || hpa.Spec.MaxReplicas != most {
			return fmt.Errorf("it is from %v to %d", hpa.Spec.MinReplicas, hpa.Spec.MaxReplicas)
		}
		return nil
	})
	s.Logf("from %d to %d after %s", least, most, time.Since(begin).Round(time.Millisecond))
}

// TestHPA has a HorizontalPodAutoscaler and the real controller of it: the primary gets a copy that
// follows the target's at all times, but keeps the primary at the size it had while the canary has
// traffic; the canary begins with the least number of pods, and a promotion leaves the primary's
// number alone.
func TestHPA(t *testing.T) {
	t.Parallel()
	s := rehearseWith(t, stage.App{Interval: "2s", Edit: edits(
		steps(int64(20), int64(60)), autoscaled("autoscaling/v2beta2", v1beta1.AutoscalerHPA),
	)}, `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: app, labels: {team: blue}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  minReplicas: 2
  maxReplicas: 5
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}
`)
	s.limits(2, 5)
	copied, err := s.hpa("app-primary")
	if err != nil {
		t.Fatal(err)
	}
	if ref := copied.Spec.ScaleTargetRef; ref.Name != "app-primary" || ref.Kind != "Deployment" || copied.Labels["team"] != "blue" ||
		len(copied.Spec.Metrics) != 1 || !ownedByCanary(copied) {
		t.Errorf("copy %+v", copied)
	}
	s.patchHPA(`{"spec":{"maxReplicas":6}}`) // B19: not only at a promotion.
	s.limits(2, 6)
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })

	s.release("python-2")
	s.until("20 %", atWeight(20))
	if d := s.deployment("app"); *d.Spec.Replicas != 2 {
		t.Errorf("the canary has %d pods, want the 2 of minReplicas", *d.Spec.Replicas)
	}
	s.limits(3, 6)
	s.patchHPA(`{"spec":{"minReplicas":1,"maxReplicas":7}}`)
	s.limits(3, 7)
	s.until("60 %", atWeight(60))
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.limits(1, 7)
	s.primaryRuns("python-2", 3)
	s.oneRun()
}

func ownedByCanary(o metav1.Object) bool {
	owner := metav1.GetControllerOf(o)
	return owner != nil && owner.Kind == v1beta1.CanaryKind && owner.Name == "app"
}

var scaledObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}

// pausedReplicas is the annotation that stops KEDA.
const pausedReplicas = "autoscaling.keda.sh/paused-replicas"

func (s *scene) scaledObject(name string) (*unstructured.Unstructured, error) {
	return s.dynamic().Resource(scaledObjects).Namespace(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{})
}

// paused waits until the target's ScaledObject is, or is not, paused. The primary's never is (A13).
func (s *scene) paused(want bool) {
	s.Helper()
	s.eventually(fmt.Sprintf("paused %t", want), func() error {
		target, err := s.scaledObject("app")
		if err != nil {
			return err
		}
		if value, paused := target.GetAnnotations()[pausedReplicas]; paused != want || (paused && value != "0") {
			return fmt.Errorf("annotations %v", target.GetAnnotations())
		}
		return nil
	})
	s.neverPaused()
}

func (s *scene) neverPaused() {
	s.Helper()
	primary, err := s.scaledObject("app-primary")
	if err != nil {
		s.Fatal(err)
	}
	for key := range primary.GetAnnotations() {
		if strings.HasPrefix(key, "autoscaling.keda.sh/paused") {
			s.Errorf("the primary's ScaledObject is paused by %s", key)
		}
	}
}

// TestKEDA has a ScaledObject, and no KEDA, which is not needed to see what it is told: to leave the
// idle target at zero, to scale it during a run, and to scale the primary at all times.
func TestKEDA(t *testing.T) {
	t.Parallel()
	s := rehearseWith(t, stage.App{Interval: "2s", Edit: edits(
		steps(int64(50)), autoscaled("keda.sh/v1alpha1", v1beta1.AutoscalerScaledObject),
	)}, `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: app, annotations: {team: blue}}
spec:
  scaleTargetRef: {name: app, envSourceContainerName: app}
  minReplicaCount: 2
  maxReplicaCount: 4
  newerThanTheAgent: {kept: true}
  triggers:
  - type: prometheus
    metadata: {query: 'sum(rate(http_requests_total{app="app"}[1m]))'}
`)
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
	s.paused(true)
	s.copiedScaler()

	// The copy is made anew while the target's is paused.
	err := s.dynamic().Resource(scaledObjects).Namespace(s.app.Namespace).Delete(s.ctx, "app-primary", metav1.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.eventually("the copy to be made anew", func() error {
		primary, err := s.scaledObject("app-primary")
		if err == nil && primary.GetDeletionTimestamp() != nil {
			err = errors.New("it is about to go")
		}
		return err
	})
	s.copiedScaler()
	s.paused(true)

	s.release("python-2")
	s.until("50 %", atWeight(50))
	s.paused(false)
	if d := s.deployment("app"); *d.Spec.Replicas != 2 {
		t.Errorf("the canary has %d pods, want the 2 of minReplicaCount", *d.Spec.Replicas)
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.paused(true)
	s.primaryRuns("python-2", 3)
	target, err := s.scaledObject("app")
	if err != nil {
		t.Fatal(err)
	}
	if kept, _, _ := unstructured.NestedBool(target.Object, "spec", "newerThanTheAgent", "kept"); !kept || target.GetAnnotations()["team"] != "blue" {
		t.Errorf("the user's ScaledObject lost something: %v", target.Object)
	}
}

// copiedScaler asserts what is in the primary's ScaledObject.
func (s *scene) copiedScaler() {
	s.Helper()
	s.neverPaused()
	primary, err := s.scaledObject("app-primary")
	if err != nil {
		s.Fatal(err)
	}
	name, _, _ := unstructured.NestedString(primary.Object, "spec", "scaleTargetRef", "name")
	container, _, _ := unstructured.NestedString(primary.Object, "spec", "scaleTargetRef", "envSourceContainerName")
	triggers, _, _ := unstructured.NestedSlice(primary.Object, "spec", "triggers")
	if name != "app-primary" || container != "app" || len(triggers) != 1 || !ownedByCanary(primary) ||
		!strings.Contains(fmt.Sprint(triggers), `{app="app-primary"}`) {
		s.Errorf("copy %v", primary.Object)
	}
}
