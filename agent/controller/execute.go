package controller

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var (
	deploymentsGVR = workload.Deployments.Resource()
	servicesGVR    = corev1.SchemeGroupVersion.WithResource("services")
)

// conflictRetry is how long to wait for the cache after somebody else wrote first. The watch
// event usually comes earlier.
const conflictRetry = 200 * time.Millisecond

// execute carries a plan out: the status first, then the messages, then the effects. Whoever
// decided on stale facts fails at the status, before anything is touched.
func (c *Controller) execute(ctx context.Context, w *world, plan rollout.Plan) error {
	if !equality.Semantic.DeepEqual(w.canary.Status, plan.Status) {
		written, err := c.writeStatus(ctx, w.canary, plan.Status)
		if err != nil {
			return err
		}
		w.canary = written
	}
	for _, m := range plan.Messages {
		c.tell(w.canary, m)
	}
	for _, effect := range plan.Effects {
		err := c.carryOut(ctx, w, effect)
		c.metrics.Effect(effect, err)
		if err != nil {
			return fmt.Errorf("canary %s/%s: %s: %w", w.canary.Namespace, w.canary.Name, effect, err)
		}
		c.log.Debug("effect", "canary", w.canary.Name+"."+w.canary.Namespace, "effect", effect.String())
	}
	return nil
}

