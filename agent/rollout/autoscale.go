package rollout

import (
	"slices"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// FloorOf is the number of replicas that the primary's autoscaler is held to: during a run what the
// primary had at its beginning, since traffic that has moved away can come back at any moment, and
// the same after a run that has left traffic on the canary, until the primary has it again.
func FloorOf(st *v1beta1.CanaryStatus) int32 {
	if st.Run == nil || (st.Run.Outcome != "" && st.CanaryWeight == 0) {
		return 0
	}
	return st.Run.Floor
}

// upkeepScaler keeps the primary's autoscaler as the target's, with the floor of the run.
func (d *decider) upkeepScaler() {
	switch {
	case !d.Scaler.Wanted || !d.Primary.Exists:
	case d.Scaler.Err != "":
		d.stallScaler()
	default:
		d.scaled = true
	}
}

// ensureScaler asks for the autoscaler once it is decided who gets the traffic. It is raised before
// the traffic moves, and lowered when it has.
func (d *decider) ensureScaler() {
	if !d.scaled {
		return
	}
	floor := FloorOf(&d.st)
	if floor == 0 && d.run != nil && d.Route.Exists && d.Route.Canary != 0 {
		return // The run has ended, but the primary has not all of the traffic back yet.
	}
	if !d.Scaler.Current || floor != FloorOf(&d.Canary.Status) {
		d.effects = slices.Insert(d.effects, 0, Effect(EnsureScaler{Floor: floor}))
	}
}

func (d *decider) stallScaler() {
	ref := d.Canary.Spec.AutoscalerRef
	d.stall(Problem{
		Reason:  "AutoscalerNotUsable",
		Message: "spec.autoscalerRef: " + ref.Kind + " " + ref.Name + "." + d.Canary.Namespace + ": " + d.Scaler.Err,
	})
}

// scalerMissing says whether the autoscaler that the spec names cannot be used: nothing new begins
// then, since the target could not be scaled down and up again.
func (d *decider) scalerMissing() bool { return d.Scaler.Wanted && d.Scaler.Err != "" }

// scaleUp brings the canary's pods up from zero.
func (d *decider) scaleUp() {
	replicas := max(d.Primary.Replicas, 1)
	if d.Scaler.Wanted && d.Scaler.Err == "" {
		replicas = max(d.Scaler.FromZero, 1)
	}
	d.do(ScaleTarget{Replicas: replicas})
}

// wakeScaler lets the target's autoscaler go on.
func (d *decider) wakeScaler() {
	if d.Scaler.Wanted && d.Scaler.Err == "" && d.Scaler.Pausable && d.Scaler.Paused {
		d.do(PauseScaler{Pause: false})
	}
}

// scaleDown takes the canary's pods away, when no traffic goes to them any more.
func (d *decider) scaleDown() {
	if d.Target.Fixed {
		return
	}
	if d.Scaler.Wanted && d.Scaler.Err == "" && d.Scaler.Pausable && !d.Scaler.Paused {
		d.do(PauseScaler{Pause: true})
	}
	if d.Target.Replicas > 0 {
		d.do(ScaleTarget{Replicas: 0})
	}
}
