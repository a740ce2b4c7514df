//go:build linux

package e2e

import (
	"slices"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// releaseChoosy releases a version that starts as the canary only: its init container refuses the
// pod label of the primary.
func (s *scene) releaseChoosy(version string) {
	s.Helper()
	s.patchPod(version, map[string]any{
		"name": "choosy", "image": stage.Image(version),
		"command": []any{"sh", "-c", `test "$LABEL" = app || { echo "does not start as $LABEL"; exit 1; }`},
		"env": []any{map[string]any{
			"name": "LABEL", "valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": "metadata.labels['app']"}},
		}},
	})
}

// releaseMended releases a version without that.
func (s *scene) releaseMended(version string) {
	s.Helper()
	s.patchPod(version, map[string]any{"name": "choosy", "$patch": "delete"})
}

func (s *scene) patchPod(version string, init map[string]any) {
	s.Helper()
	s.patchTarget(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers":     []any{map[string]any{"name": "app", "image": stage.Image(version)}},
		"initContainers": []any{init},
	}}}})
}

// impatient shortens the time in which a primary has to start.
func impatient(spec map[string]any) { spec["progressDeadlineSeconds"] = int64(5) }

// failPromotion releases a version that is fine as a canary and does not start as the primary, and
// waits until the canary serves everybody.
func (s *scene) failPromotion() {
	s.Helper()
	s.releaseChoosy("python-2")
	failed := s.until("Failed", stage.InPhase(v1beta1.PhaseFailed)).Canary.Status
	if run := s.lastRun(); run.Outcome != v1beta1.OutcomePromotionFailed || failed.CanaryWeight != 100 || failed.LastPromotedSpec == run.Revision {
		s.Errorf("run %+v, weight %d, promoted %s; want a failed promotion with all traffic on the canary", run, failed.CanaryWeight, failed.LastPromotedSpec)
	}
	s.wantEvent("PromotionFailed", "primary not ready")
	s.everybodyGets(s.load, "python-2")
	if d := s.deployment("app"); *d.Spec.Replicas != 2 || d.Status.AvailableReplicas != 2 {
		s.Errorf("the only healthy copy has %d of %d pods", d.Status.AvailableReplicas, *d.Spec.Replicas)
	}
}

// TestFailedPromotion promotes a version that does not start as the primary: the canary serves
// everybody until a fix, which is rolled out under all of the traffic, is promoted.
func TestFailedPromotion(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{v1beta1.ProviderTraefik, v1beta1.ProviderKubernetes} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			edit := steps(int64(50))
			if provider == v1beta1.ProviderKubernetes {
				edit = iterations(1)
			}
			s := perform(t, stage.App{Provider: provider, Interval: "2s", Replicas: 2, Edit: edits(edit, impatient)})
			s.failPromotion()
			if provider == v1beta1.ProviderKubernetes {
				// D18: the clients of the Service are not left on a broken primary.
				if selector := s.service("app").Spec.Selector; selector["app"] != "app" {
					t.Errorf("the apex Service selects %v", selector)
				}
			}
			s.releaseMended("python-3")
			s.until("the run of the fix", func(c *v1beta1.Canary) bool {
				return c.Status.Run != nil && c.Status.Run.Repair && c.Status.Phase == v1beta1.PhaseProgressing
			})
			s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
			s.everybodyGets(s.load, "python-3")
			s.primaryRuns("python-3", 2)
			s.noFailures(nil)
			if got, want := s.outcomes(), []v1beta1.RunOutcome{v1beta1.OutcomePromoted, v1beta1.OutcomePromotionFailed}; !slices.Equal(got, want) {
				t.Errorf("outcomes %v, want %v", got, want)
			}
			if selector := s.service("app").Spec.Selector; selector["app"] != "app-primary" {
				t.Errorf("the apex Service selects %v after the promotion", selector)
			}
		})
	}
}

// TestFailedPromotionGoBack goes back to the promoted revision instead: that mends the primary and
// is no run.
func TestFailedPromotionGoBack(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "2s", Replicas: 2, Edit: edits(steps(int64(50)), impatient)})
	promoted := s.record.Last().Status.LastPromotedSpec
	s.failPromotion()
	s.releaseMended("python-1")
	s.until("the primary to have the traffic", func(c *v1beta1.Canary) bool {
		return c.Status.CanaryWeight == 0 && len(c.Status.History) == 1 && c.Status.LastAppliedSpec == promoted
	})
	s.primaryRuns("python-1", 2)
	s.everybodyGets(s.load, "python-1")
	s.noFailures(nil)
	if got := s.outcomes(); len(got) != 1 || s.record.Last().Status.LastPromotedSpec != promoted {
		t.Errorf("outcomes %v, promoted %s, want no further run and %s", got, s.record.Last().Status.LastPromotedSpec, promoted)
	}
}
