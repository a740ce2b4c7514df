package gatewayapi

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	group       = "gateway.networking.k8s.io"
	kindGateway = "Gateway"
	kindService = "Service"
)

var (
	gvk = schema.GroupVersionKind{Group: group, Version: "v1", Kind: "HTTPRoute"}
	gvr = gvk.GroupVersion().WithResource("httproutes")
)

// Provider is the traffic provider "gatewayapi:v1". Its zero value is ready to use.
type Provider struct{}

var _ routing.Provider = Provider{}

// Name implements routing.Provider.
func (Provider) Name() string { return v1beta1.ProviderGatewayAPIV1 }

// Check implements routing.Provider. Weighted steps and Blue/Green without mirroring are supported.
func (p Provider) Check(c *v1beta1.Canary) field.ErrorList {
	_, errs := renderSpec(c, routing.ToPrimary)
	return append(errs, p.checkAnalysis(c)...)
}

func (p Provider) checkAnalysis(c *v1beta1.Canary) field.ErrorList {
	analysis, path := c.GetAnalysis(), routing.AnalysisPath(c)
	notYet := "not supported yet by " + p.Name() + " in this version: "
	var errs field.ErrorList
	if len(analysis.Match) > 0 && analysis.Iterations > 0 {
		errs = append(errs, field.Forbidden(path.Child("match"),
			notYet+"remove match for Blue/Green, or use stepWeight or stepWeights in place of iterations"))
	}
	if analysis.Mirror && analysis.Iterations > 0 {
		errs = append(errs, field.Forbidden(path.Child("mirror"), notYet+"remove mirror or set it to false"))
	}
	if analysis.Mirror && analysis.Iterations <= 0 {
		// Waiting for a mirror that never comes is how such a canary gets stuck (gotcha B3).
		errs = append(errs, field.Forbidden(path.Child("mirror"),
			"the provider cannot mirror before weighted steps: remove mirror or set it to false"))
	}
	if analysis.SessionAffinity != nil {
		errs = append(errs, field.Forbidden(path.Child("sessionAffinity"), notYet+"remove sessionAffinity"))
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

// Render implements routing.Provider. The route carries the weights it is given whatever else is
// repaired (gotcha A12).
func (p Provider) Render(c *v1beta1.Canary, split routing.Split, _ routing.Objects) ([]*unstructured.Unstructured, error) {
	spec, errs := renderSpec(c, split)
	errs = append(errs, p.checkAnalysis(c)...)
	if err := routing.Refuse(p.Name(), c, errs); err != nil {
		return nil, err
	}
	if err := routing.CheckSplit(split); err != nil {
		return nil, err
	}
	return []*unstructured.Unstructured{routing.NewApexObject(c, gvk, spec)}, nil
}
