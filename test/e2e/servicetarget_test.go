//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// openServiceTarget makes a scene whose target is the Service app. It leads to the pods of the
// Deployment v1; those of v2 are there as well, and nobody scales either. The proxy leads to the apex.
func openServiceTarget(t *testing.T, app stage.App, apex string, played bool) *scene {
	t.Helper()
	edit := app.Edit
	app.Edit = edits(edit, func(spec map[string]any) {
		spec["targetRef"] = map[string]any{"apiVersion": "v1", "kind": "Service", "name": "app"}
		service, _ := spec["service"].(map[string]any)
		service["name"] = apex
	})
	s := open(t, app, played)
	for label, version := range map[string]string{"v1": "python-1", "v2": "python-2"} {
		s.apply(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - {name: app, image: %[2]q, env: [{name: PORT, value: "80"}], ports: [{containerPort: 80}]}
`, label, stage.Image(version)))
	}
	// What clients outside of the cluster have of the target is no business of the copies.
	s.apply(`
apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  type: NodePort
  selector: {app: v1}
  ports: [{name: http, port: 80, targetPort: 80}]
`)
	s.apply(fmt.Sprintf(`
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: app}
spec:
  routes: [{kind: Rule, match: %q, services: [{kind: TraefikService, name: %s}]}]
`, "Host(`"+s.app.Host()+"`)", apex))
	for _, name := range []string{"v1", "v2"} {
		s.eventually(name+" to be available", func() error {
			if n := s.deployment(name).Status.AvailableReplicas; n != 1 {
				return fmt.Errorf("it has %d pods", n)
			}
			return nil
		})
	}
	canary, err := s.app.Canary()
	if err != nil {
		t.Fatal(err)
	}
	s.apply(string(canary))
	s.until("Initialized", stage.InPhase(v1beta1.PhaseInitialized))
	return s
}

// patchService merges a patch into the target, as a user would.
func (s *scene) patchService(patch string) {
	s.Helper()
	_, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).
		Patch(s.ctx, "app", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "e2e"})
	if err != nil {
		s.Fatal(err)
	}
}

// lead changes where the target leads to.
func (s *scene) lead(label string) {
	s.Helper()
	s.patchService(fmt.Sprintf(`{"spec":{"selector":{"app":%q}}}`, label))
}

// wantLeads asserts where Services lead to, by name.
func (s *scene) wantLeads(want map[string]string) {
	s.Helper()
	for name, label := range want {
		if got := s.service(name).Spec.Selector; !maps.Equal(got, map[string]string{"app": label}) {
			s.Errorf("service %s selects %v, want app=%s", name, got, label)
		}
	}
}

// follows waits until a Service leads where the target was made to lead.
func (s *scene) follows(name, label string) {
	s.Helper()
	s.eventually(name+" to follow the target", func() error {
		if got := s.service(name).Spec.Selector["app"]; got != label {
			return fmt.Errorf("it leads to %s, want %s", got, label)
		}
		return nil
	})
}

// wantCopies asserts that the agent has made a Service for each side, reachable from inside of the
// cluster only, and neither a Service for the apex nor anything of the target's own.
func (s *scene) wantCopies(apex string, target *corev1.Service) {
	s.Helper()
	list, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).List(s.ctx, metav1.ListOptions{})
	if err != nil {
		s.Fatal(err)
	}
	var names []string
	for _, svc := range list.Items {
		names = append(names, svc.Name)
		if svc.Name == "app" {
			continue
		}
		if svc.Spec.Type != corev1.ServiceTypeClusterIP || svc.Spec.Ports[0].NodePort != 0 ||
			svc.Spec.ClusterIP == "" || svc.Spec.ClusterIP == target.Spec.ClusterIP || !ownedByCanary(&svc) {
			s.Errorf("service %s is of type %s, at %s, with node port %d, owned by %v", svc.Name, svc.Spec.Type, svc.Spec.ClusterIP, svc.Spec.Ports[0].NodePort, svc.OwnerReferences)
		}
	}
	if want := []string{"app", apex + "-canary", apex + "-primary"}; !slices.Equal(slices.Sorted(slices.Values(names)), want) {
		s.Errorf("services %v, want %v", names, want)
	}
}

// sameButSelector asserts that nobody but the user has written the target.
func (s *scene) sameButSelector(before *corev1.Service) {
	s.Helper()
	now := s.service("app")
	for _, entry := range now.ManagedFields {
		if entry.Manager == "canary-agent" {
			s.Errorf("the agent has written fields of the target: %s", entry.FieldsV1)
		}
	}
	if now.UID != before.UID || len(now.OwnerReferences) > 0 || !maps.Equal(now.Annotations, before.Annotations) {
		s.Errorf("the target is %+v, was %+v", now.ObjectMeta, before.ObjectMeta)
	}
}

// TestServiceTarget releases where a Service leads to: the canary's Service follows the target, the
// primary's is changed by the promotion, and nothing is scaled. Its apex has a name of its own, from
// which those of the Services are made.
func TestServiceTarget(t *testing.T) {
	t.Parallel()
	s := openServiceTarget(t, stage.App{Edit: steps(int64(20), int64(60))}, "shop", true)
	s.measure()
	target, primary := s.service("app"), s.service("shop-primary")
	s.wantCopies("shop", target)
	s.wantLeads(map[string]string{"app": "v1", "shop-canary": "v1", "shop-primary": "v1"})
	s.everybodyGets(s.load, "python-1")

	s.lead("v2")
	s.until("20 %", atWeight(20))
	s.follows("shop-canary", "v2") // The agent notes the weight in the status before it writes anything.
	s.until("60 %", atWeight(60))
	s.wantLeads(map[string]string{"shop-canary": "v2", "shop-primary": "v1"})
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.wantLeads(map[string]string{"app": "v2", "shop-canary": "v2", "shop-primary": "v2"})
	s.everybodyGets(s.load, "python-2")
	s.wantCopies("shop", target)
	s.sameButSelector(target)
	if now := s.service("shop-primary"); now.UID != primary.UID || now.Spec.ClusterIP != primary.Spec.ClusterIP {
		t.Errorf("the primary was made anew: %s at %s, was %s at %s", now.UID, now.Spec.ClusterIP, primary.UID, primary.Spec.ClusterIP)
	}
	if got, want := s.splitsAsWanted("python-2"), []int32{20, 60, 0}; !slices.Equal(got, want) {
		t.Errorf("weights %v, want %v", got, want)
	}
	s.oneRun()
	if st := s.record.Last().Status; st.LastAppliedSpec != st.LastPromotedSpec || st.Run.Outcome != v1beta1.OutcomePromoted {
		t.Errorf("applied %s, promoted %s, outcome %s", st.LastAppliedSpec, st.LastPromotedSpec, st.Run.Outcome)
	}
	for _, name := range []string{"v1", "v2"} {
		if d := s.deployment(name); d.Generation != 1 {
			t.Errorf("deployment %s was touched: generation %d", name, d.Generation)
		}
	}
	s.unrelatedChanges()

	// The route outlives the Canary and leads to the target.
	s.editCanary(`{"spec":{"revertOnDeletion":true}}`)
	s.eventually("the finalizer", func() error {
		if !slices.Contains(s.finalizers(), v1beta1.Finalizer) {
			return fmt.Errorf("there are %v", s.finalizers())
		}
		return nil
	})
	s.deleteCanary()
	s.canaryGone()
	s.pass(2 * time.Second)
	s.everybodyGets(s.load, "python-2")
	s.noFailures(nil)
}

// measure puts the application under the load by which splits are measured.
func (s *scene) measure() {
	s.Helper()
	err := s.app.WaitServing(s.ctx, s.cluster)
	if err != nil {
		s.Fatal(err)
	}
	if s.load, err = load.Start(s.ctx, load.Config{
		URL: stage.URL(s.cluster), Host: s.app.Host(), Rate: rate, Timeout: 5 * time.Second,
	}); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(s.load.Stop)
}

// unrelatedChanges asserts that what does not say where the target leads to starts no run.
func (s *scene) unrelatedChanges() {
	s.Helper()
	before := s.record.Last().Status
	s.patchService(`{"metadata":{"annotations":{"example.com/owner":"shop"},"labels":{"tier":"front"}}}`)
	s.patchService(`{"spec":{"sessionAffinity":"None","internalTrafficPolicy":"Local"}}`)
	const first, ports = 30000, 2768 // By default; the next one is taken by somebody else as good as never.
	next := first + (s.service("app").Spec.Ports[0].NodePort-first+1)%ports
	s.patchService(fmt.Sprintf(`{"spec":{"ports":[{"name":"http","port":80,"targetPort":80,"nodePort":%d}]}}`, next))
	s.editCanary(`{"spec":{"progressDeadlineSeconds":61}}`) // The agent looks at everything once more.
	s.pass(2 * time.Second)
	if now := s.record.Last().Status; now.Phase != v1beta1.PhaseSucceeded || len(now.History) != 1 || now.LastAppliedSpec != before.LastAppliedSpec {
		s.Errorf("phase %s, %d runs, applied %s, was %s: a change that says nothing about where the target leads to counts",
			now.Phase, len(now.History), now.LastAppliedSpec, before.LastAppliedSpec)
	}
}

// TestServiceTargetAbort aborts such a run, with an apex that has the name of the target as it is by
// default: everybody gets the old version, the target stays as its user wrote it, and going back and
// trying again works. In the end the Canary is deleted and the route leads to the target.
func TestServiceTargetAbort(t *testing.T) {
	t.Parallel()
	s := openServiceTarget(t, stage.App{Interval: "2s", Edit: edits(steps(int64(30), int64(60)), reverting)}, "app", false)
	s.admit()
	target := s.service("app")
	s.wantCopies("app", target)
	s.lead("v2")
	begun := s.until("30 %", atWeight(30)).At
	// Before the proxy has followed, an abort would show nothing: the old version answers everybody
	// then as well, and the first share comes late.
	s.eventually("python-2 to get its share", func() error {
		if s.load.Since(begun).ByVersion["python-2"] == 0 {
			return fmt.Errorf("it has answered nobody yet")
		}
		return nil
	})
	s.do("abort", "app", "-y", "--reason", "seen enough")
	s.until("Failed", stage.InPhase(v1beta1.PhaseFailed))
	s.everybodyGets(s.load, "python-1")
	back := time.Now() // How soon the proxy follows on a busy machine is what the benchmark measures.
	s.wantLeads(map[string]string{"app": "v2", "app-canary": "v2", "app-primary": "v1"})
	s.sameButSelector(target)
	s.pass(time.Second)
	s.nobodyGot("python-2", s.load, back, time.Now())

	s.lead("v1")
	s.follows("app-canary", "v1")
	s.until("the promoted revision", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseFailed && c.Status.LastAppliedSpec == c.Status.LastPromotedSpec
	})
	if got, want := s.outcomes(), []v1beta1.RunOutcome{v1beta1.OutcomeAborted}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v: going back to what is promoted is no release", got, want)
	}
	s.lead("v2")
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.everybodyGets(s.load, "python-2")
	s.wantLeads(map[string]string{"app": "v2", "app-canary": "v2", "app-primary": "v2"})

	s.deleteCanary()
	s.canaryGone()
	s.eventually("the primary to go", func() error {
		_, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).Get(s.ctx, "app-primary", metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is there: %w", err)
		}
		return nil
	})
	s.pass(2 * time.Second)
	s.everybodyGets(s.load, "python-2")
	s.wantLeads(map[string]string{"app": "v2"})
	s.noFailures(nil)
}

// TestServiceTargetWithoutRoute has a provider that moves clients by the selector of the apex Service.
// A target that is a Service has none, which is said, and nothing is made.
func TestServiceTargetWithoutRoute(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{Provider: v1beta1.ProviderKubernetes, Edit: edits(iterations(2), func(spec map[string]any) {
		spec["targetRef"] = map[string]any{"apiVersion": "v1", "kind": "Service", "name": "app"}
	})})
	s.apply(`
apiVersion: v1
kind: Service
metadata: {name: app}
spec:
  selector: {app: v1}
  ports: [{name: http, port: 80, targetPort: 80}]
`)
	canary, err := s.app.Canary()
	if err != nil {
		t.Fatal(err)
	}
	s.apply(string(canary))
	seen := s.until("the refusal", stalled("UnsupportedByProvider"))
	if m := seen.Canary.Status.Message; !containsAll(m, "spec.targetRef", "v1/Service", "provider kubernetes") {
		t.Errorf("message %q", m)
	}
	for _, name := range []string{"app-primary", "app-canary"} {
		if _, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("service %s was made: %v", name, err)
		}
	}
}
