package controller

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func configMap(name, value string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": name, "namespace": "test"},
		"data":     map[string]any{"value": value},
	}}
}

// configured is a Deployment that uses the ConfigMap settings, and the ConfigMap extra if there is one.
func configured() *unstructured.Unstructured {
	u := deploymentObject("app")
	_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"name": "app", "image": "app:1", "envFrom": []any{
		map[string]any{"configMapRef": map[string]any{"name": "settings"}},
		map[string]any{"configMapRef": map[string]any{"name": "extra", "optional": true}},
	}}}, "spec", "template", "spec", "containers")
	return u
}

func tracking(c *Config) { c.TrackConfigs = true }

// look observes a canary beside the controller's own passes.
func (r *running) look(t *testing.T) *world {
	t.Helper()
	e, ok := r.index.get(nameOf("app"))
	if !ok {
		t.Fatal("the canary is not known")
	}
	return r.observe(t.Context(), e)
}

func (r *running) suspend(t *testing.T, name string) {
	t.Helper()
	r.api.edit("canaries", name, func(u *unstructured.Unstructured) { _ = unstructured.SetNestedField(u.Object, true, "spec", "suspend") })
	eventually(t, "it is suspended", func() bool { e, _ := r.index.get(nameOf(name)); return e.canary.Spec.Suspend })
	time.Sleep(100 * time.Millisecond)
	r.pass(t, name)
	r.api.asked()
}

// TestConfigsWakeTheirCanaries proves that a change of a config wakes the canary and is a new revision,
// that a change of its metadata is none, and that the primary has a copy of its own.
func TestConfigsWakeTheirCanaries(t *testing.T) {
	api := newAPIServer(t, configMap("settings", "one"), configured(), canaryOf("app", nil))
	r := start(t, api, &parts{}, tracking)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	if copied := api.find("configmaps", "settings-primary"); copied == nil || copied.Object["data"].(map[string]any)["value"] != "one" {
		t.Errorf("the primary's copy is %v", copied)
	}
	r.suspend(t, "app")
	before := r.look(t).Target
	if len(before.Configs) != 1 || !strings.Contains(before.Revision, "+") {
		t.Errorf("tracked: %v, revision %s", before.Configs, before.Revision)
	}
	passes := r.passesOf("app")
	api.edit("configmaps", "settings", func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"value": "two"} })
	eventually(t, "the canary is woken", func() bool { return r.passesOf("app") > passes })
	r.pass(t, "app")
	after := r.look(t).Target
	if template, _, _ := strings.Cut(after.Revision, "+"); after.Revision == before.Revision || !strings.HasPrefix(before.Revision, template+"+") {
		t.Errorf("revision %s, before %s", after.Revision, before.Revision)
	}
	// Metadata alone is read, and is no change.
	api.edit("configmaps", "settings", func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"x": "y"}) })
	time.Sleep(50 * time.Millisecond)
	r.pass(t, "app")
	if got := r.look(t).Target.Revision; got != after.Revision {
		t.Errorf("a label made a revision: %s, before %s", got, after.Revision)
	}
}

// TestConfigReadErrorIsNoChange proves that a config that cannot be read makes the revision unknown: no
// run is started for it and none is lost.
func TestConfigReadErrorIsNoChange(t *testing.T) {
	api := newAPIServer(t, configMap("settings", "one"), configured(), canaryOf("app", nil))
	r := start(t, api, &parts{}, tracking)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	status := http.StatusInternalServerError
	api.disturb(func(method, path string) int {
		if method == http.MethodGet && strings.HasSuffix(path, "/configmaps/settings") {
			return status
		}
		return 0
	})
	before := r.passesOf("app")
	api.edit("configmaps", "settings", func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"value": "two"} })
	eventually(t, "the canary is woken", func() bool { return r.passesOf("app") > before })
	r.pass(t, "app")
	if w := r.look(t); w.Target.Observed || len(w.Problems) > 0 || r.phase("app") != v1beta1.PhaseInitialized {
		t.Errorf("observed %t, problems %v, phase %s", w.Target.Observed, w.Problems, r.phase("app"))
	}
	// What will not change by itself is told.
	api.mu.Lock()
	status = http.StatusForbidden
	api.mu.Unlock()
	if w := r.look(t); w.Target.Observed || len(w.Problems) != 1 || w.Problems[0].Reason != "ConfigsUnreadable" {
		t.Errorf("observed %t, problems %v", w.Target.Observed, w.Problems)
	}
	api.disturb(nil)
	r.pass(t, "app")
	eventually(t, "the run goes through", func() bool { return r.phase("app") == v1beta1.PhaseSucceeded })
	if copied := api.find("configmaps", "settings-primary"); copied.Object["data"].(map[string]any)["value"] != "two" {
		t.Errorf("the primary's copy is %v", copied.Object["data"])
	}
}

