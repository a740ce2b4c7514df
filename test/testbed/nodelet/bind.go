package nodelet

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// bind does the scheduler's work for the only node there is. A pod that cannot
// run here says so in its status as it would on a full cluster, so that tests can
// have one that stays pending.
func (n *Nodelet) bind(ctx context.Context, obj *v1.Pod) {
	if obj.DeletionTimestamp != nil || len(obj.Spec.SchedulingGates) > 0 {
		return
	}
	n.mu.Lock()
	known := n.binding[obj.UID]
	n.binding[obj.UID] = true
	n.mu.Unlock()
	if known {
		return
	}
	if why := n.unsuitable(obj); why != "" {
		go n.reportUnschedulable(ctx, obj, "0/1 nodes are available: 1 "+why+".")
		return
	}
	go func() {
		err := retry(ctx, func() error {
			err := n.cfg.Client.CoreV1().Pods(obj.Namespace).Bind(ctx, &v1.Binding{
				ObjectMeta: metav1.ObjectMeta{Name: obj.Name, Namespace: obj.Namespace, UID: obj.UID},
				Target:     v1.ObjectReference{Kind: "Node", Name: n.cfg.NodeName},
			}, metav1.CreateOptions{})
			// A conflict means that it is bound or is another pod by now.
			if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
				return nil
			}
			if err != nil && ctx.Err() == nil {
				n.log.Warn("pod not bound, will be tried again", "pod", obj.Namespace+"/"+obj.Name, "error", err)
			}
			return err
		})
		if err == nil {
			n.mu.Lock()
			delete(n.binding, obj.UID)
			n.mu.Unlock()
		}
	}()
}

// unsuitable says what keeps a pod off this node.
func (n *Nodelet) unsuitable(obj *v1.Pod) string {
	if !nodeFits(&obj.Spec, n.cfg.NodeName, n.nodeLabels()) {
		return "node(s) didn't match Pod's node affinity/selector"
	}
	have := capacity()
	for _, c := range obj.Spec.Containers {
		for name, want := range c.Resources.Requests {
			if free, ok := have[name]; !ok || want.Cmp(free) > 0 {
				return "Insufficient " + string(name)
			}
		}
	}
	return ""
}

func (n *Nodelet) reportUnschedulable(ctx context.Context, obj *v1.Pod, message string) {
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"status":{"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":%q,"lastTransitionTime":%q}]}}`,
		obj.UID, message, time.Now().UTC().Format(time.RFC3339))
	err := retry(ctx, func() error {
		_, err := n.cfg.Client.CoreV1().Pods(obj.Namespace).Patch(ctx, obj.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return nil
		}
		return err
	})
	if err == nil {
		n.events.Event(obj, v1.EventTypeWarning, "FailedScheduling", message)
	}
}
