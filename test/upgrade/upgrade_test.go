//go:build linux

package upgrade

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

const (
	// quiet is how long the new agent is watched to do nothing.
	quiet = 3 * time.Second
	// longHold is the interval of the canary that is in a step during the upgrade. The upgrade
	// has to fit in.
	longHold = 20 * time.Second
)

// parts are the states that a canary can be in for long, and two in which it is for a moment.
func parts() []part {
	const promoted, rolledBack = v1beta1.OutcomePromoted, v1beta1.OutcomeRolledBack
	return []part{
		{
			name: "Initialized", provider: v1beta1.ProviderGatewayAPIV1,
			after:    releaseNext,
			outcomes: []v1beta1.RunOutcome{promoted}, version: "python-3", image: "python-3",
		},
		{
			name: "Initialized, with a config", config: true,
			after:    configureFirst,
			outcomes: []v1beta1.RunOutcome{promoted, promoted}, version: "two", image: "python-3",
		},
		{
			name: "Succeeded, with a config", config: true,
			before: succeed, after: configureLast,
			outcomes: []v1beta1.RunOutcome{promoted, promoted, promoted}, version: "two", image: "python-3",
		},
		{
			name:   "Failed",
			before: fail, after: releaseNext,
			outcomes: []v1beta1.RunOutcome{promoted, rolledBack}, version: "python-3", image: "python-3",
		},
		{
			name:   "Waiting",
			before: stopAt("confirm-rollout", v1beta1.PhaseWaiting), after: goOnAt("confirm-rollout"),
			outcomes: []v1beta1.RunOutcome{promoted, promoted}, version: "python-3", image: "python-3",
		},
		{
			name: "WaitingPromotion, with a config", config: true,
			before: stopAt("confirm-promotion", v1beta1.PhaseWaitingPromotion), after: goOnAt("confirm-promotion"),
			outcomes: []v1beta1.RunOutcome{promoted, promoted}, version: "one", image: "python-3",
		},
		{
			name: "Promoting, with a config", provider: v1beta1.ProviderGatewayAPIV1, config: true,
			before: holdPromotion, after: finishPromotion,
			outcomes: []v1beta1.RunOutcome{promoted, promoted}, version: "one", image: "python-3",
		},
		{
			name: "Progressing, with a config", config: true, interval: longHold.String(),
			after:    finishSteps,
			outcomes: []v1beta1.RunOutcome{promoted}, version: "one", image: "python-2",
		},
	}
}

// TestUpgrade replaces the agent while canaries are in all of the states.
func TestUpgrade(t *testing.T) {
	earlier := programs().Earlier
	if err := earlier.Missing(); err != nil {
		if os.Getenv(testbed.RequiredEnv) == "1" {
			t.Fatal(err)
		}
		t.Skipf("NOTHING WAS UPGRADED: %v (%s=1 makes this a failure)", err, testbed.RequiredEnv)
	}
	c := testbed.Shared(t)
	install(t, c, "the earlier agent", stage.EarlierAgentImage, func(ctx context.Context) error { return earlier.Install(ctx, c) })
	h := newHooks(t)
	var scenes []*scene
	for _, p := range parts() {
		scenes = append(scenes, open(t, c, h, p))
	}
	traffic, stop := context.WithCancel(t.Context())
	defer stop()
	each(t, "before", scenes, func(ctx context.Context, t *testing.T, s *scene) { s.prepare(ctx, t, traffic) })
	if t.Failed() {
		return
	}
	// Last, since its time is running.
	inStep := scenes[len(scenes)-1]
	t.Run("in a step", func(t *testing.T) { inStep.enterStep(t) })
	each(t, "picture", scenes, func(ctx context.Context, t *testing.T, s *scene) { s.then = s.picture(ctx, t) })
	if t.Failed() {
		return
	}

	install(t, c, "the upgrade", stage.AgentImage, func(ctx context.Context) error { return stage.Install(ctx, c) })
	watch := time.NewTimer(quiet)
	defer watch.Stop()
	<-watch.C
	each(t, "nothing happened", scenes, func(ctx context.Context, t *testing.T, s *scene) { s.unchanged(ctx, t) })
	if took := time.Since(inStep.then.status.Run.HoldStartTime.Time); took > longHold {
		t.Errorf("the upgrade took %s of a step that is held for %s: too long to say anything about that", took, longHold)
	}
	each(t, "after", scenes, func(ctx context.Context, t *testing.T, s *scene) {
		defer s.judge(ctx, t)
		s.after(ctx, t, s)
	})
}

// each plays an act in all scenes at once.
func each(t *testing.T, act string, scenes []*scene, play func(ctx context.Context, t *testing.T, s *scene)) {
	t.Helper()
	t.Run(act, func(t *testing.T) {
		var playing sync.WaitGroup
		for _, s := range scenes {
			playing.Go(func() {
				t.Run(s.name, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), actTime)
					defer cancel()
					play(ctx, t, s)
				})
			})
		}
		playing.Wait()
	})
}

// install installs an agent, and waits until it is the one pod there is and has the lease.
func install(t *testing.T, c *testbed.Cluster, what, image string, apply func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	if err := apply(ctx); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := leads(ctx, c, image)
		if err == nil {
			t.Logf("%s took %s", what, time.Since(began).Round(time.Millisecond))
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%s: waited for the agent of image %s to lead: %v", what, image, err)
		}
	}
}

// leads is an error unless the agent of the image is the only one and has the lease.
func leads(ctx context.Context, c *testbed.Cluster, image string) error {
	pods, err := c.Client().CoreV1().Pods(stage.AgentNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if len(pods.Items) != 1 {
		return fmt.Errorf("there are %d pods", len(pods.Items))
	}
	pod := pods.Items[0]
	if got := pod.Spec.Containers[0].Image; got != image {
		return fmt.Errorf("pod %s has image %s", pod.Name, got)
	}
	lease, err := c.Client().CoordinationV1().Leases(stage.AgentNamespace).Get(ctx, "canary-agent", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity != pod.Name {
		return fmt.Errorf("the lease is not held by pod %s: %+v", pod.Name, lease.Spec)
	}
	return nil
}
