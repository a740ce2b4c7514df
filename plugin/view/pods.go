package view

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// pods lists the canary's pods, then the primary's, each by age and name.
func pods(extra Extra) []Pod {
	out := make([]Pod, 0, len(extra.CanaryPods)+len(extra.PrimaryPods))
	for i := range extra.CanaryPods {
		out = append(out, podOf(&extra.CanaryPods[i], SideCanary))
	}
	for i := range extra.PrimaryPods {
		out = append(out, podOf(&extra.PrimaryPods[i], SidePrimary))
	}
	slices.SortFunc(out, func(a, b Pod) int {
		if a.Side != b.Side {
			return strings.Compare(string(a.Side), string(b.Side))
		}
		if !a.Created.Equal(b.Created) {
			return a.Created.Compare(b.Created)
		}
		return strings.Compare(a.Name, b.Name)
	})
	if len(out) == 0 {
		return nil
	}
	return out
}

func podOf(p *corev1.Pod, side Side) Pod {
	out := Pod{
		Name: p.Name, Side: side, Containers: len(p.Spec.Containers),
		Created: p.CreationTimestamp.Time, Node: p.Spec.NodeName,
	}
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodReady {
			out.Ready = condition.Status == corev1.ConditionTrue
		}
	}
	out.Reason, out.Message = podReason(p)
	for _, s := range p.Status.ContainerStatuses {
		out.Restarts += max(0, s.RestartCount)
		if s.Ready {
			out.ReadyContainers++
		}
	}
	return out
}

// podReason is the word of the STATUS column of kubectl get pods, and the detail behind it.
func podReason(p *corev1.Pod) (reason, message string) {
	if p.DeletionTimestamp != nil {
		return "Terminating", ""
	}
	for i, s := range p.Status.InitContainerStatuses {
		state := s.State
		switch {
		case state.Terminated != nil && state.Terminated.ExitCode == 0:
			continue
		case state.Terminated != nil:
			return "Init:" + terminatedReason(state.Terminated), state.Terminated.Message
		case state.Waiting != nil && state.Waiting.Reason != "" && state.Waiting.Reason != "PodInitializing":
			return "Init:" + state.Waiting.Reason, state.Waiting.Message
		case s.Started != nil && *s.Started: // a sidecar
			continue
		}
		return fmt.Sprintf("Init:%d/%d", i, len(p.Spec.InitContainers)), ""
	}
	for _, s := range p.Status.ContainerStatuses {
		switch {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "":
			return s.State.Waiting.Reason, s.State.Waiting.Message
		case s.State.Terminated != nil:
			return terminatedReason(s.State.Terminated), s.State.Terminated.Message
		}
	}
	if p.Status.Reason != "" {
		return p.Status.Reason, p.Status.Message
	}
	for _, condition := range p.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return "Pending", condition.Message
		}
	}
	if p.Status.Phase == "" {
		return "Unknown", ""
	}
	return string(p.Status.Phase), ""
}

func terminatedReason(t *corev1.ContainerStateTerminated) string {
	switch {
	case t.Reason != "":
		return t.Reason
	case t.Signal != 0:
		return fmt.Sprintf("Signal:%d", t.Signal)
	}
	return fmt.Sprintf("ExitCode:%d", t.ExitCode)
}
