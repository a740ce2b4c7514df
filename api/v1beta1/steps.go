package v1beta1

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Strategy is how traffic reaches the canary during a run. The values are the ones that metrics
// carry in their labels.
type Strategy string

const (
	// StrategyCanary gives the canary a growing share of the traffic.
	StrategyCanary Strategy = "canary"
	// StrategyABTesting gives the canary the requests that match.
	StrategyABTesting Strategy = "ab-testing"
	// StrategyBlueGreen gives the canary no traffic, or copies of it, until all checks passed.
	StrategyBlueGreen Strategy = "blue-green"
)

// Strategy is the strategy of the canary as its spec says. Use StrategyFor where the provider can
// come from the agent's default.
func (c *Canary) Strategy() Strategy { return c.StrategyFor(c.Spec.Provider) }

// StrategyFor is the strategy of the canary with a traffic provider. The provider kubernetes has
// neither weights nor matches, so everything is Blue/Green with it.
func (c *Canary) StrategyFor(provider string) Strategy {
	a := c.GetAnalysis()
	switch {
	case provider == ProviderKubernetes:
		return StrategyBlueGreen
	case a.Iterations > 0 && len(a.Match) > 0:
		return StrategyABTesting
	case a.Iterations > 0:
		return StrategyBlueGreen
	default:
		return StrategyCanary
	}
}

// IterationsFor is the number of checks of a Blue/Green or A/B run with a traffic provider: 10 with
// the provider kubernetes when the spec gives none; 0 for the canary strategy.
func (c *Canary) IterationsFor(provider string) int32 {
	n := c.GetAnalysis().Iterations
	if n < 1 && provider == ProviderKubernetes {
		return DefaultIterations
	}
	return max(n, 0)
}

// StepPlan returns the canary weights of a run in order, in percent, for the canary strategy. They
// increase strictly, are at most 100, and the last is at least maxWeight; it may pass it, as in
// 20, 40, 60 for stepWeight 20 and maxWeight 50. After the step of the last weight has passed, the
// canary is promoted.
//
// The plan of an analysis with iterations is empty. An analysis that gives no steps, or
// contradictory ones, is an error that names the field and what it accepts.
func StepPlan(a *CanaryAnalysis) ([]int32, error) {
	path := field.NewPath("spec", "analysis")
	if a == nil {
		return nil, field.Required(path, "set interval, threshold and one of "+stepFields)
	}
	errs := validateSteps(a, path)
	if len(errs) == 0 && noSteps(a) {
		errs = append(errs, stepsMissing(path))
	}
	if len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	switch {
	case a.Iterations > 0:
		return nil, nil
	case len(a.Steps) > 0:
		plan := make([]int32, 0, len(a.Steps))
		for _, s := range a.Steps {
			plan = append(plan, s.Weight)
		}
		return plan, nil
	case len(a.StepWeights) > 0:
		return append([]int32(nil), a.StepWeights...), nil
	}
	end := a.MaxWeight
	if end == 0 {
		end = DefaultMaxWeight
	}
	var plan []int32
	for w := int32(0); w < end; {
		w = min(w+a.StepWeight, 100)
		plan = append(plan, w)
	}
	return plan, nil
}

// NextWeight returns the weight of the plan that follows the current one; ok is false when there is
// none and the canary is to be promoted. A current weight that is not in the plan, because the plan
// was edited during the run, is followed by the next larger entry.
func NextWeight(plan []int32, current int32) (next int32, ok bool) {
	for _, w := range plan {
		if w > current {
			return w, true
		}
	}
	return current, false
}

// PromotionPlan returns the canary weights, in order and in percent, while traffic goes back to the
// primary that has just received the new revision. It always ends with 0; with stepWeightPromotion
// 0, or no traffic to move, it is 0 alone.
func PromotionPlan(from, stepWeightPromotion int32) []int32 {
	var plan []int32
	if stepWeightPromotion > 0 {
		for w := max(min(from, 100), 0) - stepWeightPromotion; w > 0; w -= stepWeightPromotion {
			plan = append(plan, w)
		}
	}
	return append(plan, 0)
}

const stepFields = "iterations, stepWeight, stepWeights, steps"

func noSteps(a *CanaryAnalysis) bool {
	return a.Iterations == 0 && a.StepWeight == 0 && len(a.StepWeights) == 0 && len(a.Steps) == 0
}

func stepsMissing(path *field.Path) *field.Error {
	return field.Required(path.Child("stepWeight"),
		"without steps the canary would never advance: set stepWeight to 1..100, or stepWeights such as [10, 50, 100], or iterations for Blue/Green and A/B")
}

// validateSteps checks the fields that the plan is made of, but not that there are any.
func validateSteps(a *CanaryAnalysis, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	var set []string
	if a.Iterations != 0 {
		set = append(set, "iterations")
	}
	if a.StepWeight != 0 {
		set = append(set, "stepWeight")
	}
	if len(a.StepWeights) > 0 {
		set = append(set, "stepWeights")
	}
	if len(a.Steps) > 0 {
		set = append(set, "steps")
	}
	if len(set) > 1 {
		errs = append(errs, field.Forbidden(path.Child(set[1]),
			fmt.Sprintf("cannot be set together with %s: keep one of %s", set[0], stepFields)))
	}
	if a.Iterations < 0 {
		errs = append(errs, field.Invalid(path.Child("iterations"), a.Iterations, "must be 1 or more"))
	}
	errs = append(errs, percent(path.Child("stepWeight"), a.StepWeight)...)
	errs = append(errs, percent(path.Child("maxWeight"), a.MaxWeight)...)

	before := int32(0)
	for i, w := range a.StepWeights {
		errs = append(errs, increasing(path.Child("stepWeights").Index(i), w, before)...)
		before = w
	}
	before = 0
	for i, s := range a.Steps {
		errs = append(errs, increasing(path.Child("steps").Index(i).Child("weight"), s.Weight, before)...)
		before = s.Weight
	}
	return errs
}

func increasing(path *field.Path, w, before int32) field.ErrorList {
	switch {
	case w < 1 || w > 100:
		return field.ErrorList{field.Invalid(path, w, "must be a weight of 1 to 100 percent")}
	case w <= before:
		return field.ErrorList{field.Invalid(path, w,
			fmt.Sprintf("must be more than %d, the weight before it: list the weights in increasing order", before))}
	default:
		return nil
	}
}

func percent(path *field.Path, v int32) field.ErrorList {
	if v < 0 || v > 100 {
		return field.ErrorList{field.Invalid(path, v, "must be 0 to 100 percent")}
	}
	return nil
}
