package workload

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestCauseOf(t *testing.T) {
	pod := func(name string, status corev1.PodStatus) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: status}
	}
	waiting := func(reason, message string) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		}}}
	}
	crashing := waiting("CrashLoopBackOff", "back-off 10s")
	crashing.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 3}
	going := pod("going", waiting("ImagePullBackOff", ""))
	going.DeletionTimestamp = &metav1.Time{}
	tests := []struct {
		name string
		pods []corev1.Pod
		want string
	}{
		{"none", nil, ""},
		{"starting", []corev1.Pod{pod("a", waiting("ContainerCreating", ""))}, ""},
		{"the second one says why", []corev1.Pod{pod("a", corev1.PodStatus{}), pod("b", waiting("ErrImagePull", "not\nfound"))}, "pod b: container app: ErrImagePull: not found"},
		{"crashing", []corev1.Pod{pod("a", crashing)}, "pod a: container app: CrashLoopBackOff, last exit code 3"},
		{"going away", []corev1.Pod{going}, ""},
		{"no node", []corev1.Pod{pod("a", corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes"}}})}, "pod a: Unschedulable: 0/3 nodes"},
		{"long", []corev1.Pod{pod("a", waiting("X", strings.Repeat("y", 1000)))}, "pod a: container app: X: " + strings.Repeat("y", maxCause-len("pod a: container app: X: "))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := CauseOf(tt.pods); got != tt.want {
				t.Errorf("CauseOf() = %q, want %q", got, tt.want)
			}
		})
	}
}
