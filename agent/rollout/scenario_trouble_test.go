package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func TestCanaryLostInStep(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.ship(2)
	sc.untilWeight(20)
	sc.s.now += 7
	sc.frozenTarget = true
	sc.s.target.avail = 1
	sc.settle()
	equal(t, "weight without pods", sc.s.route.canary, 0)
	sc.wantOnce("canary deployment app.test not ready: waiting for rollout to finish: 1 of 2 (readyThreshold 100%) updated replicas are available; its traffic goes to the primary")
	sc.s.now += 5
	sc.frozenTarget = false
	sc.settle()
	equal(t, "weight with pods", sc.s.route.canary, 20)
	began := sc.s.now
	sc.untilWeight(40)
	equal(t, "the hold starts anew", sc.s.now-began, ageHold)
	sc.finish(v1beta1.PhaseSucceeded)
}

func TestCanaryDeadline(t *testing.T) {
	for name, dead := range map[string]bool{"of the run": false, "of the workload": true} {
		t.Run(name, func(t *testing.T) {
			sc := initializedScenario(t, steps(20))
			sc.frozenTarget = true
			sc.ship(2)
			sc.settle()
			if dead {
				sc.s.target.dead = true
			}
			began := sc.s.now
			sc.finish(v1beta1.PhaseFailed)
			if !dead && sc.s.now-began < modelDeadline {
				t.Errorf("rolled back after %d s", sc.s.now-began)
			}
			sc.wantSaid("Rolling back app.test progress deadline exceeded canary deployment app.test not ready: waiting for rollout to finish", "Canary failed! Scaling down app.test")
			equal(t, "alerts", len(sc.errors), 1)
			equal(t, "routes", sc.routes, nil)
		})
	}
}

func TestPrimaryLostInStep(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.ship(2)
	sc.untilWeight(20)
	sc.frozenPrimary = true
	sc.s.primary.avail = 0
	sc.settle()
	equal(t, "weight without a primary", sc.s.route.canary, 100)
	sc.pass(30)
	equal(t, "step", sc.s.status.Run.Step, 1)
	sc.frozenPrimary = false
	sc.settle()
	equal(t, "weight with a primary", sc.s.route.canary, 20)
	sc.finish(v1beta1.PhaseSucceeded)
}

// The primary does not start with the new revision: the canary serves on, and a fix goes the same
// way (gotcha A1).
func TestFailedPromotion(t *testing.T) {
	for name, kept := range map[string]int32{"old pods of the primary are kept": 2, "the primary has no pods": 0} {
		t.Run(name, func(t *testing.T) {
			sc := initializedScenario(t, steps(20, 40))
			sc.frozenPrimary = true
			sc.ship(2)
			sc.until(v1beta1.PhasePromoting)
			sc.s.primary.avail = kept
			sc.s.primary.dead = true
			sc.finish(v1beta1.PhaseFailed)
			sc.outcome(v1beta1.OutcomePromotionFailed)
			sc.wantOnce("Promotion of app.test failed, primary not ready: waiting for rollout to finish: 0 out of 2 new replicas have been updated")
			equal(t, "weight", sc.s.route.canary, 100)
			equal(t, "target's replicas", sc.s.target.want, 2)
			sc.pass(100)
			equal(t, "weight later", sc.s.route.canary, 100)

			sc.frozenPrimary = false
			sc.routes = nil
			sc.ship(3)
			sc.finish(v1beta1.PhaseSucceeded)
			equal(t, "promoted", sc.s.status.LastPromotedSpec, "rs:r3")
			for _, share := range sc.routes {
				if kept == 0 && share != 100 && share != 0 {
					t.Errorf("%v: traffic to a primary without pods", sc.routes)
				}
			}
		})
	}
}

// While the primary has no pods after a failed promotion, a run that is replaced by the next one
// has no other side to go to.
func TestFixOfFixAfterFailedPromotion(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.frozenPrimary = true
	sc.ship(2)
	sc.until(v1beta1.PhasePromoting)
	sc.s.primary.avail, sc.s.primary.dead = 0, true
	sc.finish(v1beta1.PhaseFailed)
	sc.ship(3)
	sc.settle()
	sc.ship(2)
	sc.when("the end", func() bool { return !sc.s.plan.open && terminal(sc.s.status.Phase) })
	sc.outcome(v1beta1.OutcomePromotionFailed) // The revision is the one that does not start there.
	equal(t, "weight", sc.s.route.canary, 100)
	sc.ship(3)
	sc.frozenPrimary = false
	sc.finish(v1beta1.PhaseSucceeded)
}

func TestTargetScaledToZeroInRun(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.ship(2)
	sc.untilWeight(40)
	sc.s.target.scale(0)
	sc.finish(v1beta1.PhaseSucceeded) // It is scaled up again, and nothing is promoted without pods.
	equal(t, "primary's replicas", sc.s.primary.want, 2)
}

func TestSuspended(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.ship(2)
	sc.untilWeight(20)
	sc.canary.Spec.Suspend = true
	sc.pass(100)
	sc.wantOnce("skipping canary run as object is suspended")
	equal(t, "weight", sc.s.route.canary, 20)
	sc.ask(v1beta1.VerbAbort)
	sc.settle()
	sc.wantAnswer(v1beta1.IntentRefused)
	sc.canary.Spec.Suspend = false
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "runs", len(sc.s.status.History), 1)
}

