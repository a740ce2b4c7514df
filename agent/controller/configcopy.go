package controller

import (
	"context"
	"fmt"
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/agent/workload/configs"
)

// copyConfigs gives the primary copies of the configs that the target uses, as they were when the
// revision was analysed, and makes the target's template use them. It fails without a write when
// one of them has changed since.
func (c *Controller) copyConfigs(ctx context.Context, w *world, target *unstructured.Unstructured, revision string) error {
	if !c.config.TrackConfigs || !w.kind.Traits().Pods {
		return nil
	}
	template, _, err := unstructured.NestedMap(target.Object, "spec", "template")
	if err != nil {
		return err
	}
	bodies, digests := map[configs.Ref]*unstructured.Unstructured{}, map[string]string{}
	rename := map[string]bool{}
	for _, ref := range configs.Refs(template) {
		live, err := c.readOriginal(ctx, w.canary.Namespace, ref)
		if err != nil {
			return err
		}
		switch {
		case live == nil && ref.Optional:
			rename[ref.Key()] = true // One that comes later has to be analysed first.
		case live == nil:
			return &retryError{after: missingRetry, err: fmt.Errorf("%s of namespace %s is missing", ref.Key(), w.canary.Namespace)}
		case configs.Tracked(live):
			rename[ref.Key()] = true
			bodies[ref], digests[ref.Key()] = live, configs.Digest(live)
		}
	}
	if _, analysed, _ := strings.Cut(revision, "+"); configs.Fingerprint(digests) != analysed {
		return &retryError{after: conflictRetry, err: fmt.Errorf("the configs of %s changed meanwhile: %s",
			called(w.kind, w.canary.Namespace, target.GetName()), strings.Join(configs.Changed(w.Target.Configs, digests), ", "))}
	}
	for ref, live := range bodies {
		if err := c.copyConfig(ctx, w, ref, live); err != nil {
			return err
		}
	}
	return renameConfigs(target, func(ref configs.Ref) bool { return rename[ref.Key()] })
}

func (c *Controller) copyConfig(ctx context.Context, w *world, ref configs.Ref, live *unstructured.Unstructured) error {
	present, err := c.readConfig(ctx, w.canary.Namespace, ref, ref.CopyName())
	if err != nil {
		return err
	}
	want, err := configs.RenderCopy(w.canary, live, present, c.config.Prefixes)
	if err != nil {
		return err
	}
	if present != nil {
		if configs.Current(want, present) {
			return nil
		}
		if patch, needed := configs.Stray(want, present); needed {
			_, err := c.dynamic.Resource(ref.Resource()).Namespace(w.canary.Namespace).
				Patch(ctx, ref.CopyName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
			if err != nil {
				return fmt.Errorf("patch %s %s/%s: %w", ref.Kind, w.canary.Namespace, ref.CopyName(), err)
			}
		}
	}
	_, err = c.apply(ctx, ref.Resource(), want)
	return err
}

// renameConfigs makes a workload use the copies.
func renameConfigs(object *unstructured.Unstructured, tracked func(configs.Ref) bool) error {
	template, ok, err := unstructured.NestedMap(object.Object, "spec", "template")
	if err != nil || !ok {
		return err
	}
	return unstructured.SetNestedMap(object.Object, configs.Rename(template, tracked), "spec", "template")
}

// copiesAgree says whether the copies that a primary of another controller uses have the contents
// of the originals.
func (c *Controller) copiesAgree(ctx context.Context, w *world, target *unstructured.Unstructured, used func(configs.Ref) bool) (bool, error) {
	template, _, err := unstructured.NestedMap(target.Object, "spec", "template")
	if err != nil {
		return false, err
	}
	originals, copies := map[string]string{}, map[string]string{}
	for _, ref := range configs.Refs(template) {
		if !used(ref) {
			continue
		}
		live, err := c.readOriginal(ctx, w.canary.Namespace, ref)
		if err != nil {
			return false, err
		}
		copied, err := c.readConfig(ctx, w.canary.Namespace, ref, ref.CopyName())
		if err != nil {
			return false, err
		}
		if live == nil || copied == nil {
			return false, nil
		}
		originals[ref.Key()], copies[ref.Key()] = configs.Digest(live), configs.Digest(copied)
	}
	return maps.Equal(originals, copies), nil
}
