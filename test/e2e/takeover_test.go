//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// withLegacy gives the application a variable that a later version does without.
func withLegacy(workload *unstructured.Unstructured) {
	containers, _, _ := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", "containers")
	app, _ := containers[0].(map[string]any)
	env, _ := app["env"].([]any)
	app["env"] = append(env, map[string]any{"name": "LEGACY", "value": "on"})
	_ = unstructured.SetNestedSlice(workload.Object, containers, "spec", "template", "spec", "containers") // The seed's spec has them.
}

// takenOver is what is known of a canary before it is taken over.
type takenOver struct {
	*scene
	// before are the unique ids of the pods of the primary and the target.
	before map[string][]types.UID
	canary *unstructured.Unstructured
}

// cast prepares the canaries that are to be taken over, all at once and before the agent is there.
func cast(t *testing.T, ctx context.Context, all map[string]left) map[string]*takenOver {
	t.Helper()
	scenes := map[string]*takenOver{}
	c := setup(t)
	for name, l := range all {
		app := l.app
		app.Namespace, app.EditWorkload = c.Namespace(t), withLegacy
		if l.rich {
			app.EditWorkload = richWorkload
		}
		record, err := stage.Watch(ctx, c, app.Namespace, "app")
		if err != nil {
			t.Fatal(err)
		}
		scenes[name] = &takenOver{scene: &scene{T: t, ctx: ctx, cluster: c, app: app, record: record}}
	}
	var ready sync.WaitGroup
	for name, l := range all {
		s := scenes[name]
		ready.Go(func() {
			l.leave(t, s.scene)
			s.steady()
			s.admit()
			s.before = map[string][]types.UID{"app": s.uids("app"), "app-primary": s.uids("app-primary")}
			s.canary = s.object()
		})
	}
	ready.Wait()
	if t.Failed() {
		t.FailNow() // What fails in a goroutine ends that only.
	}
	return scenes
}

// steady waits until the proxy knows the pods of both sides, which it learns one after the other.
func (s *takenOver) steady() {
	s.Helper()
	s.eventually("twenty answers in a row", func() error {
		for range 20 {
			req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, stage.URL(s.cluster), nil)
			if err != nil {
				return err
			}
			req.Host = s.app.Host()
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
				return fmt.Errorf("status %d", resp.StatusCode)
			}
		}
		return nil
	})
}

func (s *scene) object() *unstructured.Unstructured {
	s.Helper()
	u, err := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return u
}

func (s *scene) uids(app string) []types.UID {
	s.Helper()
	var all []types.UID
	for _, pod := range s.pods(app) {
		all = append(all, pod.UID)
	}
	slices.Sort(all)
	return all
}

// samePods asserts that no pod was restarted or replaced.
func (s *takenOver) samePods(app string) {
	s.Helper()
	if now := s.uids(app); !slices.Equal(now, s.before[app]) {
		s.Errorf("the pods of %s are %v, were %v", app, now, s.before[app])
	}
	for _, pod := range s.pods(app) {
		if n := pod.Status.ContainerStatuses[0].RestartCount; n > 0 {
			s.Errorf("pod %s was restarted %d times", pod.Name, n)
		}
	}
}

// ours waits until the status has our names for revisions.
func (s *takenOver) ours() *v1beta1.Canary {
	s.Helper()
	return s.until("our revisions", func(c *v1beta1.Canary) bool {
		return strings.Contains(c.Status.LastAppliedSpec, ":") && strings.Contains(c.Status.LastPromotedSpec, ":")
	}).Canary
}

