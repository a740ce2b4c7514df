//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

var traefikServices = schema.GroupVersionResource{Group: "traefik.io", Version: "v1alpha1", Resource: "traefikservices"}

// analysisOf is the analysis in the spec of a Canary, to be edited.
func analysisOf(spec map[string]any) map[string]any {
	analysis, _ := spec["analysis"].(map[string]any)
	return analysis
}

// steps makes a short run out of the seed's: these weights, and no metrics, so that every check
// passes.
func steps(weights ...any) func(spec map[string]any) {
	return func(spec map[string]any) {
		analysis := analysisOf(spec)
		delete(analysis, "stepWeight")
		delete(analysis, "maxWeight")
		delete(analysis, "metrics")
		analysis["stepWeights"] = weights
	}
}

// edits makes one edit out of several.
func edits(all ...func(spec map[string]any)) func(spec map[string]any) {
	return func(spec map[string]any) {
		for _, edit := range all {
			edit(spec)
		}
	}
}

// after waits for a status that was not seen before the first n.
func (s *scene) after(n int, what string, condition func(*v1beta1.Canary) bool) stage.Seen {
	s.Helper()
	seen, err := s.record.After(s.ctx, n, what, condition)
	if err != nil {
		s.Fatal(err)
	}
	return seen
}

func (s *scene) dynamic() dynamic.Interface {
	s.Helper()
	client, err := dynamic.NewForConfig(s.cluster.RESTConfig)
	if err != nil {
		s.Fatal(err)
	}
	return client
}

// patchTarget merges a patch into the target, as a user would.
func (s *scene) patchTarget(patch map[string]any) {
	s.Helper()
	content, err := json.Marshal(patch)
	if err != nil {
		s.Fatal(err)
	}
	_, err = s.cluster.Client().AppsV1().Deployments(s.app.Namespace).
		Patch(s.ctx, "app", types.StrategicMergePatchType, content, metav1.PatchOptions{FieldManager: "e2e"})
	if err != nil {
		s.Fatal(err)
	}
}

// setImage sets the image of the target to any reference.
func (s *scene) setImage(image string) {
	s.Helper()
	s.patchTarget(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "app", "image": image}},
	}}}})
}

// stalled is the condition of being stalled for a reason.
func stalled(reason string) func(*v1beta1.Canary) bool {
	return func(c *v1beta1.Canary) bool {
		condition := conditionOf(c, v1beta1.ConditionStalled)
		return condition != nil && condition.Status == metav1.ConditionTrue && condition.Reason == reason
	}
}

func conditionOf(c *v1beta1.Canary, t v1beta1.ConditionType) *v1beta1.CanaryCondition {
	i := slices.IndexFunc(c.Status.Conditions, func(c v1beta1.CanaryCondition) bool { return c.Type == t })
	if i < 0 {
		return nil
	}
	return &c.Status.Conditions[i]
}

// lastRun is the record of the run that ended last.
func (s *scene) lastRun() v1beta1.RunRecord {
	s.Helper()
	history := s.record.Last().Status.History
	if len(history) == 0 {
		s.Fatal("there is no finished run")
	}
	return history[0]
}

// wantEvent waits until there is an event with all of the texts.
func (s *scene) wantEvent(texts ...string) {
	s.Helper()
	s.eventually("an event with "+strings.Join(texts, ", "), func() error {
		events := s.events()
		for _, event := range events {
			if containsAll(event, texts...) {
				return nil
			}
		}
		return fmt.Errorf("there are only:\n%s", strings.Join(events, "\n"))
	})
}

func containsAll(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// untouched asserts that the agent has made nothing and that the target is as it was applied.
func (s *scene) untouched() {
	s.Helper()
	services, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).List(s.ctx, metav1.ListOptions{})
	if err != nil {
		s.Fatal(err)
	}
	for _, svc := range services.Items {
		s.Errorf("service %s was created", svc.Name)
	}
	routes, err := s.dynamic().Resource(traefikServices).Namespace(s.app.Namespace).List(s.ctx, metav1.ListOptions{})
	if err != nil {
		s.Fatal(err)
	}
	for _, route := range routes.Items {
		s.Errorf("route %s was created", route.GetName())
	}
	deployments, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).List(s.ctx, metav1.ListOptions{})
	if err != nil {
		s.Fatal(err)
	}
	for _, d := range deployments.Items {
		if d.Name != "app" || d.Generation != 1 {
			s.Errorf("deployment %s is at generation %d with %d replicas; want app, untouched", d.Name, d.Generation, *d.Spec.Replicas)
		}
	}
}

// editCanary merges a patch into the Canary and waits until the agent has looked at the result, so
// that all that it did before has been done.
func (s *scene) editCanary(patch string) {
	s.Helper()
	u, err := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace).
		Patch(s.ctx, "app", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "e2e"})
	if err != nil {
		s.Fatal(err)
	}
	s.until("the agent to see the edit", func(c *v1beta1.Canary) bool { return c.Status.ObservedGeneration >= u.GetGeneration() })
}

// listen opens a port that pods can reach. Loopback addresses would be refused by the agent.
func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	if address == "" {
		address = "10.244.255.1:0"
	}
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// manifest makes an object out of what App renders.
func (s *scene) manifest() *unstructured.Unstructured {
	s.Helper()
	text, err := s.app.Canary()
	if err != nil {
		s.Fatal(err)
	}
	return decode(s, text)
}

func wantReplicas(d *appsv1.Deployment, n int32) error {
	if *d.Spec.Replicas != n || d.Status.Replicas != n {
		return fmt.Errorf("deployment %s has %d of %d pods, want %d", d.Name, d.Status.Replicas, *d.Spec.Replicas, n)
	}
	return nil
}
