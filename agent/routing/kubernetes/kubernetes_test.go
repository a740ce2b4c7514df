package kubernetes_test

import (
	"errors"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/kubernetes"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const manifest = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo, namespace: test}
spec:
  provider: kubernetes
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  service: {port: 9898}
  analysis: {interval: 10s, threshold: 5, iterations: 5}
`

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		change func(*v1beta1.Canary)
		want   string
	}{
		"blue/green":     {func(*v1beta1.Canary) {}, ""},
		"weighted steps": {func(c *v1beta1.Canary) { c.Spec.Analysis.Iterations, c.Spec.Analysis.StepWeight = 0, 10 }, ""},
		"A/B": {func(c *v1beta1.Canary) {
			c.Spec.Analysis.Match = []v1beta1.HTTPMatchRequest{{Headers: map[string]v1beta1.StringMatch{"x": {Prefix: "y"}}}}
		}, ""},
		"mirror": {func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true }, "spec.analysis.mirror"},
		"session affinity": {func(c *v1beta1.Canary) {
			c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "c"}
		}, "spec.analysis.sessionAffinity"},
		"no port": {func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 }, "spec.service.port"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := routingtest.Canary(t, manifest)
			tc.change(c)
			errs := kubernetes.Provider{}.Check(c)
			if (tc.want == "") != (len(errs) == 0) || (tc.want != "" && errs[0].Field != tc.want) {
				t.Errorf("got %v, want %q", errs, tc.want)
			}
		})
	}
}

// In the faulty form the route claimed 100 % for the canary while no request reached it.
func TestGotchaD18NoShareIsClaimed(t *testing.T) {
	c, provider := routingtest.Canary(t, manifest), kubernetes.Provider{}
	c.Status.Phase, c.Status.Iterations = v1beta1.PhaseProgressing, 3
	seen, err := provider.Observe(c, nil)
	if err != nil || seen != (routing.Observation{}) {
		t.Errorf("observed %+v, %v; want nothing", seen, err)
	}
	if refs := provider.Refs(c); refs != nil {
		t.Errorf("watches %v", refs)
	}
	for _, split := range []routing.Split{routing.ToPrimary, routing.CanaryShare(100)} {
		if objects, err := provider.Render(c, split, nil); err != nil || objects != nil {
			t.Errorf("%+v: rendered %v, %v", split, objects, err)
		}
	}
	if objects, err := provider.Release(c, nil); err != nil || objects != nil {
		t.Errorf("left behind %v, %v", objects, err)
	}
}

func TestRenderRefusesAnImpossibleSplit(t *testing.T) {
	_, err := kubernetes.Provider{}.Render(routingtest.Canary(t, manifest), routing.Split{Primary: 90, Canary: 90}, nil)
	if _, ok := errors.AsType[*routing.InvalidSplitError](err); !ok {
		t.Errorf("got %v, want an InvalidSplitError", err)
	}
}
