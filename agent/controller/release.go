package controller

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// release leaves behind what clients use: the apex Service selects the target, the route leads to
// the apex Service, and neither goes with the Canary.
func (c *Controller) release(ctx context.Context, w *world) error {
	if want := releasedApex(w); want != nil && !apexReleased(w) {
		if err := c.applyRendered(ctx, w, want, false); err != nil {
			return err
		}
	}
	objects, err := w.entry.provider.Release(w.canary, w.routing)
	if err != nil {
		return err
	}
	for i, object := range objects {
		ref := refAt(w.entry.refs, i)
		written, err := c.apply(ctx, ref.GVR, object)
		if err != nil {
			return err
		}
		c.recent.wrote(keyOf(ref), written)
	}
	c.queueAgain(w)
	return nil
}

// releasedApex is the apex Service as it is left behind; nil for targets that have none.
func releasedApex(w *world) *corev1.Service {
	if w.kind == nil || w.target == nil || !w.kind.Traits().Pods {
		return nil
	}
	svc := w.kind.Service(w.canary, workload.Apex, w.selector, w.target, w.services[workload.Apex])
	if svc == nil {
		return nil
	}
	svc = svc.DeepCopy()
	svc.Spec.Selector = map[string]string{w.selector.Key: w.selector.Value}
	for key := range v1beta1.GitOpsOff() {
		delete(svc.Annotations, key)
	}
	return svc
}

func apexReleased(w *world) bool {
	want, live := releasedApex(w), w.services[workload.Apex]
	if want == nil {
		return true
	}
	return live != nil && !workload.OwnedBy(live, w.canary) && maps.Equal(live.Spec.Selector, want.Spec.Selector)
}

// routeReleased says whether the routing objects are as Release leaves them.
func routeReleased(w *world) (bool, error) {
	objects, err := w.entry.provider.Release(w.canary, w.routing)
	if err != nil {
		return false, err
	}
	for i, object := range objects {
		live := w.routing[refAt(w.entry.refs, i)]
		if live == nil || workload.OwnedBy(live, w.canary) || len(routing.Diff(object, live)) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// refAt is the reference of the i-th object that a provider renders.
func refAt(refs []routing.Ref, i int) routing.Ref { return refs[min(i, len(refs)-1)] }
