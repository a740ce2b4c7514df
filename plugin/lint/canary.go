package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// canary checks what the fields of a canary mean together.
func (l *linter) canary(m *manifest) {
	c := m.canary
	for _, err := range v1beta1.Validate(c) {
		if m.known(err.Field) || strings.HasSuffix(err.Field, "].templateRef") && m.known(strings.TrimSuffix(err.Field, "templateRef")+"name") {
			continue
		}
		rule := ruleSpec
		if strings.HasSuffix(err.Field, ".templateRef") && strings.Contains(err.Detail, "not builtin") {
			rule = ruleMetric
		}
		m.found[err.Field] = true
		l.at(m, rule, err.Field, "%s", err.ErrorBody())
	}
	if kind := c.Spec.TargetRef.Kind; c.Spec.AutoscalerRef != nil && !c.IsKnative() && kind != v1beta1.TargetDeployment && !m.known("spec.targetRef.kind") {
		l.at(m, ruleSpec, "spec.autoscalerRef", "cannot be used with a target of kind %s, which has no replicas to be scaled: remove it", kind)
	}
	at := analysisPath(m)
	l.strategy(m, at)
	l.steps(m, at)
	l.metrics(m, at)
	l.names(m)
	l.forProvider(m, at)
	l.forFlagger(m, at)

	a := c.GetAnalysis()
	if len(a.Metrics) == 0 && !c.Spec.SkipAnalysis && m.root.get(strings.Split(at, ".")...) != nil && !m.found[at+".metrics"] &&
		!slices.ContainsFunc(a.Webhooks, decides) {
		if len(a.Gates) > 0 {
			return // Somebody looks.
		}
		l.at(m, ruleNothingJudged, at, "has neither metrics nor webhooks that can fail a run: every revision is promoted")
	}
	if m.root.get(append(strings.Split(at, "."), "threshold")...) != nil && a.Threshold < 1 && !m.found[at+".threshold"] {
		l.at(m, ruleThreshold, at+".threshold", "is %d, which counts as 1: the first failed check rolls back", a.Threshold)
	}
}

// decides is true for the types of webhooks that can stop a run.
func decides(w v1beta1.CanaryWebhook) bool {
	return w.HookType() != v1beta1.HookEvent && w.HookType() != v1beta1.HookPostRollout
}

// known is true when something is wrong at the path, or above it, already.
func (m *manifest) known(path string) bool {
	for at := path; at != ""; {
		if m.found[at] {
			return true
		}
		end := strings.LastIndexAny(at, ".[")
		if end < 0 {
			return false
		}
		at = at[:end]
	}
	return false
}

// strategy checks that exactly one of the fields is there that say how a run goes; also those that are
// 0 count, for the API server.
func (l *linter) strategy(m *manifest, at string) {
	analysis := m.root.get(strings.Split(at, ".")...)
	if analysis == nil || analysis.kind != object || m.known(at+".stepWeight") {
		return
	}
	var set []string
	for _, name := range []string{"iterations", "stepWeight", "stepWeights", "steps"} {
		if v := analysis.get(name); v != nil && !m.found[at+"."+name] {
			set = append(set, name)
		}
	}
	switch {
	case len(set) > 1 && !m.known(at+"."+set[1]):
		l.at(m, ruleSpec, at+"."+set[1], "is set besides %s: keep exactly one of iterations, stepWeight, stepWeights, steps, also where one is 0", set[0])
	case len(set) == 0 && !slices.ContainsFunc([]string{"iterations", "stepWeight", "stepWeights", "steps"},
		func(name string) bool { return m.found[at+"."+name] }):
		l.at(m, ruleSpec, at, "has no steps: set exactly one of iterations (Blue/Green and A/B), stepWeight, stepWeights, steps")
	}
}

// steps looks at the weights.
func (l *linter) steps(m *manifest, at string) {
	a := m.canary.GetAnalysis()
	analysis := m.root.get(strings.Split(at, ".")...)
	ignored := func(name, why string) {
		v := analysis.get(name)
		if v == nil || v.kind == scalar && (v.scalar == nil || v.scalar == false || v.scalar == 0) {
			return
		}
		if !m.known(at + "." + name) {
			l.at(m, ruleIgnored, at+"."+name, "has no effect: %s", why)
		}
	}
	if analysis == nil {
		return
	}
	switch {
	case len(a.StepWeights) > 0:
		if a.MaxWeight != 0 && a.MaxWeight != a.StepWeights[len(a.StepWeights)-1] {
			ignored("maxWeight", fmt.Sprintf("the last of stepWeights, %d, is the end", a.StepWeights[len(a.StepWeights)-1]))
		}
	case len(a.Steps) > 0:
		ignored("maxWeight", "the last of steps is the end")
	case a.Iterations > 0:
		ignored("maxWeight", "with iterations there are no weights")
		ignored("stepWeightPromotion", "with iterations there are no weights")
	case a.StepWeight > 0 && !m.known(at+".stepWeight") && !m.known(at+".maxWeight"):
		l.weights(m, a, at)
	}
	if !a.Mirror {
		ignored("mirrorWeight", "mirror is not set")
	}
	if d := m.canary.Spec.ProgressDeadlineSeconds; d != nil && *d <= 0 && !m.found["spec.progressDeadlineSeconds"] {
		l.at(m, ruleIgnored, "spec.progressDeadlineSeconds", "has no effect: %d counts as %d", *d, int(v1beta1.DefaultProgressDeadline/time.Second))
	}
}

