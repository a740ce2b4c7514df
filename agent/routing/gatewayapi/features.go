package gatewayapi

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// The features of the Gateway API, by the names in which GatewayClasses report them, without which
// a filter of the route breaks it: a controller that does not know a filter has to answer its
// requests with errors, and not every one says so in the status of the route.
const (
	featureMirror        = "HTTPRouteRequestMirror"
	featureMirrorPercent = "HTTPRouteRequestPercentageMirror"
	featureMirrors       = "HTTPRouteRequestMultipleMirrors"
	featureCORS          = "HTTPRouteCORS"
)

// need is a feature that the canary cannot do without.
type need struct {
	feature string
	path    *field.Path
	// cure says how to do without.
	cure string
}

func (p Provider) needs(c *v1beta1.Canary) []need {
	var needs []need
	analysis, path := c.GetAnalysis(), routing.AnalysisPath(c)
	mirrors := len(c.Spec.Service.Mirror)
	if mirrors > 0 {
		needs = append(needs, need{featureMirror, servicePath().Child("mirror"), "remove mirror"})
	}
	if analysis.Mirror {
		mirrors++
		needs = append(needs, need{featureMirror, path.Child("mirror"), "remove mirror or set it to false"})
		if routing.MirrorPercent(c) < 100 {
			needs = append(needs, need{featureMirrorPercent, path.Child("mirrorWeight"), "remove mirrorWeight, so that all requests are mirrored"})
		}
	}
	if mirrors > 1 {
		needs = append(needs, need{featureMirrors, servicePath().Child("mirror"), "keep one mirror, that of the analysis included"})
	}
	if c.Spec.Service.CorsPolicy != nil && !p.Beta {
		needs = append(needs, need{featureCORS, servicePath().Child("corsPolicy"), "remove corsPolicy and let the application answer"})
	}
	return needs
}

// ClusterRefs implements routing.ClusterChecker: the Gateways that the canary names, and the
// classes of those that are in live.
func (p Provider) ClusterRefs(c *v1beta1.Canary, live routing.Objects) []routing.Ref {
	if len(p.needs(c)) == 0 {
		return nil
	}
	var refs []routing.Ref
	seen := map[routing.Ref]bool{}
	add := func(ref routing.Ref) {
		if !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	for _, gateway := range p.gateways(c) {
		add(gateway)
		if class := classOf(live[gateway]); class != "" {
			add(p.classRef(class))
		}
	}
	return refs
}

// CheckCluster implements routing.ClusterChecker. It goes by what the GatewayClasses report; one
// that reports nothing is given the benefit of the doubt, as is a mesh.
func (p Provider) CheckCluster(c *v1beta1.Canary, live routing.Objects) field.ErrorList {
	needs := p.needs(c)
	if len(needs) == 0 {
		return nil
	}
	var errs field.ErrorList
	checked := map[string]bool{}
	for _, gateway := range p.gateways(c) {
		class := classOf(live[gateway])
		if class == "" || checked[class] {
			continue
		}
		checked[class] = true
		supported := featuresOf(live[p.classRef(class)])
		if len(supported) == 0 {
			continue
		}
		for _, n := range needs {
			if !supported[n.feature] {
				errs = append(errs, field.Forbidden(n.path, fmt.Sprintf(
					"GatewayClass %s, of Gateway %s/%s, does not report the feature %s, and its controller may answer all requests with errors: %s, or use another Gateway",
					class, gateway.Namespace, gateway.Name, n.feature, n.cure)))
			}
		}
	}
	return errs
}

// gateways are those among the parents of the route. A parent of another kind is of a mesh.
func (p Provider) gateways(c *v1beta1.Canary) []routing.Ref {
	var refs []routing.Ref
	for _, ref := range c.Spec.Service.GatewayRefs {
		if key := keyOfRef(ref).in(c.Namespace); key.group == group && key.kind == kindGateway {
			refs = append(refs, routing.Ref{GVR: p.groupVersion().WithResource("gateways"), Namespace: key.namespace, Name: key.name})
		}
	}
	return refs
}

func (p Provider) classRef(name string) routing.Ref {
	return routing.Ref{GVR: p.groupVersion().WithResource("gatewayclasses"), Name: name}
}

func classOf(gateway *unstructured.Unstructured) string {
	if gateway == nil {
		return ""
	}
	spec, _ := gateway.Object["spec"].(map[string]any)
	return stringOr(spec["gatewayClassName"], "")
}

// featuresOf reads the features that a class reports. They are objects with a name, and were plain
// names before that.
func featuresOf(class *unstructured.Unstructured) map[string]bool {
	if class == nil {
		return nil
	}
	status, _ := class.Object["status"].(map[string]any)
	features := map[string]bool{}
	for _, item := range listOf(status["supportedFeatures"]) {
		name, _ := item.(string)
		if object, ok := item.(map[string]any); ok {
			name, _ = object["name"].(string)
		}
		if name != "" {
			features[name] = true
		}
	}
	return features
}
