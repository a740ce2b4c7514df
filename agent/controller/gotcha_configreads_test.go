package controller

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaH5ConfigsAreReadOnce proves that a tracked config is read when it has changed, and not at
// every look.
func TestGotchaH5ConfigsAreReadOnce(t *testing.T) {
	api := newAPIServer(t, configMap("settings", "one"), configured(), canaryOf("app", nil))
	r := start(t, api, &parts{}, tracking)
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	for range 3 {
		r.pass(t, "app")
	}
	if asked := api.asked(); len(asked) > 0 {
		t.Errorf("requests of an idle canary with configs: %v", asked)
	}
	r.suspend(t, "app")
	passes := r.passesOf("app")
	api.edit("configmaps", "settings", func(u *unstructured.Unstructured) { u.Object["data"] = map[string]any{"value": "two"} })
	eventually(t, "the canary is woken", func() bool { return r.passesOf("app") > passes })
	r.pass(t, "app")
	r.pass(t, "app")
	if asked := api.asked(); !slices.Equal(asked, []string{"GET /api/v1/namespaces/test/configmaps/settings"}) {
		t.Errorf("requests for a change: %v", asked)
	}
}
