package controller

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// problems says why a canary cannot be acted upon. It is looked at again with every change, so a
// reference that was allowed yesterday is refused today if the flag or the object says so.
func (c *Controller) problems(e *entry, canary *v1beta1.Canary) []rollout.Problem {
	var problems []rollout.Problem
	add := func(reason string, errs field.ErrorList) {
		for _, err := range errs {
			problems = append(problems, rollout.Problem{Reason: reason, Message: err.Error()})
		}
	}
	add("InvalidSpec", v1beta1.Validate(canary))
	add("CrossNamespaceReference", v1beta1.ValidateReferences(canary, c.config.NoCrossNamespaceRefs))
	if e.providerErr != nil {
		problems = append(problems, rollout.Problem{Reason: "UnsupportedProvider", Message: "spec.provider: " + e.providerErr.Error()})
	} else {
		add("UnsupportedByProvider", e.provider.Check(canary))
	}
	add("Unsupported", unsupported(canary))
	if name, ok := c.index.older(canary); ok {
		problems = append(problems, rollout.Problem{
			Reason: "TargetTaken",
			Message: fmt.Sprintf("spec.targetRef: %s %s is the target of the older canary %s already; delete one of the two",
				canary.Spec.TargetRef.Kind, canary.Spec.TargetRef.Name, name),
		})
	}
	return problems
}

// unsupported lists what the API can say and this agent does not do. Each is refused with its
// path: a field that is ignored in silence is worse than one that is refused.
func unsupported(c *v1beta1.Canary) field.ErrorList {
	var errs field.ErrorList
	spec := field.NewPath("spec")
	analysisPath := routing.AnalysisPath(c)
	no := func(path *field.Path, what, instead string) {
		errs = append(errs, field.Forbidden(path, what+" is not supported by this version: "+instead))
	}
	if kind := c.Spec.TargetRef.Kind; kind != v1beta1.TargetDeployment {
		no(spec.Child("targetRef", "kind"), "kind "+kind+" as a target", "use a Deployment")
	}
	if c.Spec.AutoscalerRef != nil {
		no(spec.Child("autoscalerRef"), "an autoscaler", "remove it")
	}
	if c.Spec.RevertOnDeletion {
		no(spec.Child("revertOnDeletion"), "restoring the target on deletion", "remove it")
	}
	analysis := c.GetAnalysis()
	if s := c.Strategy(); s != v1beta1.StrategyCanary && !c.Spec.SkipAnalysis {
		no(analysisPath.Child("iterations"), "strategy "+string(s), "use stepWeight, stepWeights or steps")
	}
	if len(analysis.Match) > 0 {
		no(analysisPath.Child("match"), "A/B testing", "remove it")
	}
	if analysis.Mirror {
		no(analysisPath.Child("mirror"), "traffic mirroring", "remove it")
	}
	if analysis.SessionAffinity != nil {
		no(analysisPath.Child("sessionAffinity"), "session affinity", "remove it")
	}
	if len(analysis.Gates) > 0 {
		no(analysisPath.Child("gates"), "a gate without a webhook", "use a webhook of type confirm-rollout or confirm-promotion")
	}
	for i, hook := range analysis.Webhooks {
		switch hook.HookType() {
		case v1beta1.HookConfirmTrafficIncrease, v1beta1.HookRollback:
			no(analysisPath.Child("webhooks").Index(i).Child("type"), "a hook of type "+string(hook.Type), "remove it")
		case v1beta1.HookConfirmRollout, v1beta1.HookPreRollout, v1beta1.HookRollout,
			v1beta1.HookConfirmPromotion, v1beta1.HookPostRollout, v1beta1.HookEvent:
		}
	}
	return errs
}
