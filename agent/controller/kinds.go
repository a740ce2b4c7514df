package controller

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/agent/workload"
)

// resourceName is how a resource is called in an objectKey.
func resourceName(gvr schema.GroupVersionResource) string {
	switch gvr {
	case deploymentsGVR:
		return deploymentsResource
	case servicesGVR:
		return servicesResource
	}
	return routeResource(gvr)
}

// routeResource is how a resource is called in an objectKey when it is cached for a traffic
// provider: unstructured and whole, and so never under the name of a typed one.
func routeResource(gvr schema.GroupVersionResource) string {
	return gvr.Resource + "." + gvr.Version + "." + gvr.Group
}

func keyOfKind(kind workload.Kind, namespace, name string) objectKey {
	return objectKey{resourceName(kind.Resource()), namespace, name}
}

// object finds a target or a primary as it is now, as far as the agent knows. It is nil when there
// is none, and an error when that cannot be told.
func (c *Controller) object(ctx context.Context, kind workload.Kind, namespace, name string) (workload.Object, error) {
	informer, err := c.objectsOf(ctx, kind)
	if err != nil {
		return nil, err
	}
	cached, found := fromStore[workload.Object](informer, namespace, name)
	object, found := newest(c.recent, keyOfKind(kind, namespace, name), cached, found)
	if !found {
		return nil, nil
	}
	return object, nil
}

// objectsOf is the informer of targets and primaries of a kind.
func (c *Controller) objectsOf(ctx context.Context, kind workload.Kind) (cache.SharedIndexInformer, error) {
	switch kind.Resource() {
	case deploymentsGVR:
		return c.deployments, nil
	case servicesGVR:
		return c.services, nil
	}
	return c.informerFor(ctx, demand{
		gvr:       kind.Resource(),
		handler:   c.ownedHandler(resourceName(kind.Resource())),
		transform: cachedBy(kind.Cached),
		hint:      "install what serves it, or use a target of another kind",
	})
}

// history finds what Kubernetes keeps of the past of a target or a primary, which may be nil.
func (c *Controller) history(ctx context.Context, kind workload.Kind, of workload.Object) ([]*metav1.PartialObjectMetadata, error) {
	if of == nil || kind.History() == nil {
		return nil, nil
	}
	informer, err := c.historyOf(ctx, kind)
	if err != nil {
		return nil, err
	}
	objects, err := informer.GetIndexer().ByIndex(ownerIndex, string(of.GetUID()))
	if err != nil {
		return nil, err
	}
	return entries(objects), nil
}

func (c *Controller) historyOf(ctx context.Context, kind workload.Kind) (cache.SharedIndexInformer, error) {
	history := kind.History()
	if history.Resource == replicaSetsGVR {
		return c.replicaSets, nil
	}
	return c.informerFor(ctx, demand{
		gvr:       history.Resource,
		handler:   c.historyHandler(kind),
		transform: entryOf(history),
		indexers:  byOwner,
		hint:      "without them the revision of a " + history.OwnerKind + " cannot be told",
	})
}

// freshHistory reads the history of a live object past the cache.
func (c *Controller) freshHistory(ctx context.Context, kind workload.Kind, of workload.Object) ([]*metav1.PartialObjectMetadata, error) {
	history := kind.History()
	if history == nil {
		return nil, nil
	}
	selector := metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: kind.Pods(of).Labels})
	list, err := c.dynamic.Resource(history.Resource).Namespace(of.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("list %s of %s/%s: %w", history.Resource.Resource, of.GetNamespace(), of.GetName(), err)
	}
	objects := make([]any, 0, len(list.Items))
	for i := range list.Items {
		objects = append(objects, history.Cached(&list.Items[i]))
	}
	return entries(objects), nil
}

func entries(objects []any) []*metav1.PartialObjectMetadata {
	out := make([]*metav1.PartialObjectMetadata, 0, len(objects))
	for _, o := range objects {
		if m, ok := o.(*metav1.PartialObjectMetadata); ok {
			out = append(out, m)
		}
	}
	return out
}

// ownerIndex finds the history of a workload by its uid.
const ownerIndex = "owner"

var byOwner = cache.Indexers{ownerIndex: func(o any) ([]string, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return nil, err
	}
	if owner := metav1.GetControllerOf(m); owner != nil {
		return []string{string(owner.UID)}, nil
	}
	return nil, nil
}}

func entryOf(history *workload.History) cache.TransformFunc {
	return func(o any) (any, error) { return history.Cached(o), nil }
}

// historyHandler puts the canaries into the queue whose target or primary got a new revision.
func (c *Controller) historyHandler(kind workload.Kind) cache.ResourceEventHandler {
	resource, ownerKind := resourceName(kind.Resource()), kind.History().OwnerKind
	changed := func(o any) {
		m, ok := o.(*metav1.PartialObjectMetadata)
		if !ok {
			return
		}
		if owner := metav1.GetControllerOf(m); owner != nil && owner.Kind == ownerKind {
			c.enqueueOwners(objectKey{resource, m.Namespace, owner.Name})
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: changed,
		UpdateFunc: func(before, after any) {
			// Scaling changes nothing that is cached of a ReplicaSet.
			a, okA := before.(*metav1.PartialObjectMetadata)
			b, okB := after.(*metav1.PartialObjectMetadata)
			if okA && okB && workload.SameEntry(a, b) {
				return
			}
			changed(after)
		},
	}
}

// rememberWorkload keeps what a write to a target or a primary returned until the cache has it.
func (c *Controller) rememberWorkload(w *world, written *unstructured.Unstructured) error {
	object, err := w.kind.Cached(written)
	if err != nil {
		return err
	}
	c.recent.wrote(keyOfKind(w.kind, object.GetNamespace(), object.GetName()), object)
	c.queueAgain(w)
	return nil
}

// called is the object of a kind for messages.
func called(kind workload.Kind, namespace, name string) string {
	return strings.TrimSuffix(kind.Resource().Resource, "s") + " " + namespace + "/" + name
}
