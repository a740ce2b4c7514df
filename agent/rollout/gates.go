package rollout

import (
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// gatePoll is the longest time between two calls of a gate that is closed; a shorter interval of
// the analysis makes it shorter.
const gatePoll = 10 * time.Second

// gates calls the confirm hooks of a type in order, again and again until each has passed once in
// this run, and says whether all have.
func (d *decider) gates(t v1beta1.HookType) bool {
	for _, hook := range d.Canary.HooksOf(t) {
		if !d.gate(t, hook) {
			return false
		}
	}
	return true
}

func (d *decider) gate(t v1beta1.HookType, hook v1beta1.CanaryWebhook) bool {
	name := hookName(t, hook.Name)
	state := d.hook(name)
	if state != nil && state.State == v1beta1.HookPassed {
		return true
	}
	words := gateWords[t]
	call := CallHook{ID: d.run.ID + "/" + name, Name: hook.Name, Type: t, Phase: words.sent}
	result, known := d.Hooks[call.ID]
	if !known {
		d.do(call)
		return false
	}
	if !result.Done {
		return false
	}
	if result.Err == "" {
		d.setHook(name, v1beta1.HookPassed, "")
		d.say(Info, words.reason+"Passed", fmt.Sprintf("%s check %s passed", words.title, hook.Name), hook.Name)
		return true
	}
	if state == nil || state.State != v1beta1.HookFailed {
		d.setHook(name, v1beta1.HookFailed, result.Err)
		d.say(Warning, words.reason+"Waiting", fmt.Sprintf("Halt %s advancement %s %s", d.name(), words.waiting, hook.Name), hook.Name)
		if words.phase != "" {
			d.enter(words.phase)
		}
		d.message("%s: waiting for the approval of %s.", d.st.Phase, hook.Name)
	}
	again := result.FinishedAt.Add(min(gatePoll, d.interval()))
	if !d.Now.Before(again) {
		call.Again = true
		d.do(call)
		return false
	}
	d.wakeAt(again)
	return false
}

var gateWords = map[v1beta1.HookType]struct {
	reason, title, waiting string
	// phase to be entered while waiting, and the one that the contract has in the payload.
	phase, sent v1beta1.CanaryPhase
}{
	v1beta1.HookConfirmRollout: {
		reason: "ConfirmRollout", title: "Confirm-rollout",
		waiting: "waiting for approval", phase: v1beta1.PhaseWaiting, sent: v1beta1.PhaseWaiting,
	},
	v1beta1.HookConfirmPromotion: {
		reason: "ConfirmPromotion", title: "Confirm-promotion",
		waiting: "waiting for promotion approval", phase: v1beta1.PhaseWaitingPromotion, sent: v1beta1.PhaseProgressing,
	},
}
