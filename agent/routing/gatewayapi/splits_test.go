package gatewayapi_test

import (
	"slices"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/gatewayapi"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func TestSplits(t *testing.T) {
	var splits []routing.Split
	for _, share := range []int32{0, 1, 50, 99, 100} {
		split := routing.CanaryShare(share)
		splits = append(splits, split)
		split.Mirror = true
		splits = append(splits, split)
	}
	everyone := slices.Clone(splits)
	for _, split := range splits {
		split.Everyone = true
		everyone = append(everyone, split)
	}
	cases := map[string]struct {
		canary string
		splits []routing.Split
		change func(*v1beta1.Canary)
	}{
		"weighted steps": {"full", splits, func(*v1beta1.Canary) {}},
		"blue/green": {"minimal", splits, func(c *v1beta1.Canary) {
			c.Spec.Analysis.StepWeight, c.Spec.Analysis.Iterations = 0, 5
		}},
		"A/B":              {"abtest", everyone, func(*v1beta1.Canary) {}},
		"session affinity": {"affinity", splits, func(*v1beta1.Canary) {}},
		"no primary cookie": {"affinity", splits, func(c *v1beta1.Canary) {
			c.Spec.Analysis.SessionAffinity.PrimaryCookieName = ""
		}},
		"no cookies yet": {"affinity", splits, func(c *v1beta1.Canary) { c.Status = v1beta1.CanaryStatus{} }},
		"mirror weight":  {"minimal", splits, func(c *v1beta1.Canary) { c.Spec.Analysis.MirrorWeight = 10 }},
		"only mirror":    {"paths", splits, func(c *v1beta1.Canary) { c.Spec.Service.Headers, c.Spec.Service.Rewrite = nil, nil }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := canaryFile(t, tc.canary)
			tc.change(c)
			routingtest.CheckSplits(t, gatewayapi.Provider{}, c, tc.splits)
			c.Spec.Provider = v1beta1.ProviderGatewayAPIV1Beta1
			routingtest.CheckSplits(t, gatewayapi.Provider{Beta: true}, c, tc.splits)
		})
	}
}

// A route that is not one of an A/B test holds for everyone in any case, and does not say so.
func TestEveryoneMeansNothingWithoutMatch(t *testing.T) {
	c := routingtest.Canary(t, minimal)
	split := routing.Split{Primary: 50, Canary: 50, Everyone: true}
	objects := render(t, gatewayapi.Provider{}, c, split)
	seen, err := gatewayapi.Provider{}.Observe(c, routing.Objects{gatewayapi.Provider{}.Refs(c)[0]: objects[0]})
	if err != nil || seen.Split != routing.CanaryShare(50) {
		t.Errorf("got %+v, %v", seen, err)
	}
}

// What one rule gets must not show up in another, nor in the next rendering (gotcha D1).
func TestRulesShareNothing(t *testing.T) {
	for _, name := range []string{"abtest", "affinity"} {
		c := canaryFile(t, name)
		for _, split := range []routing.Split{routing.ToPrimary, routing.CanaryShare(50)} {
			object := render(t, gatewayapi.Provider{}, c, split)[0]
			before := routingtest.Applied(t, object)
			rules := object.Object["spec"].(map[string]any)["rules"].([]any)
			scribble(rules[0])
			after := render(t, gatewayapi.Provider{}, c, split)[0]
			if found := routing.Diff(after, before); len(found) > 0 {
				t.Errorf("%s at %+v: the next rendering differs at %q", name, split, found)
			}
			for i := range rules[1:] {
				want := after.Object["spec"].(map[string]any)["rules"].([]any)[i+1]
				if differs(want, rules[i+1]) {
					t.Errorf("%s at %+v: rule %d changed with rule 0", name, split, i+1)
				}
			}
		}
	}
}