// TestTakeOver starts the agent in a cluster in which another controller has run canaries: while that
// is there the agent does nothing; when it is gone the agent goes on where it was. No pod is
// restarted, nothing is run or promoted again, and no request fails.
func TestTakeOver(t *testing.T) {
	house.enter(t, true)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	c := setup(t)
	if err := stage.ScaleAgent(ctx, c, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stage.ScaleAgent(context.Background(), c, 1); err != nil {
			t.Error(err)
		}
	})
	weights := steps(int64(20), int64(40), int64(60))
	scenes := cast(t, ctx, map[string]left{
		"Idle": {
			app: stage.App{Provider: "traefik", Interval: "2s", Edit: weights}, phase: v1beta1.PhaseSucceeded,
			primary: "python-1", target: "python-1",
		},
		"Failed": {
			app: stage.App{Provider: "traefik", Interval: "2s", Edit: weights}, phase: v1beta1.PhaseFailed,
			primary: "python-1", target: "python-2",
		},
		"FailedThenChanged": {
			app: stage.App{Provider: "traefik", Interval: "2s", Edit: weights}, phase: v1beta1.PhaseFailed,
			primary: "python-1", target: "python-2", next: "python-3",
		},
		"Progressing": {
			app: stage.App{Provider: "gatewayapi:v1", Interval: "2s", Edit: weights}, phase: v1beta1.PhaseProgressing,
			primary: "python-1", target: "python-2", replicas: 3, weight: 40,
		},
		"Promoting": {
			app: stage.App{Provider: "gatewayapi:v1", Interval: "2s", Edit: weights}, phase: v1beta1.PhasePromoting,
			primary: "python-2", target: "python-2", replicas: 3, weight: 60,
		},
		"IdleRich": {
			app: stage.App{
				Provider: "traefik", Interval: "2s", Edit: edits(weights, autoscaled("autoscaling/v2", v1beta1.AutoscalerHPA)),
			},
			phase: v1beta1.PhaseSucceeded, primary: "python-1", target: "python-1", rich: true,
		},
	})
	idle := scenes["Idle"]
	idle.startOtherController()
	t.Cleanup(func() {
		_ = c.Client().CoreV1().Namespaces().Delete(context.Background(), otherControllerNamespace, metav1.DeleteOptions{})
	})
	if err := stage.ScaleAgent(ctx, c, 1); err != nil {
		t.Fatal(err)
	}
	for name, s := range scenes {
		s.wantEvent("flagger", otherControllerNamespace)
		if now := s.object(); now.GetGeneration() != s.canary.GetGeneration() || now.GetResourceVersion() != s.canary.GetResourceVersion() {
			t.Errorf("%s: the Canary was written while the other controller runs: %v", name, now.Object["status"])
		}
		s.samePods("app-primary")
		s.samePods("app")
	}
	_, err := c.Client().AppsV1().Deployments(otherControllerNamespace).
		Patch(ctx, "flagger", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, check := range map[string]func(*takenOver){
		"Idle": tookOverIdle, "Failed": tookOverFailed, "FailedThenChanged": tookOverChanged, "Progressing": tookOverProgressing,
		"Promoting": tookOverPromoting, "IdleRich": tookOverRich,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := *scenes[name].scene
			s.T = t
			check(&takenOver{scene: &s, before: scenes[name].before, canary: scenes[name].canary})
			s.noFailures(nil)
		})
	}
}

// tookOverIdle: primary and target agree, so there is nothing to do; the next promotion takes away
// what the other controller once set.
func tookOverIdle(s *takenOver) {
	s.Helper()
	canary := s.ours()
	if st := canary.Status; st.Phase != v1beta1.PhaseSucceeded || st.LastAppliedSpec != st.LastPromotedSpec || st.Run != nil {
		s.Errorf("status %+v", st)
	}
	s.pass(time.Second)
	if cookie := s.record.Last().Status.PreviousSessionAffinityCookie; cookie != "" {
		s.Errorf("the cookie %s of the other controller stays in the status", cookie)
	}
	s.samePods("app-primary")
	for _, event := range s.events() {
		if strings.Contains(event, "RouteDrift") {
			s.Errorf("what the other controller had written is called a drift: %s", event)
		}
	}
	s.patchTarget(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{
			"name": "app", "image": stage.Image("python-2"), "env": []any{map[string]any{"name": "LEGACY", "$patch": "delete"}},
		}},
	}}}})
	s.until("the promotion", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseSucceeded && len(c.Status.History) == 1
	})
	s.primaryRuns("python-2", 3)
	for _, env := range s.deployment("app-primary").Spec.Template.Spec.Containers[0].Env {
		if env.Name == "LEGACY" {
			s.Error("the primary still has the variable that the other controller had set")
		}
	}
	s.everybodyGets(s.load, "python-2")
}

