package gatewayapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/gatewayapi"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
)

// clusterWith finds the objects of CheckCluster among the manifests, by asking until nothing new
// is named, as the controller does.
func clusterWith(t *testing.T, canary string, manifests ...string) (routing.Objects, []string) {
	t.Helper()
	c := routingtest.Canary(t, canary)
	live := routing.Objects{}
	var asked []string
	for again := true; again; {
		again = false
		for _, ref := range (gatewayapi.Provider{}).ClusterRefs(c, live) {
			name := ref.GVR.Resource + "/" + ref.Namespace + "/" + ref.Name
			if slices.Contains(asked, name) {
				continue
			}
			asked, again = append(asked, name), true
			for _, manifest := range manifests {
				object := routingtest.Object(t, manifest)
				resource := "gateways"
				if object.GetKind() == "GatewayClass" {
					resource = "gatewayclasses"
				}
				if resource == ref.GVR.Resource && object.GetNamespace() == ref.Namespace && object.GetName() == ref.Name {
					live[ref] = object
				}
			}
		}
	}
	return live, asked
}

func TestCheckCluster(t *testing.T) {
	const (
		gateway = "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: gateways}, spec: {gatewayClassName: fast}}"
		local   = "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: local, namespace: test}, spec: {gatewayClassName: slow}}"

		mirror  = "mirror: true"
		percent = "mirror: true, mirrorWeight: 20"
	)
	class := func(name, features string) string {
		return "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: " + name + "}, status: {supportedFeatures: [" + features + "]}}"
	}
	const refs = "gatewayRefs: [{name: gw, namespace: gateways}]"
	cases := map[string]struct {
		service, analysis string
		objects           []string
		want              []string
	}{
		"nothing special":       {refs, "stepWeight: 5", []string{gateway, class("fast", "{name: HTTPRouteMethodMatching}")}, nil},
		"supported":             {refs, mirror, []string{gateway, class("fast", "{name: HTTPRouteRequestMirror}")}, nil},
		"supported, old form":   {refs, mirror, []string{gateway, class("fast", "HTTPRouteRequestMirror")}, nil},
		"not supported":         {refs, mirror, []string{gateway, class("fast", "{name: HTTPRouteMethodMatching}")}, []string{"spec.analysis.mirror"}},
		"not, in the old form":  {refs, mirror, []string{gateway, class("fast", "HTTPRouteMethodMatching")}, []string{"spec.analysis.mirror"}},
		"no percent":            {refs, percent, []string{gateway, class("fast", "HTTPRouteRequestMirror")}, []string{"spec.analysis.mirrorWeight"}},
		"percent":               {refs, percent, []string{gateway, class("fast", "HTTPRouteRequestMirror, {name: HTTPRouteRequestPercentageMirror}")}, nil},
		"the user's mirror":     {refs + ", mirror: [{backendRef: {name: m, port: 80}}]", "stepWeight: 5", []string{gateway, class("fast", "x")}, []string{"spec.service.mirror"}},
		"both mirrors":          {refs + ", mirror: [{backendRef: {name: m, port: 80}}]", mirror, []string{gateway, class("fast", "HTTPRouteRequestMirror")}, []string{"spec.service.mirror"}},
		"CORS":                  {refs + ", corsPolicy: {allowOrigin: ['*']}", "stepWeight: 5", []string{gateway, class("fast", "x")}, []string{"spec.service.corsPolicy"}},
		"class reports nothing": {refs, mirror, []string{gateway, class("fast", "")}, nil},
		"features of no form":   {refs, mirror, []string{gateway, class("fast", "3, {}, null")}, nil},
		"class missing":         {refs, mirror, []string{gateway}, nil},
		"gateway missing":       {refs, mirror, nil, nil},
		"a mesh":                {"gatewayRefs: [{name: podinfo, kind: Service, group: ''}]", mirror, []string{gateway, class("fast", "x")}, nil},
		"one of two":            {"gatewayRefs: [{name: gw, namespace: gateways}, {name: local}, {name: local, port: 80}]", mirror, []string{gateway, local, class("fast", "HTTPRouteRequestMirror"), class("slow", "x")}, []string{"spec.analysis.mirror"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			manifest := head + "  service: {port: 80, " + tc.service + "}\n  analysis: {interval: 10s, threshold: 5, " + tc.analysis + "}\n"
			live, asked := clusterWith(t, manifest, tc.objects...)
			var got []string
			for _, err := range (gatewayapi.Provider{}).CheckCluster(routingtest.Canary(t, manifest), live) {
				got = append(got, err.Field)
				if !strings.Contains(err.Detail, "GatewayClass ") || !strings.Contains(err.Detail, "HTTPRoute") {
					t.Errorf("%q names neither class nor feature", err.Detail)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got errors at %q, want them at %q", got, tc.want)
			}
			if name == "nothing special" && len(asked) > 0 {
				t.Errorf("asks for %q without need", asked)
			}
			if name == "one of two" && !slices.Equal(asked, []string{"gateways/gateways/gw", "gateways/test/local", "gatewayclasses//fast", "gatewayclasses//slow"}) {
				t.Errorf("asked for %q", asked)
			}
		})
	}
}
