package autoscaler

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// pausedReplicas makes KEDA scale to the value and leave it there.
	pausedReplicas = "autoscaling.keda.sh/paused-replicas"
	// idle is the value that the agent writes.
	idle = "0"
)

// Pause returns the merge patch that keeps KEDA from scaling an idle target (on), or that lets it
// scale again (not on), and whether it is needed. Nothing but the one annotation is in it, so
// nothing of the user's object can be lost (gotcha A14).
//
// A user who paused KEDA at another number has decided: neither is his value overwritten, as
// nobody could put it back, nor is it removed. HeldAt tells it. His other annotations, such as
// autoscaling.keda.sh/paused, are left alone and do not keep ours away, since they may go while
// the target is idle.
//
// A HorizontalPodAutoscaler never needs a patch: without replicas it does nothing.
func Pause(live *unstructured.Unstructured, on bool) (mergePatch []byte, needed bool) {
	if live == nil || !isKEDA(live) {
		return nil, false
	}
	value, paused := live.GetAnnotations()[pausedReplicas]
	var wanted any
	switch {
	case on && !paused:
		wanted = idle
	case !on && paused && value == idle:
		wanted = nil
	default:
		return nil, false
	}
	mergePatch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{pausedReplicas: wanted}}})
	if err != nil {
		panic("a map of texts has a JSON form: " + err.Error())
	}
	return mergePatch, true
}

// HeldAt tells the number of replicas at which a user, and not the agent, has paused KEDA, and
// whether he has. An idle target keeps that number of pods.
func HeldAt(live *unstructured.Unstructured) (replicas string, held bool) {
	if live == nil || !isKEDA(live) {
		return "", false
	}
	value, paused := live.GetAnnotations()[pausedReplicas]
	if !paused || value == idle {
		return "", false
	}
	return value, true
}