// tookOverFailed: what the target has was rejected by the other controller and is not tried again.
func tookOverFailed(s *takenOver) {
	s.Helper()
	canary := s.ours()
	if st := canary.Status; st.Phase != v1beta1.PhaseFailed || st.LastAppliedSpec == st.LastPromotedSpec {
		s.Errorf("status %+v", st)
	}
	s.pass(time.Second)
	if st := s.record.Last().Status; st.Phase != v1beta1.PhaseFailed || st.Run != nil {
		s.Errorf("the rejected revision was run again: phase %s, run %+v", st.Phase, st.Run)
	}
	s.samePods("app-primary")
	s.onlyVersions(s.load, "python-1")
	s.release("python-3")
	s.until("the promotion of another revision", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseSucceeded && len(c.Status.History) == 1
	})
	s.primaryRuns("python-3", 3)
}

// tookOverChanged: the target was changed since, so that is run.
func tookOverChanged(s *takenOver) {
	s.Helper()
	s.until("the promotion", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseSucceeded && len(c.Status.History) == 1
	})
	s.primaryRuns("python-3", 3)
	s.everybodyGets(s.load, "python-3")
}

// tookOverProgressing: the run goes on from the weight in the route.
func tookOverProgressing(s *takenOver) {
	s.Helper()
	s.until("60 %", atWeight(60))
	s.samePods("app")
	s.until("Promoting", stage.InPhase(v1beta1.PhasePromoting))
	var weights []string
	for _, seen := range s.record.All() {
		st := seen.Canary.Status
		if w := fmt.Sprint(st.CanaryWeight); st.Phase == v1beta1.PhaseProgressing && (len(weights) == 0 || weights[len(weights)-1] != w) {
			weights = append(weights, w)
		}
	}
	// The first are from before the other controller's status was written.
	if got := strings.Join(weights, " "); strings.TrimPrefix(got, "0 ") != "40 60" {
		s.Errorf("weights %s, want 40 60", got)
	}
	s.until("Succeeded", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseSucceeded && len(c.Status.History) == 1
	})
	s.everybodyGets(s.load, "python-2")
	s.primaryRuns("python-2", 3)
	for _, seen := range s.record.All() {
		if run := seen.Canary.Status.Run; run != nil && run.Step == 1 {
			s.Errorf("the run went back to its first step")
			break
		}
	}
	if events := s.events(); !slices.ContainsFunc(events, func(e string) bool { return strings.Contains(e, "taken over from another controller at 40%") }) {
		s.Errorf("no event says so among:\n%s", strings.Join(events, "\n"))
	}
}

// tookOverPromoting: the primary has the new revision already, so that what is left is the traffic.
func tookOverPromoting(s *takenOver) {
	s.Helper()
	s.until("Succeeded", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseSucceeded && len(c.Status.History) == 1
	})
	s.primaryRuns("python-2", 3)
	s.samePods("app-primary")
	s.pass(time.Second)
	if got := s.outcomes(); len(got) != 1 {
		s.Errorf("outcomes %v, want one", got)
	}
}

// tookOverRich: configs and autoscaler agree as well. A config is a new revision all the same when
// it changes.
func tookOverRich(s *takenOver) {
	s.Helper()
	canary := s.ours()
	if st := canary.Status; st.Phase != v1beta1.PhaseSucceeded || st.LastAppliedSpec != st.LastPromotedSpec || st.Run != nil {
		s.Errorf("status %+v", st)
	}
	s.pass(time.Second)
	if run := s.record.Last().Status.Run; run != nil {
		s.Errorf("there is a run: %+v", run)
	}
	s.samePods("app-primary")
	s.limits(2, 5)
	s.trackedAs("configmap/app-config", "secret/app-secret")
	s.patchConfig("app-config", `{"data":{"version":"two"}}`)
	s.until("the promotion", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseSucceeded && len(c.Status.History) == 1
	})
	s.everybodyGets(s.load, "two")
	s.configCopy("app-config-primary", map[string]string{"version": "two"}, nil)
}
