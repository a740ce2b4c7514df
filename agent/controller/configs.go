package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/workload/configs"
)

// tracker knows which configs the targets use, and remembers the digests of their contents. The
// contents themselves are read when they have changed, and not kept.
type tracker struct {
	mu sync.Mutex
	// refs by target, of its newest template.
	refs    map[types.UID]templateRefs
	digests map[objectKey]contentDigest
	// users of a config.
	users map[objectKey]map[cache.ObjectName]bool
	used  map[cache.ObjectName][]objectKey
}

type templateRefs struct {
	revision string
	refs     []configs.Ref
}

type contentDigest struct {
	uid             types.UID
	resourceVersion string
	tracked         bool
	digest          string
}

func newTracker() *tracker {
	return &tracker{
		refs:    map[types.UID]templateRefs{},
		digests: map[objectKey]contentDigest{},
		users:   map[objectKey]map[cache.ObjectName]bool{},
		used:    map[cache.ObjectName][]objectKey{},
	}
}

func configKey(namespace string, ref configs.Ref) objectKey {
	return objectKey{ref.Kind, namespace, ref.Name}
}

// uses notes which configs a canary is to be woken for.
func (t *tracker) uses(canary cache.ObjectName, keys []objectKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range t.used[canary] {
		delete(t.users[key], canary)
		if len(t.users[key]) == 0 && !slices.Contains(keys, key) {
			delete(t.users, key)
			delete(t.digests, key)
		}
	}
	delete(t.used, canary)
	for _, key := range keys {
		if t.users[key] == nil {
			t.users[key] = map[cache.ObjectName]bool{}
		}
		t.users[key][canary] = true
	}
	if len(keys) > 0 {
		t.used[canary] = keys
	}
}

func (t *tracker) usersOf(key objectKey) []cache.ObjectName {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := make([]cache.ObjectName, 0, len(t.users[key]))
	for name := range t.users[key] {
		names = append(names, name)
	}
	return names
}

func (t *tracker) refsOf(target types.UID, revision string) ([]configs.Ref, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.refs[target]
	return found.refs, ok && found.revision == revision
}

func (t *tracker) setRefs(target types.UID, revision string, refs []configs.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refs[target] = templateRefs{revision, refs}
}

func (t *tracker) forgetTarget(target types.UID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.refs, target)
}

func (t *tracker) digest(key objectKey, m *metav1.PartialObjectMetadata) (contentDigest, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.digests[key]
	return found, ok && found.uid == m.UID && found.resourceVersion == m.ResourceVersion
}

func (t *tracker) setDigest(key objectKey, d contentDigest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.digests[key] = d
}

// observeConfigs makes the contents of the configs that the target uses a part of its revision.
// What cannot be read makes the revision unknown: a read error is no change.
func (c *Controller) observeConfigs(ctx context.Context, w *world) {
	if !c.config.TrackConfigs || w.target == nil || !w.kind.Traits().Pods || !w.Target.Observed {
		return
	}
	tracked, err := c.trackedConfigs(ctx, w)
	if err != nil {
		c.configsUnknown(w, err)
		return
	}
	w.Target.Configs = tracked
	if fingerprint := configs.Fingerprint(tracked); fingerprint != "" {
		w.Target.Revision += "+" + fingerprint
	}
}

// configsUnknown leaves the revision unknown, and asks for another look.
func (c *Controller) configsUnknown(w *world, err error) {
	w.Target.Observed = false
	if again, ok := errors.AsType[*retryError](err); ok {
		c.queue.AddAfter(canaryName(w.canary), again.after)
		return
	}
	w.Target.Unknown = err.Error()
	c.queue.AddAfter(canaryName(w.canary), missingRetry)
	c.log.Warn("cannot tell the revision", "canary", w.canary.Name+"."+w.canary.Namespace, "error", err)
	_, ambiguous := errors.AsType[*ambiguousError](err)
	switch {
	case ambiguous:
		w.Problems = append(w.Problems, rollout.Problem{Reason: "AmbiguousConfigs", Message: err.Error()})
	case apierrors.IsForbidden(err):
		w.Problems = append(w.Problems, rollout.Problem{
			Reason: "ConfigsUnreadable", Message: err.Error() + "; allow it, or start the agent with -enable-config-tracking=false",
		})
	}
}

// ambiguousError is for a template whose configs cannot have copies.
type ambiguousError struct{ error }

func (e *ambiguousError) Unwrap() error { return e.error }

