package explain

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func (e *explainer) inPhase() {
	switch e.phase {
	case "":
		e.notTakenUp()
	case v1beta1.PhaseInitializing:
		e.say("Canary %s is being initialized: the primary is made from %s.", e.v.Name, e.target())
		e.because(e.v.Message)
		e.because("Until the primary is ready, " + e.target() + " serves all traffic")
		e.awaitPods("primary")
		e.pods()
	case v1beta1.PhaseInitialized:
		e.say("Canary %s is ready: the primary serves all traffic, and no run has happened yet.", e.v.Name)
		e.becausef("The primary has revision %s", orNone(e.v.PromotedRevision))
		e.Awaiting = "a new revision of " + e.target()
	case v1beta1.PhaseWaiting, v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion:
		e.analysing()
	case v1beta1.PhasePromoting, v1beta1.PhaseFinalising:
		e.promoting()
	case v1beta1.PhaseSucceeded:
		e.succeeded()
	case v1beta1.PhaseFailed:
		e.failed()
	default:
		e.say("Canary %s is in phase %s, which this program does not know.", e.v.Name, e.v.Phase)
		e.because(e.v.Message)
	}
}

func (e *explainer) notTakenUp() {
	e.say("Canary %s has not been taken up by any controller.", e.v.Name)
	e.Awaiting = "a controller that takes it up"
	for _, c := range e.v.Controllers {
		switch c.Ready {
		case 0:
			e.becausef("%s in namespace %s has no ready pod", c.Deployment, c.Namespace)
		default:
			e.becausef("%s in namespace %s is ready; it should take the canary up within seconds, unless it looks after other namespaces only", c.Deployment, c.Namespace)
		}
		e.Actions = append(e.Actions, Action{
			Command: fmt.Sprintf("kubectl logs deployment/%s -n %s --tail 50", c.Deployment, c.Namespace),
			Effect:  "shows what the controller says",
		})
	}
	if e.v.Controllers != nil && len(e.v.Controllers) == 0 {
		e.because("No agent was found in the cluster")
		e.Actions = append(e.Actions, Action{Command: "kubectl canary install", Effect: "installs the agent"})
	}
	if e.v.Controllers == nil {
		e.because("Whether an agent runs is not known: you are not allowed to list deployments in all namespaces")
	}
}

// analysing is a run before its promotion.
func (e *explainer) analysing() {
	v := e.v
	gate, gated := v.WaitingGate()
	noun, at, of := v.Position()
	switch {
	case v.Paused():
		e.say("Canary %s is paused at %s.", v.Name, v.Shares())
		e.Awaiting = "somebody who resumes the run"
		if i := v.LastIntent; i != nil && i.Verb == string(v1beta1.VerbPause) {
			reason := ""
			if i.Reason != "" {
				reason = ": " + i.Reason
			}
			e.becausef("It was paused%s %s%s", by(i.By), e.ago(i.Time), reason)
		}
	case gated:
		e.say("Canary %s waits for an approval at gate %s.", v.Name, gate.Name)
		e.Awaiting = "an approval of gate " + gate.Name
	case e.phase == v1beta1.PhaseWaiting:
		e.say("Canary %s waits for an approval before the run begins.", v.Name)
		e.awaitHook("confirm-rollout")
	case e.phase == v1beta1.PhaseWaitingPromotion:
		e.say("Canary %s has passed all steps, and waits for an approval of the promotion.", v.Name)
		e.awaitHook("confirm-promotion")
	case at == 0:
		e.say("Canary %s has a new revision, which gets no traffic before its pods are ready.", v.Name)
		e.awaitPods("canary")
	default:
		e.say("Canary %s is under analysis: %s %d of %d, %s.", v.Name, noun, at, of, v.Shares())
		e.Awaiting = "the check at the end of the " + noun
		if v.HoldStart.IsZero() && !v.Foreign {
			e.awaitPods("canary")
		}
	}
	if gated {
		deadline := "It has no timeout"
		if !gate.Deadline.IsZero() {
			deadline = "It times out in " + duration.HumanDuration(max(0, gate.Deadline.Sub(e.now))) + ", and then the run does this: " + gate.OnTimeout
		}
		e.becausef("The gate (at: %s) was reached %s. %s", gate.At, e.ago(gate.Since), deadline)
	}
	e.becausef("Revision %s is tried against %s, which the primary has", orNone(v.Revision), orNone(v.PromotedRevision))
	e.because(v.Message)
	e.hooks()
	e.metrics()
	e.checks()
	e.pods()
}

func (e *explainer) promoting() {
	v := e.v
	switch {
	case v.RollingBack():
		e.say("Canary %s is rolled back: the primary gets revision %s again.", v.Name, v.Run.Revision)
		e.awaitPods("primary")
	case e.phase == v1beta1.PhaseFinalising:
		e.say("Canary %s is promoted: the primary serves all traffic with revision %s.", v.Name, v.Revision)
		e.Awaiting = "the end of requests that are still under way at the canary"
	default:
		e.say("Canary %s is being promoted: the primary is rolled to revision %s.", v.Name, v.Revision)
		e.awaitPods("primary")
	}
	e.because(v.Message)
	e.becausef("Traffic: %s", v.Shares())
	e.pods()
}

func (e *explainer) succeeded() {
	v := e.v
	e.say("Canary %s has succeeded: the primary serves all traffic with revision %s.", v.Name, orNone(v.PromotedRevision))
	if r := v.Run; r != nil && !r.End.IsZero() {
		how := "after its analysis"
		switch v1beta1.RunOutcome(r.Outcome) {
		case v1beta1.OutcomeSkipped:
			how = "without an analysis, as spec.skipAnalysis says"
		case v1beta1.OutcomeRestored:
			how = "by a rollback"
		default:
			if r.By != "" {
				how = "by " + r.By
			}
		}
		e.becausef("It became the primary's %s, %s; the run took %s", e.ago(r.End), how, duration.HumanDuration(max(0, r.End.Sub(r.Start))))
	} else if !v.LastTransition.IsZero() {
		e.becausef("That was %s", e.ago(v.LastTransition))
	}
	e.Awaiting = "a new revision of " + e.target()
}

func (e *explainer) failed() {
	v := e.v
	word, revision := "has failed", v.Revision
	who := ""
	if r := v.Run; r != nil {
		who = r.By
		switch v1beta1.RunOutcome(r.Outcome) {
		case v1beta1.OutcomeRolledBack:
			word = "was rolled back"
		case v1beta1.OutcomeAborted:
			word = "was aborted"
		case v1beta1.OutcomePromotionFailed:
			word = "could not be promoted"
			if r.Rollback {
				word, revision = "could not be brought back", r.Revision
			}
		case v1beta1.OutcomeRestored:
			word = "was taken back"
		default:
		}
	}
	e.say("Canary %s: revision %s %s%s.", v.Name, orNone(revision), word, by(who))
	if r := v.Run; r != nil && r.Message != "" {
		e.because(r.Message)
	} else {
		e.because(v.Message)
	}
	e.metrics()
	if r := v.Run; r != nil && !r.End.IsZero() {
		e.becausef("It ended %s, with %d failed checks of %d; the most traffic it had was %d%%", e.ago(r.End), r.FailedChecks, v.Threshold, r.MaxWeight)
	}
	e.becausef("Traffic now: %s; the primary has revision %s", v.Shares(), orNone(v.PromotedRevision))
	e.hooks()
	e.Awaiting = "another revision of " + e.target()
	e.Actions = append(e.Actions, Action{Effect: "another revision of " + e.target() + ", such as by kubectl set image, starts the next run"})
	e.pods()
}
