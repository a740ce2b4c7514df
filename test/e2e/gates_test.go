//go:build linux

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// TestGates holds a run at gates of its own, without any server: one is approved and lets it pass,
// one is rejected and ends it, one that nobody answers times out.
func TestGates(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Interval: "1s", Replicas: 1, Edit: edits(steps(int64(50)), func(spec map[string]any) {
		analysisOf(spec)["gates"] = []any{
			map[string]any{"name": "qa", "at": "rollout"},
			map[string]any{"name": "business", "at": "promotion"},
		}
	})})
	s.release("python-2")
	s.until("Waiting", stage.InPhase(v1beta1.PhaseWaiting))
	if d := s.deployment("app"); *d.Spec.Replicas != 0 {
		t.Errorf("scaled to %d before the approval", *d.Spec.Replicas)
	}
	if _, stderr, code := s.kubectlCanary("approve", "app", "--gate", "business"); code != 1 || !strings.Contains(stderr, "business") {
		t.Errorf("a gate that is not reached yet was answered: exit %d, %q", code, stderr)
	}
	s.do("approve", "app", "--gate", "qa", "--reason", "tested by hand")
	s.until("WaitingPromotion", stage.InPhase(v1beta1.PhaseWaitingPromotion))
	if w := s.record.Last().Status.CanaryWeight; w != 50 {
		t.Errorf("weight %d while the promotion waits, want the 50 in force", w)
	}
	s.do("approve", "app")
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))

	n := s.record.Len()
	s.release("python-3")
	s.after(n, "Waiting", stage.InPhase(v1beta1.PhaseWaiting))
	s.do("approve", "app", "--gate", "qa")
	s.after(n, "WaitingPromotion", stage.InPhase(v1beta1.PhaseWaitingPromotion))
	s.do("reject", "app", "-y", "--reason", "not this week")
	s.after(n, "Failed", stage.InPhase(v1beta1.PhaseFailed))
	if run := s.lastRun(); run.Outcome != v1beta1.OutcomeAborted || run.By == "" || !containsAll(run.Message, "business", "not this week") {
		t.Errorf("run %+v, want it rejected at the gate", run)
	}

	s.editCanary(`{"spec":{"analysis":{"gates":[
		{"name":"qa","at":"rollout","timeout":"1s","onTimeout":"continue"},{"name":"business","at":"promotion","timeout":"1s"}]}}}`)
	n = s.record.Len()
	s.release("python-4")
	s.after(n, "WaitingPromotion", stage.InPhase(v1beta1.PhaseWaitingPromotion))
	s.after(n, "Failed", stage.InPhase(v1beta1.PhaseFailed))
	if run := s.lastRun(); run.Outcome != v1beta1.OutcomeAborted || !containsAll(run.Message, "business", "not approved within") {
		t.Errorf("run %+v, want it to have timed out", run)
	}
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
	want := []v1beta1.RunOutcome{v1beta1.OutcomeAborted, v1beta1.OutcomeAborted, v1beta1.OutcomePromoted}
	if got := s.outcomes(); !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}
