package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// FloorOf is the number of replicas that the primary's autoscaler is held to: during a run what the
// primary had at its beginning, since traffic that has moved away can come back at any moment, and
// the same after a failed promotion, until the primary has the traffic again.
func FloorOf(st *v1beta1.CanaryStatus) int32 {
	if st.Run == nil {
		return 0
	}
	if st.Run.Outcome == "" || (st.Run.Outcome == v1beta1.OutcomePromotionFailed && st.CanaryWeight > 0) {
		return st.Run.Floor
	}
	return 0
}

// upkeepScaler keeps the primary's autoscaler as the target's, with the floor of the run.
func (d *decider) upkeepScaler() {
	if !d.Scaler.Wanted || !d.Primary.Exists {
		return
	}
	if d.Scaler.Err != "" {
		d.stallScaler()
		return
	}
	if floor := FloorOf(&d.st); !d.Scaler.Current || floor != FloorOf(&d.Canary.Status) {
		d.do(EnsureScaler{Floor: floor})
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
		if d.Scaler.Pausable && d.Scaler.Paused {
			d.do(PauseScaler{Pause: false})
		}
		replicas = max(d.Scaler.FromZero, 1)
	}
	d.do(ScaleTarget{Replicas: replicas})
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
