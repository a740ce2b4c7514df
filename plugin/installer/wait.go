package installer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// WaitReady waits until what was applied works: the CustomResourceDefinitions are served, the agent
// has the rights that it is to have, and its pods are those that were applied, and ready.
func (s *Session) WaitReady(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		var err error
		switch o.GetKind() {
		case "CustomResourceDefinition":
			err = s.waitEstablished(ctx, o.GetName())
		case "ClusterRole":
			if _, sums, _ := unstructured.NestedMap(o.Object, "aggregationRule"); sums {
				err = s.waitAggregated(ctx, o.GetName(), objects)
			}
		case "Deployment":
			err = s.waitRolledOut(ctx, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) waitEstablished(ctx context.Context, name string) error {
	return Until(ctx, "customresourcedefinition "+name+" to be served", func(ctx context.Context) (bool, string, error) {
		crd, err := s.Get(ctx, "CustomResourceDefinition", "", name)
		if err != nil {
			return false, "", err
		}
		status, message := condition(crd, "Established")
		if _, refused := condition(crd, "NamesAccepted"); status != "True" && refused != "" {
			message = refused
		}
		return status == "True", message, nil
	})
}

func (s *Session) waitAggregated(ctx context.Context, name string, of []*unstructured.Unstructured) error {
	return Until(ctx, "the rights of clusterrole "+name+" to be summed up", func(ctx context.Context) (bool, string, error) {
		role, err := s.Get(ctx, "ClusterRole", "", name)
		if err != nil {
			return false, "", err
		}
		return manifest.Aggregated(role, of), "its rules are not complete; is kube-controller-manager running?", nil
	})
}

func (s *Session) waitRolledOut(ctx context.Context, o *unstructured.Unstructured) error {
	told := ""
	what := fmt.Sprintf("deployment %s in namespace %s to be ready", o.GetName(), o.GetNamespace())
	return Until(ctx, what, func(ctx context.Context) (bool, string, error) {
		d, err := s.Get(ctx, o.GetKind(), o.GetNamespace(), o.GetName())
		if err != nil {
			return false, "", err
		}
		done, why := rolledOut(d)
		if done {
			return true, "", nil
		}
		if stuck := s.stuck(ctx, d); stuck != "" {
			why = stuck
			if why != told {
				told = why
				if err := s.Say("%s", why); err != nil {
					return false, why, err
				}
			}
		}
		return false, why, nil
	})
}

// rolledOut is what kubectl rollout status looks at.
func rolledOut(d *unstructured.Unstructured) (bool, string) {
	number := func(path ...string) int64 {
		n, _, _ := unstructured.NestedInt64(d.Object, path...)
		return n
	}
	wanted, given, _ := unstructured.NestedInt64(d.Object, "spec", "replicas")
	if !given {
		wanted = 1
	}
	switch {
	case number("status", "observedGeneration") < d.GetGeneration():
		return false, "the change has not been observed yet; is kube-controller-manager running?"
	case number("status", "updatedReplicas") < wanted:
		return false, fmt.Sprintf("%d of %d pods are of this version", number("status", "updatedReplicas"), wanted)
	case number("status", "replicas") > wanted:
		return false, fmt.Sprintf("%d pods of the former version are still there", number("status", "replicas")-wanted)
	case number("status", "readyReplicas") < wanted:
		return false, fmt.Sprintf("%d of %d pods are ready", number("status", "readyReplicas"), wanted)
	}
	return true, ""
}

// Pods is where pods are found.
var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// stuck says why the pods of a Deployment do not become ready, when they say so; empty when they do
// not, or may not be read.
func (s *Session) stuck(ctx context.Context, d *unstructured.Unstructured) string {
	if status, message := condition(d, "ReplicaFailure"); status == "True" {
		return "its pods cannot be created: " + message
	}
	labels, _, _ := unstructured.NestedStringMap(d.Object, "spec", "selector", "matchLabels")
	found, err := s.list(ctx, s.Client.Resource(pods).Namespace(d.GetNamespace()), metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels}),
	})
	if err != nil {
		return ""
	}
	var reasons []string
	for _, o := range found {
		var pod corev1.Pod
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod) != nil {
			continue
		}
		if why := whyWaiting(&pod); why != "" && !slices.Contains(reasons, why) {
			reasons = append(reasons, why)
		}
	}
	return strings.Join(reasons, "; ")
}

// whyWaiting is why a pod does not run.
func whyWaiting(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s is not scheduled: %s", pod.Name, c.Message)
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		w := c.State.Waiting
		if w == nil || w.Reason == "" || w.Reason == "ContainerCreating" || w.Reason == "PodInitializing" {
			continue
		}
		why := fmt.Sprintf("pod %s, image %s: %s", pod.Name, c.Image, w.Reason)
		if w.Message != "" {
			why += ": " + w.Message
		}
		if ended := c.LastTerminationState.Terminated; ended != nil {
			why += fmt.Sprintf(" (exit code %d); see: kubectl -n %s logs %s --previous", ended.ExitCode, pod.Namespace, pod.Name)
		}
		return why
	}
	return ""
}

// condition of an object: its status and message.
func condition(o *unstructured.Unstructured, name string) (status, message string) {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if have, ok := c.(map[string]any); ok && have["type"] == name {
			status, _ = have["status"].(string)
			message, _ = have["message"].(string)
			return status, message
		}
	}
	return "", ""
}
