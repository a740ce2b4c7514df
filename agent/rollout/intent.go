package rollout

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// newIntent returns the operator's intent if it has not been answered.
func (d *decider) newIntent() (v1beta1.Intent, bool) {
	intent, ok := v1beta1.IntentOf(d.Canary)
	if !ok || (d.st.LastIntent != nil && d.st.LastIntent.ID == intent.ID) {
		return intent, false
	}
	// Anybody who may annotate writes these, up to 256 KiB, and the status keeps ten runs of them.
	intent.Verb = v1beta1.Verb(shorten(string(intent.Verb), 64))
	intent.Revision = shorten(intent.Revision, 256)
	intent.By = shorten(intent.By, 256)
	intent.Reason = shorten(intent.Reason, 1024)
	intent.Gate = shorten(intent.Gate, 256)
	return intent, true
}

// shorten cuts a text to at most n bytes, between characters.
func shorten(s string, n int) string {
	const more = "…"
	if len(s) <= n {
		return s
	}
	n -= len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}

// takeIntent answers a new intent and notes in the run what it asks for. The phases act on it.
func (d *decider) takeIntent() {
	intent, ok := d.newIntent()
	if !ok {
		return
	}
	analysing := false
	switch d.st.Phase {
	case v1beta1.PhaseWaiting, v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion:
		analysing = d.run != nil
	case v1beta1.PhasePromoting, v1beta1.PhaseFinalising:
		if intent.Verb != v1beta1.VerbRollback {
			d.refuse(intent, "revision "+d.runRevision()+" is already being promoted")
			return
		}
	case v1beta1.PhaseFailed:
		if intent.Verb == v1beta1.VerbRetry {
			d.takeRetry(intent)
			return
		}
	case "", v1beta1.PhaseInitializing, v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded,
		v1beta1.PhaseTerminating, v1beta1.PhaseTerminated:
	}
	switch {
	case intent.Verb == v1beta1.VerbRollback:
		d.takeRollback(intent)
	case !analysing:
		return // The phase refuses it in its own words.
	case intent.Revision != "" && intent.Revision != d.run.Revision:
		d.refuse(intent, fmt.Sprintf("the run is about revision %s, not %s; look at it and try again", d.run.Revision, intent.Revision))
	case d.Target.Observed && d.Target.Revision != d.run.Revision:
		d.refuse(intent, fmt.Sprintf("the target has moved on to revision %s; look at it and try again", d.Target.Revision))
	default:
		d.act(intent)
	}
}

// act carries an intent into the run.
func (d *decider) act(intent v1beta1.Intent) {
	switch intent.Verb {
	case v1beta1.VerbPromote:
		d.run.PromoteNow, d.run.By = true, intent.By
		d.run.Paused = false
		d.passGates(intent)
		d.accept(intent, "promoting revision "+d.run.Revision+" without further checks")
	case v1beta1.VerbPromoteStep:
		d.run.StepNow = true
		d.passGates(intent)
		d.accept(intent, fmt.Sprintf("leaving step %d of %d without further checks", d.run.Step, len(d.st.Steps)))
	case v1beta1.VerbPause:
		if d.run.Paused {
			d.refuse(intent, "the run is already paused")
			return
		}
		d.run.Paused = true
		d.accept(intent, fmt.Sprintf("holding the weight at %d%%; checks go on", d.run.Weight))
		d.message("Paused at %d%%.", d.run.Weight)
	case v1beta1.VerbResume:
		if !d.run.Paused {
			d.refuse(intent, "the run is not paused")
			return
		}
		d.run.Paused = false
		d.accept(intent, "going on")
		d.message("%s: resumed at %d%%.", d.st.Phase, d.run.Weight)
	case v1beta1.VerbAbort:
		d.accept(intent, "sending all traffic to the primary")
		d.endByHand(intent, v1beta1.OutcomeAborted)
	case v1beta1.VerbApprove, v1beta1.VerbReject:
		d.answerGate(intent)
	case v1beta1.VerbRetry:
		d.refuse(intent, "a run of revision "+d.run.Revision+" is under way; retry is for one that has failed")
	default:
		d.refuse(intent, fmt.Sprintf("verb %q is not known to this agent; known: %s", intent.Verb, knownVerbs()))
	}
}

