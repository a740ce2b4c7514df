//go:build linux

package upgrade

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// onceHooks are called once in a run.
var onceHooks = []string{"pre-rollout", "post-rollout"}

// routes are the objects that split the traffic, by provider.
var routes = map[string]schema.GroupVersionResource{
	"traefik":                    {Group: "traefik.io", Version: "v1alpha1", Resource: "traefikservices"},
	v1beta1.ProviderGatewayAPIV1: {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"},
}

// picture is what an upgrade must not change.
type picture struct {
	// objects has a line for each object.
	objects map[string]string
	status  v1beta1.CanaryStatus
	runs    []string
	calls   map[string]int // of the hooks that are called once
}

// picture looks at the namespace.
func (s *scene) picture(ctx context.Context, t *testing.T) picture {
	t.Helper()
	p := picture{objects: map[string]string{}, status: s.record.Last().Status, runs: s.runs(), calls: map[string]int{}}
	client := s.cluster.Client()
	pods, err := client.CoreV1().Pods(s.app.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil {
			continue // It goes, and takes some seconds to.
		}
		var restarts int32
		for _, container := range pod.Status.ContainerStatuses {
			restarts += container.RestartCount
		}
		p.objects["pod "+pod.Name] = fmt.Sprintf("uid %s, %d restarts", pod.UID, restarts)
	}
	deployments, err := client.AppsV1().Deployments(s.app.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deployments.Items {
		p.objects["deployment "+d.Name] = fmt.Sprintf("uid %s, generation %d, %d replicas", d.UID, d.Generation, *d.Spec.Replicas)
	}
	services, err := client.CoreV1().Services(s.app.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, svc := range services.Items {
		p.objects["service "+svc.Name] = fmt.Sprintf("uid %s, spec %s", svc.UID, text(t, svc.Spec))
	}
	dynamicClient, err := dynamic.NewForConfig(s.cluster.RESTConfig)
	if err != nil {
		t.Fatal(err)
	}
	list, err := dynamicClient.Resource(routes[s.app.Provider]).Namespace(s.app.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range list.Items {
		p.objects["route "+route.GetName()] = fmt.Sprintf("uid %s, generation %d, spec %s", route.GetUID(), route.GetGeneration(), text(t, route.Object["spec"]))
	}
	for _, hook := range onceHooks {
		p.calls[hook] = len(s.hooks.calls(s.app.Namespace, hook))
	}
	return p
}

func text(t *testing.T, value any) string {
	t.Helper()
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// unchanged asserts that everything is as it was before the upgrade.
func (s *scene) unchanged(ctx context.Context, t *testing.T) {
	t.Helper()
	then, now := s.then, s.picture(ctx, t)
	all := maps.Clone(then.objects)
	maps.Copy(all, now.objects)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if was, is := then.objects[name], now.objects[name]; was != is {
			t.Errorf("%s was changed by the upgrade:\n  was %q\n  is  %q", name, was, is)
		}
	}
	if was, is := inShort(then.status), inShort(now.status); was != is {
		t.Errorf("the status was changed by the upgrade:\n  was %s\n  is  %s\nthe canary's statuses:\n%s", was, is, s.record)
	}
	if !slices.Equal(then.runs, now.runs) {
		t.Errorf("the upgrade started a run: %v, were %v", now.runs, then.runs)
	}
	if !maps.Equal(then.calls, now.calls) {
		t.Errorf("the upgrade called hooks: %v, were %v", now.calls, then.calls)
	}
}

// inShort is what of a status must not change.
func inShort(st v1beta1.CanaryStatus) string {
	out := fmt.Sprintf("%s since %s, weight %d, %d failed checks, %d runs in the history",
		st.Phase, st.LastTransitionTime.UTC().Format(time.TimeOnly), st.CanaryWeight, st.FailedChecks, len(st.History))
	if run := st.Run; run != nil {
		out += fmt.Sprintf("; run %s %s step %d", run.ID, run.Outcome, run.Step)
		if st.Phase == v1beta1.PhaseProgressing { // Else it is the time of a check, and those go on.
			out += fmt.Sprintf(" held from %v", run.HoldStartTime)
		}
	}
	return out
}

// runs lists the runs that were seen, oldest first.
func (s *scene) runs() []string {
	var runs []string
	for _, seen := range s.record.All() {
		if run := seen.Canary.Status.Run; run != nil && !slices.Contains(runs, run.ID) {
			runs = append(runs, run.ID)
		}
	}
	return runs
}

// oneWay asserts that the last release was one run which took each of its steps once, in order.
func (s *scene) oneWay(t *testing.T) {
	t.Helper()
	var runs []string
	var shares []int32
	var phases []v1beta1.CanaryPhase
	last := s.record.Last().Status
	for _, seen := range s.record.All()[s.began:] {
		status := seen.Canary.Status
		if run := s.current(seen.Canary); run == nil || run.Outcome != "" {
			continue
		}
		if !slices.Contains(runs, status.Run.ID) {
			runs = append(runs, status.Run.ID)
		}
		phases = append(phases, status.Phase)
		if len(shares) == 0 || shares[len(shares)-1] != status.CanaryWeight {
			shares = append(shares, status.CanaryWeight)
		}
	}
	if len(runs) != 1 {
		t.Errorf("the release was runs %v, want one; the canary's statuses:\n%s", runs, s.record)
	}
	if want := []int32{0, int32(weights[0]), int32(weights[1]), 0}; !slices.Equal(shares, want) {
		t.Errorf("the canary's shares were %v, want %v; its statuses:\n%s", shares, want, s.record)
	}
	// Checks go on while a promotion waits.
	waited := slices.Contains(phases, v1beta1.PhaseWaitingPromotion)
	if n := int32(len(weights)); last.Run.Checks < n || (last.Run.Checks > n && !waited) || len(last.Steps) != len(weights) {
		t.Errorf("%d checks of %d steps, want %d of each", last.Run.Checks, len(last.Steps), n)
	}
	for i, step := range last.Steps {
		if step.State != v1beta1.StepPassed {
			t.Errorf("step %d is %s, want %s", i+1, step.State, v1beta1.StepPassed)
		}
	}
}

// judge asserts that the canary has had the runs that it ought to have had, and that everybody was
// served all the time.
func (s *scene) judge(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := s.traffic.WaitShare(ctx, s.version, 1, 0, 500*time.Millisecond); err != nil {
		t.Error(err)
	}
	s.traffic.Stop()
	for i, failure := range s.traffic.Failures() {
		t.Errorf("request failed: %s", failure)
		if i == 5 {
			break
		}
	}
	total := s.traffic.Stats().Total
	if total < rate {
		t.Errorf("only %d requests were made", total)
	}
	t.Logf("%d requests", total)

	var outcomes []v1beta1.RunOutcome
	for _, run := range s.record.Last().Status.History {
		outcomes = append(outcomes, run.Outcome)
	}
	if !slices.Equal(outcomes, s.outcomes) {
		t.Errorf("runs ended with %v, newest first; want %v; the canary's statuses:\n%s", outcomes, s.outcomes, s.record)
	}
	if runs := s.runs(); len(runs) != len(s.outcomes) {
		t.Errorf("there were runs %v, want %d", runs, len(s.outcomes))
	}
	for _, hook := range onceHooks {
		if keys := s.hooks.calls(s.app.Namespace, hook); len(keys) != len(s.outcomes) {
			t.Errorf("the %s hook was called for %v, want once for each of %d runs", hook, keys, len(s.outcomes))
		}
	}
	// Nobody but the earlier agent knows the answer for the check that was under way when it ended,
	// so that one may be asked for again, under the same key.
	keys := s.hooks.calls(s.app.Namespace, "rollout")
	if distinct := slices.Compact(slices.Sorted(slices.Values(keys))); len(keys) > len(distinct)+1 {
		t.Errorf("the rollout hook was called twice for more than one check: %v", keys)
	}
	primary, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Get(ctx, "app-primary", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if image := primary.Spec.Template.Spec.Containers[0].Image; image != stage.Image(s.image) || primary.Status.ReadyReplicas != 1 {
		t.Errorf("app-primary runs %s with %d ready pods, want %s with 1", image, primary.Status.ReadyReplicas, stage.Image(s.image))
	}
}
