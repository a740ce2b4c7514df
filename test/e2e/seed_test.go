//go:build linux

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// fiveToFifty are the weights of the first seed: 5 % to 50 % in steps of 5, and back to the primary.
var fiveToFifty = []int32{0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 0}

// TestSeedHappyPath is the story of the first seed.
func TestSeedHappyPath(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{})
	s.release("python-2")
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	if got := s.splitsAsWanted("python-2"); !slices.Equal(got, fiveToFifty) {
		t.Errorf("weights %v, want %v", got, fiveToFifty)
	}
	want := []v1beta1.CanaryPhase{
		v1beta1.PhaseInitializing, v1beta1.PhaseInitialized, v1beta1.PhaseProgressing,
		v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseSucceeded,
	}
	if got := slices.DeleteFunc(s.phases(), func(p v1beta1.CanaryPhase) bool { return p == "" }); !slices.Equal(got, want) {
		t.Errorf("phases %v, want %v", got, want)
	}
	s.noFailures(nil)

	events := strings.Join(s.events(), "\n")
	for _, text := range []string{
		"Initialized: Initialization done! app.", "NewRevision: New revision detected! Scaling up app.",
		"Started: Starting canary analysis for app.", "canary weight 5", "canary weight 50",
		"Promoting: Copying app.", "RoutedToPrimary: Routing all traffic to primary",
		"Succeeded: Promotion completed! Scaling down app.",
	} {
		if !strings.Contains(events, text) {
			t.Errorf("no event %q among:\n%s", text, events)
		}
	}
	run := s.record.Last().Status.Run
	if run == nil || run.Outcome != v1beta1.OutcomePromoted {
		t.Errorf("run %+v, want outcome Promoted", run)
	}
}

// TestSeedRollback ships a version that answers 500: the threshold is reached and the primary is
// not touched.
func TestSeedRollback(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{})
	before := s.deployment("app-primary")
	s.release("python-2-bad")
	failed := s.until("Failed", stage.InPhase(v1beta1.PhaseFailed))
	s.atEnd("python-1")
	after := s.deployment("app-primary")
	if before.Generation != after.Generation {
		t.Errorf("the primary was changed: generation %d, was %d", after.Generation, before.Generation)
	}
	s.noFailures(func(version string, status int) bool { return version == "python-2-bad" && status == 500 })
	late := s.load.Since(failed.At.Add(settle))
	if n := late.ByVersion["python-2-bad"]; n > 0 {
		t.Errorf("%d requests went to the canary after the rollback", n)
	}
	if got, want := s.splitsAsWanted("python-2-bad"), []int32{0, 5, 0}; !slices.Equal(got, want) {
		t.Errorf("weights %v, want %v", got, want)
	}
	events := strings.Join(s.events(), "\n")
	for _, text := range []string{
		"advancement success rate 0.00% < 99%", "failed checks threshold reached 5", "Canary failed! Scaling down app.",
	} {
		if !strings.Contains(events, text) {
			t.Errorf("no event %q among:\n%s", text, events)
		}
	}
	history := s.record.Last().Status.History
	if len(history) != 1 || history[0].Outcome != v1beta1.OutcomeRolledBack || history[0].FailedChecks != 5 {
		t.Errorf("history %+v, want one run, rolled back after 5 failed checks", history)
	}
}

// TestGatewayAPI is the first seed's story with a route of the Gateway API. The built-in metrics
// read the application's own, so no mesh and no proxy metrics are needed.
func TestGatewayAPI(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{Provider: "gatewayapi:v1", Edit: func(spec map[string]any) {
		analysis, _ := spec["analysis"].(map[string]any)
		delete(analysis, "stepWeight")
		delete(analysis, "maxWeight")
		analysis["stepWeights"] = []any{int64(10), int64(30), int64(60)}
		analysis["stepWeightPromotion"] = int64(30)
	}})
	s.release("python-2")
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	if got, want := s.splitsAsWanted("python-2"), []int32{0, 10, 30, 60, 30, 0}; !slices.Equal(got, want) {
		t.Errorf("weights %v, want %v", got, want)
	}
	s.noFailures(nil)
}
