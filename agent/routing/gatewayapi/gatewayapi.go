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
	kindRoute   = "HTTPRoute"
	kindGateway = "Gateway"
	kindService = "Service"
)

// Provider is the traffic provider "gatewayapi:v1", or with Beta "gatewayapi:v1beta1".
type Provider struct {
	// Beta is for clusters whose Gateway API has nothing but v1beta1. As that version once was, its
	// routes have neither timeouts nor CORS, and clients are not kept on the primary.
	Beta bool
}

var (
	_ routing.Provider       = Provider{}
	_ routing.ClusterChecker = Provider{}
)

// Name implements routing.Provider.
func (p Provider) Name() string {
	if p.Beta {
		return v1beta1.ProviderGatewayAPIV1Beta1
	}
	return v1beta1.ProviderGatewayAPIV1
}

func (p Provider) groupVersion() schema.GroupVersion {
	if p.Beta {
		return schema.GroupVersion{Group: group, Version: "v1beta1"}
	}
	return schema.GroupVersion{Group: group, Version: "v1"}
}

// Check implements routing.Provider. All strategies are supported, and mirroring before each of
// them. Session affinity goes with weighted steps and Blue/Green.
func (p Provider) Check(c *v1beta1.Canary) field.ErrorList {
	_, errs := p.renderSpec(c, routing.ToPrimary)
	return append(errs, p.checkAnalysis(c)...)
}

func (p Provider) checkAnalysis(c *v1beta1.Canary) field.ErrorList {
	errs := refuseMirrorToCanary(c)
	if c.GetAnalysis().SessionAffinity == nil {
		return errs
	}
	if p.isABTest(c) {
		return append(errs, field.Forbidden(routing.AnalysisPath(c).Child("sessionAffinity"),
			"an A/B test decides by each request alone which side serves it: remove sessionAffinity, or match a cookie that the application sets"))
	}
	return append(errs, checkAffinity(c)...)
}

func (p Provider) isABTest(c *v1beta1.Canary) bool {
	return c.StrategyFor(p.Name()) == v1beta1.StrategyABTesting
}

// Refs implements routing.Provider.
func (p Provider) Refs(c *v1beta1.Canary) []routing.Ref {
	return []routing.Ref{p.refOf(c)}
}

func (p Provider) refOf(c *v1beta1.Canary) routing.Ref {
	return routing.Ref{GVR: p.groupVersion().WithResource("httproutes"), Namespace: c.Namespace, Name: c.ApexName()}
}

// Render implements routing.Provider. The route carries the weights it is given whatever else is
// repaired (gotcha A12). Cookies are those of the canary's status, so that the status has to be
// the one that goes with the split.
func (p Provider) Render(c *v1beta1.Canary, split routing.Split, _ routing.Objects) ([]*unstructured.Unstructured, error) {
	spec, errs := p.renderSpec(c, split)
	errs = append(errs, p.checkAnalysis(c)...)
	if err := routing.Refuse(p.Name(), c, errs); err != nil {
		return nil, err
	}
	if err := routing.CheckSplit(split); err != nil {
		return nil, err
	}
	return []*unstructured.Unstructured{routing.NewApexObject(c, p.groupVersion().WithKind(kindRoute), spec)}, nil
}

// Release implements routing.Provider. What spec.service says of the route stays, its own mirrors
// included; of the analysis nothing does.
func (p Provider) Release(c *v1beta1.Canary, _ routing.Objects) ([]*unstructured.Unstructured, error) {
	spec, errs := p.releasedSpec(c)
	if err := routing.Refuse(p.Name(), c, errs); err != nil {
		return nil, err
	}
	return []*unstructured.Unstructured{routing.NewReleasedObject(c, p.groupVersion().WithKind(kindRoute), spec)}, nil
}
