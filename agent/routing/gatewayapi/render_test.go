package gatewayapi_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/gatewayapi"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
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
// same name.
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
		"A/B":                          {analysis("iterations: 5, match: [{headers: {a: {exact: b}}}]"), []string{"spec.analysis.match"}},
		"blue/green mirror":            {analysis("iterations: 5, mirror: true"), []string{"spec.analysis.mirror"}},
		"canary mirror (B3)":           {analysis("stepWeight: 5, mirror: true"), []string{"spec.analysis.mirror"}},
		"session affinity":             {analysis("stepWeight: 5, sessionAffinity: {cookieName: c}"), []string{"spec.analysis.sessionAffinity"}},
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

func TestNotSupportedYetSaysSo(t *testing.T) {
	c := routingtest.Canary(t, minimal)
	c.Spec.Analysis.Iterations, c.Spec.Analysis.Mirror = 3, true
	errs := gatewayapi.Provider{}.Check(c)
	if len(errs) != 1 || !strings.Contains(errs[0].Detail, "not supported yet by gatewayapi:v1 in this version") {
		t.Fatalf("got %v", errs)
	}
}
