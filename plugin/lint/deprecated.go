package lint

import (
	"fmt"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// deprecated names the fields that still work, and what to write in their place.
func (l *linter) deprecated(m *manifest) {
	spec := m.root.get("spec")
	if m.kind != kindCanary || spec == nil {
		return
	}
	tell := func(path, instead string) { l.at(m, ruleDeprecated, path, "is deprecated: %s", instead) }
	at := "spec.analysis"
	if spec.get("canaryAnalysis") != nil {
		if spec.get("analysis") != nil {
			l.at(m, ruleIgnored, "spec.canaryAnalysis", "has no effect: spec.analysis is set")
		} else {
			at = "spec.canaryAnalysis"
			tell(at, "call it spec.analysis; Flagger's CRD drops it")
		}
	}
	for i, metric := range m.root.list(append(strings.Split(at, "."), "metrics")...) {
		path := fmt.Sprintf("%s.metrics[%d]", at, i)
		if threshold := metric.get("threshold"); threshold != nil && metric.get("thresholdRange") == nil {
			bound := "max"
			if metric.text("name") == v1beta1.MetricSuccessRate {
				bound = "min"
			}
			tell(path+".threshold", fmt.Sprintf("write thresholdRange: {%s: %v}", bound, threshold.scalar))
		}
		if metric.get("query") != nil {
			tell(path+".query", "put the query into a MetricTemplate and name it in templateRef")
		}
	}
	if version := spec.text("autoscalerRef", "apiVersion"); strings.HasPrefix(version, "autoscaling/v2beta") {
		tell("spec.autoscalerRef.apiVersion", "Kubernetes has "+version+" no more; write autoscaling/v2")
	}
	for _, path := range outlierPaths(spec) {
		tell(path+".consecutiveErrors", "Istio has consecutive5xxErrors and consecutiveGatewayErrors in its place")
	}
	if version := spec.text("targetRef", "apiVersion"); strings.HasPrefix(version, "extensions/") || strings.HasPrefix(version, "apps/v1beta") {
		tell("spec.targetRef.apiVersion", "Kubernetes has "+version+" no more; write apps/v1")
	}
}

// outlierPaths are where the outlier detection of Istio has its deprecated field.
func outlierPaths(spec *value) []string {
	var out []string
	policy := spec.get("service", "trafficPolicy")
	if policy.get("outlierDetection", "consecutiveErrors") != nil {
		out = append(out, "spec.service.trafficPolicy.outlierDetection")
	}
	for i, level := range policy.list("portLevelSettings") {
		if level.get("outlierDetection", "consecutiveErrors") != nil {
			out = append(out, fmt.Sprintf("spec.service.trafficPolicy.portLevelSettings[%d].outlierDetection", i))
		}
	}
	return out
}
