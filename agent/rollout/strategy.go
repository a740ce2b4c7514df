package rollout

import (
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// strategy of the canary with the provider that is in use.
func (d *decider) strategy() v1beta1.Strategy { return d.Canary.StrategyFor(d.Route.Provider) }

// plannedSteps are the steps that the spec asks for, from the first. Every strategy is a list of
// them, each held for a time and then judged:
//
//   - canary: the weights, after a step with copies of the requests only if mirroring is on;
//   - A/B: as many steps as there are iterations, with all the requests that match;
//   - Blue/Green: as many steps as there are iterations, with no requests or with copies of them,
//     and one with all requests, in which the canary is judged under the full load before the
//     primary is touched. The provider kubernetes has no such step: there the promotion is the
//     switch.
func (d *decider) plannedSteps() []v1beta1.StepStatus {
	analysis := d.Canary.GetAnalysis()
	pending := func(weight int32, mirror bool) v1beta1.StepStatus {
		return v1beta1.StepStatus{Weight: weight, Mirror: mirror, State: v1beta1.StepPending}
	}
	var steps []v1beta1.StepStatus
	mirror := analysis.Mirror && d.Route.Provider != v1beta1.ProviderKubernetes
	iterations := min(d.Canary.IterationsFor(d.Route.Provider), maxIterations)
	switch d.strategy() {
	case v1beta1.StrategyABTesting:
		for range iterations {
			steps = append(steps, pending(100, false))
		}
	case v1beta1.StrategyBlueGreen:
		for range iterations {
			steps = append(steps, pending(0, mirror))
		}
		if d.Route.Provider != v1beta1.ProviderKubernetes {
			steps = append(steps, pending(100, false))
		}
	case v1beta1.StrategyCanary:
		weights, err := v1beta1.StepPlan(analysis)
		if err != nil {
			return nil // The spec was refused before it came here, or steps are not needed.
		}
		if mirror {
			steps = append(steps, pending(0, true))
		}
		for i, weight := range weights {
			step := pending(weight, false)
			if i < len(analysis.Steps) {
				step.Hold = analysis.Steps[i].Hold
			}
			steps = append(steps, step)
		}
	}
	return steps
}

// maxIterations bounds the size of the status.
const maxIterations = 1000

// planSteps writes the steps of the run into the status, keeping those that are done or under
// way. An edit of the spec in mid-run so changes only the steps that are still to come.
func (d *decider) planSteps() {
	var kept []v1beta1.StepStatus
	if n := min(int(d.run.Step), len(d.st.Steps)); n > 0 {
		kept = append(kept, d.st.Steps[:n]...)
	}
	planned := d.plannedSteps()
	if d.strategy() != v1beta1.StrategyCanary {
		d.st.Steps = append(kept, iterationsAfter(kept, planned)...)
		return
	}
	at := int32(-1)
	if len(kept) > 0 {
		at = kept[len(kept)-1].Weight
	}
	for _, step := range planned {
		if step.Weight > at {
			kept = append(kept, step)
		}
	}
	d.st.Steps = kept
}

// iterationsAfter are the steps of A/B and Blue/Green that follow those that are done. They are
// counted; the switch at the end of Blue/Green is not left out, however few iterations remain.
func iterationsAfter(done, planned []v1beta1.StepStatus) []v1beta1.StepStatus {
	n := len(done)
	if n < len(planned) {
		return planned[n:]
	}
	if n > 0 && len(planned) > 0 && done[n-1].Weight < planned[len(planned)-1].Weight {
		return planned[len(planned)-1:]
	}
	return nil
}

// announce says that the step under way begins.
func (d *decider) announce(step *v1beta1.StepStatus) {
	n, all := d.run.Step, int32(len(d.st.Steps))
	text := fmt.Sprintf("Advance %s canary weight %d", d.name(), step.Weight)
	what := fmt.Sprintf("%d%% of the traffic on the canary", step.Weight)
	switch s := d.strategy(); {
	case d.run.Repair || s == v1beta1.StrategyCanary:
		if step.Mirror {
			what = "copies of the requests go to the canary"
		}
	case s == v1beta1.StrategyABTesting:
		d.st.Iterations = n
		text = fmt.Sprintf("Advance %s canary iteration %d/%d", d.name(), n, all)
		what = "the requests that match go to the canary"
	case step.Weight > 0:
		d.st.Iterations = n
		text = "Routing all traffic to canary"
		if d.Canary.GetAnalysis().Mirror {
			text = "Stop traffic mirroring and route all traffic to canary"
		}
		what = "all traffic on the canary"
	default:
		d.st.Iterations = n
		if d.Route.Provider != v1beta1.ProviderKubernetes {
			all-- // The last step is the switch and no iteration.
		}
		text = fmt.Sprintf("Advance %s canary iteration %d/%d", d.name(), n, all)
		what = "the canary is checked without traffic"
		if step.Mirror {
			what = "copies of the requests go to the canary"
		}
	}
	d.say(Info, "Advanced", text, fmt.Sprint(n))
	d.message("Progressing: step %d of %d, %s.", n, len(d.st.Steps), what)
}
