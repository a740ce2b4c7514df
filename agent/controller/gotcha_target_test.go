package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaB17TombstonesAreHandled proves that an object whose deletion the watch has missed is taken
// for deleted like any other: nothing of a canary goes on, and the owners of an object are woken.
func TestGotchaB17TombstonesAreHandled(t *testing.T) {
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	e, _ := r.index.get(nameOf("app"))
	gone := func(o any, name string) cache.DeletedFinalStateUnknown {
		return cache.DeletedFinalStateUnknown{Key: "test/" + name, Obj: o}
	}

	service := r.service("test", "app-canary")
	r.recent.wrote(objectKey{servicesResource, "test", "app-canary"}, service)
	before := r.passesOf("app")
	r.ownedHandler(servicesResource).OnDelete(gone(service, "app-canary"))
	eventually(t, "the owner of a Service is woken", func() bool { return r.passesOf("app") > before })
	r.recent.mu.Lock()
	if _, kept := r.recent.objects[objectKey{servicesResource, "test", "app-canary"}]; kept {
		t.Error("a deleted Service is remembered")
	}
	r.recent.mu.Unlock()
	// The key is all that a tombstone has for sure.
	before = r.passesOf("app")
	r.ownedHandler(deploymentsResource).OnDelete(cache.DeletedFinalStateUnknown{Key: "test/app-primary"})
	eventually(t, "the owner of a Deployment is woken", func() bool { return r.passesOf("app") > before })
	r.tracker.uses(nameOf("app"), []objectKey{{"ConfigMap", "test", "settings"}})
	before = r.passesOf("app")
	r.configHandler("ConfigMap").OnDelete(cache.DeletedFinalStateUnknown{Key: "test/settings"})
	eventually(t, "the user of a ConfigMap is woken", func() bool { return r.passesOf("app") > before })

	r.canaryHandler().OnDelete(gone(e.raw, "app"))
	if _, there := r.index.get(nameOf("app")); there || len(r.index.of(objectKey{deploymentsResource, "test", "app"})) > 0 {
		t.Error("a deleted canary is looked after")
	}
	if got := r.heard("app", "TargetLeftAtZero"); len(got) != 1 {
		t.Errorf("messages: %v", got)
	}
	api.asked()
	r.pass(t, "app")
	if asked := api.asked(); len(asked) > 0 {
		t.Errorf("requests for a deleted canary: %v", asked)
	}
}

// TestGotchaB24YoungerCanaryIsRefused proves that of two canaries with one target the older one is
// carried out, and the younger one does nothing and says why, for as long as there are two.
func TestGotchaB24YoungerCanaryIsRefused(t *testing.T) {
	old, young := canaryOf("app", nil), canaryOf("young", func(spec map[string]any) {
		spec["targetRef"].(map[string]any)["name"] = "app"
	})
	old.SetCreationTimestamp(metav1.NewTime(time.Unix(1000, 0)))
	young.SetCreationTimestamp(metav1.NewTime(time.Unix(2000, 0)))
	api := newAPIServer(t, deploymentObject("app"), young, old)
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	eventually(t, "the younger one is refused", func() bool {
		reason, message := r.condition("young", v1beta1.ConditionStalled)
		return reason == "TargetTaken" && strings.Contains(message, "canary app ")
	})
	eventually(t, "an event says so", func() bool { return len(r.heard("young", "TargetTaken")) == 1 })
	// A new revision is the older one's business.
	api.edit("deployments", "app", func(u *unstructured.Unstructured) { image(u, "app:2") })
	r.atRest(t, "app", v1beta1.PhaseSucceeded)
	if phase := r.phase("young"); phase == v1beta1.PhaseProgressing || phase == v1beta1.PhaseSucceeded {
		t.Errorf("the younger one is %s", phase)
	}
	if owners := api.find("deployments", "app-primary").GetOwnerReferences(); len(owners) != 1 || owners[0].Name != "app" {
		t.Errorf("the primary belongs to %v", owners)
	}
}

// TestGotchaA5NothingIsMadeForADeletedCanary proves that a canary that is being deleted, and has
// nothing left to be given back, gets nothing made or mended: the garbage collector would take it away.
func TestGotchaA5NothingIsMadeForADeletedCanary(t *testing.T) {
	const foreign = "example.com/hold"
	held := canaryOf("app", nil)
	held.SetFinalizers([]string{foreign})
	api := newAPIServer(t, deploymentObject("app"), held)
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	api.remove("canaries", "app")
	eventually(t, "the deletion is seen", func() bool {
		e, ok := r.index.get(nameOf("app"))
		return ok && e.canary.DeletionTimestamp != nil
	})
	for _, name := range []string{"app-primary"} {
		api.remove("deployments", name)
	}
	for _, name := range []string{"app", "app-primary", "app-canary"} {
		api.remove("services", name)
	}
	api.edit("deployments", "app", func(u *unstructured.Unstructured) { image(u, "app:2") })
	eventually(t, "the caches know", func() bool { return r.service("test", "app") == nil && r.service("test", "app-canary") == nil })
	for range 3 {
		r.pass(t, "app")
	}
	for _, name := range []string{"app-primary"} {
		if api.find("deployments", name) != nil {
			t.Errorf("deployment %s was made", name)
		}
	}
	if w := writes(api.asked()); len(w) > 0 {
		t.Errorf("written: %v", w)
	}
}

