//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// restored is the condition of a rollback that is done.
func restored(c *v1beta1.Canary) bool {
	return c.Status.Phase == v1beta1.PhaseFailed && len(c.Status.History) > 0 && c.Status.History[0].Outcome == v1beta1.OutcomeRestored
}

// TestRollbackAfterPromotion brings the version before back after a promotion: it serves within
// seconds, the target keeps its revision and is not run again until somebody says so.
func TestRollbackAfterPromotion(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "2s", Edit: steps(int64(50))})
	if _, stderr, code := s.kubectlCanary("rollback", "app", "-y"); code != 1 || !strings.Contains(stderr, "no earlier revision") {
		t.Errorf("a rollback before the first release: exit %d, %q", code, stderr)
	}
	before := s.record.Last().Status.LastPromotedSpec
	s.release("python-2")
	rejected := s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded)).Canary.Status.LastPromotedSpec
	s.everybodyGets(s.load, "python-2")

	asked := time.Now()
	s.do("rollback", "app", "-y", "--reason", "checkout is slow")
	s.until("Restored", restored)
	s.everybodyGets(s.load, "python-1")
	t.Logf("everybody had the version before after %s", time.Since(asked).Round(time.Millisecond))
	s.primaryRuns("python-1", 3)
	if image := s.deployment("app").Spec.Template.Spec.Containers[0].Image; image != stage.Image("python-2") {
		t.Errorf("the target was changed to %s", image)
	}
	s.pass(time.Second)
	status := s.record.Last().Status
	if status.LastAppliedSpec != rejected || status.LastPromotedSpec != before || status.Phase != v1beta1.PhaseFailed {
		t.Errorf("phase %s, applied %s, promoted %s; want the target rejected and %s promoted", status.Phase, status.LastAppliedSpec, status.LastPromotedSpec, before)
	}
	if run := s.lastRun(); run.By == "" || !strings.Contains(run.Message, before) {
		t.Errorf("run %+v does not say who brought back what", run)
	}
	s.wantEvent("RollingBack", "checkout is slow")

	s.do("retry", "app")
	n := s.record.Len()
	s.after(n-1, "Succeeded again", stage.InPhase(v1beta1.PhaseSucceeded))
	s.everybodyGets(s.load, "python-2")
	s.primaryRuns("python-2", 3)
	s.noFailures(nil)
	want := []v1beta1.RunOutcome{v1beta1.OutcomePromoted, v1beta1.OutcomeRestored, v1beta1.OutcomePromoted}
	if got := s.outcomes(); !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

// TestRollbackAfterPromotionBegan rolls back while the primary is being rolled to the new version.
func TestRollbackAfterPromotionBegan(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "2s", Edit: steps(int64(50))})
	before := s.record.Last().Status.LastPromotedSpec
	// Each pod of it takes two seconds to start, which makes the promotion one of six.
	s.patchTarget(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{
			"name": "app", "image": stage.Image("python-2"),
			"env": []any{map[string]any{"name": "START_DELAY", "value": "2s"}},
		}},
	}}}})
	s.until("Promoting", stage.InPhase(v1beta1.PhasePromoting))
	s.eventually("the primary to be rolled", func() error {
		d := s.deployment("app-primary")
		if image := d.Spec.Template.Spec.Containers[0].Image; image != stage.Image("python-2") {
			return fmt.Errorf("it is at %s", image)
		}
		return nil
	})
	s.intend(v1beta1.Intent{ID: "back", Verb: v1beta1.VerbRollback, By: "ada", Reason: "no", At: time.Now()})
	if in := s.until("an answer", answered("back")).Canary.Status.LastIntent; in.Outcome != v1beta1.IntentAccepted {
		t.Fatalf("the rollback was refused: %s", in.Message)
	}
	s.until("Restored", restored)
	s.everybodyGets(s.load, "python-1")
	s.primaryRuns("python-1", 3)
	s.noFailures(nil)
	if got, want := s.outcomes(), []v1beta1.RunOutcome{v1beta1.OutcomeRestored, v1beta1.OutcomeAborted}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	if st := s.record.Last().Status; st.LastPromotedSpec != before {
		t.Errorf("promoted %s, want %s as before", st.LastPromotedSpec, before)
	}
}
