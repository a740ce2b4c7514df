package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// writes of the route, in order.
func (s *stage) writes() (all []string) {
	for _, e := range s.effects {
		if strings.HasPrefix(e, "SetRoute") {
			all = append(all, e)
		}
	}
	return all
}

// phases that the finished story went through are told by its events.
func (s *stage) wantSaid(texts ...string) {
	s.t.Helper()
	rest := s.said()
	for _, text := range texts {
		i := slices.IndexFunc(rest, func(said string) bool { return strings.HasPrefix(said, text) })
		if i < 0 {
			s.t.Errorf("%q was not said in this order; said:\n  %s", text, strings.Join(s.said(), "\n  "))
			return
		}
		rest = rest[i+1:]
	}
}

// TestStrategies runs each strategy to the end, with the routes, checks and events of the contract.
func TestStrategies(t *testing.T) {
	for _, tt := range []struct {
		name      string
		configure func(*v1beta1.Canary)
		routes    []string
		checks    int
		said      []string
	}{
		{
			name: "A/B", configure: iterations(2, false, insiders), checks: 2,
			routes: []string{"SetRoute(100)", "SetRoute(0)"},
			said: []string{
				"Advance app.test canary iteration 1/2", "Advance app.test canary iteration 2/2",
				"Copying app.test template spec to app-primary.test", "Routing all traffic to primary", "Promotion completed!",
			},
		},
		{
			name: "Blue/Green", configure: iterations(2, false), checks: 3,
			routes: []string{"SetRoute(100)", "SetRoute(0)"},
			said: []string{
				"Advance app.test canary iteration 1/2", "Advance app.test canary iteration 2/2", "Routing all traffic to canary",
				"Copying app.test", "Routing all traffic to primary", "Promotion completed!",
			},
		},
		{
			name: "Blue/Green with copies", configure: iterations(2, true), checks: 3,
			routes: []string{"SetRoute(0, mirrored)", "SetRoute(100)", "SetRoute(0)"},
			said:   []string{"Advance app.test canary iteration 2/2", "Stop traffic mirroring and route all traffic to canary"},
		},
		{
			name: "Blue/Green of Services", configure: with(provider(v1beta1.ProviderKubernetes), iterations(2, false)), checks: 2,
			said: []string{"Advance app.test canary iteration 1/2", "Advance app.test canary iteration 2/2", "Copying app.test"},
		},
		{
			name: "weights with Services are ten iterations", configure: with(provider(v1beta1.ProviderKubernetes), steps(20)), checks: 10,
			said: []string{"Advance app.test canary iteration 10/10", "Copying app.test"},
		},
		{
			name: "canary with copies first", checks: 3,
			configure: with(steps(20, 40), func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true }),
			routes:    []string{"SetRoute(0, mirrored)", "SetRoute(20)", "SetRoute(40)", "SetRoute(0)"},
			said:      []string{"Advance app.test canary weight 0", "Advance app.test canary weight 20", "Advance app.test canary weight 40"},
		},
		{
			name: "steps with a hold each", checks: 2,
			configure: func(c *v1beta1.Canary) {
				c.Spec.Analysis.Steps = []v1beta1.AnalysisStep{{Weight: 5, Hold: "1h"}, {Weight: 100}}
			},
			routes: []string{"SetRoute(5)", "SetRoute(100)", "SetRoute(0)"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := initializedStage(t, tt.configure)
			s.ship("rs:r2")
			s.finish(v1beta1.PhaseSucceeded)
			equal(t, "routes", s.writes(), tt.routes)
			equal(t, "checks", s.did("RunCheck"), tt.checks)
			equal(t, "copies", s.did("CopyToPrimary"), 1)
			equal(t, "iterations at the end", s.status().Iterations, int32(0))
			equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
			s.wantSaid(tt.said...)
			s.wantOutcome(v1beta1.OutcomePromoted)
		})
	}
}

// TestStrategiesFail ends each strategy by failed checks: everything goes back to the primary.
func TestStrategiesFail(t *testing.T) {
	for name, configure := range map[string]func(*v1beta1.Canary){
		"A/B":                    iterations(5, false, insiders),
		"Blue/Green":             iterations(5, false),
		"Blue/Green with copies": iterations(5, true),
		"Blue/Green of Services": with(provider(v1beta1.ProviderKubernetes), iterations(5, false)),
		"canary with copies":     with(steps(20), func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true }),
	} {
		t.Run(name, func(t *testing.T) {
			s := initializedStage(t, configure)
			s.checks = []CheckResult{{}, failed(), failed()}
			s.ship("rs:r2")
			s.finish(v1beta1.PhaseFailed)
			s.wantOutcome(v1beta1.OutcomeRolledBack)
			equal(t, "copies", s.did("CopyToPrimary"), 0)
			equal(t, "route", [2]any{s.w.Route.Canary, s.w.Route.Mirror}, [2]any{int32(0), false})
			equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
			s.wantAlert("error: Failed checks threshold reached 2")
		})
	}
}

