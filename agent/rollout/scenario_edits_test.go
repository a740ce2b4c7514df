package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Edits of the analysis in mid-run change the steps that are still to come, and no others.
func TestStepsEditedInRun(t *testing.T) {
	for _, tt := range []struct {
		name          string
		before, after func(*v1beta1.Canary)
		at            int32
		routes        []string
	}{
		{"shortened", steps(20, 40, 60, 80), steps(20, 40), 20, []string{"SetRoute(40)", "SetRoute(0)"}},
		{"shortened to what is done", steps(20, 40, 60, 80), steps(20), 40, []string{"SetRoute(0)"}},
		{"lengthened", steps(20, 40), steps(20, 40, 60), 20, []string{"SetRoute(40)", "SetRoute(60)", "SetRoute(0)"}},
		{"other weights", steps(20, 60), steps(10, 30, 90), 20, []string{"SetRoute(30)", "SetRoute(90)", "SetRoute(0)"}},
		{"to Blue/Green", steps(20, 40), iterations(3, false), 20, []string{"SetRoute(0)", "SetRoute(100)", "SetRoute(0)"}},
		{"to A/B", steps(20, 40), iterations(3, false, insiders), 20, []string{"SetRoute(100)", "SetRoute(0)"}},
		{"A/B, fewer iterations", iterations(5, false, insiders), iterations(1, false, insiders), 100, []string{"SetRoute(0)"}},
		{"A/B to weights", iterations(5, false, insiders), steps(20, 40), 100, []string{"SetRoute(0)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := initializedStage(t, tt.before)
			s.ship("rs:r2")
			s.untilWeight(tt.at)
			s.w.Canary.Spec.Analysis.StepWeights, s.w.Canary.Spec.Analysis.Iterations, s.w.Canary.Spec.Analysis.Match = nil, 0, nil
			tt.after(s.w.Canary)
			s.forget()
			s.finish(v1beta1.PhaseSucceeded)
			equal(t, "routes", s.writes(), tt.routes)
			equal(t, "restarts", s.count("New revision detected!"), 0)
			if s.did("RunCheck") == 0 {
				t.Error("promoted without a check of the step under way")
			}
		})
	}
}

// However few iterations remain, Blue/Green does not leave out the check under full load.
func TestBlueGreenShortenedKeepsSwitch(t *testing.T) {
	s := initializedStage(t, iterations(5, false))
	s.ship("rs:r2")
	s.when("the second iteration", func() bool { return s.run() != nil && s.run().Step == 2 })
	s.w.Canary.Spec.Analysis.Iterations = 1
	s.forget()
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", s.writes(), []string{"SetRoute(100)", "SetRoute(0)"})
	equal(t, "checks", s.did("RunCheck"), 2)
}

// A lower threshold counts at the next check, a longer interval for the step under way.
func TestThresholdAndIntervalEditedInRun(t *testing.T) {
	s := initializedStage(t, steps(20, 40), func(c *v1beta1.Canary) { c.Spec.Analysis.Threshold = 10 })
	s.checks = []CheckResult{failed(), failed(), failed()}
	s.ship("rs:r2")
	s.when("two failures", func() bool { return s.status().FailedChecks == 2 })
	s.w.Canary.Spec.Analysis.Threshold = 3
	began := s.w.Now
	s.w.Canary.Spec.Analysis.Interval = "1m"
	s.until(v1beta1.PhaseFailed)
	if took := s.w.Now.Sub(began).Round(time.Second); took != time.Minute {
		t.Errorf("judged after %s", took)
	}
}

// An edit of the provider waits for the end of the run, so that no traffic is moved by it.
func TestProviderChangedInRun(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40))
	s.w.Provider = v1beta1.ProviderGatewayAPIV1
	s.forget()
	s.until(v1beta1.PhaseFinalising)
	equal(t, "provider in the run", s.status().Bound.Provider, v1beta1.ProviderTraefik)
	equal(t, "routes in the run", s.writes(), []string{"SetRoute(40)", "SetRoute(0)"})
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "provider", s.status().Bound.Provider, v1beta1.ProviderGatewayAPIV1)
	equal(t, "route of the new one", s.routes[v1beta1.ProviderGatewayAPIV1].Exists, true)
	equal(t, "route of the old one", s.routes[v1beta1.ProviderTraefik].Canary, int32(0))
	equal(t, "events", s.count("Routing of app.test goes on with provider gatewayapi:v1"), 1)
	s.forget()
	s.ship("rs:r3")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes of the next run", s.writes(), []string{"SetRoute(20)", "SetRoute(40)", "SetRoute(0)"})
	equal(t, "route of the old one", s.routes[v1beta1.ProviderTraefik].Canary, int32(0))
}

func TestProviderChangedAtRest(t *testing.T) {
	s := initializedStage(t, steps(20))
	s.w.Provider = v1beta1.ProviderKubernetes
	s.settle()
	equal(t, "provider", s.status().Bound.Provider, v1beta1.ProviderKubernetes)
	equal(t, "pods touched", s.did("ScaleTarget")+s.did("CopyToPrimary"), 0)
	s.ship("rs:r2")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "checks", s.did("RunCheck"), 10) // Services: Blue/Green.
}

// While a failed promotion leaves the canary with all traffic, the provider is not changed either.
func TestProviderChangedAfterFailedPromotion(t *testing.T) {
	s := promotionFailed(t, 0, steps(20))
	s.w.Provider = v1beta1.ProviderGatewayAPIV1
	s.pass(time.Hour)
	equal(t, "provider", s.status().Bound.Provider, v1beta1.ProviderTraefik)
	equal(t, "route", s.w.Route.Canary, int32(100))
}

