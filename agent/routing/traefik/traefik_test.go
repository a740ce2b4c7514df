package traefik_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/traefik"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const manifest = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo, namespace: test}
spec:
  provider: traefik
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  service:
    port: 9898
    apex:
      labels: {team: web}
      annotations: {owner: web@example.com, kustomize.toolkit.fluxcd.io/reconcile: enabled}
  analysis: {interval: 10s, threshold: 5, stepWeight: 10}
`

func TestRender(t *testing.T) {
	for name, split := range map[string]routing.Split{
		"primary": routing.ToPrimary,
		"half":    routing.CanaryShare(50),
		"canary":  routing.CanaryShare(100),
	} {
		t.Run(name, func(t *testing.T) {
			c := routingtest.Canary(t, manifest)
			objects, err := traefik.Provider{}.Render(c, split, nil)
			if err != nil {
				t.Fatal(err)
			}
			routingtest.Golden(t, name, objects)

			live := routing.Objects{traefik.Provider{}.Refs(c)[0]: objects[0]}
			seen, err := traefik.Provider{}.Observe(c, live)
			if err != nil {
				t.Fatalf("what was rendered cannot be observed: %v", err)
			}
			if want := (routing.Observation{Exists: true, Split: split}); seen != want {
				t.Errorf("observed %+v, want %+v", seen, want)
			}
		})
	}
}

func TestRenderRefusesAnImpossibleSplit(t *testing.T) {
	_, err := traefik.Provider{}.Render(routingtest.Canary(t, manifest), routing.Split{Primary: 90, Canary: 90}, nil)
	if _, ok := errors.AsType[*routing.InvalidSplitError](err); !ok {
		t.Fatalf("got %v, want an InvalidSplitError", err)
	}
}

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		change func(*v1beta1.Canary)
		want   string
	}{
		"weighted steps": {change: func(*v1beta1.Canary) {}},
		"blue/green":     {change: func(c *v1beta1.Canary) { c.Spec.Analysis.Iterations = 5 }},
		"A/B": {
			change: func(c *v1beta1.Canary) {
				c.Spec.Analysis.Iterations = 5
				c.Spec.Analysis.Match = []v1beta1.HTTPMatchRequest{{Headers: map[string]v1beta1.StringMatch{"x": {Exact: "y"}}}}
			},
			want: "spec.analysis.match",
		},
		"mirror":           {change: func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true }, want: "spec.analysis.mirror"},
		"session affinity": {change: func(c *v1beta1.Canary) { c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{} }, want: "spec.analysis.sessionAffinity"},
		"no port":          {change: func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 }, want: "spec.service.port"},
		"deprecated name": {
			change: func(c *v1beta1.Canary) {
				c.Spec.CanaryAnalysis, c.Spec.Analysis = &v1beta1.CanaryAnalysis{Mirror: true}, nil
			},
			want: "spec.canaryAnalysis.mirror",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := routingtest.Canary(t, manifest)
			tc.change(c)
			errs := traefik.Provider{}.Check(c)
			if tc.want == "" {
				if len(errs) > 0 {
					t.Fatalf("refused: %v", errs)
				}
				return
			}
			if len(errs) != 1 || errs[0].Field != tc.want {
				t.Fatalf("got %v, want one error at %s", errs, tc.want)
			}
			_, err := traefik.Provider{}.Render(c, routing.ToPrimary, nil)
			if _, ok := errors.AsType[*routing.RefusedError](err); !ok {
				t.Errorf("Render gave %v, want a RefusedError", err)
			}
		})
	}
}

func TestObserve(t *testing.T) {
	cases := map[string]struct {
		services string
		want     routing.Split
		err      string
	}{
		"as rendered":              {`[{name: podinfo-primary, weight: 70}, {name: podinfo-canary, weight: 30}]`, routing.CanaryShare(30), ""},
		"order does not matter":    {`[{name: podinfo-canary, weight: 30}, {name: podinfo-primary, weight: 70}]`, routing.CanaryShare(30), ""},
		"primary only":             {`[{name: podinfo-primary, weight: 100}]`, routing.ToPrimary, ""},
		"both at 100 is half each": {`[{name: podinfo-primary, weight: 100}, {name: podinfo-canary, weight: 100}]`, routing.CanaryShare(50), ""},
		"weights default to 1":     {`[{name: podinfo-primary}, {name: podinfo-canary}]`, routing.CanaryShare(50), ""},
		"a little is not nothing":  {`[{name: podinfo-primary, weight: 1000}, {name: podinfo-canary, weight: 1}]`, routing.CanaryShare(1), ""},
		"almost all is not all":    {`[{name: podinfo-primary, weight: 1}, {name: podinfo-canary, weight: 1000}]`, routing.CanaryShare(99), ""},
		"primary removed":          {`[{name: podinfo-canary, weight: 100}]`, routing.Split{}, "lacks the primary"},
		"a third service":          {`[{name: podinfo-primary, weight: 1}, {name: other, weight: 1}]`, routing.Split{}, `"other"`},
		"another namespace":        {`[{name: podinfo-primary, namespace: prod, weight: 1}]`, routing.Split{}, "neither"},
		"another kind":             {`[{name: podinfo-primary, kind: TraefikService, weight: 1}]`, routing.Split{}, "neither"},
		"the same twice":           {`[{name: podinfo-primary, weight: 1}, {name: podinfo-primary, weight: 1}]`, routing.Split{}, "twice"},
		"all zero":                 {`[{name: podinfo-primary, weight: 0}]`, routing.Split{}, "both 0"},
		"negative":                 {`[{name: podinfo-primary, weight: -1}]`, routing.Split{}, "-1"},
		"not a number":             {`[{name: podinfo-primary, weight: many}]`, routing.Split{}, "many"},
		"no list":                  {`{}`, routing.Split{}, "not there"},
		"null":                     {`null`, routing.Split{}, "not there"},
	}
	c := routingtest.Canary(t, manifest)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := routingtest.Object(t, "{apiVersion: traefik.io/v1alpha1, kind: TraefikService, spec: {weighted: {services: "+tc.services+"}}}")
			seen, err := traefik.Provider{}.Observe(c, routing.Objects{traefik.Provider{}.Refs(c)[0]: object})
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || !strings.Contains(err.Error(), "test/podinfo") {
					t.Fatalf("got %v, want an error on test/podinfo with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if want := (routing.Observation{Exists: true, Split: tc.want}); seen != want {
				t.Errorf("got %+v, want %+v", seen, want)
			}
		})
	}
}

func TestObserveWithoutObject(t *testing.T) {
	seen, err := traefik.Provider{}.Observe(routingtest.Canary(t, manifest), nil)
	if err != nil || seen != (routing.Observation{}) {
		t.Fatalf("got %+v, %v; want nothing", seen, err)
	}
}

func FuzzObserve(f *testing.F) {
	f.Add(`{"spec":{"weighted":{"services":[{"name":"podinfo-primary","weight":1e300},null,3]}}}`)
	f.Add(`{"spec":{"weighted":[]}}`)
	f.Add(`{"spec":null}`)
	c := routingtest.Canary(f, manifest)
	f.Fuzz(func(t *testing.T, text string) {
		var object map[string]any
		if json.Unmarshal([]byte(text), &object) != nil {
			return
		}
		live := routing.Objects{traefik.Provider{}.Refs(c)[0]: {Object: object}}
		seen, err := traefik.Provider{}.Observe(c, live)
		if err == nil && seen.Split.Primary+seen.Split.Canary != 100 {
			t.Errorf("split %+v does not add up to 100", seen.Split)
		}
	})
}
