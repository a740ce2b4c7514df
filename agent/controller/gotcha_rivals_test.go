package controller

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestIsRival proves what is taken for another controller of the API: one that runs, by its container and
// by its name or labels, and neither its load tester nor an application of a similar name.
func TestIsRival(t *testing.T) {
	zero, one := int32(0), int32(1)
	for name, tt := range map[string]struct {
		name, container, key, value string
		replicas                    *int32
		want                        bool
	}{
		"plain":               {"flagger", "flagger", "app", "flagger", &one, true},
		"default replicas":    {"flagger", "flagger", "", "", nil, true},
		"scaled to zero":      {"flagger", "flagger", "app", "flagger", &zero, false},
		"release name":        {"mesh-flagger", "flagger", "", "", &one, true},
		"labels of the chart": {"progressive", "flagger", "app.kubernetes.io/name", "flagger", &one, true},
		"label app":           {"progressive", "flagger", "app", "flagger", &one, true},
		"load tester":         {"flagger-loadtester", "loadtester", "app", "flagger-loadtester", &one, false},
		"loadtester's label":  {"flagger-loadtester", "flagger", "app", "flagger-loadtester", &one, false},
		"other container":     {"flagger", "app", "app", "flagger", &one, false},
		"similar name":        {"bootflagger", "flagger", "app", "x", &one, false},
	} {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: tt.name}, Spec: appsv1.DeploymentSpec{
			Replicas: tt.replicas,
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "proxy"}, {Name: tt.container}}}},
		}}
		if tt.key != "" {
			d.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{tt.key: tt.value}}
		}
		if got := isRival(d); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// rivalObject is another controller at work.
func rivalObject() *unstructured.Unstructured {
	u := deploymentObject("flagger")
	_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"name": "flagger", "image": "flagger:1"}}, "spec", "template", "spec", "containers")
	return u
}

// TestWaitsForRival proves that nothing is written as long as another controller runs, that this is said
// once on each canary and once more when it comes back, and that the work goes on when it is gone.
func TestWaitsForRival(t *testing.T) {
	api := newAPIServer(t, rivalObject(), deploymentObject("app"), canaryOf("app", nil))
	r := start(t, api, &parts{}, nil)
	eventually(t, "the canary is told", func() bool { return len(r.heard("app", "OtherController")) == 1 })
	for range 3 {
		r.pass(t, "app")
	}
	if w := writes(api.asked()); len(w) > 0 {
		t.Errorf("written beside the other controller: %v", w)
	}
	said := r.heard("app", "OtherController")
	if len(said) != 1 || said[0].Severity != rollout.Warning || !strings.Contains(said[0].Text, "test/flagger") {
		t.Errorf("said: %+v", said)
	}
	scale := func(replicas int64) {
		api.edit("deployments", "flagger", func(u *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(u.Object, replicas, "spec", "replicas")
		})
	}
	scale(0)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	scale(1)
	eventually(t, "it is told again", func() bool { return len(r.heard("app", "OtherController")) == 2 })
	api.asked()
	api.edit("deployments", "app", func(u *unstructured.Unstructured) { image(u, "app:2") })
	time.Sleep(50 * time.Millisecond)
	r.pass(t, "app")
	if w := writes(api.asked()); len(w) > 0 || r.phase("app") != v1beta1.PhaseInitialized {
		t.Errorf("written: %v, phase %s", w, r.phase("app"))
	}
	api.remove("deployments", "flagger")
	eventually(t, "the run goes through", func() bool { return r.phase("app") == v1beta1.PhaseSucceeded })
}

// TestOutdatedCRD proves that with the CRDs of another controller nothing is done but to say so, once,
// and to try again later.
func TestOutdatedCRD(t *testing.T) {
	api := newAPIServer(t, deploymentObject("app"), canaryOf("app", nil))
	api.disturb(func(method, path string) int {
		if method == http.MethodPatch && strings.HasSuffix(path, "/status") {
			return http.StatusInternalServerError
		}
		return 0
	})
	api.mu.Lock()
	api.words = `failed to create typed patch object (test/app; flagger.app/v1beta1, Kind=Canary): .status.bound: field not declared in schema`
	api.mu.Unlock()
	r := start(t, api, &parts{}, nil)
	eventually(t, "it is said", func() bool { return len(r.heard("app", "OutdatedCRD")) == 1 })
	r.pass(t, "app")
	e, _ := r.index.get(nameOf("app"))
	_, err := r.writeStatus(t.Context(), e.canary, v1beta1.CanaryStatus{Phase: v1beta1.PhaseInitializing})
	if again, ok := errors.AsType[*retryError](err); !ok || again.after != outdatedRetry || !strings.Contains(err.Error(), "manifests/crd") {
		t.Errorf("the error is %v", err)
	}
	if got := r.heard("app", "OutdatedCRD"); len(got) != 1 || !strings.Contains(got[0].Text, "canaries.flagger.app") {
		t.Errorf("said %v", got)
	}
	for _, w := range writes(api.asked()) {
		if !strings.HasSuffix(w, "/status") {
			t.Errorf("written: %s", w)
		}
	}
}

// TestSetFinalizer proves that the agent adds and removes its own finalizer and keeps those of others,
// also the ones that it has not seen.
func TestSetFinalizer(t *testing.T) {
	canary := canaryOf("app", nil)
	canary.SetFinalizers([]string{"example.com/a", "example.com/b"})
	api := newAPIServer(t, canary)
	options := optionsFor(t, api, &parts{})
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	c.index.put(api.find("canaries", "app"))
	e, _ := c.index.get(nameOf("app"))
	w := &world{entry: e, canary: e.canary}
	expect := func(want ...string) {
		t.Helper()
		if got := api.find("canaries", "app").GetFinalizers(); !slices.Equal(got, want) {
			t.Errorf("finalizers %v, want %v", got, want)
		}
	}
	for range 2 { // The second time nothing changes.
		if err := c.setFinalizer(t.Context(), w, rollout.SetFinalizer{Present: true}); err != nil {
			t.Fatal(err)
		}
		expect("example.com/a", "example.com/b", v1beta1.Finalizer)
	}
	stale := w.canary
	api.edit("canaries", "app", func(u *unstructured.Unstructured) { u.SetFinalizers(append(u.GetFinalizers(), "example.com/c")) })
	err = c.setFinalizer(t.Context(), w, rollout.SetFinalizer{Present: false})
	if _, ok := errors.AsType[*retryError](err); !ok || w.canary != stale {
		t.Errorf("somebody else's finalizer is overwritten: %v", err)
	}
	expect("example.com/a", "example.com/b", v1beta1.Finalizer, "example.com/c")
	c.index.put(api.find("canaries", "app"))
	e, _ = c.index.get(nameOf("app"))
	w.canary = e.canary
	if err := c.setFinalizer(t.Context(), w, rollout.SetFinalizer{Present: false}); err != nil {
		t.Fatal(err)
	}
	expect("example.com/a", "example.com/b", "example.com/c")
	// One that has just gone needs no more care.
	api.edit("canaries", "app", func(u *unstructured.Unstructured) { u.SetFinalizers(nil) })
	api.remove("canaries", "app")
	if err := c.setFinalizer(t.Context(), w, rollout.SetFinalizer{Present: false}); err != nil {
		t.Errorf("a canary that is gone: %v", err)
	}
}