func (l *linter) weights(m *manifest, a *v1beta1.CanaryAnalysis, at string) {
	plan, err := v1beta1.StepPlan(a)
	if err != nil || len(plan) == 0 {
		return
	}
	end, last := m.canary.MaxWeight(), plan[len(plan)-1]
	switch {
	case a.StepWeight > end:
		l.at(m, ruleStepPlan, at+".stepWeight", "is %d, more than maxWeight %d: there is a single step, of %d %%", a.StepWeight, end, last)
	case last > end:
		l.at(m, ruleStepPlan, at+".maxWeight", "is %d, but the last step has %d %%, since the steps are %s: use a multiple of stepWeight %d, or stepWeights",
			end, last, planText(plan), a.StepWeight)
	}
}

func planText(plan []int32) string {
	const most = 8
	var out []string
	for i, w := range plan {
		if len(plan) > most && i == most-1 {
			out = append(out, "…")
			break
		}
		out = append(out, fmt.Sprint(w))
	}
	return strings.Join(out, ", ")
}

// metrics looks at what is measured.
func (l *linter) metrics(m *manifest, at string) {
	a := m.canary.GetAnalysis()
	interval, _ := time.ParseDuration(a.Interval)
	for i, metric := range a.Metrics {
		path := fmt.Sprintf("%s.metrics[%d]", at, i)
		if m.found[path] {
			continue
		}
		written := m.root.get(append(strings.Split(at, "."), "metrics")...).items[i]
		r := metric.ThresholdRange
		switch {
		case r != nil && r.Min == nil && r.Max == nil && metric.VersusPrimary == nil:
			if !m.known(path + ".thresholdRange.min") {
				l.at(m, ruleNoRange, path+".thresholdRange", "has neither min nor max: every value passes")
			}
		case r == nil && written.get("threshold") == nil && metric.VersusPrimary == nil && !m.found[path+".thresholdRange"]:
			effect := "only 0 and less pass"
			if metric.Name == v1beta1.MetricSuccessRate {
				effect = "every value passes"
			}
			l.at(m, ruleNoRange, path, "has no thresholdRange: %s", effect)
		case r != nil && written.get("threshold") != nil:
			l.at(m, ruleIgnored, path+".threshold", "has no effect: thresholdRange is set")
		}
		if written.get("templateVariables") != nil && metric.TemplateRef == nil && metric.Query == "" {
			l.at(m, ruleIgnored, path+".templateVariables", "has no effect: there is neither templateRef nor query")
		}
		if window, err := time.ParseDuration(metric.Interval); err == nil && interval > 0 && window > interval && !m.known(path+".interval") {
			l.at(m, ruleWindow, path+".interval", "is %s, longer than a step of %s: the first checks of a step still count requests from before it",
				metric.Interval, a.Interval)
		}
		if metric.Query != "" {
			if _, err := queries.Render(metric.Query, queries.ValuesOf(m.canary, metric, queries.Revisions{})); err != nil {
				l.at(m, ruleTemplate, path+".query", "cannot be rendered: %v", err)
			}
		}
	}
}

// names checks those of the objects that are derived from the names in the spec.
func (l *linter) names(m *manifest) {
	c := m.canary
	if c.IsKnative() || m.known("spec.service.name") || m.known("spec.targetRef.name") || c.ApexName() == "" {
		return
	}
	path := "spec.service.name"
	if c.Spec.Service.Name == "" {
		path = "spec.targetRef.name"
	}
	if problems := validation.IsDNS1035Label(c.PrimaryServiceName()); len(problems) > 0 {
		l.at(m, ruleName, path, "is %s, but Service %s cannot have that name: %s; set spec.service.name",
			quoted(c.ApexName()), quoted(c.PrimaryServiceName()), problems[0])
	}
}
