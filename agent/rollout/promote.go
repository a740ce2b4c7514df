package rollout

import (
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// beginPromotion decides that the revision becomes the primary's. Callers have made sure that the
// target is at the run's revision and that its pods are ready.
func (d *decider) beginPromotion() {
	if step := d.step(); step != nil && step.State == v1beta1.StepActive {
		step.State = v1beta1.StepSkipped
		step.EndTime = timeOf(d.Now)
	}
	d.run.HoldStartTime = nil
	d.run.Paused = false
	d.run.StepNow = false
	d.enter(v1beta1.PhasePromoting)
	d.say(Info, "Promoting", fmt.Sprintf("Copying %s template spec to %s", d.target(), d.primary()))
	d.message("Promoting: rolling %s to revision %s.", d.primary(), d.run.Revision)
	d.st.NextActionTime = timeOf(d.Now.Add(d.Canary.ProgressDeadline()))
	d.promoting()
}

// promoting rolls the primary to the run's revision and then moves the traffic to it.
func (d *decider) promoting() {
	if d.run == nil {
		return
	}
	d.upkeep()
	switch {
	case d.run.Rollback:
		if d.Target.Observed && d.Target.Revision != d.st.LastAppliedSpec {
			d.run.Weight = 0 // The canary's pods are no longer those that served before the rollback.
		}
		d.restoring()
		return
	case d.Primary.Source != d.run.Revision:
		d.copyAnalysed()
		return
	}
	if d.Target.Observed && d.Target.Revision != d.run.Revision {
		d.run.Weight = 0 // The canary's pods are of a later revision by now, which nobody has analysed.
	}
	if !d.primaryRolls() {
		d.shift()
	}
}

// primaryRolls says whether the primary is still being rolled, or has failed to.
func (d *decider) primaryRolls() bool {
	ok, why := d.Primary.Ready(d.Canary.PrimaryReadyThreshold())
	if ok {
		return false
	}
	deadline := d.run.PhaseStartTime.Add(d.Canary.ProgressDeadline())
	if !d.Now.Before(deadline) || (d.Primary.Observed && d.Primary.DeadlineExceeded) {
		d.promotionFailed(why)
		return true
	}
	d.wakeAt(deadline)
	d.route(d.run.Weight)
	return true
}

// copyAnalysed copies the target to the primary, if it still is what was analysed and runs.
func (d *decider) copyAnalysed() {
	switch {
	case !d.Target.Exists:
		d.serving()
	case !d.Target.Observed:
		d.route(d.run.Weight)
	case d.Target.Revision != d.run.Revision:
		// Nothing has been copied yet, and what was analysed is gone.
		d.revisionMoved()
	case d.Target.Replicas == 0:
		// Scaled to zero by somebody else. Nothing is promoted that does not run.
		d.serving()
	default:
		if !d.serving() {
			return
		}
		d.route(d.run.Weight)
		d.do(d.copyToPrimary(d.run.ID))
	}
}

// shift gives the traffic back to the primary, which now has the new revision, at once or in steps.
func (d *decider) shift() {
	step := d.Canary.GetAnalysis().StepWeightPromotion
	if d.Route.Provider == v1beta1.ProviderKubernetes {
		step = 0 // A Service has one selector.
	}
	// A canary that has lost its pods has no traffic to give back, and nobody scales it up any more.
	if ready, _ := d.canaryReady(); step <= 0 || d.run.Weight <= 0 || !ready {
		d.allToPrimary()
		return
	}
	if d.run.HoldStartTime != nil {
		if !d.route(d.run.Weight) {
			return
		}
		if due := d.run.HoldStartTime.Add(d.interval()); d.Now.Before(due) {
			d.wakeAt(due)
			return
		}
	}
	d.run.Weight = max(d.run.Weight-step, 0)
	if d.run.Weight == 0 {
		d.allToPrimary()
		return
	}
	d.hold()
	d.say(Info, "PrimaryAdvanced", fmt.Sprintf("Advance %s primary weight %d", d.name(), 100-d.run.Weight), fmt.Sprint(d.run.Weight))
	d.message("Promoting: %d%% of the traffic on the primary.", 100-d.run.Weight)
	d.route(d.run.Weight)
}

func (d *decider) allToPrimary() {
	d.run.Weight = 0
	d.run.HoldStartTime = nil
	d.enter(v1beta1.PhaseFinalising)
	d.say(Info, "RoutedToPrimary", "Routing all traffic to primary")
	d.message("Finalising: all traffic goes to the primary, %s is scaled down.", d.target())
	d.st.NextActionTime = timeOf(d.Now.Add(d.DrainDelay))
	d.finalising()
}

// finalising waits until nothing goes to the canary any more.
func (d *decider) finalising() {
	if d.run == nil {
		return
	}
	if !d.Primary.Exists {
		// Deleted by somebody before the run was over; the canary serves until it is made anew.
		d.enter(v1beta1.PhasePromoting)
		d.message("Promoting: making %s anew.", d.primary())
		d.promoting()
		return
	}
	d.upkeep()
	if !d.route(0) || !d.drained() {
		return
	}
	if d.run.Rollback {
		d.restored()
		return
	}
	outcome, text := v1beta1.OutcomePromoted, "Promotion completed! Scaling down "+d.target()
	if d.Canary.Spec.SkipAnalysis && !d.run.Analysed {
		outcome, text = v1beta1.OutcomeSkipped, "Promotion completed! Canary analysis was skipped for "+d.target()
	}
	d.st.LastPromotedSpec = d.run.Revision
	d.st.LastAppliedSpec = d.run.Revision
	d.st.FailedChecks = 0
	d.st.Iterations = 0
	d.end(outcome, byHand("promoted", v1beta1.Intent{By: d.run.By, Reason: d.verbReason()}), d.run.By)
	d.enter(v1beta1.PhaseSucceeded)
	d.say(Info, "Succeeded", text)
	if outcome == v1beta1.OutcomeSkipped {
		d.alert(v1beta1.SeverityInfo, "Canary analysis was skipped, promotion finished.", false)
	} else {
		d.alert(v1beta1.SeverityInfo, "Canary analysis completed successfully, promotion finished.", false)
	}
	d.message("Succeeded: revision %s serves all traffic from the primary.", d.run.Revision)
	d.idle()
}

// promotionFailed leaves the canary, which is healthy, with all the traffic that the primary
// cannot be trusted with.
func (d *decider) promotionFailed(why string) {
	text := fmt.Sprintf("Promotion of %s failed, primary not ready: %s%s", d.target(), why, cause(d.Primary))
	if d.run.Rollback {
		text = fmt.Sprintf("Rollback of %s failed, primary not ready: %s%s", d.primary(), why, cause(d.Primary))
	}
	d.end(v1beta1.OutcomePromotionFailed, text, "")
	d.say(Error, "PromotionFailed", text)
	d.alert(v1beta1.SeverityError, "Promotion failed, primary not ready: "+why, false)
	d.run.Weight = d.idleWeight()
	if d.run.Weight > 0 {
		text += "; the canary serves all traffic"
	}
	d.message("Failed: %s.", text)
	d.enter(v1beta1.PhaseFailed)
	d.idle()
}