func knownVerbs() string {
	var names []string
	for _, v := range v1beta1.Verbs() {
		names = append(names, string(v))
	}
	return strings.Join(names, ", ")
}

// answerGate opens a gate, or ends the run at it.
func (d *decider) answerGate(intent v1beta1.Intent) {
	gate, why := d.waitingGate(intent.Gate)
	switch {
	case gate == nil:
		d.refuse(intent, why)
	case intent.Verb == v1beta1.VerbApprove:
		gate.State, gate.By = v1beta1.GateApproved, intent.By
		d.accept(intent, "gate "+gate.Name+" is open")
	default:
		gate.State, gate.By = v1beta1.GateRejected, intent.By
		d.accept(intent, "sending all traffic to the primary")
		text := byHand("gate "+gate.Name+" was rejected", intent)
		d.say(Warning, "RolledBack", "Rolling back "+d.name()+" "+text)
		d.markFailed(v1beta1.OutcomeAborted, text, intent.By)
	}
}

// passGates opens the gates that wait, because somebody goes past them: the next approval is about
// the next gate.
func (d *decider) passGates(intent v1beta1.Intent) {
	for i := range d.run.Gates {
		if gate := &d.run.Gates[i]; gate.State == v1beta1.GateWaiting {
			gate.State, gate.By = v1beta1.GateApproved, intent.By
		}
	}
}

// takeRetry runs the revision that failed again.
func (d *decider) takeRetry(intent v1beta1.Intent) {
	switch revision := d.Target.Revision; {
	case !d.Target.Exists || !d.Target.Observed:
		d.refuse(intent, d.target()+" is being edited or is not there; look at it and try again")
	case intent.Revision != "" && intent.Revision != revision:
		d.refuse(intent, fmt.Sprintf("the target is at revision %s, not %s; look at it and try again", revision, intent.Revision))
	case revision == d.st.LastPromotedSpec:
		d.refuse(intent, "the target is at the promoted revision "+revision+"; there is nothing to run again")
	case revision != d.st.LastAppliedSpec:
		d.refuse(intent, "revision "+revision+" has not failed; its run begins by itself")
	case d.scalerMissing():
		d.refuse(intent, "the autoscaler of the target cannot be used: "+d.Scaler.Err)
	default:
		d.accept(intent, "running revision "+revision+" again")
		d.retry = true
	}
}

// refuseIntent answers a new intent in a state in which none can be taken.
func (d *decider) refuseIntent(why string) {
	if intent, ok := d.newIntent(); ok {
		d.refuse(intent, why)
	}
}

func (d *decider) accept(intent v1beta1.Intent, what string) {
	d.answer(intent, v1beta1.IntentAccepted, what)
	text := fmt.Sprintf("%s by %s accepted: %s", intent.Verb, who(intent), what)
	if intent.Reason != "" {
		text += "; reason: " + intent.Reason
	}
	d.say(Info, "IntentAccepted", text, intent.ID)
}

func (d *decider) refuse(intent v1beta1.Intent, why string) {
	d.answer(intent, v1beta1.IntentRefused, why)
	d.say(Warning, "IntentRefused", fmt.Sprintf("%s by %s refused: %s", intent.Verb, who(intent), why), intent.ID)
}

func (d *decider) answer(intent v1beta1.Intent, outcome v1beta1.IntentOutcome, message string) {
	d.st.LastIntent = &v1beta1.IntentStatus{
		ID:      intent.ID,
		Verb:    intent.Verb,
		By:      intent.By,
		Reason:  intent.Reason,
		Outcome: outcome,
		Message: message,
		Time:    v1beta1.NewTime(d.Now),
	}
}

func (d *decider) runRevision() string {
	if d.run == nil {
		return d.st.LastAppliedSpec
	}
	return d.run.Revision
}

func who(i v1beta1.Intent) string {
	if i.By == "" {
		return "an unnamed user"
	}
	return i.By
}
