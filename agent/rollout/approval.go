package rollout

import (
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// approved says whether the run may pass a point: all of its webhooks have passed, and all of its
// gates are open. It may end the run, when a gate times out; callers look at ended.
func (d *decider) approved(p v1beta1.GatePoint) bool {
	return d.confirmed(pointHooks[p]) && d.gatesOpen(p)
}

// pointHooks are the webhooks that hold the same point as a gate.
var pointHooks = map[v1beta1.GatePoint]v1beta1.HookType{
	v1beta1.GateRollout:   v1beta1.HookConfirmRollout,
	v1beta1.GateTraffic:   v1beta1.HookConfirmTrafficIncrease,
	v1beta1.GatePromotion: v1beta1.HookConfirmPromotion,
}

// held says whether anything holds the point at all.
func (d *decider) held(p v1beta1.GatePoint) bool {
	return len(d.Canary.HooksOf(pointHooks[p])) > 0 || len(d.Canary.GatesAt(p)) > 0
}

// ended says whether the run under way was ended by what was just decided.
func (d *decider) ended() bool { return d.run == nil || d.run.Outcome != "" }

// gatesOpen goes through the gates of a point in the order of the spec. Each waits from the moment
// at which it is reached for kubectl canary approve.
func (d *decider) gatesOpen(p v1beta1.GatePoint) bool {
	for _, gate := range d.Canary.GatesAt(p) {
		if !d.gateOpen(gate) {
			return false
		}
	}
	return true
}

func (d *decider) gateOpen(gate v1beta1.CanaryGate) bool {
	state := d.gateState(gate.Name)
	if state == nil {
		d.run.Gates = append(d.run.Gates, v1beta1.GateStatus{
			Name: gate.Name, State: v1beta1.GateWaiting, Since: v1beta1.NewTime(d.Now),
		})
		state = &d.run.Gates[len(d.run.Gates)-1]
		words := gateWords[pointHooks[gate.At]]
		d.say(Warning, "GateWaiting", fmt.Sprintf("Halt %s advancement %s %s", d.name(), words.waiting, gate.Name), gate.Name, fmt.Sprint(d.run.Step))
		d.alert(v1beta1.SeverityWarn, words.alert, false)
		if words.phase != "" {
			d.enter(words.phase)
		}
		d.message("%s: waiting for kubectl canary approve %s -n %s --gate %s.", d.st.Phase, d.Canary.Name, d.Canary.Namespace, gate.Name)
	}
	switch state.State {
	case v1beta1.GateApproved:
		return true
	case v1beta1.GateTimedOut:
		return gate.TimeoutAction() == v1beta1.GateContinue
	case v1beta1.GateRejected:
		return false
	case v1beta1.GateWaiting:
	}
	timeout := gate.TimeoutOrZero()
	if timeout == 0 {
		return false
	}
	if due := state.Since.Add(timeout); d.Now.Before(due) {
		d.wakeAt(due)
		return false
	}
	state.State = v1beta1.GateTimedOut
	text := fmt.Sprintf("gate %s was not approved within %s", gate.Name, gate.Timeout)
	if gate.TimeoutAction() == v1beta1.GateContinue {
		d.say(Warning, "GateTimedOut", d.name()+" goes on: "+text, gate.Name, fmt.Sprint(d.run.Step))
		return true
	}
	d.say(Error, "RolledBack", "Rolling back "+d.name()+" "+text)
	d.alert(v1beta1.SeverityError, "Rolling back: "+text, false)
	d.rollBack(v1beta1.OutcomeAborted, text)
	return false
}

func (d *decider) gateState(name string) *v1beta1.GateStatus {
	for i := range d.run.Gates {
		if d.run.Gates[i].Name == name {
			return &d.run.Gates[i]
		}
	}
	return nil
}

// forgetTraffic closes what holds each increase of the weight, for the step that begins.
func (d *decider) forgetTraffic() {
	d.run.StepPassed = false
	for _, gate := range d.Canary.GatesAt(v1beta1.GateTraffic) {
		d.run.Gates = slices.DeleteFunc(d.run.Gates, func(g v1beta1.GateStatus) bool { return g.Name == gate.Name })
	}
	for _, hook := range d.Canary.HooksOf(v1beta1.HookConfirmTrafficIncrease) {
		name := hookName(v1beta1.HookConfirmTrafficIncrease, hook.Name)
		d.run.Hooks = slices.DeleteFunc(d.run.Hooks, func(h v1beta1.HookStatus) bool { return h.Name == name })
	}
}

// waitingGate finds the gate that an intent is about: the named one, or the only one that waits.
func (d *decider) waitingGate(name string) (*v1beta1.GateStatus, string) {
	if name != "" {
		state := d.gateState(name)
		switch {
		case state == nil && !slices.ContainsFunc(d.Canary.GetAnalysis().Gates, func(g v1beta1.CanaryGate) bool { return g.Name == name }):
			return nil, fmt.Sprintf("spec.analysis.gates has no gate %q", name)
		case state == nil:
			return nil, fmt.Sprintf("the run has not reached gate %s yet", name)
		case state.State != v1beta1.GateWaiting:
			return nil, fmt.Sprintf("gate %s is %s already", name, state.State)
		}
		return state, ""
	}
	for _, gate := range d.Canary.GatesAt(d.point()) {
		if state := d.gateState(gate.Name); state != nil && state.State == v1beta1.GateWaiting {
			return state, "" // They are reached one after the other: there is one at most.
		}
	}
	return nil, "no gate waits for approval"
}

// point of the run that gates can hold at the moment. Those that an operator went past do not wait.
func (d *decider) point() v1beta1.GatePoint {
	switch {
	case d.st.Phase == v1beta1.PhaseWaiting:
		return v1beta1.GateRollout
	case d.run.Analysed:
		return v1beta1.GatePromotion
	case d.run.StepPassed, d.run.Step == 0:
		return v1beta1.GateTraffic
	}
	return ""
}

// gatePoll is the longest time between two calls of a hook that is polled; a shorter interval of
// the analysis makes it shorter.
const gatePoll = 10 * time.Second

func (d *decider) pollInterval() time.Duration { return min(gatePoll, d.interval()) }

// confirmed calls the confirm hooks of a type in order, again and again until each has passed once,
// and says whether all have.
func (d *decider) confirmed(t v1beta1.HookType) bool {
	for _, hook := range d.Canary.HooksOf(t) {
		if !d.confirm(t, hook) {
			return false
		}
	}
	return true
}

func (d *decider) confirm(t v1beta1.HookType, hook v1beta1.CanaryWebhook) bool {
	name := hookName(t, hook.Name)
	state := d.hook(name)
	if state != nil && state.State == v1beta1.HookPassed {
		return true
	}
	words := gateWords[t]
	call := CallHook{ID: d.run.ID + "/" + name, Name: hook.Name, Type: t, Phase: words.sent}
	if t == v1beta1.HookConfirmTrafficIncrease {
		call.ID += fmt.Sprintf("/%d", d.run.Step) // Each step asks anew.
	}
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
		d.say(Info, words.reason+"Passed", fmt.Sprintf("%s check %s passed", words.title, hook.Name), hook.Name, fmt.Sprint(d.run.Step))
		return true
	}
	if state == nil || state.State != v1beta1.HookFailed {
		d.setHook(name, v1beta1.HookFailed, result.Err)
		d.say(Warning, words.reason+"Waiting", fmt.Sprintf("Halt %s advancement %s %s", d.name(), words.waiting, hook.Name), hook.Name, fmt.Sprint(d.run.Step))
		if !hook.MuteAlert {
			d.alert(v1beta1.SeverityWarn, words.alert, false)
		}
		if words.phase != "" {
			d.enter(words.phase)
		}
		d.message("%s: waiting for the approval of %s.", d.st.Phase, hook.Name)
	}
	again := result.FinishedAt.Add(d.pollInterval())
	if !d.Now.Before(again) {
		call.Again = true
		d.do(call)
		return false
	}
	d.wakeAt(again)
	return false
}

