package traefik

import (
	"fmt"

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

// Check implements routing.Provider. Weighted steps and Blue/Green are supported.
func (p Provider) Check(c *v1beta1.Canary) field.ErrorList {
	errs := routing.CheckPort(c)
	analysis, path := c.GetAnalysis(), routing.AnalysisPath(c)
	if analysis.Iterations > 0 && len(analysis.Match) > 0 {
		errs = append(errs, field.Forbidden(path.Child("match"),
			"A/B tests are not supported by provider traefik: remove match for Blue/Green, or use a provider that routes by header, such as istio or gatewayapi:v1"))
	}
	if analysis.Mirror {
		errs = append(errs, field.Forbidden(path.Child("mirror"),
			"mirroring is not supported by provider traefik: remove mirror or set it to false"))
	}
	if analysis.SessionAffinity != nil {
		errs = append(errs, field.Forbidden(path.Child("sessionAffinity"),
			"session affinity is not supported by provider traefik: remove sessionAffinity"))
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
	services := []any{service(c, c.PrimaryServiceName(), split.Primary)}
	if split.Canary > 0 {
		services = append(services, service(c, c.CanaryServiceName(), split.Canary))
	}
	spec := map[string]any{"weighted": map[string]any{"services": services}}
	return []*unstructured.Unstructured{routing.NewApexObject(c, gvk, spec)}, nil
}

func service(c *v1beta1.Canary, name string, weight int32) map[string]any {
	return map[string]any{
		"kind":      "Service",
		"name":      name,
		"namespace": c.Namespace,
		"port":      int64(c.Spec.Service.Port),
		"weight":    int64(weight),
	}
}

// Observe implements routing.Provider. The canary's share is calculated from both weights, not as
// what the primary's weight leaves of 100: with 100 and 100 the canary gets half (A11).
func (Provider) Observe(c *v1beta1.Canary, live routing.Objects) (routing.Observation, error) {
	object := live[refOf(c)]
	if object == nil {
		return routing.Observation{}, nil
	}
	seen := routing.Observation{Exists: true}
	split, err := splitOf(c, object.Object)
	if err != nil {
		return seen, &routing.MalformedError{Kind: gvk.Kind, Namespace: c.Namespace, Name: c.ApexName(), Problem: err.Error()}
	}
	seen.Split = split
	return seen, nil
}

func splitOf(c *v1beta1.Canary, object map[string]any) (routing.Split, error) {
	services, found, err := unstructured.NestedFieldNoCopy(object, "spec", "weighted", "services")
	if err != nil {
		return routing.Split{}, fmt.Errorf("spec.weighted.services cannot be read: %w", err)
	}
	list, ok := services.([]any)
	if !found || !ok {
		return routing.Split{}, fmt.Errorf("spec.weighted.services is not there")
	}
	primary, canary := c.PrimaryServiceName(), c.CanaryServiceName()
	weights := map[string]int64{}
	for i, item := range list {
		entry, _ := item.(map[string]any)
		name, _ := entry["name"].(string)
		if !isService(c, entry) || (name != primary && name != canary) {
			return routing.Split{}, fmt.Errorf("spec.weighted.services[%d] is %q, which is neither Service %s nor %s", i, name, primary, canary)
		}
		weight, err := routing.Weight(entry["weight"])
		if err != nil {
			return routing.Split{}, fmt.Errorf("spec.weighted.services[%d]: %w", i, err)
		}
		if _, twice := weights[name]; twice {
			return routing.Split{}, fmt.Errorf("spec.weighted.services has %s twice", name)
		}
		weights[name] = weight
	}
	if _, ok := weights[primary]; !ok {
		return routing.Split{}, fmt.Errorf("spec.weighted.services lacks the primary %s", primary)
	}
	return routing.SplitOf(weights[primary], weights[canary])
}

// isService tells whether the entry is a Service in the canary's namespace; both fields have that
// as their default.
func isService(c *v1beta1.Canary, entry map[string]any) bool {
	kind, _ := entry["kind"].(string)
	namespace, _ := entry["namespace"].(string)
	return (kind == "" || kind == "Service") && (namespace == "" || namespace == c.Namespace)
}
