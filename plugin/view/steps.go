package view

import (
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// StrategySkip stands beside the strategies of the API: promotion without steps and checks.
const StrategySkip = "skip-analysis"

func strategy(c *v1beta1.Canary) string {
	if c.Spec.SkipAnalysis || (c.Spec.Analysis == nil && c.Spec.CanaryAnalysis == nil) {
		return StrategySkip
	}
	return string(c.Strategy())
}

// steps fills everything about the step track: the steps of the status, or, where the controller
// keeps none, those the spec plans, marked by what weight and phase give away.
func (v *Canary) steps(c *v1beta1.Canary) {
	status := &c.Status
	if len(status.Steps) > 0 {
		for _, s := range status.Steps[:min(len(status.Steps), maxSteps)] {
			step := Step{Weight: percent(s.Weight), State: string(s.State), FailedChecks: max(0, s.FailedChecks)}
			if s.StartTime != nil {
				step.Start = s.StartTime.Time
			}
			if s.EndTime != nil {
				step.End = s.EndTime.Time
			}
			v.Steps = append(v.Steps, step)
		}
	} else {
		v.Steps = v.planned(c)
	}
	v.TotalSteps = len(v.Steps)
	v.CurrentStep = v.currentStep(status)

	if run := status.Run; run != nil && run.HoldStartTime != nil && v.Phase == string(v1beta1.PhaseProgressing) {
		v.HoldStart = run.HoldStartTime.Time
		if !run.Paused {
			v.JudgeTime = v.HoldStart.Add(c.StepHold(int32(v.CurrentStep)))
			if v.JudgeTime.Year() > 9999 { // RFC 3339, and so JSON, has no such time
				v.JudgeTime = time.Time{}
			}
		}
	}
}

// currentStep counts from 1. The agent says it; otherwise it is the last step that began.
func (v *Canary) currentStep(status *v1beta1.CanaryStatus) int {
	if status.Run != nil {
		return min(max(0, int(status.Run.Step)), v.TotalSteps)
	}
	current := 0
	for i, s := range v.Steps {
		if s.State != string(v1beta1.StepPending) {
			current = i + 1
		}
	}
	return current
}

func (v *Canary) planned(c *v1beta1.Canary) []Step {
	switch v.Strategy {
	case StrategySkip:
		return nil
	case string(v1beta1.StrategyCanary):
		plan, err := v1beta1.StepPlan(c.GetAnalysis())
		if err != nil {
			// The list shows every canary; what is wrong with the spec is for the controller to say.
			return nil
		}
		steps := make([]Step, 0, min(len(plan), maxSteps))
		for _, w := range plan[:min(len(plan), maxSteps)] {
			steps = append(steps, Step{Weight: percent(w), State: v.plannedState(w < v.Weight, w == v.Weight)})
		}
		return steps
	}
	// A/B and Blue/Green repeat one check; the iterations of the status count those that passed.
	var weight int32
	if v.Strategy == string(v1beta1.StrategyABTesting) {
		weight = 100
	}
	total := int(min(c.IterationsFor(c.Spec.Provider), maxSteps))
	done := int(max(0, c.Status.Iterations))
	steps := make([]Step, 0, total)
	for i := range total {
		steps = append(steps, Step{Weight: weight, State: v.plannedState(i < done-1, i == done-1)})
	}
	return steps
}

// plannedState guesses the state of a step that the status does not record.
func (v *Canary) plannedState(before, at bool) string {
	switch v1beta1.CanaryPhase(v.Phase) {
	case v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseWaitingPromotion:
		return string(v1beta1.StepPassed)
	case v1beta1.PhaseProgressing:
		switch {
		case before:
			return string(v1beta1.StepPassed)
		case at:
			return string(v1beta1.StepActive)
		}
	default:
	}
	return string(v1beta1.StepPending)
}

// Current is the step under way; ok is false before the first and without steps.
func (c Canary) Current() (step Step, ok bool) {
	if c.CurrentStep < 1 || c.CurrentStep > len(c.Steps) {
		return Step{}, false
	}
	return c.Steps[c.CurrentStep-1], true
}

// Judges is how long until the current step is judged, never negative; ok is false when no
// judgement is due.
func (c Canary) Judges(now time.Time) (left time.Duration, ok bool) {
	if c.JudgeTime.IsZero() {
		return 0, false
	}
	return max(0, c.JudgeTime.Sub(now)), true
}
