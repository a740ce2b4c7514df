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
	return string(c.StrategyFor(provider(c)))
}

// steps fills everything about the step track: the steps of the status, or, where the controller
// keeps none, those the spec plans, marked by what weight and phase give away.
func (v *Canary) steps(c *v1beta1.Canary) {
	status := &c.Status
	if len(status.Steps) > 0 {
		for _, s := range status.Steps[:min(len(status.Steps), maxSteps)] {
			step := Step{
				Weight: percent(s.Weight), Mirror: s.Mirror, Hold: holdOf(s.Hold),
				State: string(s.State), FailedChecks: max(0, s.FailedChecks),
			}
			if s.StartTime != nil {
				step.Start = s.StartTime.Time
			}
			if s.EndTime != nil {
				step.End = s.EndTime.Time
			}
			v.Steps = append(v.Steps, step)
		}
	} else if status.Run == nil || !status.Run.Rollback { // which has none
		v.Steps = v.planned(c)
	}
	v.TotalSteps = len(v.Steps)
	v.CurrentStep = v.currentStep(status)

	if run := status.Run; run != nil && run.HoldStartTime != nil && v.Phase == string(v1beta1.PhaseProgressing) {
		v.HoldStart = run.HoldStartTime.Time
		if !run.Paused {
			v.JudgeTime = writable(v.HoldStart.Add(v.hold()))
		}
	}
}

// writable is the time, or zero for one that RFC 3339, and so JSON, does not have.
func writable(t time.Time) time.Time {
	if t.Year() > 9999 {
		return time.Time{}
	}
	return t
}

// hold is how long the current step is held.
func (v *Canary) hold() time.Duration {
	if step, ok := v.Current(); ok && step.Hold.Duration > 0 {
		return step.Hold.Duration
	}
	return v.Interval.Duration
}

// holdOf reads the hold of a step; what cannot be read is the interval's.
func holdOf(s string) Duration {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return Duration{}
	}
	return Duration{max(d, v1beta1.MinAnalysisInterval)}
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

// planned are the steps as the agent plans them. Of another controller they are guessed to be where
// weight and iterations say.
func (v *Canary) planned(c *v1beta1.Canary) []Step {
	if v.Strategy == StrategySkip {
		return nil
	}
	if v.Strategy != string(v1beta1.StrategyCanary) {
		return v.plannedIterations(c)
	}
	analysis := c.GetAnalysis()
	plan, err := v1beta1.StepPlan(analysis)
	if err != nil {
		// The list shows every canary; what is wrong with the spec is for the controller to say.
		return nil
	}
	var steps []Step
	if analysis.Mirror {
		// Whether copies are being sent is not in the status of another controller; that they have
		// been is, once there is a weight.
		steps = append(steps, Step{Mirror: true, State: v.plannedState(v.Weight > 0, false)})
	}
	for i, w := range plan[:min(len(plan), maxSteps-1)] {
		step := Step{Weight: percent(w), State: v.plannedState(w < v.Weight, w == v.Weight)}
		if i < len(analysis.Steps) {
			step.Hold = holdOf(analysis.Steps[i].Hold)
		}
		steps = append(steps, step)
	}
	return steps
}

// plannedIterations are the steps of A/B and Blue/Green, which repeat one check; Blue/Green ends with
// a step of all traffic, unless the provider has nothing but the switch. The iterations of the status
// count those that have begun.
func (v *Canary) plannedIterations(c *v1beta1.Canary) []Step {
	ab := v.Strategy == string(v1beta1.StrategyABTesting)
	total := int(min(c.IterationsFor(v.Provider), maxSteps-1))
	begun := int(max(0, c.Status.Iterations))
	steps := make([]Step, 0, total+1)
	add := func(step Step) {
		step.State = v.plannedState(len(steps) < begun-1, len(steps) == begun-1)
		steps = append(steps, step)
	}
	for range total {
		if ab {
			add(Step{Weight: 100})
		} else {
			add(Step{Mirror: c.GetAnalysis().Mirror})
		}
	}
	if !ab && v.Provider != v1beta1.ProviderKubernetes {
		add(Step{Weight: 100})
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
