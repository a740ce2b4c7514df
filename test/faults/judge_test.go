//go:build linux

package faults

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// judge adds the row of a scene to the report, and fails the test if the release did not end as it
// would have without the fault.
func (s *scene) judge(t *testing.T) {
	t.Helper()
	r := row{place: s.fault.place, fault: s.fault.name}
	if s.agent != nil {
		killed, err := s.agent.killed()
		if err != nil {
			t.Error(err)
		}
		r.kill, r.rollback, r.writes, r.reached = s.fault.dieAfter, s.fault.rollback, len(s.agent.writes()), killed
		switch n := max(s.fault.dieAfter, s.fault.panicAfter); {
		case n > 0:
			r.fault = fmt.Sprintf("%s after write %d, %s", s.fault.name, n, s.agent.write(n))
			if s.fault.panicAfter > 0 && r.writes >= n && !s.agent.panicked() {
				t.Error("the log of the agent does not speak of a panic")
			}
		case killed:
			t.Error("the agent was killed, nobody asked for it")
		}
	}
	last := s.record.Last()
	if last == nil || last.Status.Run == nil {
		r.outcome = "no run"
		t.Error("there was no run")
		s.report.add(r)
		return
	}
	run := last.Status.Run
	r.outcome = fmt.Sprintf("%s, %s", last.Status.Phase, run.Outcome)
	if want := s.fault.ends(); last.Status.Phase != want.phase || run.Outcome != want.outcome {
		t.Errorf("the release ended in %s; the canary's statuses:\n%s", r.outcome, s.record)
	}
	r.skipped, r.repeated = s.steps(t)
	s.checks(t, last)
	s.world(t)

	if s.traffic != nil {
		r.requests = s.traffic.Stats().Total
		for _, f := range s.traffic.Failures() {
			if s.excused.contains(f.Time) {
				r.excused++
				continue
			}
			if r.failed++; r.failed <= 5 {
				t.Errorf("request failed: %s", f)
			}
		}
		if r.excused > 0 {
			r.fault += fmt.Sprintf(" (%d requests met pods that it took away)", r.excused)
		}
	}
	if r.requests < rate {
		t.Errorf("only %d requests were made", r.requests)
	}
	var which []string
	if r.hooks, which = s.servers.repeated(s.app.Namespace); r.hooks > 0 {
		t.Errorf("hooks were called again for the same thing: %v", which)
	}
	if n := s.servers.count(s.app.Namespace, "post-rollout"); n > 1 {
		t.Errorf("the post-rollout hook was called %d times", n)
	}
	s.report.add(r)
}

// steps counts the steps that were left out and those that were taken again.
func (s *scene) steps(t *testing.T) (skipped, repeated int) {
	t.Helper()
	var runs []string
	var at int32
	var shares []int32
	for _, seen := range s.record.All()[s.began:] {
		status := seen.Canary.Status
		run := status.Run
		if run == nil {
			continue
		}
		if !slices.Contains(runs, run.ID) {
			runs = append(runs, run.ID)
		}
		switch {
		case run.Step < at:
			repeated += int(at - run.Step)
		case run.Step > at+1:
			skipped += int(run.Step - at - 1)
		}
		at = run.Step
		if run.Outcome == "" && status.Phase == v1beta1.PhaseProgressing && run.Step > 0 && int64(run.Weight) != weights[run.Step-1] {
			t.Errorf("step %d has weight %d, want %d", run.Step, run.Weight, weights[run.Step-1])
		}
		if len(shares) == 0 || shares[len(shares)-1] != status.CanaryWeight {
			shares = append(shares, status.CanaryWeight)
		}
	}
	if len(runs) != 1 {
		t.Errorf("runs %v, want one", runs)
	}
	final := s.record.Last().Status.Steps
	if len(final) != len(weights) {
		t.Errorf("%d steps at the end, want %d", len(final), len(weights))
	}
	for i, step := range final {
		want := v1beta1.StepPassed
		if i == len(final)-1 {
			want = s.fault.ends().last
		}
		if step.State != want {
			skipped++
			t.Errorf("step %d is %s at the end, want %s", i+1, step.State, want)
		}
	}
	if want := []int32{0, int32(weights[0]), int32(weights[1]), 0}; !s.fault.unready && !slices.Equal(shares, want) {
		t.Errorf("the canary's shares were %v, want %v; its statuses:\n%s", shares, want, s.record)
	}
	if skipped > 0 || repeated > 0 {
		t.Errorf("%d steps skipped, %d repeated; the canary's statuses:\n%s", skipped, repeated, s.record)
	}
	return skipped, repeated
}

// checks asserts that every step was judged once, and once more for each check that the fault
// spoilt.
func (s *scene) checks(t *testing.T, last *v1beta1.Canary) {
	t.Helper()
	run, f := last.Status.Run, s.fault
	var failed, errored, erroredNow int32
	for _, seen := range s.record.All()[s.began:] {
		if status := seen.Canary.Status; status.Run != nil && status.Run.ID == run.ID {
			failed = max(failed, status.FailedChecks)
			if status.Run.ErroredChecks > erroredNow {
				errored += status.Run.ErroredChecks - erroredNow
			}
			erroredNow = status.Run.ErroredChecks
		}
	}
	// The count in the status begins anew when the run has ended.
	if n := len(last.Status.History); n != 1 {
		t.Errorf("%d runs in the history, want 1", n)
		return
	}
	failed = max(failed, last.Status.History[0].FailedChecks)
	wantFailed := f.failedChecks
	if f.rollback {
		wantFailed++
	}
	if failed != wantFailed {
		t.Errorf("%d failed checks, want %d; the canary's statuses:\n%s", failed, wantFailed, s.record)
	}
	if errored < f.erroredChecks || (f.erroredChecks == 0 && errored > 0) {
		t.Errorf("%d errored checks, want %d; the canary's statuses:\n%s", errored, f.erroredChecks, s.record)
	}
	// A failed pre-rollout hook is a failed check without a check of the metrics.
	want := int32(len(weights))
	if run.Checks < want || run.Checks > want+f.failedChecks+errored+f.moreChecks {
		t.Errorf("%d checks were counted, want one for each of %d steps, %d failed and %d errored", run.Checks, want, f.failedChecks, errored)
	}
}

// world asserts that the cluster is as a release leaves it.
func (s *scene) world(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	primary, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Get(ctx, "app-primary", metav1.GetOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	if image, want := primary.Spec.Template.Spec.Containers[0].Image, stage.Image(s.fault.ends().version); image != want {
		t.Errorf("app-primary runs %s, want %s", image, want)
	}
	if *primary.Spec.Replicas != replicas || primary.Status.ReadyReplicas != replicas || primary.Status.UpdatedReplicas != replicas {
		t.Errorf("app-primary has %d ready and %d updated of %d pods, want %d",
			primary.Status.ReadyReplicas, primary.Status.UpdatedReplicas, *primary.Spec.Replicas, replicas)
	}
	for name, want := range map[string]string{"app": "app-primary", "app-primary": "app-primary", "app-canary": "app"} {
		svc, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			t.Error(err)
		} else if svc.Spec.Selector["app"] != want {
			t.Errorf("service %s selects %v, want app=%s", name, svc.Spec.Selector, want)
		}
	}
}
