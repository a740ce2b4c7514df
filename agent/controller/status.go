package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
)

// leftInStatus says whether the status has something after an apply that was not in it: fields and
// conditions that another field manager owns, and that an apply does not take away.
func leftInStatus(applied map[string]any, written *unstructured.Unstructured) bool {
	status, _, _ := unstructured.NestedMap(written.Object, "status")
	for key := range status {
		if _, ours := applied[key]; !ours {
			return true
		}
	}
	ours := map[any]bool{}
	for _, condition := range conditionsIn(applied) {
		ours[condition["type"]] = true
	}
	for _, condition := range conditionsIn(status) {
		if !ours[condition["type"]] {
			return true
		}
	}
	return false
}

func conditionsIn(status map[string]any) []map[string]any {
	list, _ := status["conditions"].([]any)
	conditions := make([]map[string]any, 0, len(list))
	for _, item := range list {
		if condition, ok := item.(map[string]any); ok {
			conditions = append(conditions, condition)
		}
	}
	return conditions
}

// replaceStatus makes the agent the owner of the whole status and applies it again. Another
// controller that ran the canary before, or a hand, has left something in it that would stay for
// ever, and that the agent would try in vain to remove at every look.
func (c *Controller) replaceStatus(ctx context.Context, written, status *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	namespace, name := written.GetNamespace(), written.GetName()
	resource := c.dynamic.Resource(canariesGVR).Namespace(namespace)
	others, undecodable := sets.New[string](), false
	for _, entry := range written.GetManagedFields() {
		switch {
		case entry.Subresource != "status":
		case entry.Operation == metav1.ManagedFieldsOperationUpdate:
			others.Insert(entry.Manager)
		case entry.Manager == decodeManager:
			undecodable = true
		}
	}
	failed := func(err error) error {
		if apierrors.IsConflict(err) {
			return &retryError{after: conflictRetry, err: fmt.Errorf("canary %s/%s changed meanwhile", namespace, name)}
		}
		return fmt.Errorf("take over the status of canary %s/%s from %v: %w", namespace, name, sets.List(others), err)
	}
	if undecodable {
		// The object could not be read once, which was said under another name: an apply of nothing
		// takes it back.
		nothing := status.DeepCopy()
		nothing.SetResourceVersion(written.GetResourceVersion())
		nothing.Object["status"] = map[string]any{}
		mended, err := resource.ApplyStatus(ctx, name, nothing, metav1.ApplyOptions{FieldManager: decodeManager, Force: true})
		if err != nil {
			return nil, failed(err)
		}
		written = mended
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(written, others, FieldManager, csaupgrade.Subresource("status"))
	if err != nil {
		return nil, failed(err)
	}
	if patch != nil {
		patched, err := resource.Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
		if err != nil {
			return nil, failed(err)
		}
		written = patched
	}
	again := status.DeepCopy()
	again.SetResourceVersion(written.GetResourceVersion())
	written, err = resource.ApplyStatus(ctx, name, again, applyOptions)
	if err != nil {
		return nil, failed(err)
	}
	return written, nil
}
