package lint

import "slices"

// Severity of a finding.
type Severity string

const (
	// Error means: the API server or the agent would refuse it, or it would go wrong.
	Error Severity = "error"
	// Warning means: it works, but hardly as meant.
	Warning Severity = "warning"
	// Info means: worth knowing.
	Info Severity = "info"
)

// The rules. Their ids are stable: they are used with --disable and in scripts.
const (
	ruleSyntax       = "yaml-syntax"
	ruleUnreadable   = "unreadable-file"
	ruleComplex      = "too-complex"
	ruleDuplicateKey = "duplicate-key"
	ruleVersion      = "api-version"
	ruleKind         = "unknown-kind"
	ruleUnknownField = "unknown-field"
	ruleType         = "wrong-type"
	ruleRequired     = "required-field"
	ruleValue        = "invalid-value"
	ruleName         = "invalid-name"

	ruleSpec           = "invalid-spec"
	ruleMetric         = "unknown-metric"
	ruleProvider       = "provider-unsupported"
	ruleFeature        = "provider-feature"
	ruleGateway        = "no-gateway"
	ruleMetricProvider = "metric-provider-unsupported"
	ruleTemplate       = "metric-template"
	ruleNothingJudged  = "nothing-judged"
	ruleNoRange        = "metric-without-range"
	ruleWindow         = "metric-window"
	ruleIgnored        = "ignored-field"
	ruleStepPlan       = "step-plan"
	ruleThreshold      = "low-threshold"

	ruleDuplicate      = "duplicate-object"
	ruleTargetShared   = "target-shared"
	ruleServiceShared  = "service-shared"
	ruleTargetLabel    = "target-label"
	ruleTargetPort     = "target-port"
	ruleTargetReplicas = "target-replicas"
	ruleAutoscaler     = "autoscaler"
	ruleReference      = "reference-not-found"
	ruleCrossNamespace = "cross-namespace-reference"
	ruleManaged        = "managed-object"

	ruleDeprecated  = "deprecated-field"
	rulePortability = "flagger-portability"
)

// Rule is a kind of finding.
type Rule struct {
	ID       string
	Severity Severity
	// About says what it is about, in one line.
	About string
}

// Rules lists all rules in the order in which the help shows them.
func Rules() []Rule {
	return []Rule{
		{ruleSyntax, Error, "the file is not YAML or JSON"},
		{ruleUnreadable, Error, "the file cannot be read, is larger than 10 MB, or is no text"},
		{ruleComplex, Error, "the document is nested too deeply, or its aliases make it too large"},
		{ruleDuplicateKey, Error, "a key is given twice"},
		{ruleVersion, Error, "the apiVersion is not flagger.app/v1beta1"},
		{ruleKind, Error, "the API has no such kind"},
		{ruleUnknownField, Error, "the schema has no such field"},
		{ruleType, Error, "the value has the wrong type"},
		{ruleRequired, Error, "a required field is missing"},
		{ruleValue, Error, "the value is not one that is accepted"},
		{ruleName, Error, "the name cannot be that of an object"},
		{ruleSpec, Error, "the fields contradict each other, or the agent refuses them"},
		{ruleMetric, Error, "the metric is not builtin and has no query"},
		{ruleFeature, Error, "the traffic provider cannot do this"},
		{ruleTemplate, Error, "the query of a MetricTemplate cannot be rendered"},
		{ruleTargetShared, Error, "two canaries have one target"},
		{ruleServiceShared, Error, "two canaries write the same Services"},
		{ruleTargetLabel, Error, "the target has no label by which its pods can be told from the primary's"},
		{ruleTargetPort, Error, "the target has no such port (a warning for a number)"},
		{ruleProvider, Warning, "this version of the agent does not serve the traffic provider"},
		{ruleMetricProvider, Warning, "this version of the agent cannot ask the provider of a MetricTemplate"},
		{ruleGateway, Warning, "the route is attached to no gateway"},
		{ruleNothingJudged, Warning, "nothing is measured and no hook is called: every revision is promoted"},
		{ruleNoRange, Warning, "the metric has no accepted range"},
		{ruleIgnored, Warning, "the field has no effect here"},
		{ruleStepPlan, Warning, "the steps are hardly those that were meant"},
		{ruleThreshold, Warning, "the threshold is below 1, and counts as 1"},
		{ruleDuplicate, Warning, "the object is in the files of a directory twice"},
		{ruleAutoscaler, Warning, "target and autoscaler do not fit"},
		{ruleCrossNamespace, Warning, "a reference to another namespace, which agents refuse unless told otherwise"},
		{ruleDeprecated, Warning, "the field is deprecated"},
		{ruleWindow, Info, "the window of the metric is longer than a step"},
		{ruleTargetReplicas, Info, "the target sets replicas: a GitOps tool would scale it up when it is idle"},
		{ruleReference, Info, "the object that is referred to is not among the files"},
		{ruleManaged, Info, "the object is among the files, but the agent writes it as well"},
		{rulePortability, Info, "Flagger does not have the field (an error with --portable)"},
	}
}

func severityOf(id string) Severity {
	all := Rules()
	if i := slices.IndexFunc(all, func(r Rule) bool { return r.ID == id }); i >= 0 {
		return all[i].Severity
	}
	return Error
}

func ruleIDs() []string {
	var ids []string
	for _, r := range Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}
