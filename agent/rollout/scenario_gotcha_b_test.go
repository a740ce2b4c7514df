package rollout

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// A revision that comes while the primary is busy in Failed is not written down before its run.
func TestGotchaB1RevisionAfterFailureIsNotLost(t *testing.T) {
	s := runningStage(t, 50, steps(50))
	s.checks = []CheckResult{failed(), failed()}
	s.finish(v1beta1.PhaseFailed)
	s.w.Primary.Available, s.w.Primary.Updated = 0, 0
	s.w.Primary.Observed, s.primaryStuck = false, true
	s.ship("rs:r3")
	s.pass(30 * time.Second)
	s.primaryStuck = false
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r3")
}

// Going back to the promoted revision is an abort: the primary is not restarted, and no run follows.
func TestGotchaB2ReturnIsAnAbort(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40))
	s.forget()
	s.ship("rs:r1")
	s.settle()
	equal(t, "route at once", s.w.Route.Canary, int32(0))
	s.finish(v1beta1.PhaseFailed)
	s.pass(time.Hour)
	s.wantOutcome(v1beta1.OutcomeAborted)
	equal(t, "copies", s.did("CopyToPrimary"), 0)
	equal(t, "runs", len(s.status().History), 1)
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r1")
	equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
}

// Mirroring with the canary strategy is one step, which ends by itself.
func TestGotchaB3MirrorEnds(t *testing.T) {
	s := initializedStage(t, steps(20), func(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true })
	s.ship("rs:r2")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "mirrored steps", s.did("SetRoute(0, mirrored)"), 1)
	equal(t, "steps", s.did("SetRoute(20)"), 1)
}

// Promoting with the traffic on the primary already goes on to the end.
func TestGotchaB4PromotingWithoutTraffic(t *testing.T) {
	for name, weight := range map[string]int32{"status written": 0, "status lost": 50} {
		t.Run(name, func(t *testing.T) {
			s := initializedStage(t, steps(50), func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeightPromotion = 20 })
			s.ship("rs:r2")
			s.when("the copy", func() bool { return s.w.Primary.Source == "rs:r2" })
			s.run().Weight, s.status().CanaryWeight = weight, weight
			r := s.routes[v1beta1.ProviderTraefik]
			r.Canary = 0
			s.routes[v1beta1.ProviderTraefik] = r
			s.finish(v1beta1.PhaseSucceeded)
		})
	}
}

// A run that would never advance is refused, with the field.
func TestGotchaB5StepZeroIsRefused(t *testing.T) {
	for field, analysis := range map[string]v1beta1.CanaryAnalysis{
		"spec.analysis.stepWeight":     {MaxWeight: 50},
		"spec.analysis.stepWeights[0]": {StepWeights: []int32{0, 20}},
	} {
		c := modelCanary(nil)
		analysis.Interval, analysis.Threshold = "1m", 1
		c.Spec.Analysis = &analysis
		errs := v1beta1.Validate(c)
		if !slices.ContainsFunc(errs.ToAggregate().Errors(), func(err error) bool { return strings.HasPrefix(err.Error(), field+":") }) {
			t.Errorf("%+v: %v, want an error of %s", analysis, errs, field)
		}
	}
}

// A weight that is not among the steps, because they were edited in mid-run, is followed by the next
// larger one, and not by 100.
func TestGotchaB6WeightsEditedInRun(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40))
	s.w.Canary.Spec.Analysis.StepWeights = []int32{10, 30, 60}
	s.forget()
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "effects", slices.DeleteFunc(s.effects, func(e string) bool { return !strings.HasPrefix(e, "SetRoute") }),
		[]string{"SetRoute(30)", "SetRoute(60)", "SetRoute(0)"})
}

