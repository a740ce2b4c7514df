package kubernetes

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Provider is the traffic provider "kubernetes". Its zero value is ready to use.
type Provider struct{}

var _ routing.Provider = Provider{}

// Name implements routing.Provider.
func (Provider) Name() string { return v1beta1.ProviderKubernetes }

// Check implements routing.Provider. Weights and matches are accepted and mean Blue/Green.
func (Provider) Check(c *v1beta1.Canary) field.ErrorList {
	errs := routing.CheckPort(c)
	if ref := c.Spec.TargetRef; ref.Kind == v1beta1.TargetService {
		errs = append(errs, field.Invalid(field.NewPath("spec", "targetRef"), ref.APIVersion+"/"+ref.Kind,
			"provider kubernetes moves clients by the selector of an apex Service, which a target that is a Service does not have: use a provider with routes, such as gatewayapi:v1 or traefik"))
	}
	analysis, path := c.GetAnalysis(), routing.AnalysisPath(c)
	if analysis.Mirror {
		errs = append(errs, field.Forbidden(path.Child("mirror"),
			"a Service cannot mirror requests: remove mirror or set it to false, or use a provider that mirrors, such as gatewayapi:v1 or traefik"))
	}
	if analysis.SessionAffinity != nil {
		errs = append(errs, field.Forbidden(path.Child("sessionAffinity"),
			"a Service sends all clients to one side at a time: remove sessionAffinity, or use gatewayapi:v1"))
	}
	return errs
}

// Refs implements routing.Provider. There are none.
func (Provider) Refs(*v1beta1.Canary) []routing.Ref { return nil }

// Render implements routing.Provider. There is nothing to render: the controller decides by the
// split what the apex Service selects.
func (Provider) Render(_ *v1beta1.Canary, split routing.Split, _ routing.Objects) ([]*unstructured.Unstructured, error) {
	return nil, routing.CheckSplit(split)
}

// Release implements routing.Provider. There is nothing to leave behind.
func (Provider) Release(*v1beta1.Canary, routing.Objects) ([]*unstructured.Unstructured, error) {
	return nil, nil
}

// Observe implements routing.Provider. It claims nothing: what the apex Service selects is what the
// controller sees.
func (Provider) Observe(*v1beta1.Canary, routing.Objects) (routing.Observation, error) {
	return routing.Observation{}, nil
}
