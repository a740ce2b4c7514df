package queries

import (
	"fmt"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// The observers. Those with the suffix :service look at a core Service as target, which has no
// workload of its own.
const (
	Apisix         = "apisix"
	AppMesh        = "appmesh"
	Contour        = "contour"
	Gloo           = "gloo"
	HTTP           = "http"
	Istio          = "istio"
	IstioService   = "istio:service"
	Knative        = "knative"
	Kuma           = "kuma"
	Linkerd        = "linkerd"
	LinkerdService = "linkerd:service"
	NGINX          = "nginx"
	OSM            = "osm"
	Skipper        = "skipper"
	Traefik        = "traefik"
)

// meshes are the providers that can stand behind another one: behind SMI, or as the mesh that
// the agent was started with.
var meshes = map[string]string{"istio": Istio, "linkerd": Linkerd, "osm": OSM, "kuma": Kuma}

// Provider is the traffic provider whose metrics are looked at: that of the canary, else the one
// that the agent was started with. Under a Linkerd agent it is linkerd whatever the canary routes
// with, since the mesh measures every route.
func Provider(agent string, c *v1beta1.Canary) string {
	if c.Spec.Provider != "" && strings.Contains(agent, "linkerd") {
		return Linkerd
	}
	return c.ProviderOr(agent)
}

// Observer finds the observer for a canary. The agent's provider is the one it was started with.
// It fails when there are no builtin queries; the message says what to use instead.
func Observer(agent string, c *v1beta1.Canary) (string, error) {
	p := Provider(agent, c)
	observer, err := forProvider(p, agent)
	if err != nil || !isCoreService(c) {
		return observer, err
	}
	switch observer {
	case Istio:
		return IstioService, nil
	case Linkerd:
		return LinkerdService, nil
	case Contour, Gloo, Kuma, NGINX, Skipper, Traefik, Apisix:
		// These count by Service anyway.
		return observer, nil
	}
	return "", noBuiltin(p, "they count by workload, and a Service has none")
}

func forProvider(p, agent string) (string, error) {
	base, rest, _ := strings.Cut(p, ":")
	switch base {
	case Apisix, Contour, Istio, Knative, Kuma, Linkerd, NGINX, OSM, Skipper, Traefik:
		if rest == "" {
			return base, nil
		}
	case AppMesh, Gloo:
		return base, nil
	case "kubernetes", "gatewayapi":
		return HTTP, nil
	case "smi":
		return forSMI(p, rest, agent)
	case "":
		return "", fmt.Errorf("no traffic provider: set spec.provider, or start the agent with a mesh provider")
	}
	if strings.Contains(p, "crossover") {
		return "", noBuiltin(p, "its metrics have no fixed names")
	}
	return "", noBuiltin(p, "the provider is not known")
}

// forSMI finds the mesh behind an SMI provider, such as smi:v1alpha2:linkerd. spec.provider cannot
// name the mesh; the agent's own provider then does.
func forSMI(p, rest, agent string) (string, error) {
	_, mesh, _ := strings.Cut(rest, ":")
	if mesh == "" && agent != p {
		base, more, _ := strings.Cut(agent, ":")
		mesh = base
		if base == "smi" {
			_, mesh, _ = strings.Cut(more, ":")
		}
	}
	if o, ok := meshes[mesh]; ok {
		return o, nil
	}
	if mesh == "" {
		return "", noBuiltin(p, "SMI does not say which mesh implements it; an agent started with smi:<version>:<mesh> does")
	}
	return "", noBuiltin(p, fmt.Sprintf("the mesh %q is not known", mesh))
}

func noBuiltin(provider, why string) error {
	return fmt.Errorf("provider %q has no builtin queries for %s and %s: %s; use metrics with a templateRef instead",
		provider, v1beta1.MetricSuccessRate, v1beta1.MetricDuration, why)
}

func isCoreService(c *v1beta1.Canary) bool {
	return c.Spec.TargetRef.Kind == v1beta1.TargetService && !c.IsKnative()
}
