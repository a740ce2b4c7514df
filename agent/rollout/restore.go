package rollout

import (
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// rollbackTo is the revision that the verb rollback would bring back, or why there is none.
func (d *decider) rollbackTo() (revision, why string) {
	switch {
	case d.st.Phase == "" || d.st.Phase == v1beta1.PhaseInitializing:
		return "", "the canary is being initialized"
	case !d.Primary.Exists:
		return "", "there is no primary"
	case d.Primary.Previous == "":
		return "", "the history of " + d.primary() + " has no earlier revision"
	case d.run != nil && d.run.Rollback && d.run.Outcome == "":
		return "", "revision " + d.run.Revision + " is already being brought back"
	}
	return d.Primary.Previous, ""
}

// takeRollback answers the verb rollback, in whatever phase.
func (d *decider) takeRollback(intent v1beta1.Intent) {
	if phase := d.st.Phase; phase == v1beta1.PhasePromoting && d.run != nil && !d.run.Rollback && d.Primary.Source != d.run.Revision {
		// Nothing has been copied yet: the primary still has what the rollback is to bring back.
		d.accept(intent, "sending all traffic to the primary, which has not been changed")
		d.endByHand(intent, v1beta1.OutcomeAborted)
		return
	}
	to, why := d.rollbackTo()
	if why != "" {
		d.refuse(intent, why)
		return
	}
	if d.run != nil && d.run.Outcome == "" && d.st.Phase != v1beta1.PhasePromoting && d.st.Phase != v1beta1.PhaseFinalising && d.run.Revision != to {
		d.refuse(intent, "the run of revision "+d.run.Revision+" has not changed the primary; use abort")
		return
	}
	if intent.Revision != "" && intent.Revision != to {
		d.refuse(intent, fmt.Sprintf("the revision before is %s, not %s; look at it and try again", to, intent.Revision))
		return
	}
	weight := d.idleWeight()
	if d.run != nil && d.run.Outcome == "" {
		d.end(v1beta1.OutcomeAborted, byHand("rolled back", intent), intent.By)
	}
	d.accept(intent, "bringing revision "+to+" back to the primary")
	d.st.Run = &v1beta1.RunStatus{
		ID:             d.runID(to),
		Revision:       to,
		StartTime:      v1beta1.NewTime(d.Now),
		PhaseStartTime: v1beta1.NewTime(d.Now),
		Weight:         weight,
		Repair:         weight > 0,
		Rollback:       true,
		By:             intent.By,
		Floor:          d.Primary.Replicas,
	}
	d.run = d.st.Run
	d.st.Steps, d.st.Measurements, d.st.FailedChecks, d.st.Iterations = nil, nil, 0, 0
	if d.Target.Exists && d.Target.Observed {
		d.st.LastAppliedSpec = d.Target.Revision // Rejected: only another one, or retry, starts a run.
	}
	d.say(Warning, "RollingBack", "Rolling back "+d.primary()+" to revision "+to+" "+byHand("requested", intent))
	d.alert(v1beta1.SeverityWarn, "Rolling back the primary to revision "+to+", "+byHand("requested", intent), false)
	d.enter(v1beta1.PhasePromoting)
	d.message("Promoting: bringing revision %s back to %s.", to, d.primary())
}

// restoring brings the revision of a rollback back to the primary and waits until it serves. The
// traffic stays with the primary all the time, unless a failed promotion has left the canary as the
// only healthy copy.
func (d *decider) restoring() {
	if d.Primary.Source != d.run.Revision {
		d.route(d.run.Weight)
		if d.Primary.Previous != d.run.Revision {
			d.promotionFailed("its history has lost revision " + d.run.Revision)
			return
		}
		d.do(RestorePrimary{Revision: d.run.Revision, RunID: d.run.ID})
		return
	}
	if d.primaryRolls() {
		return
	}
	d.allToPrimary()
}

// restored ends a rollback. The target's revision stays rejected, unless it is the one that has come
// back.
func (d *decider) restored() {
	d.st.LastPromotedSpec = d.run.Revision
	why := "revision " + d.run.Revision + " was brought back"
	d.end(v1beta1.OutcomeRestored, byHand(why, v1beta1.Intent{Reason: d.verbReason()}), d.run.By)
	d.say(Info, "Restored", "Rollback completed! "+d.primary()+" is at revision "+d.run.Revision+", scaling down "+d.target())
	phase := v1beta1.PhaseFailed
	if d.st.LastAppliedSpec == d.run.Revision {
		phase = v1beta1.PhaseSucceeded
	}
	d.enter(phase)
	d.message("%s: %s; revision %s is rejected.", phase, why, d.st.LastAppliedSpec)
	if phase == v1beta1.PhaseSucceeded {
		d.message("Succeeded: %s.", why)
	}
	d.idle()
}

// endByHand ends the run in Failed because somebody asked for it.
func (d *decider) endByHand(intent v1beta1.Intent, outcome v1beta1.RunOutcome) {
	why := byHand("aborted", intent)
	d.say(Warning, "RolledBack", "Rolling back "+d.name()+" "+why)
	d.markFailed(outcome, why, intent.By)
}

// verbReason is why somebody promoted, or rolled back, by hand; empty for a run that nobody helped, and
// when a later verb has been answered since.
func (d *decider) verbReason() string {
	verb := v1beta1.VerbPromote
	if d.run.Rollback {
		verb = v1beta1.VerbRollback
	}
	last := d.st.LastIntent
	if !d.run.PromoteNow && !d.run.Rollback || last == nil ||
		last.Verb != verb || last.Outcome != v1beta1.IntentAccepted || last.By != d.run.By {
		return ""
	}
	return last.Reason
}

// byHand says who did something, and why.
func byHand(what string, intent v1beta1.Intent) string {
	if intent.By != "" {
		what += " by " + intent.By
	}
	if intent.Reason != "" {
		what += ": " + intent.Reason
	}
	return what
}
