package controller

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaB19ScalerIsWrittenWhenItDiffers proves that the primary's autoscaler is written when the
// target's was edited, at once and not at the next promotion, and at no other time, a run included.
func TestGotchaB19ScalerIsWrittenWhenItDiffers(t *testing.T) {
	hpa := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
		"metadata": map[string]any{"name": "app", "namespace": "test", "labels": map[string]any{"team": "a"}, "annotations": map[string]any{"note": "x"}},
		"spec": map[string]any{
			"scaleTargetRef": map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
			"minReplicas":    int64(2), "maxReplicas": int64(4),
		},
	}}
	api := newAPIServer(t, hpa, deploymentObject("app"), canaryOf("app", func(spec map[string]any) {
		spec["autoscalerRef"] = map[string]any{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "app"}
	}))
	r := start(t, api, &parts{}, func(c *Config) { c.Prefixes = []string{"*"} })
	eventually(t, "the canary is initialized", func() bool { return r.phase("app") == v1beta1.PhaseInitialized })
	r.atRest(t, "app", v1beta1.PhaseInitialized)
	for range 3 {
		r.pass(t, "app")
	}
	if asked := api.asked(); len(asked) > 0 {
		t.Errorf("requests at rest: %v", asked)
	}
	ofScalers := func(requests []string) (out []string) {
		for _, w := range writes(requests) {
			if strings.Contains(w, "/horizontalpodautoscalers/") {
				out = append(out, w)
			}
		}
		return out
	}
	api.edit("deployments", "app", func(u *unstructured.Unstructured) { image(u, "app:2") })
	eventually(t, "the run goes through", func() bool { return r.phase("app") == v1beta1.PhaseSucceeded })
	if w := ofScalers(api.asked()); len(w) > 0 {
		t.Errorf("written in a run that changed nothing of it: %v", w)
	}
	r.atRest(t, "app", v1beta1.PhaseSucceeded)
	api.edit("horizontalpodautoscalers", "app", func(u *unstructured.Unstructured) {
		_ = unstructured.SetNestedField(u.Object, int64(9), "spec", "maxReplicas")
	})
	eventually(t, "the primary's autoscaler follows", func() bool {
		n, _, _ := unstructured.NestedInt64(api.find("horizontalpodautoscalers", "app-primary").Object, "spec", "maxReplicas")
		return n == 9
	})
	r.pass(t, "app")
	if w := ofScalers(api.asked()); len(w) != 1 {
		t.Errorf("writes for one edit: %v", w)
	}
}