// Target and apex cannot be changed under a canary: nothing moves until it is taken back.
func TestRebound(t *testing.T) {
	for name, tt := range map[string]struct {
		edit, back func(*v1beta1.CanarySpec)
		message    string
	}{
		"target's name": {
			func(c *v1beta1.CanarySpec) { c.TargetRef.Name = "other" }, func(c *v1beta1.CanarySpec) { c.TargetRef.Name = "app" },
			"spec.targetRef: was Deployment/app when the canary was initialized, and is Deployment/other",
		},
		"target's kind": {
			func(c *v1beta1.CanarySpec) { c.TargetRef.Kind = v1beta1.TargetDaemonSet },
			func(c *v1beta1.CanarySpec) { c.TargetRef.Kind = v1beta1.TargetDeployment },
			"spec.targetRef: was Deployment/app when the canary was initialized, and is DaemonSet/app",
		},
		"apex": {
			func(c *v1beta1.CanarySpec) { c.Service.Name = "front" }, func(c *v1beta1.CanarySpec) { c.Service.Name = "" },
			"spec.service.name: was app when the canary was initialized, and is front",
		},
	} {
		for _, running := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				s := initializedStage(t, steps(20, 40))
				if running {
					s.ship("rs:r2")
					s.untilWeight(20)
				}
				phase, target := s.phase(), s.w.Target
				tt.edit(&s.w.Canary.Spec)
				s.w.Target = Workload{Exists: true, Observed: true, Revision: "rs:x1", Replicas: 5, Total: 5, Updated: 5, Available: 5}
				s.forget()
				s.pass(time.Hour)
				equal(t, "effects", s.effects, nil)
				equal(t, "phase", s.phase(), phase)
				for _, c := range []v1beta1.ConditionType{v1beta1.ConditionStalled, v1beta1.ConditionReady} {
					equal(t, string(c), s.condition(c).Reason, "Rebound")
				}
				if m := s.status().Message; !strings.HasPrefix(m, tt.message) || !strings.Contains(m, "change it back") {
					t.Errorf("message %q", m)
				}
				s.ask(v1beta1.Intent{Verb: v1beta1.VerbAbort})
				s.settle()
				s.wantAnswer(v1beta1.IntentRefused, tt.message)
				tt.back(&s.w.Canary.Spec)
				s.w.Target = target
				s.settle()
				equal(t, "Stalled afterwards", s.condition(v1beta1.ConditionStalled).Reason, "")
				if !running {
					s.ship("rs:r2")
				}
				s.finish(v1beta1.PhaseSucceeded)
			})
		}
	}
}

// Until it is initialized, a canary can be given another target.
func TestReboundDuringBootstrap(t *testing.T) {
	s := newStage(t, steps(20))
	s.w.Target.Observed, s.targetStuck = false, true
	s.decide()
	s.w.Canary.Spec.TargetRef.Name, s.w.Canary.Spec.Service.Name = "other", "front"
	s.finish(v1beta1.PhaseInitialized)
	equal(t, "bound", s.status().Bound.Target+" "+s.status().Bound.Service, "Deployment/other front")
}

// Switching the tracking of configs on or off is no new revision, in whatever phase; a changed config
// is one.
func TestConfigFingerprints(t *testing.T) {
	for name, tt := range map[string]struct{ was, is string }{
		"switched on":  {"rs:r1", "rs:r1+cafe"},
		"switched off": {"rs:r1+cafe", "rs:r1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, steps(20))
			s.w.Target.Revision = tt.was
			s.finish(v1beta1.PhaseInitialized)
			s.forget()
			s.w.Target.Revision = tt.is
			s.pass(time.Hour)
			s.untouched()
			equal(t, "runs", len(s.status().History), 0)
			equal(t, "applied and promoted", s.status().LastAppliedSpec+" "+s.status().LastPromotedSpec, tt.is+" "+tt.is)
		})
		t.Run(name+" in a run", func(t *testing.T) {
			s := runningStage(t, 20, steps(20, 40))
			s.w.Target.Revision = strings.ReplaceAll(tt.is, "r1", "r2")
			s.run().Revision = strings.ReplaceAll(tt.was, "r1", "r2")
			s.status().LastAppliedSpec = s.run().Revision
			s.forget()
			s.finish(v1beta1.PhaseSucceeded)
			equal(t, "restarts", s.count("New revision detected!"), 0)
			equal(t, "routes", s.writes(), []string{"SetRoute(40)", "SetRoute(0)"})
		})
	}
	t.Run("changed", func(t *testing.T) {
		s := newStage(t, steps(20))
		s.w.Target.Revision, s.w.Target.Configs = "rs:r1+cafe", map[string]string{"configmap/app": "cafe"}
		s.finish(v1beta1.PhaseInitialized)
		equal(t, "tracked", (*s.status().TrackedConfigs)["configmap/app"], "cafe")
		s.forget()
		s.ship("rs:r1+beef")
		s.w.Target.Configs = map[string]string{"configmap/app": "beef"}
		s.finish(v1beta1.PhaseSucceeded)
		equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1+beef")
		equal(t, "tracked", (*s.status().TrackedConfigs)["configmap/app"], "beef")
		equal(t, "copies", s.did("CopyToPrimary(rs:r1+beef)"), 1)
	})
	t.Run("changed and back", func(t *testing.T) {
		s := newStage(t, steps(20, 40))
		s.w.Target.Revision = "rs:r1+cafe"
		s.finish(v1beta1.PhaseInitialized)
		s.ship("rs:r1+beef")
		s.untilWeight(20)
		s.ship("rs:r1+cafe")
		s.finish(v1beta1.PhaseFailed)
		s.wantOutcome(v1beta1.OutcomeAborted)
	})
}