var gateWords = map[v1beta1.HookType]struct {
	reason, title, waiting, alert string
	// phase to be entered while waiting, and the one that the contract has in the payload.
	phase, sent v1beta1.CanaryPhase
}{
	v1beta1.HookConfirmRollout: {
		reason: "ConfirmRollout", title: "Confirm-rollout",
		waiting: "waiting for approval", alert: "Canary is waiting for approval.",
		phase: v1beta1.PhaseWaiting, sent: v1beta1.PhaseWaiting,
	},
	v1beta1.HookConfirmTrafficIncrease: {
		reason: "ConfirmTrafficIncrease", title: "Confirm-traffic-increase",
		waiting: "waiting for traffic increase approval", alert: "Canary traffic increase is waiting for approval.",
		sent: v1beta1.PhaseProgressing,
	},
	v1beta1.HookConfirmPromotion: {
		reason: "ConfirmPromotion", title: "Confirm-promotion",
		waiting: "waiting for promotion approval", alert: "Canary promotion is waiting for approval.",
		phase: v1beta1.PhaseWaitingPromotion, sent: v1beta1.PhaseProgressing,
	},
}

// rollbackHooks polls the hooks that can end a run from outside, for as long as it lasts, and says
// whether one of them has. They are asked whatever the canary's pods do: a canary that is not ready
// is what somebody may want to end.
func (d *decider) rollbackHooks() bool {
	for _, hook := range d.Canary.HooksOf(v1beta1.HookRollback) {
		name := hookName(v1beta1.HookRollback, hook.Name)
		call := CallHook{ID: d.run.ID + "/" + name, Name: hook.Name, Type: v1beta1.HookRollback, Phase: d.st.Phase}
		result, known := d.Hooks[call.ID]
		switch again := result.FinishedAt.Add(d.pollInterval()); {
		case !known:
			d.do(call)
		case !result.Done:
		case result.Err == "":
			d.say(Info, "RollbackHookPassed", "Rollback check "+hook.Name+" passed", hook.Name)
			d.say(Error, "RolledBack", "Rolling back "+d.name()+" manual webhook invoked")
			d.alert(v1beta1.SeverityWarn, "Rolling back manual webhook invoked", false)
			d.rollBack(v1beta1.OutcomeRolledBack, "rollback hook "+hook.Name+" passed")
			return true
		case !d.Now.Before(again):
			call.Again = true
			d.do(call)
		default:
			d.wakeAt(again)
		}
	}
	return false
}