func TestProblems(t *testing.T) {
	sc := initializedScenario(t, steps(20))
	sc.change = func(w *World) {
		w.Problems = []Problem{{Reason: "Invalid", Message: "spec.analysis.threshold: must be 1 or more"}}
	}
	sc.ship(2)
	sc.pass(30)
	equal(t, "phase", sc.s.status.Phase, v1beta1.PhaseInitialized)
	for _, c := range []v1beta1.ConditionType{v1beta1.ConditionStalled, v1beta1.ConditionReady} {
		equal(t, string(c), sc.condition(c).Reason, "Invalid")
	}
	equal(t, "message", sc.s.status.Message, "spec.analysis.threshold: must be 1 or more")
	sc.change = nil
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "Stalled", sc.condition(v1beta1.ConditionStalled).Reason, "")
}

func TestTargetMissing(t *testing.T) {
	for name, sc := range map[string]*scenario{
		"at the start": newScenario(t, steps(20)),
		"later":        initializedScenario(t, steps(20)),
	} {
		t.Run(name, func(t *testing.T) {
			sc.t = t
			there := sc.s.target
			sc.s.target = simWorkload{}
			sc.pass(100)
			sc.wantOnce("Deployment app.test not found; create it, or correct spec.targetRef")
			equal(t, "Stalled", sc.condition(v1beta1.ConditionStalled).Reason, "TargetNotFound")
			sc.s.target = there
			sc.finish(v1beta1.PhaseInitialized)
			equal(t, "Stalled", sc.condition(v1beta1.ConditionStalled).Reason, "")
		})
	}
}

func TestDrift(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.ship(2)
	sc.untilWeight(40)
	sc.s.setRoute(7, true)
	sc.settle()
	equal(t, "weight", sc.s.route.canary, 40)
	equal(t, "phase", sc.s.status.Phase, v1beta1.PhaseProgressing)
	if c := sc.condition(v1beta1.ConditionRouteDrift); c.Status != "True" || !strings.Contains(c.Message, "kubectl-edit") {
		t.Errorf("condition RouteDrift is %+v", c)
	}
	sc.wantOnce("Route of app.test was changed by field manager kubectl-edit")
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", sc.routes, []int32{20, 40, 40, 0})
	equal(t, "RouteDrift", string(sc.condition(v1beta1.ConditionRouteDrift).Status), "")
}

func TestUnconfirmedRoute(t *testing.T) {
	sc := initializedScenario(t, steps(20, 40))
	sc.reports = true
	sc.s.route.confirmed = true
	sc.frozenRouter = true
	sc.ship(2)
	sc.pass(25)
	equal(t, "checks of a weight that is not in force", sc.s.status.Run.Checks, 0)
	sc.pass(10)
	equal(t, "Stalled", sc.condition(v1beta1.ConditionStalled).Reason, "RouteNotAccepted")
	sc.pass(60)
	equal(t, "phase", sc.s.status.Phase, v1beta1.PhaseFailed)
	sc.wantSaid("Rolling back app.test progress deadline exceeded route not accepted")
	equal(t, "target's replicas before the router confirms", sc.s.target.want, 2)
	sc.frozenRouter = false
	sc.pass(10)
	equal(t, "target's replicas", sc.s.target.want, 0)
}

// A run that another controller began is gone on with at the weight that its status has.
func TestAdoptedRun(t *testing.T) {
	sc := initializedScenario(t, steps(10, 20, 40))
	sc.s.target.ship(2)
	sc.s.target.scale(2)
	sc.s.target.observed, sc.s.target.avail = true, 2
	sc.s.setRoute(20, false)
	sc.s.status = &v1beta1.CanaryStatus{
		Phase: v1beta1.PhaseProgressing, CanaryWeight: 20, FailedChecks: 1,
		LastAppliedSpec: "7c548cbb77", LastPromotedSpec: "6b4c5d99c8",
		LastTransitionTime: v1beta1.NewTime(epoch.Add(-time.Minute)),
	}
	sc.settle()
	equal(t, "step", sc.s.status.Run.Step, 2)
	equal(t, "weight", sc.s.route.canary, 20)
	sc.untilWeight(40)
	sc.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", sc.routes, []int32{40, 0})
	equal(t, "promoted", sc.s.status.LastPromotedSpec, "rs:r2")
}

// TestPrimaryDeleted makes a deleted primary anew, but not from a revision that has failed.
func TestPrimaryDeleted(t *testing.T) {
	sc := initializedScenario(t, steps(20))
	sc.s.primary = simWorkload{}
	sc.settle()
	equal(t, "primary", sc.s.primary.exists, true)
	equal(t, "primary's revision", sc.s.primary.rev, uint8(1))
	sc.wantOnce("The primary app-primary.test was deleted; making it anew from app.test")

	sc.frozenTarget = true
	sc.ship(2)
	sc.settle()
	sc.s.target.dead = true
	sc.finish(v1beta1.PhaseFailed)
	sc.s.primary = simWorkload{}
	sc.settle()
	equal(t, "primary of a failed revision", sc.s.primary.exists, false)
	if !strings.Contains(sc.s.status.Message, "go back to that one") {
		t.Errorf("message %q", sc.s.status.Message)
	}
}
