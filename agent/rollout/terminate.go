package rollout

import (
	"slices"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// finalizer keeps the finalizer in line with revertOnDeletion. It is removed whenever it is not
// wanted, so that no deletion hangs on it.
func (d *decider) finalizer() {
	if has := slices.Contains(d.Canary.Finalizers, v1beta1.Finalizer); has != d.Canary.Spec.RevertOnDeletion {
		d.do(SetFinalizer{Present: !has})
	}
}

// terminate gives the traffic back to the target before the Canary goes, and its primary with it:
// first the target is scaled up and ready, then the route moves to it, then the apex Service and the
// route are released, so that they outlive the Canary, and only then the finalizer is removed. The
// clients notice nothing.
func (d *decider) terminate() {
	if !slices.Contains(d.Canary.Finalizers, v1beta1.Finalizer) {
		return // Owned objects go with it; nothing may be created or routed any more.
	}
	if !d.Canary.Spec.RevertOnDeletion {
		d.do(SetFinalizer{Present: false})
		return
	}
	d.refuseIntent("the canary is being deleted")
	if d.st.Phase != v1beta1.PhaseTerminating {
		if d.run != nil && d.run.Outcome == "" {
			d.end(v1beta1.OutcomeAborted, "the canary was deleted", "")
		}
		d.enter(v1beta1.PhaseTerminating)
		d.say(Info, "Terminating", "Terminating canary "+d.name())
		if d.Target.Exists && d.Target.Observed && d.st.LastPromotedSpec != "" && d.Target.Revision != d.st.LastPromotedSpec {
			d.say(Warning, "UnpromotedTarget", d.target()+" is at revision "+d.Target.Revision+", which was never promoted; it takes over all traffic")
		}
	}
	for _, p := range d.Problems {
		if p.Reason == ReasonTargetUnreadable {
			d.stall(p) // It may well be there.
			return
		}
	}
	if !d.Target.Exists {
		d.terminated("its target is gone; nothing was restored")
		return
	}
	if !d.Target.Observed {
		return
	}
	d.wakeScaler()
	if d.Target.Replicas == 0 {
		d.do(ScaleTarget{Replicas: max(d.Primary.Replicas, 1)})
	}
	if ready, why := d.canaryReady(); !ready {
		d.terminatingWaits(why)
		return
	}
	if d.st.LastPromotedSpec == "" && !d.Services.Apex && !d.Route.Exists && len(d.Problems) == 0 {
		d.terminated("") // It was never initialized: nothing has been moved, and nothing is made any more.
		return
	}
	if len(d.Problems) > 0 {
		d.terminated("its spec cannot be acted upon, so Services and routes were left as they were: " + d.Problems[0].Message)
		return
	}
	if !d.Services.Released || !d.Route.Released {
		if !d.Route.Released && !d.route(100) {
			d.message("Terminating: moving all traffic to %s.", d.target())
			return
		}
		d.do(Release{})
		return
	}
	until := d.Route.Since.Add(d.DrainDelay)
	if drained := !d.Now.Before(until); !drained || (d.Route.Reports && !d.Route.Confirmed) {
		if !drained {
			d.wakeAt(until)
		}
		d.message("Terminating: the primary is drained.")
		return
	}
	d.terminated("")
}

func (d *decider) terminatingWaits(why string) {
	d.message("Terminating: waiting for the pods of %s.", d.target())
	until := d.st.LastTransitionTime.Add(d.Canary.ProgressDeadline())
	if d.Now.Before(until) {
		d.wakeAt(until)
		return
	}
	d.stall(Problem{
		Reason: "TargetNotReady",
		Message: "The canary is deleted when " + d.target() + " serves again: " + why + cause(d.Target) +
			"; mend it, or set spec.revertOnDeletion to false to give it up.",
	})
}

// terminated lets the Canary go.
func (d *decider) terminated(but string) {
	text := "Terminated canary " + d.name()
	severity := Info
	if but != "" {
		text += ": " + but
		severity = Warning
	}
	if d.st.Message != text {
		d.say(severity, "Terminated", text)
	}
	d.message("%s", text)
	d.do(SetFinalizer{Present: false})
}
