package view_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// inStep is a canary of our agent in one of its steps.
func inStep(strategy v1beta1.Strategy, step int32, steps ...v1beta1.StepStatus) *v1beta1.Canary {
	c := base()
	switch strategy {
	case v1beta1.StrategyABTesting:
		c.Spec.Analysis.Match = []v1beta1.HTTPMatchRequest{{}}
		c.Spec.Analysis.Iterations = 2
	case v1beta1.StrategyBlueGreen:
		c.Spec.Analysis.Iterations = 2
	case v1beta1.StrategyCanary:
	}
	hold := metav1.NewMicroTime(time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC))
	c.Status.Phase = v1beta1.PhaseProgressing
	c.Status.Steps = steps
	c.Status.Steps[step-1].State = v1beta1.StepActive
	c.Status.CanaryWeight = steps[step-1].Weight
	c.Status.Run = &v1beta1.RunStatus{ID: "1", Revision: "rs:b", Step: step, HoldStartTime: &hold}
	return c
}

func TestWords(t *testing.T) {
	weight := func(w int32) v1beta1.StepStatus { return v1beta1.StepStatus{Weight: w, State: v1beta1.StepPending} }
	mirror := v1beta1.StepStatus{Mirror: true, State: v1beta1.StepPending}
	const (
		canary = v1beta1.StrategyCanary
		ab     = v1beta1.StrategyABTesting
		bg     = v1beta1.StrategyBlueGreen
	)
	for name, c := range map[string]struct {
		canary                        *v1beta1.Canary
		step, share, position, before string // before: while the step's weight is not in place
		next                          string
	}{
		"weight": {
			inStep(canary, 1, weight(20), weight(40)), "20%", "20%", "step 1/2",
			"once the canary is ready and has 20% of the traffic, the step is held for 30s",
			"20% is judged, then the canary gets 40%",
		},
		"mirror": {
			inStep(canary, 1, mirror, weight(20)), "mirror", "mirror", "step 1/2",
			"once the canary is ready and gets copies of the requests, the step is held for 30s",
			"step 1 is judged, then the canary gets 20%",
		},
		"A/B": {
			inStep(ab, 1, weight(100), weight(100)), "100% (matching)", "match", "iteration 1/2",
			"once the canary is ready and gets the matching requests, the step is held for 30s",
			"iteration 1 of 2 is judged, then the next begins",
		},
		"Blue/Green": {
			inStep(bg, 1, weight(0), weight(0), weight(100)), "no traffic", "0%", "iteration 1/2",
			"once the canary is ready, the step is held for 30s",
			"iteration 1 of 2 is judged, then the next begins",
		},
		"Blue/Green, mirrored": {
			inStep(bg, 2, mirror, mirror, weight(100)), "mirror", "mirror", "iteration 2/2",
			"once the canary is ready and gets copies of the requests, the step is held for 30s",
			"iteration 2 is judged, then the canary gets all traffic",
		},
		"Blue/Green, switched": {
			inStep(bg, 3, weight(0), weight(0), weight(100)), "100%", "100%", "step 3/3",
			"once the canary is ready and gets all traffic, the step is held for 30s",
			"the last step is judged, then the promotion begins",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := view.Build(c.canary, view.Extra{})
			step, _ := v.Current()
			noun, at, of := v.Position()
			if have := v.StepText(step); have != c.step {
				t.Errorf("step %q, want %q", have, c.step)
			}
			if have := v.Share(); have != c.share {
				t.Errorf("share %q, want %q", have, c.share)
			}
			if have := fmt.Sprintf("%s %d/%d", noun, at, of); have != c.position {
				t.Errorf("position %q, want %q", have, c.position)
			}
			if v.NextAction != c.next {
				t.Errorf("next %q, want %q", v.NextAction, c.next)
			}
			c.canary.Status.Run.HoldStartTime = nil
			if have := view.Build(c.canary, view.Extra{}).NextAction; have != c.before {
				t.Errorf("before the hold %q, want %q", have, c.before)
			}
			c.canary.Status.Phase, c.canary.Status.CanaryWeight = v1beta1.PhaseSucceeded, 0
			if have := view.Build(c.canary, view.Extra{}).Share(); have != "0%" {
				t.Errorf("after the run the canary has %q", have)
			}
		})
	}
}

// A run that mends a failed promotion has all requests, not the matching ones.
func TestRepairIsNotMatched(t *testing.T) {
	c := inStep(v1beta1.StrategyABTesting, 1, v1beta1.StepStatus{Weight: 100})
	c.Status.Run.Repair = true
	v := view.Build(c, view.Extra{})
	if step, _ := v.Current(); v.Share() != "100%" || v.StepText(step) != "100%" {
		t.Errorf("%s, %s", v.Share(), v.StepText(step))
	}
}

func TestHoldOfStep(t *testing.T) {
	c := inStep(v1beta1.StrategyCanary, 2, v1beta1.StepStatus{Mirror: true}, v1beta1.StepStatus{Weight: 10, Hold: "5m"})
	v := view.Build(c, view.Extra{})
	if want := v.HoldStart.Add(5 * time.Minute); !v.JudgeTime.Equal(want) {
		t.Errorf("judged at %v, want %v", v.JudgeTime, want)
	}
}

