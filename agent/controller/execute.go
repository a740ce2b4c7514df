package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
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
	deploymentsGVR = appsv1.SchemeGroupVersion.WithResource("deployments")
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
	case apierrors.IsConflict(err):
		return nil, &retryError{after: conflictRetry, err: fmt.Errorf("canary %s/%s changed meanwhile", canary.Namespace, canary.Name)}
	case apierrors.IsNotFound(err):
		return nil, &retryError{after: conflictRetry, err: fmt.Errorf("canary %s/%s was deleted meanwhile", canary.Namespace, canary.Name)}
	case err != nil:
		return nil, fmt.Errorf("write status of canary %s/%s: %w", canary.Namespace, canary.Name, err)
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
	case rollout.CopyToPrimary:
		return c.copyToPrimary(ctx, w, e)
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
	live := w.services[role]
	want := workload.RenderService(w.canary, role, w.selector, w.target, live)
	if workload.ServiceCurrent(want, live) {
		return nil
	}
	object, err := workload.ServiceObject(w.canary, want, live == nil || workload.OwnedBy(live, w.canary))
	if err != nil {
		return err
	}
	written, err := c.apply(ctx, servicesGVR, object)
	if err != nil {
		return err
	}
	svc := &corev1.Service{}
	if err := remember(c, objectKey{servicesResource, want.Namespace, want.Name}, written, svc); err != nil {
		return err
	}
	c.queueAgain(w)
	return nil
}

// copyToPrimary makes the primary out of the target as it was when the decision was taken: the
// generation stands for the template that was analysed.
func (c *Controller) copyToPrimary(ctx context.Context, w *world, e rollout.CopyToPrimary) error {
	name := w.canary.Spec.TargetRef.Name
	target, err := c.dynamic.Resource(deploymentsGVR).Namespace(w.canary.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get deployment %s/%s: %w", w.canary.Namespace, name, err)
	}
	if target.GetGeneration() != e.Generation {
		return &retryError{after: conflictRetry, err: fmt.Errorf("deployment %s/%s changed meanwhile", w.canary.Namespace, name)}
	}
	object, err := workload.RenderPrimary(w.canary, target, workload.Copy{
		Selector: w.selector,
		Prefixes: c.config.Prefixes,
		Revision: e.Revision,
		RunID:    e.RunID,
		Replicas: e.Replicas,
	})
	if err != nil {
		return err
	}
	written, err := c.apply(ctx, deploymentsGVR, object)
	if err != nil {
		return err
	}
	return c.rememberDeployment(w, written)
}

func (c *Controller) rememberDeployment(w *world, written *unstructured.Unstructured) error {
	d := &appsv1.Deployment{}
	if err := remember(c, objectKey{deploymentsResource, written.GetNamespace(), written.GetName()}, written, d); err != nil {
		return err
	}
	workload.Trim(d)
	c.queueAgain(w)
	return nil
}

func (c *Controller) setRoute(ctx context.Context, w *world, e rollout.SetRoute) error {
	objects, err := w.entry.provider.Render(w.canary, routing.CanaryShare(e.Canary), w.routing)
	if err != nil {
		return err
	}
	for i, object := range objects {
		ref := w.entry.refs[min(i, len(w.entry.refs)-1)]
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
	name := w.canary.Spec.TargetRef.Name
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"replicas": e.Replicas}})
	if err != nil {
		return err
	}
	written, err := c.dynamic.Resource(deploymentsGVR).Namespace(w.canary.Namespace).
		Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return fmt.Errorf("scale deployment %s/%s to %d: %w", w.canary.Namespace, name, e.Replicas, err)
	}
	return c.rememberDeployment(w, written)
}

// apply writes an object by server-side apply: the agent owns just what it renders.
func (c *Controller) apply(ctx context.Context, gvr schema.GroupVersionResource, object *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	written, err := c.dynamic.Resource(gvr).Namespace(object.GetNamespace()).Apply(ctx, object.GetName(), object, applyOptions)
	if err != nil {
		return nil, fmt.Errorf("apply %s %s/%s: %w", gvr.Resource, object.GetNamespace(), object.GetName(), err)
	}
	return written, nil
}

// remember keeps what a write returned until the cache has it.
func remember[T metav1.Object](c *Controller, key objectKey, written *unstructured.Unstructured, into T) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(written.Object, into); err != nil {
		return fmt.Errorf("read back %s %s/%s: %w", key.resource, key.namespace, key.name, err)
	}
	into.SetManagedFields(nil)
	c.recent.wrote(key, into)
	return nil
}

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
		metav1.ApplyOptions{FieldManager: FieldManager + "-decode", Force: true})
	if err != nil {
		return fmt.Errorf("report canary %s/%s: %w", e.raw.GetNamespace(), e.raw.GetName(), err)
	}
	return nil
}
