//go:build linux

package upgrade

import (
	"context"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// succeed releases the second version.
func succeed(ctx context.Context, t *testing.T, s *scene) {
	s.release(ctx, t, "python-2")
	s.finish(ctx, t, v1beta1.PhaseSucceeded)
}

// fail releases a version that is rolled back in its first step.
func fail(ctx context.Context, t *testing.T, s *scene) {
	s.hooks.refuse(s.app.Namespace, "rollout", true)
	s.release(ctx, t, "python-2")
	s.finish(ctx, t, v1beta1.PhaseFailed)
	s.hooks.refuse(s.app.Namespace, "rollout", false)
}

// stopAt releases the second version with a hook closed, and waits for the phase in which it is
// awaited.
func stopAt(hook string, phase v1beta1.CanaryPhase) func(context.Context, *testing.T, *scene) {
	return func(ctx context.Context, t *testing.T, s *scene) {
		s.hooks.refuse(s.app.Namespace, hook, true)
		s.release(ctx, t, "python-2")
		s.until(ctx, t, string(phase), stage.InPhase(phase))
	}
}

// goOnAt waits until the new agent has asked the closed hook, opens it, and releases once more when
// the run has ended.
func goOnAt(hook string) func(context.Context, *testing.T, *scene) {
	return func(ctx context.Context, t *testing.T, s *scene) {
		asked := len(s.hooks.calls(s.app.Namespace, hook))
		wait(ctx, t, "the closed hook to be asked again", func() bool { return len(s.hooks.calls(s.app.Namespace, hook)) > asked })
		s.hooks.refuse(s.app.Namespace, hook, false)
		s.finish(ctx, t, v1beta1.PhaseSucceeded)
		s.oneWay(t)
		releaseNext(ctx, t, s)
	}
}

// holdPromotion releases the second version and stops when the primary is being rolled.
func holdPromotion(ctx context.Context, t *testing.T, s *scene) {
	stopAt("confirm-promotion", v1beta1.PhaseWaitingPromotion)(ctx, t, s)
	s.holdPods(t, true)
	s.hooks.refuse(s.app.Namespace, "confirm-promotion", false)
	s.until(ctx, t, "Promoting", stage.InPhase(v1beta1.PhasePromoting))
	wait(ctx, t, "a new pod of the primary that does not start", func() bool {
		pods, err := s.cluster.Client().CoreV1().Pods(s.app.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=app-primary"})
		if err != nil || len(pods.Items) != 2 {
			return false
		}
		for _, pod := range pods.Items {
			if len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].State.Running != nil && !pod.Status.ContainerStatuses[0].Ready {
				return true
			}
		}
		return false
	})
}

// finishPromotion lets the primary's pods start, and releases once more.
func finishPromotion(ctx context.Context, t *testing.T, s *scene) {
	s.holdPods(t, false)
	s.finish(ctx, t, v1beta1.PhaseSucceeded)
	s.oneWay(t)
	releaseNext(ctx, t, s)
}

// releaseNext releases the third version.
func releaseNext(ctx context.Context, t *testing.T, s *scene) {
	s.release(ctx, t, "python-3")
	s.finish(ctx, t, v1beta1.PhaseSucceeded)
	s.oneWay(t)
	if s.config {
		s.copied(ctx, t, "one")
	}
}

// configureFirst changes the config, which the earlier agent did not track, and releases then.
func configureFirst(ctx context.Context, t *testing.T, s *scene) {
	s.until(ctx, t, "revisions that speak of the config", tracksConfigs)
	s.configure(ctx, t, "two")
	s.finish(ctx, t, v1beta1.PhaseSucceeded)
	s.oneWay(t)
	s.copied(ctx, t, "two")
	s.release(ctx, t, "python-3")
	s.finish(ctx, t, v1beta1.PhaseSucceeded)
	s.oneWay(t)
	s.copied(ctx, t, "two")
}

// configureLast releases and changes the config then.
func configureLast(ctx context.Context, t *testing.T, s *scene) {
	s.until(ctx, t, "revisions that speak of the config", tracksConfigs)
	releaseNext(ctx, t, s)
	s.configure(ctx, t, "two")
	s.finish(ctx, t, v1beta1.PhaseSucceeded)
	s.oneWay(t)
	s.copied(ctx, t, "two")
}

// enterStep releases the second version and waits until the first step is held.
func (s *scene) enterStep(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), actTime)
	defer cancel()
	s.release(ctx, t, "python-2")
	s.until(ctx, t, "the hold of the first step", func(c *v1beta1.Canary) bool {
		return c.Status.CanaryWeight == int32(weights[0]) && c.Status.Run.HoldStartTime != nil
	})
	wait(ctx, t, "the rollout hook to be called", func() bool { return len(s.hooks.calls(s.app.Namespace, "rollout")) == 1 })
}

// finishSteps waits until both steps have been held. The next release is not played: two more steps
// take long, and others do it.
func finishSteps(ctx context.Context, t *testing.T, s *scene) {
	s.finish(ctx, t, v1beta1.PhaseSucceeded)
	s.oneWay(t)
	s.copied(ctx, t, "one")
	// Each step was held once, for the whole interval, whoever began and ended it.
	var holds []time.Time
	for _, seen := range s.record.All()[s.began:] {
		run := s.current(seen.Canary)
		if run == nil || seen.Canary.Status.Phase != v1beta1.PhaseProgressing || run.HoldStartTime == nil || run.Analysed {
			continue
		}
		if hold := run.HoldStartTime.Time; !slices.ContainsFunc(holds, hold.Equal) {
			holds = append(holds, hold)
		}
	}
	if len(holds) != len(weights) || holds[1].Sub(holds[0]) < longHold {
		t.Errorf("steps were held from %v on, want %d of them, %s apart; the canary's statuses:\n%s", holds, len(weights), longHold, s.record)
	}
}

// wait repeats a check until it is true.
func wait(ctx context.Context, t *testing.T, what string, check func() bool) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !check() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited for %s: %v", what, context.Cause(ctx))
		}
	}
}