func (c *Controller) trackedConfigs(ctx context.Context, w *world) (map[string]string, error) {
	refs, err := c.configRefs(ctx, w)
	if err != nil {
		return nil, err
	}
	keys := make([]objectKey, 0, len(refs))
	for _, ref := range refs {
		keys = append(keys, configKey(w.canary.Namespace, ref))
	}
	c.tracker.uses(canaryName(w.canary), keys)
	tracked := map[string]string{}
	for _, ref := range refs {
		digest, err := c.configDigest(ctx, w.canary.Namespace, ref)
		if err != nil {
			return nil, err
		}
		if base, _, _ := strings.Cut(w.canary.Status.LastAppliedSpec, "+"); digest == missingDigest && base == w.Target.Revision {
			// For a template that has been dealt with, a config that is gone is no news about it.
			return nil, fmt.Errorf("%s is missing", ref.Key())
		}
		if digest != "" {
			tracked[ref.Key()] = digest
		}
	}
	return tracked, nil
}

// configRefs are the references in the target's template, which is not cached: it is read once for
// each revision.
func (c *Controller) configRefs(ctx context.Context, w *world) ([]configs.Ref, error) {
	uid, revision := w.target.GetUID(), w.Target.Revision
	if refs, ok := c.tracker.refsOf(uid, revision); ok {
		return refs, nil
	}
	target, err := c.live(ctx, w, w.target.GetName())
	if err != nil {
		return nil, err
	}
	if target.GetGeneration() != w.Target.Generation {
		return nil, changedMeanwhile(w, target.GetName())
	}
	template, _, err := unstructured.NestedMap(target.Object, "spec", "template")
	if err != nil {
		return nil, err
	}
	refs := configs.Refs(template)
	if err := configs.CheckNames(refs); err != nil {
		return nil, &ambiguousError{fmt.Errorf("%s: %w", called(w.kind, w.canary.Namespace, target.GetName()), err)}
	}
	c.tracker.setRefs(uid, revision, refs)
	return refs, nil
}

// missingDigest stands for a config that pods cannot start without and that is not there.
const missingDigest = "missing"

// configDigest is the digest of a config's present content; empty when it is not tracked, or
// optional and not there.
func (c *Controller) configDigest(ctx context.Context, namespace string, ref configs.Ref) (string, error) {
	informer, err := c.informerFor(ctx, demand{
		gvr: ref.Resource(), metadata: true, handler: c.configHandler(ref.Kind), transform: trimMetadata,
		hint: "it is a part of every cluster",
	})
	if err != nil {
		return "", err
	}
	key := configKey(namespace, ref)
	cached, found := fromStore[*metav1.PartialObjectMetadata](informer, namespace, ref.Name)
	if found {
		if d, ok := c.tracker.digest(key, cached); ok {
			return d.digest, nil
		}
	}
	if !found {
		if ref.Optional {
			return "", nil
		}
		return missingDigest, nil
	}
	live, err := c.readOriginal(ctx, namespace, ref)
	if err != nil {
		return "", err
	}
	if live == nil {
		return "", fmt.Errorf("%s of namespace %s was deleted just now", ref.Key(), namespace)
	}
	d := contentDigest{uid: live.GetUID(), resourceVersion: live.GetResourceVersion(), tracked: configs.Tracked(live)}
	if d.tracked {
		d.digest = configs.Digest(live)
	}
	c.tracker.setDigest(key, d)
	return d.digest, nil
}

// readOriginal reads one config; nil when it does not exist.
func (c *Controller) readOriginal(ctx context.Context, namespace string, ref configs.Ref) (*unstructured.Unstructured, error) {
	return c.readConfig(ctx, namespace, ref, ref.Name)
}

func (c *Controller) readConfig(ctx context.Context, namespace string, ref configs.Ref, name string) (*unstructured.Unstructured, error) {
	live, err := c.dynamic.Resource(ref.Resource()).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s %s/%s: %w", ref.Kind, namespace, name, err)
	}
	return live, nil
}

// trimMetadata leaves what tells versions of an object apart.
func trimMetadata(o any) (any, error) {
	if m, ok := o.(*metav1.PartialObjectMetadata); ok {
		return &metav1.PartialObjectMetadata{TypeMeta: m.TypeMeta, ObjectMeta: metav1.ObjectMeta{
			Name: m.Name, Namespace: m.Namespace, UID: m.UID, ResourceVersion: m.ResourceVersion,
		}}, nil
	}
	return o, nil
}

func (c *Controller) configHandler(kind string) cache.ResourceEventHandler {
	changed := func(o any) {
		name, err := cache.DeletionHandlingObjectToName(o)
		if err != nil {
			return
		}
		for _, canary := range c.tracker.usersOf(objectKey{kind, name.Namespace, name.Name}) {
			c.queue.Add(canary)
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: changed, UpdateFunc: func(_, o any) { changed(o) }, DeleteFunc: changed}
}