// TestMissingConfigs proves that an optional config that is missing is none, that a mandatory one is a
// fact that changes when it comes, and that no primary is made without it.
func TestMissingConfigs(t *testing.T) {
	api := newAPIServer(t, configured(), canaryOf("app", nil))
	r := start(t, api, &parts{}, tracking)
	eventually(t, "it is looked at", func() bool { return r.passesOf("app") > 1 })
	w := r.look(t)
	if len(w.Target.Configs) != 1 || w.Target.Configs["configmap/settings"] != missingDigest {
		t.Errorf("tracked %v", w.Target.Configs)
	}
	if api.find("deployments", "app-primary") != nil {
		t.Error("a primary was made that cannot start")
	}
	without := w.Target.Revision
	api.put(configMap("settings", "one"))
	eventually(t, "the revision changes", func() bool { return r.look(t).Target.Revision != without })
	eventually(t, "the canary is initialized", func() bool { r.queue.Add(nameOf("app")); return r.phase("app") == v1beta1.PhaseInitialized })
	r.suspend(t, "app")
	without = r.look(t).Target.Revision
	api.put(configMap("extra", "more"))
	eventually(t, "an optional config that comes is a change", func() bool {
		got := r.look(t).Target
		return got.Revision != without && len(got.Configs) == 2
	})
}

// TestCopiesAreWhatWasAnalysed proves that nothing is copied when a config is not the one that the
// revision was analysed with.
func TestCopiesAreWhatWasAnalysed(t *testing.T) {
	api := newAPIServer(t, configMap("settings", "one"), configured(), canaryOf("app", nil))
	r := start(t, api, &parts{}, tracking)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	r.suspend(t, "app")
	w := r.look(t)
	analysed := rollout.CopyToPrimary{Revision: w.Target.Revision, Generation: w.Target.Generation, RunID: "r", Replicas: 2}
	api.edit("configmaps", "settings", func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"value": "two"} })
	err := r.copyToPrimary(t.Context(), w, analysed)
	if _, ok := errors.AsType[*retryError](err); !ok || !strings.Contains(err.Error(), "configmap/settings") {
		t.Errorf("copied: %v", err)
	}
	if got := writes(api.asked()); len(got) > 0 {
		t.Errorf("written: %v", got)
	}
	api.edit("configmaps", "settings", func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"value": "one"} })
	if err := r.copyToPrimary(t.Context(), w, analysed); err != nil {
		t.Errorf("not copied: %v", err)
	}
}

// TestUnmarkedPrimary proves that a primary of another controller is compared with its target once, and
// not at every look, and that one that is something else is not taken for the target's revision.
func TestUnmarkedPrimary(t *testing.T) {
	for name, other := range map[string]bool{"agrees": false, "is something else": true} {
		t.Run(name, func(t *testing.T) {
			api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
			r := start(t, api, &parts{}, nil)
			r.atRest(t, "app", v1beta1.PhaseInitialized)
			r.suspend(t, "app")
			before := r.passesOf("app")
			api.edit("deployments", "app-primary", func(u *unstructured.Unstructured) {
				annotations := u.GetAnnotations()
				delete(annotations, workload.SourceAnnotation)
				u.SetAnnotations(annotations)
				if other {
					image(u, "app:0")
				}
			})
			eventually(t, "it is seen", func() bool { return r.passesOf("app") > before && r.look(t).Primary.Unmarked })
			for range 3 {
				r.pass(t, "app")
			}
			w := r.look(t)
			asked := api.asked()
			slices.Sort(asked)
			if want := []string{
				"GET /apis/apps/v1/namespaces/test/deployments/app", "GET /apis/apps/v1/namespaces/test/deployments/app-primary",
			}; !slices.Equal(slices.Compact(asked), want) || len(asked) > 4 {
				t.Errorf("requests %v", asked)
			}
			if want := w.Target.Revision; !other && w.Primary.Source != want {
				t.Errorf("source %q, want %q", w.Primary.Source, want)
			}
			if other && w.Primary.Source != unmarkedPrefix+w.Primary.Revision {
				t.Errorf("source %q, want %q", w.Primary.Source, unmarkedPrefix+w.Primary.Revision)
			}
			// Marked, it is as good as one of the agent's own.
			if err := r.adoptPrimary(t.Context(), w, rollout.AdoptPrimary{Revision: w.Primary.Source}); err != nil {
				t.Fatal(err)
			}
			if got := api.find("deployments", "app-primary").GetAnnotations()[workload.SourceAnnotation]; got != w.Primary.Source {
				t.Errorf("marked with %q", got)
			}
			if got := r.look(t).Primary; got.Unmarked {
				t.Errorf("it is not known that it is marked: %+v", got)
			}
		})
	}
}
