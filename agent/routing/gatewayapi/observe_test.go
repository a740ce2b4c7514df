package gatewayapi_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/gatewayapi"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	bothBackends = `backendRefs: [{name: podinfo-primary, port: 1, weight: 60}, {name: podinfo-canary, port: 1, weight: 40}]`
	route        = "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: podinfo, generation: 3}, spec: {rules: [{" + bothBackends + "}]}, status: {parents: ["
)

func parent(ref, conditions string) string {
	return "{parentRef: " + ref + ", conditions: [" + conditions + "]}"
}

func TestObserveStatus(t *testing.T) {
	const (
		ours     = "{name: gateway, namespace: gateways}"
		explicit = "{group: gateway.networking.k8s.io, kind: Gateway, name: gateway, namespace: gateways}"
		accepted = "{type: Accepted, status: 'True', observedGeneration: 3}"
		stale    = "{type: Accepted, status: 'True', observedGeneration: 2}"
		refused  = "{type: Accepted, status: 'False', observedGeneration: 3, reason: NotAllowedByListeners, message: no}"
		dangling = "{type: ResolvedRefs, status: 'False', observedGeneration: 3, reason: BackendNotFound, message: gone}"
	)
	cases := map[string]struct {
		parents            string
		reports, confirmed bool
		message            string
	}{
		"nobody reports":              {"", false, false, ""},
		"accepted":                    {parent(ours, accepted), true, true, ""},
		"defaults filled in":          {parent(explicit, accepted), true, true, ""},
		"older generation":            {parent(ours, stale), true, false, "generation 2, not yet 3"},
		"refused":                     {parent(ours, refused), true, false, "NotAllowedByListeners: no"},
		"no conditions yet":           {parent(ours, ""), true, false, "not accepted"},
		"one of two controllers":      {parent(ours, accepted) + "," + parent(ours, stale), true, false, "not yet 3"},
		"unresolved, yet in force":    {parent(ours, dangling+","+accepted), true, true, "BackendNotFound"},
		"another's parent":            {parent("{name: other}", refused), false, false, ""},
		"same name, other namespace":  {parent("{name: gateway}", accepted), false, false, ""},
		"ours and another's refusing": {parent(ours, accepted) + "," + parent("{name: other}", refused), true, true, ""},
		"a section that is not ours":  {parent("{name: gateway, namespace: gateways, sectionName: x}", accepted), false, false, ""},
	}
	c := routingtest.Canary(t, minimal)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := routingtest.Object(t, route+tc.parents+"]}}")
			seen, err := gatewayapi.Provider{}.Observe(c, routing.Objects{gatewayapi.Provider{}.Refs(c)[0]: object})
			if err != nil {
				t.Fatal(err)
			}
			if seen.Split != routing.CanaryShare(40) || !seen.Exists {
				t.Errorf("got %+v, want 40 %% for the canary", seen)
			}
			if seen.Reports != tc.reports || seen.Confirmed != tc.confirmed {
				t.Errorf("reports %v, confirmed %v; want %v, %v", seen.Reports, seen.Confirmed, tc.reports, tc.confirmed)
			}
			if (tc.message == "") != (seen.Message == "") || !strings.Contains(seen.Message, tc.message) {
				t.Errorf("message %q, want %q in it", seen.Message, tc.message)
			}
		})
	}
}

func TestObserveWeights(t *testing.T) {
	const filters = `filters: [{type: ResponseHeaderModifier}]`
	cases := map[string]struct {
		rules string
		want  int32
		err   string
	}{
		"swapped":                    {`[{backendRefs: [{name: podinfo-canary, weight: 3}, {name: podinfo-primary, weight: 1}]}]`, 75, ""},
		"default weights":            {`[{backendRefs: [{name: podinfo-canary}, {name: podinfo-primary}]}]`, 50, ""},
		"beside a rule for all else": {`[{` + bothBackends + `}, {backendRefs: [{name: podinfo-primary, weight: 100}]}]`, 40, ""},
		"the last of two":            {`[{` + bothBackends + `}, {backendRefs: [{name: podinfo-primary, weight: 9}, {name: podinfo-canary, weight: 1}]}]`, 10, ""},
		"filters at backends win":    {`[{backendRefs: [{name: podinfo-primary, weight: 9}, {name: podinfo-canary, weight: 1, ` + filters + `}]}, {` + bothBackends + `}]`, 10, ""},
		"canary removed":             {`[{backendRefs: [{name: podinfo-primary, weight: 1}]}]`, 0, "podinfo-canary"},
		"a third backend":            {`[{backendRefs: [{name: podinfo-primary}, {name: podinfo-canary}, {name: other}]}]`, 0, "exactly"},
		"another backend":            {`[{backendRefs: [{name: podinfo-primary}, {name: other}]}]`, 0, "exactly"},
		"another namespace":          {`[{backendRefs: [{name: podinfo-primary}, {name: podinfo-canary, namespace: prod}]}]`, 0, "exactly"},
		"the same twice":             {`[{backendRefs: [{name: podinfo-primary}, {name: podinfo-primary}]}]`, 0, "exactly"},
		"both zero":                  {`[{backendRefs: [{name: podinfo-primary, weight: 0}, {name: podinfo-canary, weight: 0}]}]`, 0, "both 0"},
		"no rules":                   {`null`, 0, "not there"},
		"rules of another type":      {`[3, null, {backendRefs: x}, {backendRefs: [1, 2]}]`, 0, "exactly"},
	}
	c := routingtest.Canary(t, minimal)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := routingtest.Object(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, spec: {rules: "+tc.rules+"}}")
			seen, err := gatewayapi.Provider{}.Observe(c, routing.Objects{gatewayapi.Provider{}.Refs(c)[0]: object})
			if tc.err != "" {
				var malformed *routing.MalformedError
				if !errors.As(err, &malformed) || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("got %v, want a MalformedError with %q", err, tc.err)
				}
				return
			}
			if err != nil || seen.Split != routing.CanaryShare(tc.want) {
				t.Errorf("got %+v, %v; want %d %% for the canary", seen, err, tc.want)
			}
		})
	}
}

