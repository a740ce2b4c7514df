//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// killAgent kills the agent's process with signal 9 and waits until its successor runs.
func (s *scene) killAgent() {
	s.Helper()
	pods := s.cluster.Client().CoreV1().Pods(stage.AgentNamespace)
	list, err := pods.List(s.ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || len(list.Items[0].Status.ContainerStatuses) != 1 {
		s.Fatalf("want one pod of the agent, got %d: %v", len(list.Items), err)
	}
	pod := list.Items[0]
	restarts := pod.Status.ContainerStatuses[0].RestartCount
	if err := s.cluster.Node.Kill(pod.Namespace, pod.Name, "agent", syscall.SIGKILL); err != nil {
		s.Fatal(err)
	}
	s.eventually("the agent to be restarted", func() error {
		pod, err := pods.Get(s.ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		status := pod.Status.ContainerStatuses[0]
		if status.RestartCount <= restarts || !status.Ready {
			return fmt.Errorf("restarts %d, ready %t", status.RestartCount, status.Ready)
		}
		return nil
	})
}

// TestAgentKilled kills the agent in mid-run: the same step goes on, no step is skipped or
// repeated, the run is the same, and no request is lost.
func TestAgentKilled(t *testing.T) {
	s := play(t, stage.App{Interval: "2s"})
	s.release("python-2")
	s.until("15 %", atWeight(15))
	before := s.record.Last().Status
	s.killAgent()
	after := s.record.Last().Status
	if after.CanaryWeight < before.CanaryWeight {
		t.Errorf("weight %d after the kill, was %d", after.CanaryWeight, before.CanaryWeight)
	}
	s.until("Promoting", stage.InPhase(v1beta1.PhasePromoting))
	s.killAgent()
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	s.noFailures(nil)
	if got := s.splitsAsWanted("python-2"); !slices.Equal(got, fiveToFifty) {
		t.Errorf("weights %v, want %v", got, fiveToFifty)
	}
	s.oneRun()
}

// oneRun asserts that the whole record is about one run, all of whose steps passed.
func (s *scene) oneRun() {
	s.Helper()
	runs := map[string]bool{}
	for _, seen := range s.record.All() {
		if run := seen.Canary.Status.Run; run != nil {
			runs[run.ID] = true
		}
	}
	if len(runs) != 1 {
		s.Errorf("runs %v, want one", runs)
	}
	final := s.record.Last().Status
	for i, step := range final.Steps {
		if step.State != v1beta1.StepPassed {
			s.Errorf("step %d is %s", i+1, step.State)
		}
	}
	if len(final.History) != 1 {
		s.Errorf("%d runs in the history, want 1", len(final.History))
	}
}

// TestAgentReplaced ends the agent's pod properly, as an upgrade or a drained node does: it gives
// the lease back, and the next pod goes on with the same step.
func TestAgentReplaced(t *testing.T) {
	s := rehearse(t, stage.App{Replicas: 1, Interval: "2s", Edit: steps(int64(20), int64(40), int64(60))})
	s.release("python-2")
	s.until("20 %", atWeight(20))
	pods := s.cluster.Client().CoreV1().Pods(stage.AgentNamespace)
	list, err := pods.List(s.ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("want one pod of the agent, got %d: %v", len(list.Items), err)
	}
	if err := pods.Delete(s.ctx, list.Items[0].Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.until("40 %", atWeight(40))
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.oneRun()
	lease, err := s.cluster.Client().CoordinationV1().Leases(stage.AgentNamespace).Get(s.ctx, "canary-agent", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == list.Items[0].Name {
		t.Errorf("lease %+v, %v; want another holder than %s", lease.Spec, err, list.Items[0].Name)
	}
	s.eventually("one pod of the agent", func() error {
		list, err := pods.List(s.ctx, metav1.ListOptions{})
		if err == nil && len(list.Items) != 1 {
			err = fmt.Errorf("%d pods", len(list.Items))
		}
		return err
	})
}