// writeStatus applies the whole status, provided that nobody has written the canary since it was
// read.
func (c *Controller) writeStatus(ctx context.Context, canary *v1beta1.Canary, status v1beta1.CanaryStatus) (*v1beta1.Canary, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&status)
	if err != nil {
		return nil, fmt.Errorf("encode status of canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	dropNulls(content)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1beta1.SchemeGroupVersion.String(),
		"kind":       "Canary",
		"metadata": map[string]any{
			"name":            canary.Name,
			"namespace":       canary.Namespace,
			"uid":             string(canary.UID),
			"resourceVersion": canary.ResourceVersion,
		},
		"status": content,
	}}
	written, err := c.dynamic.Resource(canariesGVR).Namespace(canary.Namespace).
		ApplyStatus(ctx, canary.Name, object, applyOptions)
	switch {
	case unknownField(err):
		return nil, c.outdatedCRD(canary, err)
	case apierrors.IsConflict(err):
		return nil, &retryError{after: conflictRetry, err: fmt.Errorf("canary %s/%s changed meanwhile", canary.Namespace, canary.Name)}
	case apierrors.IsNotFound(err):
		return nil, &retryError{after: conflictRetry, err: fmt.Errorf("canary %s/%s was deleted meanwhile", canary.Namespace, canary.Name)}
	case err != nil:
		return nil, fmt.Errorf("write status of canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	if leftInStatus(content, written) {
		if written, err = c.replaceStatus(ctx, written, object); err != nil {
			return nil, err
		}
	}
	decoded, err := v1beta1.DecodeCanary(written.Object)
	if err != nil {
		return nil, fmt.Errorf("read back canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	decoded.ManagedFields = nil
	c.recent.wrote(objectKey{canariesResource, canary.Namespace, canary.Name}, decoded)
	return decoded, nil
}

var applyOptions = metav1.ApplyOptions{FieldManager: FieldManager, Force: true}

// dropNulls removes what applying would otherwise claim: null means "absent" in Go, and "set to
// null" in an apply.
func dropNulls(content map[string]any) {
	for key, value := range content {
		switch value := value.(type) {
		case nil:
			delete(content, key)
		case map[string]any:
			dropNulls(value)
		case []any:
			for _, item := range value {
				if m, ok := item.(map[string]any); ok {
					dropNulls(m)
				}
			}
		}
	}
}

// carryOut carries out one effect.
func (c *Controller) carryOut(ctx context.Context, w *world, effect rollout.Effect) error {
	switch e := effect.(type) {
	case rollout.EnsureServices:
		if err := c.applyService(ctx, w, workload.Canary); err != nil {
			return err
		}
		return c.applyService(ctx, w, workload.Primary)
	case rollout.EnsureApex:
		return c.applyService(ctx, w, workload.Apex)
	case rollout.SetFinalizer:
		return c.setFinalizer(ctx, w, e)
	case rollout.CopyToPrimary:
		return c.copyToPrimary(ctx, w, e)
	case rollout.AdoptPrimary:
		return c.adoptPrimary(ctx, w, e)
	case rollout.RestorePrimary:
		return c.restorePrimary(ctx, w, e)
	case rollout.Release:
		return c.release(ctx, w)
	case rollout.EnsureScaler:
		return c.ensureScaler(ctx, w, e)
	case rollout.PauseScaler:
		return c.pauseScaler(ctx, w, e)
	case rollout.SetRoute:
		return c.setRoute(ctx, w, e)
	case rollout.ScaleTarget:
		return c.scaleTarget(ctx, w, e)
	case rollout.RunCheck:
		c.startCheck(w, e)
		return nil
	case rollout.CallHook:
		return c.startHook(w, e)
	}
	return fmt.Errorf("no code for effect %T", effect)
}

func (c *Controller) applyService(ctx context.Context, w *world, role workload.Role) error {
	return c.writeService(ctx, w, role, w.canary.Status.CanaryWeight)
}

func (c *Controller) writeService(ctx context.Context, w *world, role workload.Role, weight int32) error {
	live := w.services[role]
	want := renderService(w, role, weight)
	if want == nil || workload.ServiceCurrent(want, live) {
		return nil
	}
	return c.applyRendered(ctx, w, want, live == nil || workload.OwnedBy(live, w.canary))
}

// applyRendered applies a Service; owned says whether it goes with the Canary.
func (c *Controller) applyRendered(ctx context.Context, w *world, want *corev1.Service, owned bool) error {
	object, err := workload.ServiceObject(w.canary, want, owned)
	if err != nil {
		return err
	}
	written, err := c.apply(ctx, servicesGVR, object)
	if err != nil {
		return err
	}
	svc, err := workload.CachedService(written)
	if err != nil {
		return err
	}
	c.recent.wrote(objectKey{servicesResource, want.Namespace, want.Name}, svc)
	c.queueAgain(w)
	return nil
}

// patchTarget merges a patch into the target.
func (c *Controller) patchTarget(ctx context.Context, w *world, patch []byte) error {
	namespace, name := w.canary.Namespace, w.canary.Spec.TargetRef.Name
	written, err := c.dynamic.Resource(w.kind.Resource()).Namespace(namespace).
		Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return fmt.Errorf("patch %s: %w", called(w.kind, namespace, name), err)
	}
	return c.rememberWorkload(w, written)
}

func (c *Controller) setRoute(ctx context.Context, w *world, e rollout.SetRoute) error {
	if routedByService(w) {
		return c.writeService(ctx, w, workload.Apex, e.Canary)
	}
	split := routing.CanaryShare(e.Canary)
	split.Mirror, split.Everyone = e.Mirror, e.Everyone
	objects, err := w.entry.provider.Render(w.canary, split, w.routing)
	if err != nil {
		return err
	}
	for i, object := range objects {
		ref := refAt(w.entry.refs, i)
		live := w.routing[ref]
		if live == nil || workload.OwnedBy(live, w.canary) {
			object.SetOwnerReferences(nil)
			if err := unstructured.SetNestedSlice(object.Object, []any{workload.OwnerOf(w.canary)}, "metadata", "ownerReferences"); err != nil {
				return err
			}
		}
		written, err := c.apply(ctx, ref.GVR, object)
		if err != nil {
			return err
		}
		c.recent.wrote(keyOf(ref), written)
	}
	c.queueAgain(w)
	return nil
}

func (c *Controller) scaleTarget(ctx context.Context, w *world, e rollout.ScaleTarget) error {
	patch, err := w.kind.Scale(w.target, e.Replicas)
	if err != nil || patch == nil {
		return err
	}
	if err := c.patchTarget(ctx, w, patch); err != nil {
		return fmt.Errorf("scale to %d: %w", e.Replicas, err)
	}
	return nil
}

// apply writes an object by server-side apply: the agent owns just what it renders.
func (c *Controller) apply(ctx context.Context, gvr schema.GroupVersionResource, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	written, err := c.dynamic.Resource(gvr).Namespace(object.GetNamespace()).Apply(ctx, object.GetName(), object, applyOptions)
	if err != nil {
		return nil, fmt.Errorf("apply %s %s/%s: %w", gvr.Resource, object.GetNamespace(), object.GetName(), err)
	}
	return written, nil
}

// decodeManager writes the condition of an object that cannot be read. It is another one than the
// agent's, whose next apply has to have the whole status.
const decodeManager = FieldManager + "-decode"

// reportUndecodable says on the object itself why it is not looked after. Only the conditions and
// the message are written, since the rest of the status could not be read either.
func (c *Controller) reportUndecodable(ctx context.Context, e *entry) error {
	message := "The object cannot be read: " + e.err.Error()
	conditions, _, _ := unstructured.NestedSlice(e.raw.Object, "status", "conditions")
	for _, item := range conditions {
		if m, ok := item.(map[string]any); ok && m["type"] == string(v1beta1.ConditionStalled) && m["message"] == message {
			return nil
		}
	}
	now := c.now().UTC().Format(time.RFC3339)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1beta1.SchemeGroupVersion.String(),
		"kind":       "Canary",
		"metadata":   map[string]any{"name": e.raw.GetName(), "namespace": e.raw.GetNamespace()},
		"status": map[string]any{
			"message": message,
			"conditions": []any{map[string]any{
				"type": string(v1beta1.ConditionStalled), "status": "True", "reason": "Undecodable", "message": message,
				"lastUpdateTime": now, "lastTransitionTime": now,
			}},
		},
	}}
	_, err := c.dynamic.Resource(canariesGVR).Namespace(e.raw.GetNamespace()).ApplyStatus(ctx, e.raw.GetName(), object,
		metav1.ApplyOptions{FieldManager: decodeManager, Force: true})
	if err != nil {
		return fmt.Errorf("report canary %s/%s: %w", e.raw.GetNamespace(), e.raw.GetName(), err)
	}
	return nil
}
