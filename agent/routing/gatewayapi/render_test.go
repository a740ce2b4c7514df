package gatewayapi_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/gatewayapi"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// head and tail frame the part of the manifest that a case is about.
const (
	head = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo, namespace: test}
spec:
  provider: gatewayapi:v1
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
`
	minimal = head + `
  service:
    port: 9898
    gatewayRefs: [{name: gateway, namespace: gateways}]
  analysis: {interval: 10s, threshold: 5, stepWeight: 10}
`
)

// Each file in testdata/canaries is rendered with 30 % for the canary into the golden file of the
// same name: all requests or, in A/B tests, those that match.
func TestRender(t *testing.T) {
	files, err := filepath.Glob("testdata/canaries/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no canaries to render: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := routingtest.Canary(t, string(text))
			provider := gatewayapi.Provider{}
			if errs := provider.Check(c); len(errs) > 0 {
				t.Fatalf("refused: %v", errs)
			}
			split := routing.CanaryShare(30)
			objects, err := provider.Render(c, split, nil)
			if err != nil {
				t.Fatal(err)
			}
			routingtest.Golden(t, name, objects)

			seen, err := provider.Observe(c, routing.Objects{provider.Refs(c)[0]: objects[0]})
			if err != nil || seen.Split != split || !seen.Exists || seen.Reports || seen.Confirmed {
				t.Errorf("observed %+v, %v; want the split that was rendered, unconfirmed", seen, err)
			}
		})
	}
}

// canaryFile decodes a file of testdata/canaries.
func canaryFile(t testing.TB, name string) *v1beta1.Canary {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "canaries", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return routingtest.Canary(t, string(text))
}

// The forms that 30 % do not show.
func TestRenderForms(t *testing.T) {
	mirrored := routing.Split{Primary: 100, Mirror: true}
	cases := map[string]struct {
		canary string
		split  routing.Split
		change func(*v1beta1.Canary)
	}{
		"abtest-idle":     {canary: "abtest", split: routing.ToPrimary},
		"abtest-everyone": {canary: "abtest", split: routing.Split{Canary: 100, Everyone: true}},
		"affinity-all":    {canary: "affinity", split: routing.CanaryShare(100)},
		"affinity-ended":  {canary: "affinity", split: routing.ToPrimary},
		"mirror":          {canary: "paths", split: mirrored},
		"mirror-percent": {canary: "minimal", split: mirrored, change: func(c *v1beta1.Canary) {
			c.Spec.Analysis.Mirror, c.Spec.Analysis.MirrorWeight = true, 25
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := canaryFile(t, tc.canary)
			if tc.change != nil {
				tc.change(c)
			}
			routingtest.Golden(t, name, render(t, gatewayapi.Provider{}, c, tc.split))
		})
	}
}

func render(t testing.TB, p gatewayapi.Provider, c *v1beta1.Canary, split routing.Split) []*unstructured.Unstructured {
	t.Helper()
	objects, err := p.Render(c, split, nil)
	if err != nil {
		t.Fatalf("render %+v: %v", split, err)
	}
	return objects
}

func TestRelease(t *testing.T) {
	for _, name := range []string{"abtest", "affinity", "full"} {
		t.Run(name, func(t *testing.T) {
			objects, err := gatewayapi.Provider{}.Release(canaryFile(t, name), nil)
			if err != nil {
				t.Fatal(err)
			}
			routingtest.Golden(t, "released-"+name, objects)
		})
	}
	var refused *routing.RefusedError
	c := routingtest.Canary(t, head+"  service: {port: 80}\n")
	if objects, err := (gatewayapi.Provider{}).Release(c, nil); !errors.As(err, &refused) || objects != nil {
		t.Errorf("without gatewayRefs: got %v, %v; want a RefusedError", objects, err)
	}
}

func TestBeta(t *testing.T) {
	beta := gatewayapi.Provider{Beta: true}
	for _, name := range []string{"full", "affinity"} {
		c := canaryFile(t, name)
		c.Spec.Provider = beta.Name()
		objects := render(t, beta, c, routing.CanaryShare(30))
		routingtest.Golden(t, "beta-"+name, objects)
		seen, err := beta.Observe(c, routing.Objects{beta.Refs(c)[0]: objects[0]})
		if err != nil || seen.Split != routing.CanaryShare(30) {
			t.Errorf("%s: observed %+v, %v", name, seen, err)
		}
	}
}

func TestBothBackendsAreAlwaysPresent(t *testing.T) {
	c := routingtest.Canary(t, minimal)
	for _, share := range []int32{0, 1, 99, 100} {
		objects, err := gatewayapi.Provider{}.Render(c, routing.CanaryShare(share), nil)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := gatewayapi.Provider{}.Observe(c, routing.Objects{gatewayapi.Provider{}.Refs(c)[0]: objects[0]})
		if err != nil || seen.Split != routing.CanaryShare(share) {
			t.Errorf("%d %%: observed %+v, %v", share, seen, err)
		}
	}
}

func TestCheck(t *testing.T) {
	const steps = "\n  analysis: {interval: 10s, threshold: 5, stepWeight: 10}\n"
	service := func(fields string) string {
		return head + "  service: {port: 80, gatewayRefs: [{name: gw}], " + fields + "}" + steps
	}
	analysis := func(fields string) string {
		return head + "  service: {port: 80, gatewayRefs: [{name: gw}]}\n  analysis: {interval: 10s, threshold: 5, " + fields + "}\n"
	}
	cases := map[string]struct {
		manifest string
		want     []string
	}{
		"blue/green":                   {analysis("iterations: 5"), nil},
		"match without iterations":     {analysis("stepWeight: 5, match: [{headers: {a: {exact: b}}}]"), nil},
		"A/B":                          {analysis("iterations: 5, match: [{headers: {a: {exact: b}}}]"), nil},
		"blue/green mirror":            {analysis("iterations: 5, mirror: true"), nil},
		"canary mirror (B3)":           {analysis("stepWeight: 5, mirror: true"), nil},
		"session affinity":             {analysis("stepWeight: 5, sessionAffinity: {cookieName: c}"), nil},
		"A/B with session affinity":    {analysis("iterations: 5, match: [{headers: {a: {exact: b}}}], sessionAffinity: {cookieName: c}"), []string{"spec.analysis.sessionAffinity"}},
		"cookie with more attributes":  {analysis("stepWeight: 5, sessionAffinity: {cookieName: c, domain: \"a; Secure\", path: \"/\\n\"}"), []string{"spec.analysis.sessionAffinity.domain", "spec.analysis.sessionAffinity.path"}},
		"mirror to the canary":         {service("mirror: [{backendRef: {name: podinfo-canary, port: 80}}]"), []string{"spec.service.mirror[0].backendRef.name"}},
		"mirror to another's canary":   {service("mirror: [{backendRef: {name: podinfo-canary, namespace: other, port: 80}}]"), nil},
		"same header twice":            {service("match: [{headers: {x-a: {exact: b}, X-A: {exact: c}}}]"), []string{"spec.service.match[0].headers[x-a]"}},
		"no gatewayRefs and no port":   {head + "  service: {}" + steps, []string{"spec.service.port", "spec.service.gatewayRefs"}},
		"header prefix (A10)":          {service("match: [{headers: {a: {prefix: b}}}]"), []string{"spec.service.match[0].headers[a]"}},
		"query suffix":                 {service("match: [{queryParams: {a: {suffix: b}}}]"), []string{"spec.service.match[0].queryParams[a]"}},
		"source labels only (A10)":     {service("match: [{sourceLabels: {a: b}}]"), []string{"spec.service.match[0].sourceLabels"}},
		"second match":                 {service("match: [{uri: {prefix: /}}, {port: 80}]"), []string{"spec.service.match[1].port"}},
		"method regex":                 {service("match: [{method: {regex: G.*}}]"), []string{"spec.service.match[0].method.exact"}},
		"method unknown":               {service("match: [{method: {exact: get}}]"), []string{"spec.service.match[0].method.exact"}},
		"uri without kind":             {service("match: [{uri: {}}]"), []string{"spec.service.match[0].uri"}},
		"uri not absolute":             {service("match: [{uri: {prefix: api}}]"), []string{"spec.service.match[0].uri"}},
		"all that cannot be expressed": {service("match: [{scheme: {exact: s}, authority: {exact: a}, withoutHeaders: {a: {exact: b}}, sourceNamespace: n, gateways: [g], ignoreUriCase: true}]"), []string{"spec.service.match[0].scheme", "spec.service.match[0].authority", "spec.service.match[0].withoutHeaders", "spec.service.match[0].sourceNamespace", "spec.service.match[0].gateways", "spec.service.match[0].ignoreUriCase"}},
		"prefix rewrite of exact path": {service("match: [{uri: {exact: /a}}], rewrite: {uri: /b, type: ReplacePrefixMatch}"), []string{"spec.service.rewrite.type"}},
		"prefix rewrite of two paths":  {service("match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}], rewrite: {uri: /, type: ReplacePrefixMatch}"), []string{"spec.service.rewrite.type"}},
		"mirror without backend":       {service("mirror: [{}]"), []string{"spec.service.mirror[0].backendRef"}},
		"mirror without port":          {service("mirror: [{backendRef: {name: m}}]"), []string{"spec.service.mirror[0].backendRef.port"}},
		"timeout":                      {service("timeout: soon"), []string{"spec.service.timeout"}},
		"timeout with a fraction":      {service("timeout: 1.5s"), []string{"spec.service.timeout"}},
		"backend timeout too long":     {service("timeout: 5s, backendTimeout: 10s"), []string{"spec.service.backendTimeout"}},
		"no timeout but for backends":  {service("timeout: 0s, backendTimeout: 10s"), nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := routingtest.Canary(t, tc.manifest)
			var got []string
			for _, err := range (gatewayapi.Provider{}).Check(c) {
				got = append(got, err.Field)
			}
			if !slices.Equal(got, tc.want) {
				t.Fatalf("got errors at %q, want them at %q", got, tc.want)
			}
			_, err := gatewayapi.Provider{}.Render(c, routing.ToPrimary, nil)
			var refused *routing.RefusedError
			if errors.As(err, &refused) != (len(tc.want) > 0) {
				t.Errorf("Render gave %v", err)
			}
		})
	}
}