// TestMirrorWithoutPods stops the copies while the canary cannot take them.
func TestMirrorWithoutPods(t *testing.T) {
	s := initializedStage(t, iterations(3, true))
	s.ship("rs:r2")
	s.when("copies", func() bool { return s.w.Route.Mirror })
	s.targetStuck, s.w.Target.Available = true, 0
	s.settle()
	equal(t, "copies to no pods", s.w.Route.Mirror, false)
	s.targetStuck = false
	s.settle()
	equal(t, "copies afterwards", s.w.Route.Mirror, true)
	s.finish(v1beta1.PhaseSucceeded)
}

// TestABTestWithoutPrimary gives everybody to the canary of an A/B test, whether they match or not,
// while the primary has no pods.
func TestABTestWithoutPrimary(t *testing.T) {
	s := initializedStage(t, iterations(3, false, insiders))
	s.ship("rs:r2")
	s.untilWeight(100)
	equal(t, "everyone at first", s.w.Route.Everyone, false)
	s.primaryStuck, s.w.Primary.Available = true, 0
	s.settle()
	equal(t, "everyone without primary", s.w.Route.Everyone, true)
	s.primaryStuck = false
	s.settle()
	equal(t, "everyone with primary", s.w.Route.Everyone, false)
	s.finish(v1beta1.PhaseSucceeded)
}

// TestABTestFailedPromotion leaves everybody on the only healthy copy.
func TestABTestFailedPromotion(t *testing.T) {
	s := promotionFailed(t, 0, iterations(1, false, insiders))
	equal(t, "route", [2]any{s.w.Route.Canary, s.w.Route.Everyone}, [2]any{int32(100), true})
	s.pass(time.Hour)
	equal(t, "target's replicas", s.w.Target.Replicas, int32(2))
}

// TestRetry runs the revision that failed once more, and no other.
func TestRetry(t *testing.T) {
	fail := func(t *testing.T) *stage {
		s := initializedStage(t, steps(20))
		s.checks = []CheckResult{failed(), failed()}
		s.ship("rs:r2")
		s.finish(v1beta1.PhaseFailed)
		return s
	}
	t.Run("of the failed revision", func(t *testing.T) {
		s := fail(t)
		s.pass(time.Hour)
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry, Revision: "rs:r2"})
		s.finish(v1beta1.PhaseSucceeded)
		s.wantAnswer(v1beta1.IntentAccepted, "running revision rs:r2 again")
		equal(t, "runs", len(s.status().History), 2)
		equal(t, "promoted", s.status().LastPromotedSpec, "rs:r2")
	})
	t.Run("of the same revision in the second in which it failed", func(t *testing.T) {
		s := initializedStage(t, steps(20), hooks(v1beta1.HookConfirmRollout))
		s.closed["confirm-rollout"] = true
		s.ship("rs:r2")
		s.until(v1beta1.PhaseWaiting)
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbAbort})
		s.settle()
		s.closed = nil
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry})
		s.finish(v1beta1.PhaseSucceeded)
		if h := s.status().History; len(h) != 2 || h[0].ID == h[1].ID {
			t.Errorf("history %+v", h)
		}
	})
	for name, tt := range map[string]struct {
		change func(*stage)
		answer string
	}{
		"of another revision":          {func(s *stage) { s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry, Revision: "rs:r9"}) }, "the target is at revision rs:r2, not rs:r9"},
		"of the promoted revision":     {func(s *stage) { s.ship("rs:r1"); s.settle(); s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry}) }, "nothing to run again"},
		"of one that has not been run": {func(s *stage) { s.ship("rs:r3"); s.environment(); s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry}) }, "has not failed"},
		"while the target is edited":   {func(s *stage) { s.ship("rs:r3"); s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry}) }, "is being edited"},
	} {
		t.Run("refused "+name, func(t *testing.T) {
			s := fail(t)
			tt.change(s)
			s.decide()
			s.wantAnswer(v1beta1.IntentRefused, tt.answer)
		})
	}
	t.Run("refused during a run", func(t *testing.T) {
		s := runningStage(t, 20, steps(20, 40))
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry})
		s.settle()
		s.wantAnswer(v1beta1.IntentRefused, "retry is for one that has failed")
	})
	t.Run("refused without the autoscaler", func(t *testing.T) {
		s := fail(t)
		s.w.Canary.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{Kind: v1beta1.AutoscalerHPA, Name: "app"}
		s.w.Scaler = Scaler{Wanted: true, Err: "not found"}
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbRetry})
		s.settle()
		s.wantAnswer(v1beta1.IntentRefused, "the autoscaler of the target cannot be used: not found")
		equal(t, "Stalled", s.condition(v1beta1.ConditionStalled).Reason, "AutoscalerNotUsable")
	})
}