// While a promotion gate is closed the live weight and the true count of iterations are shown, and
// the gate is polled at its own pace, and asked no second time after it has opened.
func TestGotchaB7WaitingPromotionIsShownAsItIs(t *testing.T) {
	for name, tt := range map[string]struct {
		configure  func(*v1beta1.Canary)
		weight, it int32
	}{
		"canary":     {steps(60), 60, 0},
		"A/B":        {iterations(2, false, insiders), 100, 2},
		"Blue/Green": {iterations(2, false), 100, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := initializedStage(t, tt.configure, hooks(v1beta1.HookConfirmPromotion))
			s.w.Canary.Spec.Analysis.Interval = "1h"
			s.closed["confirm-promotion"] = true
			s.ship("rs:r2")
			s.until(v1beta1.PhaseWaitingPromotion)
			s.pass(35 * time.Second)
			equal(t, "weight", s.status().CanaryWeight, tt.weight)
			equal(t, "iterations", s.status().Iterations, tt.it)
			equal(t, "calls in 35 s", s.calls["confirm-promotion"], 4)
			s.closed = nil
			s.finish(v1beta1.PhaseSucceeded)
			equal(t, "calls in all", s.calls["confirm-promotion"], 5)
		})
	}
}

// Rollback hooks are asked in Waiting, and while the canary is not ready.
func TestGotchaB8RollbackHooksAreAlwaysAsked(t *testing.T) {
	rollback := hooks(v1beta1.HookConfirmRollout, v1beta1.HookRollback)
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseWaiting, v1beta1.PhaseProgressing} {
		t.Run(string(phase), func(t *testing.T) {
			s := initializedStage(t, steps(50), rollback)
			s.closed["rollback"], s.closed["confirm-rollout"] = true, phase == v1beta1.PhaseWaiting
			s.targetStuck = true
			s.ship("rs:r2")
			s.until(phase)
			s.pass(15 * time.Second)
			equal(t, "phase", s.phase(), phase)
			s.closed["rollback"] = false
			s.pass(15 * time.Second)
			equal(t, "phase", s.phase(), v1beta1.PhaseFailed)
			s.wantOutcome(v1beta1.OutcomeRolledBack)
			s.wantAlert("warn: Rolling back manual webhook invoked")
		})
	}
}

// A fraction where a whole number is meant is an error of that object that names the field, and the
// schema admits whole numbers only.
func TestGotchaB9FractionIsAnErrorOfOneObject(t *testing.T) {
	_, err := v1beta1.DecodeCanaryJSON([]byte(`{"spec":{"analysis":{"stepWeight":2.5}}}`))
	if err == nil || !strings.Contains(err.Error(), "spec.analysis.stepWeight: Invalid value: 2.5: must be a whole number") {
		t.Errorf("decoded with error %v", err)
	}
	crd, err := os.ReadFile("../../manifests/crd/flagger.app_canaries.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, schema, found := strings.Cut(string(crd), " stepWeight:\n")
	if kind, _, _ := strings.Cut(schema[strings.Index(schema, " type: "):], "\n"); !found || kind != " type: integer" {
		t.Errorf("the schema of stepWeight has%s", kind)
	}
}

// A spec that cannot be acted upon is a condition, and the canary goes on by itself when it is mended.
func TestGotchaB10InvalidSpecIsACondition(t *testing.T) {
	s := initializedStage(t, steps(50))
	s.w.Problems = []Problem{{Reason: "Invalid", Message: "spec.analysis.interval: must be 1s or more"}}
	s.ship("rs:r2")
	s.pass(time.Minute)
	for _, c := range []v1beta1.ConditionType{v1beta1.ConditionReady, v1beta1.ConditionStalled} {
		equal(t, string(c), s.condition(c).Message, "spec.analysis.interval: must be 1s or more")
	}
	s.w.Problems = nil
	s.finish(v1beta1.PhaseSucceeded)
}

// Suspension is said once each time.
func TestGotchaB11SuspendedIsSaidOnce(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40))
	s.forget()
	s.w.Canary.Generation++
	s.w.Canary.Spec.Suspend = true
	for range 5 {
		s.pass(time.Minute)
		s.crash()
	}
	equal(t, "messages", s.said(), []string{"skipping canary run as object is suspended"})
	equal(t, "effects", s.effects, nil)
	if s.statusWrites > 1 {
		t.Errorf("%d writes of the status", s.statusWrites)
	}
}

