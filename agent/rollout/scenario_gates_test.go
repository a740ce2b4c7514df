package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func gate(name string, at v1beta1.GatePoint) v1beta1.CanaryGate {
	return v1beta1.CanaryGate{Name: name, At: at}
}

// gatePhase is what the status says while a gate of a point holds the run.
var gatePhase = map[v1beta1.GatePoint]v1beta1.CanaryPhase{
	v1beta1.GateRollout:   v1beta1.PhaseWaiting,
	v1beta1.GateTraffic:   v1beta1.PhaseProgressing,
	v1beta1.GatePromotion: v1beta1.PhaseWaitingPromotion,
}

// atGate is a run that waits at a gate named "a" of a point: at one of traffic, before the second
// increase.
func atGate(t testing.TB, at v1beta1.GatePoint, configure ...func(*v1beta1.CanaryGate)) *stage {
	t.Helper()
	g := gate("a", at)
	for _, f := range configure {
		f(&g)
	}
	s := initializedStage(t, steps(20, 40), gates(g))
	s.ship("rs:r2")
	waits := func() bool { return s.run() != nil && s.gateState("a") == v1beta1.GateWaiting }
	s.when("the gate", waits)
	if at == v1beta1.GateTraffic {
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbApprove})
		s.untilWeight(20)
		s.when("the gate again", waits)
	}
	s.settle()
	return s
}

// gateState is what the status says about a gate; empty while it has not been reached.
func (s *stage) gateState(name string) (state v1beta1.GateState) {
	for _, g := range s.run().Gates {
		if g.Name == name {
			state = g.State
		}
	}
	return state
}

func TestGateApproved(t *testing.T) {
	for at, phase := range gatePhase {
		for _, name := range []string{"a", ""} {
			t.Run(string(at)+" named "+name, func(t *testing.T) {
				s := atGate(t, at)
				weight := s.w.Route.Canary
				s.pass(5 * time.Minute)
				equal(t, "phase", s.phase(), phase)
				equal(t, "weight", s.w.Route.Canary, weight)
				equal(t, "failed checks", s.status().FailedChecks, int32(0))
				times := 1
				if at == v1beta1.GateTraffic {
					times = 2
				}
				equal(t, "events", s.count("Halt app.test advancement waiting for"), times)
				if m := s.status().Message; !strings.Contains(m, "kubectl canary approve app ") || !strings.Contains(m, "--gate a") {
					t.Errorf("message %q", s.status().Message)
				}
				s.ask(v1beta1.Intent{Verb: v1beta1.VerbApprove, Gate: name})
				s.decide()
				s.wantAnswer(v1beta1.IntentAccepted, "gate a is open")
				if at != v1beta1.GateTraffic { // That one is closed again by the next step.
					equal(t, "state", s.gateState("a"), v1beta1.GateApproved)
					equal(t, "by", s.run().Gates[0].By, "jane")
				} else {
					equal(t, "weight", s.w.Route.Canary, int32(40))
				}
				s.finish(v1beta1.PhaseSucceeded)
			})
		}
	}
}

func TestGateRejected(t *testing.T) {
	for at := range gatePhase {
		t.Run(string(at), func(t *testing.T) {
			s := atGate(t, at)
			s.ask(v1beta1.Intent{Verb: v1beta1.VerbReject, Reason: "too many errors"})
			s.decide()
			s.wantAnswer(v1beta1.IntentAccepted, "sending all traffic to the primary")
			equal(t, "phase at once", s.phase(), v1beta1.PhaseFailed)
			equal(t, "route at once", s.w.Route.Canary, int32(0))
			equal(t, "state", s.gateState("a"), v1beta1.GateRejected)
			s.finish(v1beta1.PhaseFailed)
			s.wantOutcome(v1beta1.OutcomeAborted)
			equal(t, "why", s.status().History[0].Message, "gate a was rejected by jane: too many errors")
			equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
		})
	}
}

func TestGateTimesOut(t *testing.T) {
	for at := range gatePhase {
		for _, action := range []v1beta1.GateTimeoutAction{"", v1beta1.GateContinue} {
			t.Run(string(at)+" "+string(action), func(t *testing.T) {
				s := atGate(t, at, func(g *v1beta1.CanaryGate) { g.Timeout, g.OnTimeout = "3m", action })
				s.pass(170 * time.Second)
				equal(t, "before the time is over", s.gateState("a"), v1beta1.GateWaiting)
				if action == v1beta1.GateContinue {
					s.finish(v1beta1.PhaseSucceeded)
					equal(t, "events", s.count("app.test goes on: gate a was not approved within 3m"), 1)
					return
				}
				s.finish(v1beta1.PhaseFailed)
				s.wantOutcome(v1beta1.OutcomeAborted)
				s.wantAlert("error: Rolling back: gate a was not approved within 3m")
			})
		}
	}
}

// TestGateTimeoutSurvivesCrash counts the time of a gate from the status.
func TestGateTimeoutSurvivesCrash(t *testing.T) {
	s := atGate(t, v1beta1.GatePromotion, func(g *v1beta1.CanaryGate) { g.Timeout = "3m" })
	began := s.w.Now
	for range 3 {
		s.pass(30 * time.Second)
		s.crash()
	}
	s.until(v1beta1.PhaseFailed)
	if took := s.w.Now.Sub(began).Round(time.Minute); took != 3*time.Minute {
		t.Errorf("timed out after %s", took)
	}
}

