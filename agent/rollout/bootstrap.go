package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// bootstrap makes the primary out of the target and moves the traffic over to it. Until the
// primary is ready, neither the apex Service nor the target is touched: whatever goes wrong here,
// the target serves on.
func (d *decider) bootstrap() {
	d.refuseIntent("no run is in progress: the canary is being initialized")
	if d.st.Phase == "" {
		d.enter(v1beta1.PhaseInitializing)
		d.message("Initializing: creating the primary of %s.", d.target())
	}
	if !d.Target.Exists {
		d.stallTargetMissing()
		return
	}
	if !d.Target.Observed {
		return
	}
	if d.scalerMissing() {
		d.stallScaler()
		return
	}
	if !d.Services.Sides {
		d.do(EnsureServices{})
	}
	if !d.Primary.Exists || (d.Primary.Source != "" && d.Primary.Source != d.Target.Revision && !d.Services.Apex) {
		// A primary that does not serve yet follows the target, so that a first version that does
		// not start can be fixed.
		d.do(d.copyToPrimary("bootstrap"))
		return
	}
	if d.Primary.Unmarked && d.Primary.Source == d.Target.Revision {
		d.do(AdoptPrimary{Revision: d.Primary.Source})
	}
	d.upkeepScaler()
	threshold := d.Canary.PrimaryReadyThreshold()
	if ok, why := d.Primary.Ready(threshold); !ok {
		if d.Services.Apex {
			d.route(0) // Clients are on the primary already; if it has lost its pods, the target serves them.
		}
		d.bootstrapWaits(why)
		return
	}
	if !d.Services.Apex {
		d.do(EnsureApex{})
	}
	// The canary has no weight yet, and the primary is ready: this is 0, unless the primary has
	// just lost its pods.
	if !d.route(0) || !d.Services.Apex {
		return
	}
	if !d.drained() {
		return
	}
	if d.Primary.Source == "" {
		return // Known in a moment.
	}
	d.enter(v1beta1.PhaseInitialized)
	// What was promoted is what the primary was made from, not what the target is now; when they
	// differ, a run starts with the next decision.
	d.st.LastAppliedSpec = d.Primary.Source
	d.st.LastPromotedSpec = d.Primary.Source
	if d.Primary.Source == d.Target.Revision {
		d.tracked()
	}
	d.say(Info, "Initialized", "Initialization done! "+d.name())
	d.alert(v1beta1.SeverityInfo, "New "+d.Canary.Spec.TargetRef.Kind+" detected, initialization completed.", true)
	d.message("Initialized: the primary serves all traffic.")
	d.idle()
}

func (d *decider) bootstrapWaits(why string) {
	deadline := d.st.LastTransitionTime.Add(d.Canary.ProgressDeadline())
	if !d.Primary.DeadlineExceeded && d.Now.Before(deadline) {
		d.wakeAt(deadline)
		return
	}
	const reason = "PrimaryNotReady"
	for _, c := range d.st.Conditions {
		if c.Type == v1beta1.ConditionStalled && c.Reason == reason {
			// Said already; each pod that comes and goes is no news.
			d.stall(Problem{Reason: reason, Message: c.Message})
			return
		}
	}
	text := d.primary() + " not ready: " + why + cause(d.Primary)
	d.say(Error, reason, text+"; the target serves on", d.Target.Revision)
	d.alert(v1beta1.SeverityError, text, false)
	d.stall(Problem{Reason: reason, Message: text})
}

// copyToPrimary is the effect that makes the primary run the target's present template. A primary
// with an autoscaler keeps the replicas that this one has given it.
func (d *decider) copyToPrimary(runID string) CopyToPrimary {
	replicas := max(d.Target.Replicas, 1)
	if d.Scaler.Wanted && d.Primary.Exists && d.Primary.Replicas > 0 {
		replicas = d.Primary.Replicas
		if d.run != nil {
			replicas = max(replicas, d.run.Floor) // The autoscaler may not have caught up yet.
		}
	}
	return CopyToPrimary{
		Revision:   d.Target.Revision,
		Generation: d.Target.Generation,
		RunID:      runID,
		Replicas:   replicas,
	}
}

func (d *decider) stallTargetMissing() {
	ref := d.Canary.Spec.TargetRef
	text := ref.Kind + " " + ref.Name + "." + d.Canary.Namespace + " not found; create it, or correct spec.targetRef"
	if d.Canary.Status.Message != text { // Whatever else this decision has had to say.
		d.say(Warning, "TargetNotFound", text, d.Now.UTC().Format("150405"))
	}
	d.stall(Problem{Reason: "TargetNotFound", Message: text})
}

// cause appends the reason that the pods give.
func cause(w Workload) string {
	if w.Cause == "" {
		return ""
	}
	return " (" + w.Cause + ")"
}
