package rollout

import (
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// canaryReady says whether the canary can serve its share, and why not.
func (d *decider) canaryReady() (bool, string) {
	if d.Target.Exists && d.Target.Observed && d.Target.Replicas == 0 {
		return false, "scaled to zero"
	}
	return d.Target.Ready(d.Canary.CanaryReadyThreshold())
}

// canaryServes says whether the canary's pods can take traffic right now. While an edit of the target
// has not been looked at by its controller, the pods that were counted last stand in: they are
// still there, and moving the traffic away for a moment would only disturb it.
func (d *decider) canaryServes() bool {
	if d.unobserved() {
		return d.Target.Replicas > 0 && d.Target.Available > 0 &&
			d.Target.Available >= required(d.Target.Updated, d.Canary.CanaryReadyThreshold())
	}
	ready, _ := d.canaryReady()
	return ready
}

func (d *decider) unobserved() bool { return d.Target.Exists && !d.Target.Observed }

// primaryServes says whether the primary can take traffic at all. Its ready threshold matters only
// for a promotion: fewer pods than wanted are still better than a side that is not proved.
func (d *decider) primaryServes() bool {
	return d.Primary.Exists && d.Primary.Available > 0
}

// onlyCopy says that the canary has to serve everything until it is promoted: a failed promotion
// has left the primary without pods, its pods do not start, or somebody has deleted it, and only a
// promotion brings it back.
func (d *decider) onlyCopy() bool {
	if !d.Primary.Exists {
		return true
	}
	givenUp := d.Primary.Observed && d.Primary.DeadlineExceeded
	return !d.primaryServes() && (givenUp || (d.Primary.Source != "" && d.Primary.Source != d.st.LastPromotedSpec))
}

// safeWeight is the invariant S1 as a function: the weight that comes nearest to what is wanted
// without sending traffic to a side that cannot serve. When neither side is known to serve,
// nothing is moved.
func (d *decider) safeWeight(wanted int32) int32 {
	canary, primary := d.canaryServes(), d.primaryServes()
	switch {
	case canary && primary && d.unobserved():
		// Nothing more for pods that may be about to become another revision's.
		return min(wanted, max(d.Route.Canary, 0))
	case canary && primary:
		return wanted
	case primary:
		return 0
	case canary && !d.unobserved():
		return 100
	case d.Route.Exists && d.Route.Canary >= 0 && d.Route.Canary <= 100:
		return d.Route.Canary
	}
	return d.st.CanaryWeight
}

// route keeps the route at the safe weight: it notes the weight in the status first, so that a
// crash in between is repaired, and then asks for the write. It returns true when the weight that
// the run wants is in force and settled.
func (d *decider) route(wanted int32) bool {
	weight := d.safeWeight(wanted)
	if weight != d.st.CanaryWeight {
		d.st.CanaryWeight = weight
	}
	if d.Route.Err != "" {
		d.stall(Problem{Reason: "RouteError", Message: d.Route.Err})
		return false
	}
	// Only the last word of a plan counts: a run that begins its first step at once passes here twice.
	d.effects = slices.DeleteFunc(d.effects, func(e Effect) bool { _, ok := e.(SetRoute); return ok })
	want := SetRoute{Canary: weight, Mirror: d.mirrors(weight), Everyone: d.everyone(weight)}
	renewed := d.cookies(weight)
	inForce := d.Route.Exists && d.Route.Canary == weight && d.Route.Mirror == want.Mirror &&
		d.Route.Everyone == want.Everyone && d.Route.Current
	if !inForce || renewed {
		if !renewed {
			d.noteDrift(weight)
		}
		d.do(want)
		return false
	}
	if d.Route.Reports && !d.Route.Confirmed {
		d.unconfirmed()
		return false
	}
	return weight == wanted
}

// mirrors says whether copies of the primary's requests go to the canary: in a step that asks for it,
// as long as both sides serve.
func (d *decider) mirrors(weight int32) bool {
	step := d.step()
	return step != nil && step.Mirror && step.State == v1beta1.StepActive && weight == 0 &&
		d.run.Outcome == "" && d.canaryServes() && d.primaryServes()
}

// everyone says whether the canary of an A/B test has to serve those who do not match too, because
// the primary cannot.
func (d *decider) everyone(weight int32) bool {
	if d.strategy() != v1beta1.StrategyABTesting || weight == 0 {
		return false
	}
	return !d.primaryServes() || d.st.Phase == v1beta1.PhaseTerminating ||
		(d.run != nil && (d.run.Repair || d.run.Outcome == v1beta1.OutcomePromotionFailed))
}

// patience is how long a router may take to confirm before that is called a problem.
const patience = 30 * time.Second

// unconfirmed waits for the router, which ends with a watch event, and says so if it takes long.
func (d *decider) unconfirmed() {
	until := d.Route.Since.Add(patience)
	if d.Now.Before(until) {
		d.wakeAt(until)
		return
	}
	d.stall(Problem{
		Reason:  "RouteNotAccepted",
		Message: "The router has not taken over the route of " + d.name() + ": " + d.Route.Message + "; look at the status of the route and its gateway.",
	})
	if until := d.Route.Since.Add(d.Canary.ProgressDeadline()); d.Now.Before(until) {
		d.wakeAt(until)
	}
}

// routeRefused says whether the router has had the whole progress deadline to take the route over.
func (d *decider) routeRefused() bool {
	return d.Route.Exists && d.Route.Reports && !d.Route.Confirmed && d.Route.Canary == d.st.CanaryWeight &&
		!d.Now.Before(d.Route.Since.Add(d.Canary.ProgressDeadline()))
}

// routeInForce says whether the weight of the status is in force, without asking for anything.
func (d *decider) routeInForce() bool {
	return d.Route.Err == "" && d.Route.Exists && d.Route.Canary == d.st.CanaryWeight
}

// noteDrift says who wrote the route, when it was not the agent and not a decision of this very
// moment that made it differ.
func (d *decider) noteDrift(weight int32) {
	if d.Canary.Status.LastPromotedSpec == "" || foreign(d.Canary.Status.LastAppliedSpec) {
		return // The user or another controller has made the route, which is no drift.
	}
	if !d.Route.Exists || d.Route.Manager == "" || weight != d.Canary.Status.CanaryWeight {
		return
	}
	d.setCondition(v1beta1.ConditionRouteDrift, "True", "WrittenByOther",
		"The route was changed by field manager "+d.Route.Manager+"; it was put back to the status.")
	d.say(Warning, "RouteDrift", "Route of "+d.name()+" was changed by field manager "+d.Route.Manager+
		", putting it back", d.Now.UTC().Format("1504"))
}

// drained says whether no traffic has gone to the canary for the drain delay, so that it may be
// scaled down (S2).
func (d *decider) drained() bool {
	if !d.Route.Exists || d.Route.Canary != 0 || d.Route.Mirror || (d.Route.Reports && !d.Route.Confirmed) {
		return false
	}
	until := d.Route.Since.Add(d.DrainDelay)
	if d.Now.Before(until) {
		d.wakeAt(until)
		return false
	}
	return true
}
