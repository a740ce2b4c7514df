package traefik

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var (
	gvk = schema.GroupVersionKind{Group: "traefik.io", Version: "v1alpha1", Kind: "TraefikService"}
	gvr = gvk.GroupVersion().WithResource("traefikservices")
)

// Provider is the traffic provider "traefik". Its zero value is ready to use.
type Provider struct{}

var _ routing.Provider = Provider{}

// Name implements routing.Provider.
func (Provider) Name() string { return v1beta1.ProviderTraefik }

// Check implements routing.Provider. Weighted steps and Blue/Green are supported, both with
// mirroring before them.
func (p Provider) Check(c *v1beta1.Canary) field.ErrorList {
	errs := routing.CheckPort(c)
	analysis, path := c.GetAnalysis(), routing.AnalysisPath(c)
	if analysis.Iterations > 0 && len(analysis.Match) > 0 {
		errs = append(errs, field.Forbidden(path.Child("match"),
			"A/B tests are not supported by provider traefik: remove match for Blue/Green, or use a provider that routes by header, such as gatewayapi:v1, which Traefik serves as well"))
	}
	if analysis.SessionAffinity != nil {
		errs = append(errs, field.Forbidden(path.Child("sessionAffinity"),
			"session affinity is not supported by provider traefik: remove sessionAffinity, or use gatewayapi:v1, which Traefik serves as well"))
	}
	return errs
}

// Refs implements routing.Provider.
func (Provider) Refs(c *v1beta1.Canary) []routing.Ref {
	return []routing.Ref{refOf(c)}
}

func refOf(c *v1beta1.Canary) routing.Ref {
	return routing.Ref{GVR: gvr, Namespace: c.Namespace, Name: c.ApexName()}
}

// Render implements routing.Provider. It repairs with the weights it is given, never with weights
// of its own: a service that another one wrote into the list is replaced in the same write (A11).
func (p Provider) Render(c *v1beta1.Canary, split routing.Split, _ routing.Objects) ([]*unstructured.Unstructured, error) {
	if err := routing.Refuse(p.Name(), c, p.Check(c)); err != nil {
		return nil, err
	}
	if err := routing.CheckSplit(split); err != nil {
		return nil, err
	}
	spec, err := specOf(c, split)
	if err != nil {
		return nil, err
	}
	return []*unstructured.Unstructured{routing.NewApexObject(c, gvk, spec)}, nil
}

// specOf renders one of weighted and mirroring, never both: of the two Traefik heeds weighted alone.
func specOf(c *v1beta1.Canary, split routing.Split) (map[string]any, error) {
	if split.Mirror {
		if split.Canary > 0 {
			return nil, &routing.InvalidSplitError{Split: split}
		}
		mirror := backend(c, c.CanaryServiceName())
		mirror["percent"] = int64(routing.MirrorPercent(c))
		mirroring := backend(c, c.PrimaryServiceName())
		mirroring["mirrors"] = []any{mirror}
		return map[string]any{"mirroring": mirroring}, nil
	}
	services := []any{weighted(c, c.PrimaryServiceName(), split.Primary)}
	if split.Canary > 0 {
		services = append(services, weighted(c, c.CanaryServiceName(), split.Canary))
	}
	return map[string]any{"weighted": map[string]any{"services": services}}, nil
}

// Release implements routing.Provider.
func (p Provider) Release(c *v1beta1.Canary, _ routing.Objects) ([]*unstructured.Unstructured, error) {
	if err := routing.Refuse(p.Name(), c, routing.CheckPort(c)); err != nil {
		return nil, err
	}
	spec := map[string]any{"weighted": map[string]any{"services": []any{weighted(c, c.ReleasedServiceName(), 100)}}}
	return []*unstructured.Unstructured{routing.NewReleasedObject(c, gvk, spec)}, nil
}

func weighted(c *v1beta1.Canary, name string, weight int32) map[string]any {
	out := backend(c, name)
	out["weight"] = int64(weight)
	return out
}

func backend(c *v1beta1.Canary, name string) map[string]any {
	return map[string]any{
		"kind":      "Service",
		"name":      name,
		"namespace": c.Namespace,
		"port":      int64(c.Spec.Service.Port),
	}
}