// TestTrafficGateHoldsEachIncrease closes again with each step.
func TestTrafficGateHoldsEachIncrease(t *testing.T) {
	s := initializedStage(t, steps(20, 40, 60), gates(gate("a", v1beta1.GateTraffic)))
	s.ship("rs:r2")
	for _, weight := range []int32{0, 20, 40} {
		s.when("the gate", func() bool {
			return s.run() != nil && s.w.Route.Canary == weight && s.gateState("a") == v1beta1.GateWaiting
		})
		s.pass(time.Minute)
		equal(t, "weight", s.w.Route.Canary, weight)
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbApprove})
		s.settle()
	}
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "events", s.count("Halt app.test advancement waiting for traffic increase approval a"), 3)
}

// TestGatesInOrder asks for the gates of a point one after the other.
func TestGatesInOrder(t *testing.T) {
	s := initializedStage(t, steps(20), gates(gate("a", v1beta1.GatePromotion), gate("b", v1beta1.GatePromotion), gate("c", v1beta1.GateRollout)))
	s.ship("rs:r2")
	for _, name := range []string{"c", "a", "b"} {
		s.when(name, func() bool { return s.run() != nil && s.gateState(name) == v1beta1.GateWaiting })
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbApprove})
		s.settle()
		s.wantAnswer(v1beta1.IntentAccepted, "gate "+name+" is open")
	}
	s.finish(v1beta1.PhaseSucceeded)
}

func TestGateAnswersRefused(t *testing.T) {
	for _, verb := range []v1beta1.Verb{v1beta1.VerbApprove, v1beta1.VerbReject} {
		for name, tt := range map[string]struct{ gate, answer string }{
			"unknown":     {"z", `spec.analysis.gates has no gate "z"`},
			"not reached": {"b", "the run has not reached gate b yet"},
			"open":        {"a", "gate a is Approved already"},
			"none waits":  {"", "no gate waits for approval"},
		} {
			t.Run(string(verb)+" "+name, func(t *testing.T) {
				s := initializedStage(t, steps(20), gates(gate("a", v1beta1.GateRollout), gate("b", v1beta1.GatePromotion)))
				s.ship("rs:r2")
				s.until(v1beta1.PhaseWaiting)
				s.ask(v1beta1.Intent{Verb: v1beta1.VerbApprove})
				s.untilWeight(20)
				s.ask(v1beta1.Intent{Verb: verb, Gate: tt.gate})
				s.decide()
				s.wantAnswer(v1beta1.IntentRefused, tt.answer)
				equal(t, "phase", s.phase(), v1beta1.PhaseProgressing)
			})
		}
	}
}

// TestGateAndHook waits for both.
func TestGateAndHook(t *testing.T) {
	s := initializedStage(t, steps(20), gates(gate("a", v1beta1.GatePromotion)), hooks(v1beta1.HookConfirmPromotion))
	s.closed["confirm-promotion"] = true
	s.ship("rs:r2")
	s.until(v1beta1.PhaseWaitingPromotion)
	s.pass(time.Minute)
	s.closed = nil
	s.pass(time.Minute)
	equal(t, "gate after the hook", s.gateState("a"), v1beta1.GateWaiting)
	equal(t, "phase", s.phase(), v1beta1.PhaseWaitingPromotion)
	s.ask(v1beta1.Intent{Verb: v1beta1.VerbApprove})
	s.finish(v1beta1.PhaseSucceeded)
}

// TestGateAndVerbs goes past a gate by promote, and ends at one by abort.
func TestGateAndVerbs(t *testing.T) {
	for at := range gatePhase {
		for verb, end := range map[v1beta1.Verb]v1beta1.CanaryPhase{
			v1beta1.VerbPromote: v1beta1.PhaseSucceeded, v1beta1.VerbAbort: v1beta1.PhaseFailed,
		} {
			t.Run(string(at)+" "+string(verb), func(t *testing.T) {
				s := atGate(t, at)
				s.ask(v1beta1.Intent{Verb: verb})
				s.finish(end)
				s.wantAnswer(v1beta1.IntentAccepted, "")
			})
		}
	}
}

// TestGateChecksGoOn fails a run that waits.
func TestGateChecksGoOn(t *testing.T) {
	for _, at := range []v1beta1.GatePoint{v1beta1.GateTraffic, v1beta1.GatePromotion} {
		s := atGate(t, at)
		s.checks = []CheckResult{{}, failed(), failed()}
		s.finish(v1beta1.PhaseFailed)
		s.wantOutcome(v1beta1.OutcomeRolledBack)
	}
}

// TestGateRemovedFromSpec lets a run go on that waits at a gate which is no more.
func TestGateRemovedFromSpec(t *testing.T) {
	for at := range gatePhase {
		t.Run(string(at), func(t *testing.T) {
			s := atGate(t, at)
			s.w.Canary.Spec.Analysis.Gates = nil
			s.finish(v1beta1.PhaseSucceeded)
		})
	}
}
