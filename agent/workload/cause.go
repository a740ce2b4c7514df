package workload

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// maxCause is the length, in bytes, to which what a pod says is cut.
const maxCause = 300

// starting are the reasons of containers that are on their way.
var starting = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

// CauseOf says why pods are not ready, by the first one that gives a reason: a container that
// cannot start or keeps ending, or a pod that no node takes. It is empty when none does.
func CauseOf(pods []corev1.Pod) string {
	for i := range pods {
		pod := &pods[i]
		if pod.DeletionTimestamp != nil {
			continue
		}
		if text := causeOf(pod); text != "" {
			text = "pod " + pod.Name + ": " + strings.Join(strings.Fields(text), " ")
			return strings.ToValidUTF8(text[:min(len(text), maxCause)], "")
		}
	}
	return ""
}

func causeOf(pod *corev1.Pod) string {
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for _, s := range statuses {
			if waiting := s.State.Waiting; waiting != nil && !starting[waiting.Reason] {
				text := fmt.Sprintf("container %s: %s", s.Name, waiting.Reason)
				if last := s.LastTerminationState.Terminated; last != nil {
					return fmt.Sprintf("%s, last exit code %d", text, last.ExitCode)
				}
				if waiting.Message != "" {
					text += ": " + waiting.Message
				}
				return text
			}
			if ended := s.State.Terminated; ended != nil && ended.ExitCode != 0 {
				return fmt.Sprintf("container %s: %s, exit code %d", s.Name, ended.Reason, ended.ExitCode)
			}
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}
