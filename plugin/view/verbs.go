package view

import (
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// verbs says which operator verbs make sense now, in a fixed order. The agent decides; this keeps
// a key from looking as if it did something.
func verbs(c *v1beta1.Canary, v Canary) []Verb {
	return []Verb{
		verb(v1beta1.VerbPromote, refusePromote(c, v)),
		verb(v1beta1.VerbPromoteStep, refusePromoteStep(c, v)),
		verb(v1beta1.VerbAbort, refuseAbort(v)),
		verb(v1beta1.VerbPause, refusePause(c, v)),
		verb(v1beta1.VerbResume, refuseResume(v)),
		verb(v1beta1.VerbRetry, refuseRetry(v)),
		verb(v1beta1.VerbRollback, refuseRollback(v)),
		verb(v1beta1.VerbApprove, refuseAnswer(v)),
		verb(v1beta1.VerbReject, refuseAnswer(v)),
	}
}

func verb(name v1beta1.Verb, refusal string) Verb {
	return Verb{Name: string(name), Enabled: refusal == "", Reason: refusal}
}

// refuseAlways holds what all verbs have in common: without our agent nobody reads them.
func refuseAlways(v Canary) string {
	switch {
	case v.Phase == "":
		return "no controller has taken the canary up yet"
	case v.Foreign:
		return "another controller runs this canary, and does not read operator verbs"
	case v.Deleting, v.Phase == string(v1beta1.PhaseTerminating):
		return "the canary is being deleted"
	case v.Suspended:
		return "the canary is suspended (spec.suspend)"
	}
	return ""
}

// refuseAny is for the verbs that act on a run.
func refuseAny(v Canary) string {
	if why := refuseAlways(v); why != "" {
		return why
	}
	switch {
	case !v.Active():
		return "no run is under way"
	case v.RollingBack():
		return "a rollback is under way"
	}
	return ""
}

func refusePromote(c *v1beta1.Canary, v Canary) string {
	if why := refuseAny(v); why != "" {
		return why
	}
	if promoting(v) || promoteNow(c) {
		return "the promotion is under way already"
	}
	return ""
}

func refusePromoteStep(c *v1beta1.Canary, v Canary) string {
	if why := refusePromote(c, v); why != "" {
		return why
	}
	switch {
	case v.Phase != string(v1beta1.PhaseProgressing):
		return "no step is under way"
	case v.CurrentStep == 0:
		return "the first step has not begun"
	}
	return ""
}

func refuseAbort(v Canary) string {
	if why := refuseAny(v); why != "" {
		return why
	}
	if promoting(v) {
		return "too late: the primary is being rolled to the new revision"
	}
	return ""
}

func refusePause(c *v1beta1.Canary, v Canary) string {
	if why := refusePromote(c, v); why != "" {
		return why
	}
	if v.Paused() {
		return "the run is paused already"
	}
	return ""
}

func refuseResume(v Canary) string {
	if why := refuseAny(v); why != "" {
		return why
	}
	if !v.Paused() {
		return "the run is not paused"
	}
	return ""
}

// refuseRetry is about the revision that failed, so it is for the time between two runs.
func refuseRetry(v Canary) string {
	if why := refuseAlways(v); why != "" {
		return why
	}
	switch {
	case v.Active():
		return "a run is under way; retry is for a revision that has failed"
	case v.Phase != string(v1beta1.PhaseFailed):
		return "no revision has failed"
	case v.TargetRevision == v.PromotedRevision:
		return "the target is at the promoted revision; there is nothing to run again"
	}
	return ""
}

// refuseRollback leaves it to the agent whether the primary has an earlier revision. During the
// analysis the primary still has what was promoted before: what is wanted is an abort.
func refuseRollback(v Canary) string {
	if why := refuseAlways(v); why != "" {
		return why
	}
	switch {
	case v.Phase == string(v1beta1.PhaseInitializing):
		return "the canary is being initialized"
	case v.RollingBack():
		return "a rollback is under way"
	case v.Analysing():
		return "the primary has not been changed yet; abort ends the run"
	case !v.Terminal() && !promoting(v):
		return "the phase is not known"
	}
	return ""
}

func refuseAnswer(v Canary) string {
	if why := refuseAny(v); why != "" {
		return why
	}
	if _, waits := v.WaitingGate(); !waits {
		return "no gate waits for approval"
	}
	return ""
}

func promoting(v Canary) bool {
	return v.Phase == string(v1beta1.PhasePromoting) || v.Phase == string(v1beta1.PhaseFinalising)
}

func promoteNow(c *v1beta1.Canary) bool { return c.Status.Run != nil && c.Status.Run.PromoteNow }
