package controller

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
)

// copyToPrimary makes the primary out of the target as it was when the decision was taken: the
// generation stands for the template that was analysed.
func (c *Controller) copyToPrimary(ctx context.Context, w *world, e rollout.CopyToPrimary) error {
	name := w.canary.Spec.TargetRef.Name
	target, err := c.live(ctx, w, name)
	if err != nil {
		return err
	}
	if w.target == nil || target.GetUID() != w.target.GetUID() || target.GetGeneration() != e.Generation {
		return changedMeanwhile(w, name)
	}
	if err := c.stillAnalysed(ctx, w, target, e.Revision); err != nil {
		return err
	}
	primary, err := c.livePrimary(ctx, w)
	if err != nil {
		return err
	}
	if err := c.takeOverFields(ctx, w, primary); err != nil {
		return err
	}
	if err := c.copyConfigs(ctx, w, target, e.Revision); err != nil {
		return err
	}
	object, err := w.kind.RenderPrimary(w.canary, target, workload.Copy{
		Selector:     w.selector,
		Prefixes:     c.config.Prefixes,
		Revision:     e.Revision,
		RunID:        e.RunID,
		Replicas:     e.Replicas,
		KeepReplicas: keepsReplicas(w, primary),
		Live:         w.primary,
	})
	if err != nil {
		return err
	}
	return c.writePrimary(ctx, w, object)
}

// live reads an object of the target's kind past the cache, with all of its fields.
func (c *Controller) live(ctx context.Context, w *world, name string) (*unstructured.Unstructured, error) {
	object, err := c.dynamic.Resource(w.kind.Resource()).Namespace(w.canary.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", called(w.kind, w.canary.Namespace, name), err)
	}
	return object, nil
}

func changedMeanwhile(w *world, name string) error {
	return &retryError{after: conflictRetry, err: fmt.Errorf("%s changed meanwhile", called(w.kind, w.canary.Namespace, name))}
}

// stillAnalysed makes sure of the revision for the kinds where the generation alone does not: a
// Service has none, and the history of a DaemonSet that is cached may be older than the DaemonSet.
func (c *Controller) stillAnalysed(ctx context.Context, w *world, target *unstructured.Unstructured, revision string) error {
	if history := w.kind.History(); history != nil && history.Named {
		return nil
	}
	object, err := w.kind.Cached(target.DeepCopy())
	if err != nil {
		return err
	}
	entries, err := c.freshHistory(ctx, w.kind, object)
	if err != nil {
		return err
	}
	template, _, _ := strings.Cut(revision, "+") // What follows are the configs.
	if now := w.kind.Target(object, entries); !now.Observed || now.Revision != template {
		return changedMeanwhile(w, target.GetName())
	}
	return nil
}

// livePrimary reads the primary past the cache; nil when there is none.
func (c *Controller) livePrimary(ctx context.Context, w *world) (*unstructured.Unstructured, error) {
	if w.primary == nil || w.kind.Traits().InPlace {
		return nil, nil
	}
	primary, err := c.live(ctx, w, w.primary.GetName())
	if apierrors.IsNotFound(err) {
		return nil, nil // Deleted just now; it is made anew.
	}
	return primary, err
}

// keepsReplicas says whether the number of the primary's pods is somebody else's business (A17). A
// primary that was scaled to nothing gets its pods all the same.
func keepsReplicas(w *world, primary *unstructured.Unstructured) bool {
	return primary != nil && w.kind.Traits().Replicas && w.Primary.Replicas > 0 && workload.ScaledByOthers(primary)
}

// takeOverFields makes the agent the owner of what another controller has written into the primary,
// once, before its first own write: a field that the target has lost would stay for ever otherwise,
// since an apply removes only what the applier owns.
func (c *Controller) takeOverFields(ctx context.Context, w *world, primary *unstructured.Unstructured) error {
	if primary == nil {
		return nil
	}
	for _, entry := range primary.GetManagedFields() {
		if entry.Manager == FieldManager && entry.Operation == metav1.ManagedFieldsOperationApply {
			return nil
		}
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(primary, sets.New(rivalName, FieldManager), FieldManager)
	if err != nil {
		return fmt.Errorf("take over the fields of %s: %w", called(w.kind, w.canary.Namespace, primary.GetName()), err)
	}
	if patch == nil {
		return nil
	}
	_, err = c.dynamic.Resource(w.kind.Resource()).Namespace(w.canary.Namespace).
		Patch(ctx, primary.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if apierrors.IsConflict(err) {
		return changedMeanwhile(w, primary.GetName())
	}
	if err != nil {
		return fmt.Errorf("take over the fields of %s: %w", called(w.kind, w.canary.Namespace, primary.GetName()), err)
	}
	return nil
}

// writePrimary writes what RenderPrimary has made.
func (c *Controller) writePrimary(ctx context.Context, w *world, object *unstructured.Unstructured) error {
	if !w.kind.Traits().InPlace {
		written, err := c.apply(ctx, w.kind.Resource(), object)
		if err != nil {
			return err
		}
		return c.rememberWorkload(w, written)
	}
	// An apply would take away what the traffic provider has applied to the same object.
	patch, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	return c.patchTarget(ctx, w, patch)
}
