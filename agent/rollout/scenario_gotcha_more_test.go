package rollout

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// The cookies of a primary exist only when they are named, and each step has its own.
func TestGotchaD3PrimaryCookieRotates(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40), affinity("canary", ""))
	equal(t, "cookie without a name", s.cookies()[1], "")
	s = runningStage(t, 20, steps(20, 40), affinity("canary", "primary"))
	first := s.cookies()[1]
	s.untilWeight(40)
	if second := s.cookies()[1]; first == "" || second == "" || first == second {
		t.Errorf("cookies of two steps %q and %q", first, second)
	}
}

// With Services the canary has no traffic until it is promoted, and the status says so; after a failed
// promotion the apex selects the canary.
func TestGotchaD18ServicesSayWhatTheyDo(t *testing.T) {
	s := initializedStage(t, provider(v1beta1.ProviderKubernetes), iterations(3, false))
	s.ship("rs:r2")
	s.when("the second iteration", func() bool {
		equal(t, "weight", s.status().CanaryWeight, int32(0))
		return s.run() != nil && s.run().Step == 2
	})
	s = promotionFailed(t, 0, provider(v1beta1.ProviderKubernetes), iterations(1, false))
	equal(t, "route", s.w.Route.Canary, int32(100))
	equal(t, "weight", s.status().CanaryWeight, int32(100))
}

// Every post-rollout hook is called, also when one before it fails or does not answer.
func TestGotchaF7AllPostRolloutHooksRun(t *testing.T) {
	post := func(c *v1beta1.Canary) {
		c.Spec.Analysis.Webhooks = hooksOf(v1beta1.HookPostRollout, v1beta1.HookPostRollout, v1beta1.HookPostRollout)
		for i, name := range []string{"first", "second", "third"} {
			c.Spec.Analysis.Webhooks[i].Name = name
		}
	}
	for _, end := range []v1beta1.CanaryPhase{v1beta1.PhaseSucceeded, v1beta1.PhaseFailed} {
		t.Run(string(end), func(t *testing.T) {
			s := initializedStage(t, steps(20), post)
			s.closed["first"], s.silent["second"] = true, true
			if end == v1beta1.PhaseFailed {
				s.checks = []CheckResult{failed(), failed()}
			}
			s.ship("rs:r2")
			s.finish(end)
			equal(t, "calls", s.calls, map[string]int{"first": 1, "second": 1, "third": 1})
			equal(t, "said of the first", s.count("Post-rollout hook first failed 403 Forbidden"), 1)
			equal(t, "said of the third", s.count("Post-rollout check third passed"), 1)
			equal(t, "target's replicas", s.w.Target.Replicas, int32(0))
		})
	}
}

// A failing pre-rollout hook, a restart and a suspension are told to the alert providers.
func TestGotchaF8QuietEventsAlert(t *testing.T) {
	t.Run("pre-rollout", func(t *testing.T) {
		s := initializedStage(t, steps(20), hooks(v1beta1.HookPreRollout))
		s.closed["pre-rollout"] = true
		s.ship("rs:r2")
		s.pass(time.Second)
		s.wantAlert("warn: Halt app.test advancement pre-rollout check pre-rollout failed 403 Forbidden")
	})
	t.Run("restart", func(t *testing.T) {
		s := runningStage(t, 20, steps(20, 40))
		s.ship("rs:r3")
		s.settle()
		s.wantAlert("info: New revision detected, restarting canary analysis.")
	})
	t.Run("suspension", func(t *testing.T) {
		s := runningStage(t, 20, steps(20, 40))
		s.w.Canary.Spec.Suspend = true
		s.settle()
		s.wantAlert("info: Canary is suspended.")
	})
}

// Dead values are read: the phase Terminated, and an analysis under its old name.
func TestGotchaH8DeadValuesAreReadable(t *testing.T) {
	s := initializedStage(t, steps(20))
	s.status().Phase = v1beta1.PhaseTerminated
	s.forget()
	s.pass(time.Hour)
	equal(t, "phase", s.phase(), v1beta1.PhaseTerminated)
	equal(t, "effects", s.effects, nil)
	equal(t, "Stalled", s.condition(v1beta1.ConditionStalled).Reason, "")

	raw := `{"metadata":{"name":"app","namespace":"test"},"spec":{
		"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"app"},"service":{"port":80},
		"canaryAnalysis":{"interval":"10s","threshold":2,"stepWeights":[20,40]}}}`
	c, err := v1beta1.DecodeCanaryJSON([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	if errs := v1beta1.Validate(c); len(errs) > 0 {
		t.Fatal(errs)
	}
	s = initializedStage(t)
	s.w.Canary.Spec = c.Spec
	s.ship("rs:r2")
	s.finish(v1beta1.PhaseSucceeded)
	equal(t, "routes", s.writes(), []string{"SetRoute(20)", "SetRoute(40)", "SetRoute(0)"})
	if b, err := json.Marshal(c.Spec); err != nil || !json.Valid(b) {
		t.Errorf("encoded as %s: %v", b, err)
	}
}
