package controller

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/workload/autoscaler"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// scalers are the live autoscalers of a target and its primary; nil when there is none.
type scalers struct {
	gvr             schema.GroupVersionResource
	target, primary *unstructured.Unstructured
}

// scalerKeys are the objects that have to be watched for a canary with an autoscaler.
func scalerKeys(canary *v1beta1.Canary) []objectKey {
	ref := canary.Spec.AutoscalerRef
	if ref == nil {
		return nil
	}
	gvr, err := autoscaler.Resource(ref)
	if err != nil {
		return nil // Which is a problem of its own.
	}
	return []objectKey{
		{routeResource(gvr), canary.Namespace, ref.Name},
		{routeResource(gvr), canary.Namespace, autoscaler.PrimaryName(ref)},
	}
}

// observeScaler looks at the autoscalers.
func (c *Controller) observeScaler(ctx context.Context, w *world) {
	if w.canary.Spec.AutoscalerRef == nil || w.kind == nil || !w.kind.Traits().Replicas {
		return
	}
	w.Scaler.Wanted = true
	if err := c.findScalers(ctx, w); err != nil {
		w.Scaler.Err = err.Error()
		return
	}
	want, err := autoscaler.RenderPrimary(w.canary, w.scalers.target, rollout.FloorOf(&w.canary.Status), w.scalers.primary)
	if err != nil {
		w.Scaler.Err = err.Error()
		return
	}
	w.Scaler.Current = w.scalers.primary != nil && autoscaler.Current(want, w.scalers.primary, FieldManager)
	w.Scaler.FromZero = autoscaler.FromZero(w.scalers.target)
	_, pause := autoscaler.Pause(w.scalers.target, true)
	_, resume := autoscaler.Pause(w.scalers.target, false)
	w.Scaler.Pausable = pause || resume
	w.Scaler.Paused = resume
}

func (c *Controller) findScalers(ctx context.Context, w *world) error {
	ref := w.canary.Spec.AutoscalerRef
	gvr, err := autoscaler.Resource(ref)
	if err != nil {
		return err
	}
	informer, err := c.informerFor(ctx, demand{
		gvr: gvr, handler: c.ownedHandler(routeResource(gvr)), hint: "install the autoscaler, or remove spec.autoscalerRef",
	})
	if err != nil {
		c.queue.AddAfter(canaryName(w.canary), missingRetry)
		return err
	}
	find := func(name string) *unstructured.Unstructured {
		cached, found := fromStore[*unstructured.Unstructured](informer, w.canary.Namespace, name)
		live, found := newest(c.recent, objectKey{routeResource(gvr), w.canary.Namespace, name}, cached, found)
		if !found {
			return nil
		}
		return live
	}
	w.scalers = scalers{gvr: gvr, target: find(ref.Name), primary: find(autoscaler.PrimaryName(ref))}
	if w.scalers.target == nil {
		return fmt.Errorf("not found; create it, or remove spec.autoscalerRef")
	}
	return nil
}

func (c *Controller) ensureScaler(ctx context.Context, w *world, e rollout.EnsureScaler) error {
	want, err := autoscaler.RenderPrimary(w.canary, w.scalers.target, e.Floor, w.scalers.primary)
	if err != nil {
		return err
	}
	if live := w.scalers.primary; live != nil {
		if autoscaler.Current(want, live, FieldManager) {
			return nil
		}
		if patch, needed := autoscaler.Stray(want, live); needed {
			if _, err := c.patchScaler(ctx, w, live.GetName(), patch); err != nil {
				return err
			}
		}
		if err := c.resumeTakenOver(ctx, w, live); err != nil {
			return err
		}
	}
	written, err := c.apply(ctx, w.scalers.gvr, want)
	if err != nil {
		return err
	}
	w.scalers.primary = written
	c.recent.wrote(objectKey{routeResource(w.scalers.gvr), written.GetNamespace(), written.GetName()}, written)
	c.queueAgain(w)
	return nil
}

// resumeTakenOver lets a primary's autoscaler go on that another controller has copied together with
// the pause of the target's (A13), once, before the agent's first own write.
func (c *Controller) resumeTakenOver(ctx context.Context, w *world, live *unstructured.Unstructured) error {
	for _, entry := range live.GetManagedFields() {
		if entry.Manager == FieldManager {
			return nil
		}
	}
	patch, needed := autoscaler.Pause(live, false)
	if !needed {
		return nil
	}
	_, err := c.patchScaler(ctx, w, live.GetName(), patch)
	return err
}

func (c *Controller) pauseScaler(ctx context.Context, w *world, e rollout.PauseScaler) error {
	patch, needed := autoscaler.Pause(w.scalers.target, e.Pause)
	if !needed {
		return nil
	}
	written, err := c.patchScaler(ctx, w, w.scalers.target.GetName(), patch)
	if err != nil {
		return err
	}
	w.scalers.target = written
	c.recent.wrote(objectKey{routeResource(w.scalers.gvr), written.GetNamespace(), written.GetName()}, written)
	c.queueAgain(w)
	return nil
}

func (c *Controller) patchScaler(ctx context.Context, w *world, name string, patch []byte) (*unstructured.Unstructured, error) {
	written, err := c.dynamic.Resource(w.scalers.gvr).Namespace(w.canary.Namespace).
		Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return nil, fmt.Errorf("patch %s %s/%s: %w", w.scalers.gvr.Resource, w.canary.Namespace, name, err)
	}
	return written, nil
}
