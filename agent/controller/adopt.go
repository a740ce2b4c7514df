package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/agent/workload/configs"
)

// unmarkedPrefix begins the Source of a primary that does not say what it was copied from and does
// not agree with its target.
const unmarkedPrefix = "primary/"

// agreements remembers whether target and primary agreed at a pair of revisions, so that a primary
// of another controller costs two requests once and not at every look.
type agreements struct {
	mu    sync.Mutex
	known map[types.UID]agreement
}

type agreement struct {
	target, primary string
	agree           bool
}

func newAgreements() *agreements { return &agreements{known: map[types.UID]agreement{}} }

func (a *agreements) get(primary types.UID, targetRevision, primaryRevision string) (agree, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.known[primary]
	return found.agree, ok && found.target == targetRevision && found.primary == primaryRevision
}

func (a *agreements) put(primary types.UID, found agreement) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known[primary] = found
}

func (a *agreements) forget(primary types.UID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, primary)
}

// observeUnmarked finds out what a primary runs that does not say so, because another controller has
// made it: what it would get from the target now, or something else.
func (c *Controller) observeUnmarked(ctx context.Context, w *world) {
	if w.primary == nil || w.target == nil || w.Primary.Source != "" || !w.Target.Observed || w.kind.Traits().InPlace {
		return
	}
	w.Primary.Unmarked = true
	if w.Primary.Revision == "" {
		return // Known in a moment.
	}
	agree, known := c.agreements.get(w.primary.GetUID(), w.Target.Revision, w.Primary.Revision)
	if !known {
		var err error
		if agree, err = c.agreesWithTarget(ctx, w); err != nil {
			c.log.Warn("cannot compare primary and target", "canary", w.canary.Name+"."+w.canary.Namespace, "error", err)
			c.queue.AddAfter(canaryName(w.canary), conflictRetry)
			return
		}
		c.agreements.put(w.primary.GetUID(), agreement{w.Target.Revision, w.Primary.Revision, agree})
	}
	w.Primary.Source = unmarkedPrefix + w.Primary.Revision
	if agree {
		w.Primary.Source = w.Target.Revision
	}
}

// agreesWithTarget compares what is rendered from the target with the primary as it is.
func (c *Controller) agreesWithTarget(ctx context.Context, w *world) (bool, error) {
	if !w.kind.Traits().Pods {
		return w.kind.Target(w.primary, nil).Revision == w.Target.Revision, nil
	}
	target, err := c.live(ctx, w, w.target.GetName())
	if err != nil {
		return false, err
	}
	primary, err := c.live(ctx, w, w.primary.GetName())
	if err != nil {
		return false, err
	}
	if target.GetGeneration() != w.Target.Generation || primary.GetGeneration() != w.Primary.Generation {
		return false, changedMeanwhile(w, target.GetName())
	}
	same := func(target *unstructured.Unstructured) (bool, error) {
		want, err := w.kind.RenderPrimary(w.canary, target, workload.Copy{Selector: w.selector, Prefixes: c.config.Prefixes})
		if err != nil {
			return false, err
		}
		return equality.Semantic.DeepEqual(comparable(want), comparable(primary)), nil
	}
	if agree, err := same(target); err != nil || agree {
		return agree, err
	}
	// With tracked configs the primary uses copies of them, whose contents count; what it does not use a
	// copy of, because it is not tracked or was not there, it mentions by its own name.
	mentioned := map[string]bool{}
	template, _, _ := unstructured.NestedMap(primary.Object, "spec", "template")
	for _, ref := range configs.Refs(template) {
		mentioned[ref.Key()] = true
	}
	copied := func(ref configs.Ref) bool {
		return mentioned[configs.Ref{Kind: ref.Kind, Name: ref.CopyName()}.Key()]
	}
	renamed := target.DeepCopy()
	if err := renameConfigs(renamed, copied); err != nil {
		return false, err
	}
	agree, err := same(renamed)
	if err != nil || !agree {
		return false, err
	}
	return c.copiesAgree(ctx, w, target, copied)
}

// comparable is the pod template without what is different by design.
func comparable(object *unstructured.Unstructured) any {
	template, _, _ := unstructured.NestedMap(object.Object, "spec", "template")
	unstructured.RemoveNestedField(template, "metadata", "annotations", workload.RunAnnotation)
	unstructured.RemoveNestedField(template, "metadata", "creationTimestamp")
	if annotations, ok, _ := unstructured.NestedMap(template, "metadata", "annotations"); ok && len(annotations) == 0 {
		unstructured.RemoveNestedField(template, "metadata", "annotations")
	}
	return template
}

// adoptPrimary marks a primary with what it was found to run. Only its own annotations change.
func (c *Controller) adoptPrimary(ctx context.Context, w *world, e rollout.AdoptPrimary) error {
	if w.primary == nil {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         w.primary.GetUID(),
		"annotations": map[string]any{workload.SourceAnnotation: e.Revision},
	}})
	if err != nil {
		return err
	}
	written, err := c.dynamic.Resource(w.kind.Resource()).Namespace(w.canary.Namespace).
		Patch(ctx, w.primary.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: FieldManager})
	if err != nil {
		return fmt.Errorf("mark %s: %w", called(w.kind, w.canary.Namespace, w.primary.GetName()), err)
	}
	return c.rememberWorkload(w, written)
}

// restorePrimary brings a revision back to the primary from its own history.
func (c *Controller) restorePrimary(ctx context.Context, w *world, e rollout.RestorePrimary) error {
	history := w.kind.History()
	if history == nil || w.primary == nil {
		return fmt.Errorf("%s keeps no history of its revisions", called(w.kind, w.canary.Namespace, w.kind.PrimaryName(w.canary)))
	}
	entries, err := c.history(ctx, w.kind, w.primary)
	if err != nil {
		return err
	}
	picked := workload.PreviousOf(w.primary, entries)
	if picked == nil || picked.Annotations[workload.SourceAnnotation] != e.Revision {
		return changedMeanwhile(w, w.primary.GetName())
	}
	entry, err := c.dynamic.Resource(history.Resource).Namespace(w.canary.Namespace).Get(ctx, picked.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get %s %s/%s: %w", history.Resource.Resource, w.canary.Namespace, picked.Name, err)
	}
	primary, err := c.live(ctx, w, w.primary.GetName())
	if err != nil {
		return err
	}
	if err := c.takeOverFields(ctx, w, primary); err != nil {
		return err
	}
	object, err := workload.RestorePrimary(w.canary, primary, entry, workload.Copy{
		Selector: w.selector, Prefixes: c.config.Prefixes, Revision: e.Revision, RunID: e.RunID,
		Replicas: max(w.Primary.Replicas, 1), KeepReplicas: workload.ScaledByOthers(primary),
	})
	if err != nil {
		return err
	}
	return c.writePrimary(ctx, w, object)
}
