package traefik_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
		"mirror":  {Primary: 100, Mirror: true},
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
	for _, split := range []routing.Split{{Primary: 90, Canary: 90}, {Primary: 90, Canary: 10, Mirror: true}} {
		_, err := traefik.Provider{}.Render(routingtest.Canary(t, manifest), split, nil)
		if _, ok := errors.AsType[*routing.InvalidSplitError](err); !ok {
			t.Errorf("%+v: got %v, want an InvalidSplitError", split, err)
		}
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
		"mirror":           {change: func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true }},
		"session affinity": {change: func(c *v1beta1.Canary) { c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{} }, want: "spec.analysis.sessionAffinity"},
		"no port":          {change: func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 }, want: "spec.service.port"},
		"deprecated name": {
			change: func(c *v1beta1.Canary) {
				c.Spec.CanaryAnalysis, c.Spec.Analysis = &v1beta1.CanaryAnalysis{SessionAffinity: &v1beta1.SessionAffinity{}}, nil
			},
			want: "spec.canaryAnalysis.sessionAffinity",
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

func TestSplits(t *testing.T) {
	splits := []routing.Split{routing.ToPrimary, {Primary: 100, Mirror: true}}
	for _, share := range []int32{1, 50, 99, 100} {
		splits = append(splits, routing.CanaryShare(share))
	}
	for _, weight := range []int32{0, 30, 100} {
		c := routingtest.Canary(t, manifest)
		c.Spec.Analysis.MirrorWeight = weight
		routingtest.CheckSplits(t, traefik.Provider{}, c, splits)
	}
}

func TestMirrorPercent(t *testing.T) {
	for weight, want := range map[int32]int64{0: 100, 1: 1, 30: 30, 100: 100, -5: 100, 300: 100} {
		c := routingtest.Canary(t, manifest)
		c.Spec.Analysis.MirrorWeight = weight
		objects, err := traefik.Provider{}.Render(c, routing.Split{Primary: 100, Mirror: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		mirrors, _, _ := unstructured.NestedSlice(objects[0].Object, "spec", "mirroring", "mirrors")
		if len(mirrors) != 1 || mirrors[0].(map[string]any)["percent"] != want {
			t.Errorf("mirrorWeight %d: got %v, want %d %%", weight, mirrors, want)
		}
	}
}

func TestObserveMirroring(t *testing.T) {
	mirrored := routing.Split{Primary: 100, Mirror: true}
	cases := map[string]struct {
		spec string
		want routing.Split
		err  string
	}{
		"as rendered":          {`{mirroring: {name: podinfo-primary, mirrors: [{name: podinfo-canary, percent: 100}]}}`, mirrored, ""},
		"a part":               {`{mirroring: {name: podinfo-primary, mirrors: [{name: podinfo-canary, percent: 1}]}}`, mirrored, ""},
		"one of two":           {`{mirroring: {name: podinfo-primary, mirrors: [{name: other, percent: 9}, {name: podinfo-canary, percent: 1}]}}`, mirrored, ""},
		"no percent is none":   {`{mirroring: {name: podinfo-primary, mirrors: [{name: podinfo-canary}]}}`, routing.ToPrimary, ""},
		"another mirror":       {`{mirroring: {name: podinfo-primary, mirrors: [{name: other, percent: 100}]}}`, routing.ToPrimary, ""},
		"no mirrors":           {`{mirroring: {name: podinfo-primary}}`, routing.ToPrimary, ""},
		"weights have the say": {`{weighted: {services: [{name: podinfo-primary}]}, mirroring: {name: podinfo-primary, mirrors: [{name: podinfo-canary, percent: 100}]}}`, routing.ToPrimary, ""},
		"the canary serves":    {`{mirroring: {name: podinfo-canary, mirrors: [{name: podinfo-primary, percent: 100}]}}`, routing.Split{}, `"podinfo-canary"`},
		"another kind":         {`{mirroring: {name: podinfo-primary, kind: TraefikService}}`, routing.Split{}, "not of Service"},
		"null":                 {`{mirroring: null}`, routing.Split{}, "not there"},
	}
	c := routingtest.Canary(t, manifest)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := routingtest.Object(t, "{apiVersion: traefik.io/v1alpha1, kind: TraefikService, spec: "+tc.spec+"}")
			seen, err := traefik.Provider{}.Observe(c, routing.Objects{traefik.Provider{}.Refs(c)[0]: object})
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got %v, want an error with %q", err, tc.err)
				}
				return
			}
			if err != nil || seen.Split != tc.want {
				t.Errorf("got %+v, %v; want %+v", seen.Split, err, tc.want)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	objects, err := traefik.Provider{}.Release(routingtest.Canary(t, manifest), nil)
	if err != nil {
		t.Fatal(err)
	}
	routingtest.Golden(t, "released", objects)
	c := routingtest.Canary(t, manifest)
	c.Spec.Service.Port = 0
	if objects, err := (traefik.Provider{}).Release(c, nil); err == nil || objects != nil {
		t.Errorf("without a port: got %v, %v; want an error", objects, err)
	}
}

// In the faulty form a repair during a run left 100 and 100, read back as nothing for the canary.
func TestGotchaA11RepairKeepsTheWeights(t *testing.T) {
	c, provider := routingtest.Canary(t, manifest), traefik.Provider{}
	live := routingtest.Object(t, `{apiVersion: traefik.io/v1alpha1, kind: TraefikService, spec: {weighted: {services: [
	  {kind: Service, name: podinfo-primary, namespace: test, port: 1234, weight: 100}, {kind: Service, name: podinfo-canary, namespace: test, port: 9898, weight: 100}]}}}`)
	seen, err := provider.Observe(c, routing.Objects{provider.Refs(c)[0]: live})
	if err != nil || seen.Split != routing.CanaryShare(50) {
		t.Fatalf("observed %+v, %v; want half each", seen, err)
	}
	repairTo(t, live, routing.CanaryShare(30))
}

// In the faulty form a repair wrote 100/0 in the middle of a run.
func TestGotchaA12RepairKeepsTheWeights(t *testing.T) {
	c, provider := routingtest.Canary(t, manifest), traefik.Provider{}
	for _, split := range []routing.Split{routing.CanaryShare(30), routing.CanaryShare(100), {Primary: 100, Mirror: true}} {
		objects, err := provider.Render(c, split, nil)
		if err != nil {
			t.Fatal(err)
		}
		live := routingtest.Applied(t, objects[0])
		live.SetLabels(map[string]string{"team": "other"})
		live.SetAnnotations(nil)
		repairTo(t, live, split)
	}
}

func repairTo(t *testing.T, live *unstructured.Unstructured, split routing.Split) {
	t.Helper()
	c, provider := routingtest.Canary(t, manifest), traefik.Provider{}
	objects := routing.Objects{provider.Refs(c)[0]: live}
	repaired, err := provider.Render(c, split, objects)
	if err != nil {
		t.Fatal(err)
	}
	if found := routing.Diff(repaired[0], live); len(found) == 0 {
		t.Error("the drift is not seen")
	}
	objects[provider.Refs(c)[0]] = repaired[0]
	seen, err := provider.Observe(c, objects)
	if err != nil || seen.Split != split {
		t.Errorf("repaired to %+v, %v; want %+v", seen.Split, err, split)
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
	f.Add(`{"spec":{"mirroring":{"name":"podinfo-primary","mirrors":[null,{"name":"podinfo-canary","percent":1e300}]}}}`)
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
