package rollout

import (
	"slices"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// setConditions derives the conditions from the phase. Promoted is as in the contract, for
// scripts that wait for it; Ready, Reconciling and Stalled follow kstatus, for GitOps tools.
func (d *decider) setConditions() {
	kind := d.Canary.Spec.TargetRef.Kind
	phase := d.st.Phase
	if phase == "" {
		phase = v1beta1.PhaseInitializing
	}
	promoted, text := "Unknown", ""
	reconciling := true
	switch phase {
	case v1beta1.PhaseInitializing, v1beta1.PhaseTerminating, v1beta1.PhaseTerminated:
		text = "New " + kind + " detected, starting initialization."
	case v1beta1.PhaseInitialized:
		promoted, text, reconciling = "True", kind+" initialization completed.", false
	case v1beta1.PhaseWaiting, v1beta1.PhaseWaitingPromotion:
		text = "Waiting for approval."
	case v1beta1.PhaseProgressing:
		text = "New revision detected, progressing canary analysis."
	case v1beta1.PhasePromoting:
		text = "Canary analysis completed, starting primary rolling update."
	case v1beta1.PhaseFinalising:
		text = "Canary analysis completed, routing all traffic to primary."
	case v1beta1.PhaseSucceeded:
		promoted, text, reconciling = "True", "Canary analysis completed successfully, promotion finished.", false
	case v1beta1.PhaseFailed:
		promoted, text, reconciling = "False", "Canary analysis failed, "+kind+" scaled to zero.", false
		if d.run != nil && d.run.Outcome == v1beta1.OutcomePromotionFailed {
			text = "Promotion failed, the primary is not ready."
			if d.run.Weight > 0 {
				text = "Promotion failed, the canary serves all traffic."
			}
		}
	default:
		text = "Unknown phase."
	}
	d.setCondition(v1beta1.ConditionPromoted, promoted, string(phase), text)

	switch {
	case d.stalled != nil:
		d.setCondition(v1beta1.ConditionReady, "False", d.stalled.Reason, d.stalled.Message)
		d.setCondition(v1beta1.ConditionStalled, "True", d.stalled.Reason, d.stalled.Message)
		d.dropCondition(v1beta1.ConditionReconciling)
	case phase == v1beta1.PhaseFailed:
		d.setCondition(v1beta1.ConditionReady, "False", string(phase), d.st.Message)
		d.setCondition(v1beta1.ConditionStalled, "True", string(phase), d.st.Message)
		d.dropCondition(v1beta1.ConditionReconciling)
	case reconciling:
		d.setCondition(v1beta1.ConditionReady, "Unknown", string(phase), text)
		d.setCondition(v1beta1.ConditionReconciling, "True", string(phase), text)
		d.dropCondition(v1beta1.ConditionStalled)
	default:
		d.setCondition(v1beta1.ConditionReady, "True", string(phase), text)
		d.dropCondition(v1beta1.ConditionReconciling)
		d.dropCondition(v1beta1.ConditionStalled)
	}
	d.forgetDrift()
}

// forgetDrift drops the drift condition once the route has been in order for an interval. No
// timer of its own: it goes with the next decision.
func (d *decider) forgetDrift() {
	for _, c := range d.st.Conditions {
		if c.Type == v1beta1.ConditionRouteDrift && d.Now.Sub(c.LastUpdateTime.Time) > d.interval() && d.routeInForce() {
			d.dropCondition(v1beta1.ConditionRouteDrift)
			return
		}
	}
}

// setCondition writes a condition. An unchanged one keeps its times, so that an unchanged status
// costs no write.
func (d *decider) setCondition(t v1beta1.ConditionType, status, reason, message string) {
	now := v1beta1.NewTime(d.Now)
	i := slices.IndexFunc(d.st.Conditions, func(c v1beta1.CanaryCondition) bool { return c.Type == t })
	if i < 0 {
		d.st.Conditions = append(d.st.Conditions, v1beta1.CanaryCondition{Type: t, LastTransitionTime: now})
		i = len(d.st.Conditions) - 1
	}
	c := &d.st.Conditions[i]
	if string(c.Status) == status && c.Reason == reason && c.Message == message {
		return
	}
	if string(c.Status) != status {
		c.LastTransitionTime = now
	}
	c.Status = v1beta1.ConditionStatus(status)
	c.Reason = reason
	c.Message = message
	c.LastUpdateTime = now
}

func (d *decider) dropCondition(t v1beta1.ConditionType) {
	d.st.Conditions = slices.DeleteFunc(d.st.Conditions, func(c v1beta1.CanaryCondition) bool { return c.Type == t })
}
