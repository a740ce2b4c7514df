package view

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func health(v Canary) Health {
	if v.Suspended {
		return HealthSuspended
	}
	if v.Condition(string(v1beta1.ConditionStalled)).Status == "True" {
		return HealthStalled
	}
	switch v1beta1.CanaryPhase(v.Phase) {
	case v1beta1.PhaseInitializing, v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseTerminating:
		return HealthProgressing
	case v1beta1.PhaseProgressing:
		if _, waits := v.WaitingGate(); waits || v.Paused() {
			return HealthWaiting
		}
		return HealthProgressing
	case v1beta1.PhaseWaiting, v1beta1.PhaseWaitingPromotion:
		return HealthWaiting
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded:
		return HealthHealthy
	case v1beta1.PhaseFailed:
		return HealthDegraded
	default:
		return HealthUnknown
	}
}

// next says in words what happens next. The time is the agent's own; where it keeps none, the
// judgement of the step is the only thing known to happen by the clock.
func (v *Canary) next(c *v1beta1.Canary) {
	v.NextAction = v.nextWords(c)
	if v.Suspended || v.Terminal() {
		return
	}
	if gate, waits := v.WaitingGate(); waits { // The checks go on, but decide nothing.
		if !v.Paused() {
			v.NextActionTime = gate.Deadline
		}
		return
	}
	if t := c.Status.NextActionTime; t != nil {
		v.NextActionTime = t.Time
	} else {
		v.NextActionTime = v.JudgeTime
	}
}

func (v *Canary) nextWords(c *v1beta1.Canary) string {
	target := v.Target.Kind + " " + v.Target.Name
	switch {
	case v.Suspended:
		return "nothing happens while spec.suspend is true"
	case v.Deleting && !c.Spec.RevertOnDeletion && !v.Foreign:
		return "the canary is deleted; nothing is restored, since spec.revertOnDeletion is not set"
	case v.Deleting:
		return "the original " + target + " gets all traffic back, then the canary is gone"
	}
	if gate, waits := v.WaitingGate(); waits {
		if v.Paused() {
			return "once somebody resumes the run it waits for gate " + gate.Name
		}
		return gate.next()
	}
	switch v1beta1.CanaryPhase(v.Phase) {
	case "":
		if v.Health == HealthStalled {
			return "nothing happens until what it is stalled by is corrected"
		}
		return "a controller takes the canary up; none has yet"
	case v1beta1.PhaseInitializing:
		return "once " + c.PrimaryName() + " is ready it gets all traffic"
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded:
		return "a run begins with the next revision of " + target
	case v1beta1.PhaseFailed:
		return v.nextAfterFailure(target)
	case v1beta1.PhaseWaiting:
		return "the run begins once " + v.hook(v1beta1.HookConfirmRollout) + " passes"
	case v1beta1.PhaseProgressing:
		return v.nextInRun(c)
	case v1beta1.PhaseWaitingPromotion:
		return "the promotion begins once " + v.hook(v1beta1.HookConfirmPromotion) + " passes"
	case v1beta1.PhasePromoting:
		if v.RollingBack() {
			return "once " + c.PrimaryName() + " runs revision " + v.Run.Revision + " again, the rollback is complete"
		}
		return "once " + c.PrimaryName() + " runs the new revision, all traffic goes back to it"
	case v1beta1.PhaseFinalising:
		return target + " is scaled down"
	case v1beta1.PhaseTerminating:
		return "the original " + target + " gets all traffic back"
	default:
		return ""
	}
}

// nextAfterFailure says what gets the canary out of Failed.
func (v *Canary) nextAfterFailure(target string) string {
	begins := "a run begins with another revision of " + target
	if refuseRetry(*v) == "" {
		begins += ", or with retry"
	}
	if v.PromotionUnsettled() {
		return begins + "; until then the canary serves all traffic; rollback brings the promoted revision back"
	}
	return begins + "; until then the primary serves the promoted one"
}

func (v *Canary) nextInRun(c *v1beta1.Canary) string {
	current, running := v.Current()
	held := "the run"
	if running && v.weighted(current) {
		held = fmt.Sprintf("%d%%", v.Weight)
	}
	switch {
	case v.Paused() && c.Status.NextActionTime != nil:
		return held + " is checked again and held until resumed"
	case v.Paused():
		return held + " is held until somebody resumes the run"
	case c.Status.Run != nil && c.Status.Run.PromoteNow:
		return "the promotion begins, as an operator asked"
	case c.Status.Run != nil && c.Status.Run.Analysed:
		return "the promotion begins"
	case !running && v.Strategy == string(v1beta1.StrategyBlueGreen):
		return "once the canary is ready it is checked"
	case !running:
		return "once the canary is ready it gets its first traffic"
	case c.Status.Run != nil && v.HoldStart.IsZero():
		return "once the canary is ready" + v.having(current) + ", the step is held for " + duration.HumanDuration(v.hold())
	case v.CurrentStep >= v.TotalSteps:
		return "the last step is judged, then the promotion begins"
	}
	next := v.Steps[v.CurrentStep]
	noun, at, of := v.Position()
	judged := fmt.Sprintf("%s %d", noun, at)
	switch {
	case next.Weight == current.Weight && next.Mirror == current.Mirror:
		return fmt.Sprintf("%s of %d is judged, then the next begins", judged, of)
	case v.weighted(current):
		judged = fmt.Sprintf("%d%%", current.Weight)
	}
	gets := v.Gets(next)
	if v.weighted(next) {
		gets = fmt.Sprintf("%d%%", next.Weight)
	}
	return judged + " is judged, then the canary gets " + gets
}

// hook names the hook that is waited for.
func (v *Canary) hook(kind v1beta1.HookType) string {
	if name := v.hookOf(kind); name != "" {
		return string(kind) + " hook " + name
	}
	return "the " + string(kind) + " hook"
}