// TestGotchaA5RevertMakesNothingAnew proves it of a canary with revertOnDeletion: once its finalizer is
// gone nothing is written, although the garbage collector takes the primary and the Services away.
func TestGotchaA5RevertMakesNothingAnew(t *testing.T) {
	const foreign = "example.com/hold"
	canary := canaryOf("app", func(spec map[string]any) { spec["revertOnDeletion"] = true })
	canary.SetFinalizers([]string{foreign})
	api := newAPIServer(t, deploymentObject("app"), canary)
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	if got := api.find("canaries", "app").GetFinalizers(); !slices.Contains(got, v1beta1.Finalizer) || !slices.Contains(got, foreign) {
		t.Fatalf("finalizers %v", got)
	}
	api.remove("canaries", "app")
	eventually(t, "the finalizer is taken off", func() bool {
		return slices.Equal(api.find("canaries", "app").GetFinalizers(), []string{foreign})
	})
	if selector, _, _ := unstructured.NestedStringMap(api.find("services", "app").Object, "spec", "selector"); selector["app"] != "app" {
		t.Errorf("the apex Service selects %v", selector)
	}
	if replicas, _, _ := unstructured.NestedInt64(api.find("deployments", "app").Object, "spec", "replicas"); replicas != 2 {
		t.Errorf("the target has %d replicas", replicas)
	}
	api.asked()
	api.remove("deployments", "app-primary")
	api.remove("services", "app-primary")
	api.remove("services", "app-canary")
	eventually(t, "the caches know", func() bool { return r.service("test", "app-canary") == nil && r.service("test", "app-primary") == nil })
	for range 3 {
		r.pass(t, "app")
	}
	if w := writes(api.asked()); len(w) > 0 {
		t.Errorf("written: %v", w)
	}
}

// TestGotchaA18DeletionLeavesAWarning proves that whoever deletes a canary without revertOnDeletion is
// told that nothing serves any more, and that nobody is told so whose target has its pods.
func TestGotchaA18DeletionLeavesAWarning(t *testing.T) {
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil), deploymentObject("fresh"))
	r := start(t, api, &parts{}, nil)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	if replicas, _, _ := unstructured.NestedInt64(api.find("deployments", "app").Object, "spec", "replicas"); replicas != 0 {
		t.Fatalf("the target has %d replicas", replicas)
	}
	api.remove("canaries", "app")
	eventually(t, "there is a warning", func() bool { return len(r.heard("app", "TargetLeftAtZero")) == 1 })
	if text := r.heard("app", "TargetLeftAtZero")[0].Text; !strings.Contains(text, "deployment test/app") || !strings.Contains(text, "scale it up") {
		t.Errorf("the warning says %q", text)
	}
	// An invalid canary has never scaled anything down.
	api.put(canaryOf("fresh", func(spec map[string]any) { spec["service"] = map[string]any{"port": int64(-1)} }))
	eventually(t, "it is seen", func() bool { return r.passesOf("fresh") > 0 })
	api.remove("canaries", "fresh")
	eventually(t, "it is forgotten", func() bool { _, ok := r.index.get(nameOf("fresh")); return !ok })
	if got := r.heard("fresh", "TargetLeftAtZero"); len(got) > 0 {
		t.Errorf("warned of %v", got)
	}
}

// TestGotchaC1ReferencesAreCheckedAtUse proves that a canary that was let in without references to
// other namespaces does not get them by an edit.
func TestGotchaC1ReferencesAreCheckedAtUse(t *testing.T) {
	foreign := map[string]any{"name": "latency", "namespace": "other"}
	for field, value := range map[string]any{
		"metrics": []any{map[string]any{"name": "m", "interval": "1m", "templateRef": foreign}},
		"alerts":  []any{map[string]any{"name": "a", "severity": "info", "providerRef": foreign}},
	} {
		t.Run(field, func(t *testing.T) {
			api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
			r := start(t, api, &parts{}, func(c *Config) { c.NoCrossNamespaceRefs = true })
			r.atRest(t, "app", v1beta1.PhaseInitialized)
			api.edit("canaries", "app", func(u *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(u.Object, value, "spec", "analysis", field)
			})
			eventually(t, field+" are refused", func() bool {
				reason, message := r.condition("app", v1beta1.ConditionStalled)
				return reason == "CrossNamespaceReference" && strings.Contains(message, "spec.analysis."+field+"[0]")
			})
			// Nor does a revision roll out meanwhile.
			before := r.passesOf("app")
			api.edit("deployments", "app", func(u *unstructured.Unstructured) { image(u, "app:2") })
			eventually(t, "the revision is seen", func() bool { return r.passesOf("app") > before })
			r.pass(t, "app")
			if phase := r.phase("app"); phase != v1beta1.PhaseInitialized {
				t.Errorf("the canary is %s", phase)
			}
			api.edit("canaries", "app", func(u *unstructured.Unstructured) {
				unstructured.RemoveNestedField(u.Object, "spec", "analysis", field)
			})
			eventually(t, "it rolls out then", func() bool { return r.phase("app") == v1beta1.PhaseSucceeded })
		})
	}
}