func TestGates(t *testing.T) {
	since := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		phase  v1beta1.CanaryPhase
		gate   v1beta1.CanaryGate
		change func(*v1beta1.CanaryStatus)
		waits  bool
		next   string
		due    time.Time
	}{
		"rollout": {
			phase: v1beta1.PhaseWaiting, gate: v1beta1.CanaryGate{At: v1beta1.GateRollout},
			waits: true, next: "the run begins once gate qa is approved",
		},
		"traffic": {
			phase: v1beta1.PhaseProgressing, gate: v1beta1.CanaryGate{At: v1beta1.GateTraffic, Timeout: "30m"},
			waits: true, next: "the run is aborted unless gate qa is approved",
			due: since.Add(30 * time.Minute),
		},
		"promotion": {
			phase: v1beta1.PhaseWaitingPromotion,
			gate:  v1beta1.CanaryGate{At: v1beta1.GatePromotion, Timeout: "1h", OnTimeout: v1beta1.GateContinue},
			waits: true, next: "the run goes on even if gate qa is not approved", due: since.Add(time.Hour),
		},
		"passed by": {phase: v1beta1.PhaseProgressing, gate: v1beta1.CanaryGate{At: v1beta1.GateRollout}},
		"ended": {
			phase: v1beta1.PhaseWaitingPromotion, gate: v1beta1.CanaryGate{At: v1beta1.GatePromotion},
			change: func(s *v1beta1.CanaryStatus) { s.Run.Outcome = v1beta1.OutcomeAborted },
		},
		"approved": {
			phase: v1beta1.PhaseWaitingPromotion, gate: v1beta1.CanaryGate{At: v1beta1.GatePromotion},
			change: func(s *v1beta1.CanaryStatus) { s.Run.Gates[0].State = v1beta1.GateApproved },
		},
	} {
		t.Run(name, func(t *testing.T) {
			canary := base()
			c.gate.Name = "qa"
			canary.Spec.Analysis.Gates = []v1beta1.CanaryGate{c.gate}
			canary.Status.Phase = c.phase
			canary.Status.Run = &v1beta1.RunStatus{ID: "1", Gates: []v1beta1.GateStatus{
				{Name: "qa", State: v1beta1.GateWaiting, Since: metav1.NewTime(since)},
			}}
			if c.change != nil {
				c.change(&canary.Status)
			}
			v := view.Build(canary, view.Extra{})
			_, waits := v.WaitingGate()
			if waits != c.waits || waits && (v.NextAction != c.next || !v.NextActionTime.Equal(c.due) || v.Health != view.HealthWaiting) {
				t.Errorf("waits %t, %q at %v, %s", waits, v.NextAction, v.NextActionTime, v.Health)
			}
			if v.Verb("approve").Enabled != c.waits {
				t.Errorf("approve: %+v", v.Verb("approve"))
			}
		})
	}
}

// The command is meant to be pasted, and the name of a gate may be any text.
func TestApproveCommandIsSafe(t *testing.T) {
	v := view.Canary{Name: "app", Namespace: "test"}
	for name, want := range map[string]string{
		"qa-1":      "kubectl canary approve app -n test --gate qa-1",
		"-y":        "kubectl canary approve app -n test --gate '-y'",
		"a; rm 'b'": `kubectl canary approve app -n test --gate 'a; rm '\''b'\'''`,
	} {
		if have := v.ApproveCommand(view.Gate{Name: name}); have != want {
			t.Errorf("%s, want %s", have, want)
		}
	}
}

func TestRollbackInView(t *testing.T) {
	c := base()
	c.Status.Phase, c.Status.LastAppliedSpec, c.Status.LastPromotedSpec = v1beta1.PhasePromoting, "rs:b", "rs:b"
	c.Status.Run = &v1beta1.RunStatus{ID: "2", Revision: "rs:a", Rollback: true}
	v := view.Build(c, view.Extra{})
	if !v.RollingBack() || len(v.Steps) > 0 || v.Revision != "rs:b" || v.NextAction != "once app-primary runs revision rs:a again, the rollback is complete" {
		t.Errorf("%t, %s, %q", v.RollingBack(), v.Revision, v.NextAction)
	}
	c.Status.Phase, c.Status.LastPromotedSpec, c.Status.Run.Outcome = v1beta1.PhaseFailed, "rs:a", v1beta1.OutcomeRestored
	v = view.Build(c, view.Extra{})
	want := "a run begins with another revision of Deployment app, or with retry; until then the primary serves the promoted one"
	if v.RollingBack() || !v.Restored() || v.NextAction != want || v.Run.Failed() {
		t.Errorf("restored: %+v", v)
	}
}

func TestPromotionFailed(t *testing.T) {
	c := base()
	c.Status.Phase, c.Status.LastAppliedSpec, c.Status.LastPromotedSpec = v1beta1.PhaseFailed, "rs:b", "rs:a"
	c.Status.Run = &v1beta1.RunStatus{ID: "2", Revision: "rs:b", Outcome: v1beta1.OutcomePromotionFailed}
	want := "a run begins with another revision of Deployment app, or with retry; " +
		"until then the canary serves all traffic; rollback brings the promoted revision back"
	if v := view.Build(c, view.Extra{}); v.NextAction != want {
		t.Errorf("%q", v.NextAction)
	}
}
