package traefik

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

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

// splitOf reads the form that Traefik heeds: mirroring counts only where there is no weighted.
func splitOf(c *v1beta1.Canary, object map[string]any) (routing.Split, error) {
	spec, _ := object["spec"].(map[string]any)
	if mirroring, ok := spec["mirroring"].(map[string]any); ok && spec["weighted"] == nil {
		return mirrorOf(c, mirroring)
	}
	return weightsOf(c, object)
}

func weightsOf(c *v1beta1.Canary, object map[string]any) (routing.Split, error) {
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

// mirrorOf reads a mirroring: the primary serves, and the canary gets copies if it is among the
// mirrors with a percent, whose default is none.
func mirrorOf(c *v1beta1.Canary, mirroring map[string]any) (routing.Split, error) {
	if name, _ := mirroring["name"].(string); !isService(c, mirroring) || name != c.PrimaryServiceName() {
		return routing.Split{}, fmt.Errorf("spec.mirroring is of %q, not of Service %s", name, c.PrimaryServiceName())
	}
	split := routing.ToPrimary
	mirrors, _ := mirroring["mirrors"].([]any)
	for _, item := range mirrors {
		mirror, _ := item.(map[string]any)
		percent, _ := routing.Integer(mirror["percent"])
		if isService(c, mirror) && mirror["name"] == c.CanaryServiceName() && percent > 0 {
			split.Mirror = true
		}
	}
	return split, nil
}

// isService tells whether the entry is a Service in the canary's namespace; both fields have that
// as their default.
func isService(c *v1beta1.Canary, entry map[string]any) bool {
	kind, _ := entry["kind"].(string)
	namespace, _ := entry["namespace"].(string)
	return (kind == "" || kind == "Service") && (namespace == "" || namespace == c.Namespace)
}
