package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// setFinalizer adds the finalizer of revertOnDeletion, or removes it, whoever has put it there. The
// finalizers of others are not touched: the write fails when somebody has changed them meanwhile.
func (c *Controller) setFinalizer(ctx context.Context, w *world, e rollout.SetFinalizer) error {
	canary := w.canary
	finalizers := slices.DeleteFunc(slices.Clone(canary.Finalizers), func(f string) bool { return f == v1beta1.Finalizer })
	if e.Present {
		finalizers = append(finalizers, v1beta1.Finalizer)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":             canary.UID,
		"resourceVersion": canary.ResourceVersion,
		"finalizers":      finalizers,
	}})
	if err != nil {
		return err
	}
	written, err := c.dynamic.Resource(canariesGVR).Namespace(canary.Namespace).
		Patch(ctx, canary.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	switch {
	case apierrors.IsConflict(err):
		return &retryError{after: conflictRetry, err: fmt.Errorf("canary %s/%s changed meanwhile", canary.Namespace, canary.Name)}
	case apierrors.IsNotFound(err):
		return nil // It is gone, and the finalizer with it.
	case err != nil:
		return fmt.Errorf("write finalizers of canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	decoded, err := v1beta1.DecodeCanary(written.Object)
	if err != nil {
		return fmt.Errorf("read back canary %s/%s: %w", canary.Namespace, canary.Name, err)
	}
	if decoded.DeletionTimestamp != nil && len(decoded.Finalizers) == 0 {
		return nil // The answer is the last that is seen of it.
	}
	decoded.ManagedFields = nil
	c.recent.wrote(objectKey{canariesResource, canary.Namespace, canary.Name}, decoded)
	w.canary = decoded
	return nil
}