// A canary at rest writes no status, and its transition time stays what it was.
func TestGotchaB12RestWritesNothing(t *testing.T) {
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed} {
		t.Run(string(phase), func(t *testing.T) {
			s := initializedStage(t, steps(50))
			if phase != v1beta1.PhaseInitialized {
				if phase == v1beta1.PhaseFailed {
					s.checks = []CheckResult{failed(), failed()}
				}
				s.ship("rs:r2")
				s.finish(phase)
			}
			since := s.status().LastTransitionTime
			s.forget()
			for range 5 {
				s.pass(time.Hour)
				s.crash()
			}
			equal(t, "writes of the status", s.statusWrites, 0)
			equal(t, "effects", s.effects, nil)
			equal(t, "transition time", s.status().LastTransitionTime, since)
			equal(t, "wakes", s.plan.WakeAt, time.Time{})
		})
	}
}

// Cookies are derived: a decision that is lost in a conflict, or a crash, draws no others.
func TestGotchaB13CookiesSurvive(t *testing.T) {
	s := initializedStage(t, steps(20, 40), affinity("canary", "primary"))
	s.ship("rs:r2")
	s.untilWeight(20)
	first := s.status().SessionAffinityCookie
	if !strings.HasPrefix(first, "canary=") {
		t.Fatalf("cookie %q", first)
	}
	lost := s.view()
	lost.Canary.Status.SessionAffinityCookie, lost.Canary.Status.PrimarySessionAffinityCookie = "", ""
	p := Decide(lost)
	equal(t, "cookie after a lost write", p.Status.SessionAffinityCookie, first)
	equal(t, "primary's cookie after a lost write", p.Status.PrimarySessionAffinityCookie, s.status().PrimarySessionAffinityCookie)
	s.crash()
	s.untilWeight(40)
	equal(t, "cookie in the next step", s.status().SessionAffinityCookie, first)
}

// confirm-traffic-increase is asked before each increase of the weight and at no other time; while it
// is closed this is said and alerted once.
func TestGotchaB14TrafficIncreaseGate(t *testing.T) {
	s := initializedStage(t, steps(20, 40), hooks(v1beta1.HookConfirmTrafficIncrease))
	s.ship("rs:r2")
	s.untilWeight(20)
	before := s.calls["confirm-traffic-increase"]
	s.closed["confirm-traffic-increase"] = true
	s.pass(time.Minute)
	equal(t, "weight while closed", s.w.Route.Canary, int32(20))
	equal(t, "events", s.count("Halt app.test advancement waiting for traffic increase approval"), 1)
	equal(t, "alerts", slices.DeleteFunc(s.alerts(), func(a string) bool { return !strings.HasPrefix(a, "warn") }),
		[]string{"warn: Canary traffic increase is waiting for approval."})
	if !strings.Contains(s.status().Message, "waiting for the approval of confirm-traffic-increase") {
		t.Errorf("message %q", s.status().Message)
	}
	s.closed = nil
	s.untilWeight(40)
	after := s.calls["confirm-traffic-increase"]
	if after <= before {
		t.Error("the hook was not asked before the second step")
	}
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "calls on the way to the promotion", s.calls["confirm-traffic-increase"]-after, 0)
}

// What takes no time in the world takes none in the run: only the hold of a step is timed.
func TestGotchaB15WaitsEndWithTheEvent(t *testing.T) {
	s := initializedStage(t, steps(50), hooks(v1beta1.HookConfirmRollout, v1beta1.HookPreRollout))
	s.w.Canary.Spec.Analysis.Interval = "1h"
	began := s.w.Now
	s.ship("rs:r2")
	s.settle()
	equal(t, "weight without the clock", s.w.Route.Canary, int32(50))
	s.finish(v1beta1.PhaseSucceeded)
	if took := s.w.Now.Sub(began); took > time.Hour+10*time.Second {
		t.Errorf("a run of one step of an hour took %s", took)
	}
	t.Run("a check under way is not made twice when the interval changes", func(t *testing.T) {
		s := runningStage(t, 20, steps(20, 40))
		s.when("a check", func() bool { return s.running != "" })
		s.w.Canary.Spec.Analysis.Interval = "5s"
		for range 3 {
			s.decide()
			s.w.Now = s.w.Now.Add(time.Second)
		}
		equal(t, "checks", s.did("RunCheck"), 1)
	})
}