// Forms that are not rendered, but that somebody can make of a route.
func TestObserveMirrorAndEveryone(t *testing.T) {
	const (
		weighted = `backendRefs: [{name: podinfo-primary, weight: 70}, {name: podinfo-canary, weight: 30}]`
		primary  = `backendRefs: [{name: podinfo-primary}]`
	)
	mirror := func(ref, more string) string {
		return "filters: [{type: CORS}, {type: RequestMirror, requestMirror: {backendRef: " + ref + more + "}}]"
	}
	cases := map[string]struct {
		rules            string
		mirror, everyone bool
	}{
		"mirror":                     {`{` + weighted + `, ` + mirror("{name: podinfo-canary}", "") + `}`, true, true},
		"mirror of a part":           {`{` + weighted + `, ` + mirror("{name: podinfo-canary}", ", percent: 1") + `}`, true, true},
		"mirror of nothing":          {`{` + weighted + `, ` + mirror("{name: podinfo-canary}", ", percent: 0") + `}`, false, true},
		"mirror to another":          {`{` + weighted + `, ` + mirror("{name: other}", "") + `}`, false, true},
		"mirror to another's canary": {`{` + weighted + `, ` + mirror("{name: podinfo-canary, namespace: other}", "") + `}`, false, true},
		"those who match":            {`{` + weighted + `}, {` + primary + `}`, false, false},
		"mirror for the others":      {`{` + weighted + `}, {` + primary + `, ` + mirror("{name: podinfo-canary}", "") + `}`, true, false},
	}
	provider, c := gatewayapi.Provider{}, canaryFile(t, "abtest")
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := routingtest.Object(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, spec: {rules: ["+tc.rules+"]}}")
			seen, err := provider.Observe(c, routing.Objects{provider.Refs(c)[0]: object})
			want := routing.Split{Primary: 70, Canary: 30, Mirror: tc.mirror, Everyone: tc.everyone}
			if err != nil || seen.Split != want {
				t.Errorf("got %+v, %v; want %+v", seen.Split, err, want)
			}
		})
	}
}

func TestObserveWithoutObject(t *testing.T) {
	seen, err := gatewayapi.Provider{}.Observe(routingtest.Canary(t, minimal), nil)
	if err != nil || seen != (routing.Observation{}) {
		t.Fatalf("got %+v, %v; want nothing", seen, err)
	}
}

func FuzzObserve(f *testing.F) {
	f.Add(`{"metadata":{"generation":1},"spec":{"rules":[{"backendRefs":[{"name":"podinfo-primary"},{"name":"podinfo-canary","weight":-1}]}]}}`)
	f.Add(`{"status":{"parents":[{"parentRef":{"name":"gateway","namespace":"gateways","group":1},"conditions":[null,{"type":"Accepted"}]}]}}`)
	f.Add(`{"spec":[],"status":1}`)
	f.Add(`{"spec":{"rules":[{"filters":[{"type":"RequestMirror","requestMirror":{"backendRef":{"name":"podinfo-canary"},"percent":"x"}},null]}]}}`)
	canaries := []*v1beta1.Canary{routingtest.Canary(f, minimal), canaryFile(f, "abtest"), canaryFile(f, "affinity")}
	f.Fuzz(func(t *testing.T, text string) {
		live := routingObjects(text)
		if live == nil {
			return
		}
		for _, c := range canaries {
			seen, err := gatewayapi.Provider{}.Observe(c, live)
			if err == nil && seen.Split.Primary+seen.Split.Canary != 100 {
				t.Errorf("split %+v does not add up to 100", seen.Split)
			}
			if seen.Confirmed && !seen.Reports {
				t.Error("confirmed by nobody")
			}
			// What is seen can be rendered, so that it can be told what else differs.
			if _, renderErr := (gatewayapi.Provider{}).Render(c, seen.Split, live); err == nil && renderErr != nil {
				t.Errorf("split %+v was seen and cannot be rendered: %v", seen.Split, renderErr)
			}
		}
	})
}

func routingObjects(text string) routing.Objects {
	var object map[string]any
	if json.Unmarshal([]byte(text), &object) != nil || object == nil {
		return nil
	}
	ref := routing.Ref{Namespace: "test", Name: "podinfo"}
	ref.GVR.Group, ref.GVR.Version, ref.GVR.Resource = "gateway.networking.k8s.io", "v1", "httproutes"
	return routing.Objects{ref: {Object: object}}
}
