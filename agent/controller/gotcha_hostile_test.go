package controller

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaH1NoSpecBringsAHandlerDown proves that no Canary makes the code panic that runs in the event
// handlers of the informers, where a panic would end the process, or in a pass: whatever is missing,
// with every provider and for every kind of target.
func TestGotchaH1NoSpecBringsAHandlerDown(t *testing.T) {
	api := newAPIServer(t)
	c, err := New(optionsFor(t, api, &parts{}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer c.background.Wait()
	defer cancel()
	c.runCtx, c.jobs = ctx, newJobs(ctx, 1, c.now)
	handler := c.canaryHandler()
	providers := append(v1beta1.Providers(), "", "no-such-provider")
	targets := []map[string]any{
		nil, {}, {"kind": "Deployment"}, {"kind": "Deployment", "name": "app"}, {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "app"},
		{"apiVersion": "v1", "kind": "Service", "name": "app"}, {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "app"},
		{"kind": "StatefulSet", "name": "app"},
	}
	parts := map[string][]any{
		"service": {nil, map[string]any{}, map[string]any{"port": int64(80)}, map[string]any{
			"port": int64(-1), "gatewayRefs": []any{map[string]any{}}, "hosts": []any{""}, "match": []any{map[string]any{}}, "headers": map[string]any{},
		}},
		"analysis": {nil, map[string]any{}, map[string]any{
			"sessionAffinity": map[string]any{}, "match": []any{map[string]any{}}, "stepWeights": []any{int64(-1)}, "mirror": true,
			"metrics": []any{map[string]any{}}, "webhooks": []any{map[string]any{}}, "alerts": []any{map[string]any{}},
		}},
		"autoscalerRef": {nil, map[string]any{}, map[string]any{"kind": "HorizontalPodAutoscaler", "name": "app"}},
	}
	n := 0
	for _, provider := range providers {
		for _, target := range targets {
			for _, service := range parts["service"] {
				for _, analysis := range parts["analysis"] {
					n++
					scaler := parts["autoscalerRef"][n%len(parts["autoscalerRef"])]
					spec := map[string]any{}
					for field, value := range map[string]any{"service": service, "analysis": analysis, "autoscalerRef": scaler} {
						if value != nil {
							spec[field] = value
						}
					}
					if target != nil {
						spec["targetRef"] = target
					}
					if provider != "" {
						spec["provider"] = provider
					}
					survive(t, c, handler.OnAdd, fmt.Sprintf("c%d", n), spec)
				}
			}
		}
	}
	survive(t, c, handler.OnAdd, "none", nil)
}

func survive(t *testing.T, c *Controller, add func(any, bool), name string, spec map[string]any) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%v: %v", spec, p)
		}
	}()
	object := map[string]any{
		"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": map[string]any{"name": name, "namespace": "test", "uid": name},
	}
	if spec != nil {
		object["spec"] = spec
	}
	u := (&unstructured.Unstructured{Object: object}).DeepCopy()
	add(u, false)
	e, ok := c.index.get(nameOf(name))
	if !ok {
		t.Errorf("%v is not known", spec)
		return
	}
	if e.err == nil {
		problems := c.problems(e, e.canary)
		rollout.Decide(rollout.World{Canary: e.canary, Problems: problems})
	}
	c.canaryHandler().OnDelete(u)
	if _, still := c.index.get(nameOf(name)); still {
		t.Errorf("%v is not forgotten", spec)
	}
}