// The finalizer goes whenever it is not wanted, and a missing target does not hold the deletion.
func TestGotchaB16FinalizerIsDropped(t *testing.T) {
	revert := func(c *v1beta1.Canary) { c.Spec.RevertOnDeletion = true }
	for name, change := range map[string]func(*stage){
		"switched off":          func(s *stage) { s.w.Canary.Spec.RevertOnDeletion = false },
		"switched off, deleted": func(s *stage) { s.w.Canary.Spec.RevertOnDeletion = false; s.deleted() },
		"target missing":        func(s *stage) { s.w.Target = Workload{}; s.deleted() },
		"suspended":             func(s *stage) { s.w.Canary.Spec.Suspend = true; s.deleted() },
		"spec is invalid": func(s *stage) {
			s.w.Problems = []Problem{{Reason: "Invalid", Message: "spec.provider: unknown"}}
			s.deleted()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := initializedStage(t, steps(50), revert)
			equal(t, "finalizers", s.w.Canary.Finalizers, []string{v1beta1.Finalizer})
			change(s)
			s.pass(time.Minute)
			equal(t, "finalizers", len(s.w.Canary.Finalizers), 0)
		})
	}
}

// A revision is the name that Kubernetes gives to a template. Values in another form, as an upgrade
// or another controller leaves them, start no run as long as primary and target agree.
func TestGotchaB22UpgradeStartsNoRun(t *testing.T) {
	for name, change := range map[string]func(*stage){
		"another controller's hashes": func(s *stage) {
			s.status().LastAppliedSpec, s.status().LastPromotedSpec = "7c548cbb77", "7c548cbb77"
			s.w.Primary.Unmarked = true
		},
		"tracking of configs switched on": func(s *stage) {
			s.w.Target.Revision = "rs:r1+cafe"
			s.w.Target.Configs = map[string]string{"configmap/app": "cafe"}
		},
		"of a run that failed": func(s *stage) {
			s.checks = []CheckResult{failed(), failed()}
			s.ship("rs:r2")
			s.finish(v1beta1.PhaseFailed)
			s.status().LastAppliedSpec, s.status().LastPromotedSpec = "5d9c", "7c548cbb77"
			s.w.Target.Since = s.w.Now.Add(-time.Hour)
			s.status().LastTransitionTime = v1beta1.NewTime(s.w.Now)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := initializedStage(t, steps(50))
			change(s)
			runs := len(s.status().History)
			s.forget()
			s.crash()
			s.pass(time.Hour)
			equal(t, "runs", len(s.status().History), runs)
			equal(t, "pods touched", s.did("ScaleTarget")+s.did("CopyToPrimary"), 0)
			equal(t, "applied", s.status().LastAppliedSpec, s.w.Target.Revision)
		})
	}
}

// What is edited between the last check and the copy is not promoted unanalysed.
func TestGotchaB23EditAfterAnalysisIsNotPromoted(t *testing.T) {
	s := initializedStage(t, steps(50))
	s.ship("rs:r2")
	s.until(v1beta1.PhaseProgressing)
	s.beforeCopy = func() { s.ship("rs:r3") }
	s.when("the edit", func() bool { return s.beforeCopy == nil })
	equal(t, "copies of what was not analysed", s.did("CopyToPrimary(rs:r3)"), 0)
	checks := s.did("RunCheck")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "promoted", s.status().LastPromotedSpec, "rs:r3")
	equal(t, "copies of r2", s.did("CopyToPrimary(rs:r2)"), 0)
	if s.did("RunCheck") <= checks {
		t.Error("the edit was promoted without a check of its own")
	}
}

// An idle target that somebody else scales up, as a GitOps tool does, goes back to zero.
func TestGotchaB25IdleTargetIsKeptAtZero(t *testing.T) {
	for _, phase := range []v1beta1.CanaryPhase{v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed} {
		t.Run(string(phase), func(t *testing.T) {
			s := initializedStage(t, steps(50))
			if phase != v1beta1.PhaseInitialized {
				if phase == v1beta1.PhaseFailed {
					s.checks = []CheckResult{failed(), failed()}
				}
				s.ship("rs:r2")
				s.finish(phase)
			}
			s.pass(time.Hour)
			s.scaled(3)
			s.settle()
			equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
			equal(t, "phase", s.phase(), phase)
		})
	}
}
