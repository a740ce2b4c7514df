package intent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Instead says what can be done in place of a verb where Flagger's own controller runs the canary: it
// reads no verbs, but it looks at the spec, at the target and at gates.
func Instead(verb v1beta1.Verb, c view.Canary) string {
	const why = "Flagger's own controller runs it and reads no verbs; "
	f := foreign{c}
	switch verb {
	case v1beta1.VerbPromote:
		return why + f.promote()
	case v1beta1.VerbPromoteStep:
		return why + f.step()
	case v1beta1.VerbAbort:
		return why + "to end the run: " + f.abort()
	case v1beta1.VerbPause:
		return why + "to hold the weights, without checks: " + f.patch(`{"spec":{"suspend":true}}`)
	case v1beta1.VerbResume:
		return why + "to go on: " + f.patch(`{"spec":{"suspend":false}}`)
	case v1beta1.VerbRetry:
		return why + f.retry()
	case v1beta1.VerbRollback:
		return why + f.rollback()
	case v1beta1.VerbApprove:
		return why + f.answer("open", "to open its gate")
	case v1beta1.VerbReject:
		return why + f.answer("close", "to keep its gate closed") + "; to end the run: " + f.abort()
	}
	return why + "use kubectl"
}

// unfitForeign says why a verb makes no sense for a canary of another controller now.
func unfitForeign(verb v1beta1.Verb, c view.Canary) string {
	switch verb {
	case v1beta1.VerbResume:
		if !c.Suspended {
			return "it is not suspended"
		}
	case v1beta1.VerbRetry:
		if c.Phase != string(v1beta1.PhaseFailed) {
			return "no revision has failed"
		}
	case v1beta1.VerbRollback:
	default:
		if !c.Active() {
			return "no run is under way"
		}
	}
	return ""
}

// foreign is a canary that another controller runs.
type foreign struct{ c view.Canary }

// promote: a closed gate is all that stands in the way of a promotion that waits; otherwise the
// analysis is switched off, also in the middle of a run.
func (f foreign) promote() string {
	if hook, ok := f.hook(v1beta1.HookConfirmPromotion); ok && f.c.Phase == string(v1beta1.PhaseWaitingPromotion) {
		return "to promote: " + f.gate("open", hook)
	}
	return "to promote without further checks: " + f.patch(`{"spec":{"skipAnalysis":true}}`) + " (and back to false afterwards)"
}

func (f foreign) step() string {
	if hook, ok := f.hook(v1beta1.HookConfirmTrafficIncrease); ok {
		return "to let it go on with the next step: " + f.gate("open", hook)
	}
	return "it has nothing that ends a single step; " + f.promote()
}

// abort: a rollback hook that answers yes ends the run at the next check. Without one, the old
// template serves, though the run goes on with it.
func (f foreign) abort() string {
	if hook, ok := f.hook(v1beta1.HookRollback); ok {
		return f.gate("open", hook) + " (and close it afterwards)"
	}
	return f.undo() + " (the run goes on, with what was there before)"
}

// retry: a failed revision is left alone until the template is another one, be it by an annotation.
func (f foreign) retry() string {
	kind, ok := f.workload()
	if !ok {
		return fmt.Sprintf("to run it again, change the spec of %s %s", f.c.Target.Kind, f.c.Target.Name)
	}
	return fmt.Sprintf("to run it again, change an annotation of the pod template: kubectl rollout restart %s/%s -n %s",
		kind, shellWord(f.c.Target.Name), shellWord(f.c.Namespace))
}

func (f foreign) rollback() string {
	return "to release the previous revision again, with all steps and checks: " + f.undo()
}

// undo brings the previous template of the target back.
func (f foreign) undo() string {
	kind, ok := f.workload()
	if !ok {
		return fmt.Sprintf("set the spec of %s %s back", f.c.Target.Kind, f.c.Target.Name)
	}
	return fmt.Sprintf("kubectl rollout undo %s/%s -n %s", kind, shellWord(f.c.Target.Name), shellWord(f.c.Namespace))
}

// answer names the gate that the run waits at, or else the first that it has.
func (f foreign) answer(do, purpose string) string {
	order := []v1beta1.HookType{v1beta1.HookConfirmRollout, v1beta1.HookConfirmTrafficIncrease, v1beta1.HookConfirmPromotion}
	switch f.c.Phase {
	case string(v1beta1.PhaseProgressing):
		order = order[1:]
	case string(v1beta1.PhaseWaitingPromotion):
		order = order[2:]
	}
	for _, kind := range order {
		if hook, ok := f.hook(kind); ok {
			return purpose + ": " + f.gate(do, hook)
		}
	}
	return "its spec has no webhook that a run waits for now"
}

func (f foreign) hook(kind v1beta1.HookType) (view.Hook, bool) {
	i := slices.IndexFunc(f.c.Hooks, func(h view.Hook) bool { return h.Type == string(kind) })
	if i < 0 {
		return view.Hook{}, false
	}
	return f.c.Hooks[i], true
}

// gate is the command for the gate behind a webhook. Its name alone may be that of another one.
func (f foreign) gate(do string, hook view.Hook) string {
	return fmt.Sprintf("kubectl canary gate %s %s %s -n %s",
		do, shellWord(f.c.Name), shellWord(hook.Type+"/"+hook.Name), shellWord(f.c.Namespace))
}

func (f foreign) patch(merge string) string {
	return fmt.Sprintf("kubectl patch canary %s -n %s --type=merge -p '%s'", shellWord(f.c.Name), shellWord(f.c.Namespace), merge)
}

// workload is the kind of the target as kubectl rollout takes it.
func (f foreign) workload() (kind string, ok bool) {
	switch f.c.Target.Kind {
	case v1beta1.TargetDeployment:
		return "deployment", true
	case v1beta1.TargetDaemonSet:
		return "daemonset", true
	}
	return "", false
}

// shellWord quotes what a shell would not take as it is: the names of webhooks may be any text, and
// somebody is going to paste it.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r)
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
