package controller

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// canariesGVR is the resource the agent exists for.
var canariesGVR = v1beta1.SchemeGroupVersion.WithResource("canaries")

var replicaSetsGVR = workload.Deployments.History().Resource

// newInformers makes the informers that every agent needs. They cache only what is looked at.
func (c *Controller) newInformers() error {
	ns := c.config.Namespace
	canaries := c.dynamic.Resource(canariesGVR).Namespace(ns)
	c.canaries = newInformer(&unstructured.Unstructured{}, canaries.List, canaries.Watch)
	deployments := c.apps.Deployments(ns)
	c.deployments = newInformer(&appsv1.Deployment{}, deployments.List, deployments.Watch)
	services := c.core.Services(ns)
	c.services = newInformer(&corev1.Service{}, services.List, services.Watch)
	replicaSets := c.metadata.Resource(replicaSetsGVR).Namespace(ns)
	c.replicaSets = newInformer(&metav1.PartialObjectMetadata{}, replicaSets.List, replicaSets.Watch)

	if err := c.replicaSets.AddIndexers(byOwner); err != nil {
		return fmt.Errorf("index replicasets: %w", err)
	}
	for informer, set := range map[cache.SharedIndexInformer]struct {
		trim    cache.TransformFunc
		handler cache.ResourceEventHandler
	}{
		c.canaries:    {trimCanary, c.canaryHandler()},
		c.deployments: {cachedBy(workload.Deployments.Cached), c.ownedHandler(deploymentsResource)},
		c.services:    {cachedBy(workload.CachedService), c.ownedHandler(servicesResource)},
		c.replicaSets: {entryOf(workload.Deployments.History()), c.historyHandler(workload.Deployments)},
	} {
		if err := informer.SetTransform(set.trim); err != nil {
			return fmt.Errorf("prepare informer: %w", err)
		}
		if err := c.handle(informer, set.handler); err != nil {
			return err
		}
	}
	return c.handle(c.deployments, c.rivalHandler())
}

func (c *Controller) handle(informer cache.SharedIndexInformer, handler cache.ResourceEventHandler) error {
	registration, err := informer.AddEventHandler(handler)
	if err != nil {
		return fmt.Errorf("prepare informer: %w", err)
	}
	c.synced = append(c.synced, registration.HasSynced)
	return nil
}

// newInformer lists and watches without a resync: everything that matters comes as an event.
func newInformer[L runtime.Object](
	example runtime.Object,
	list func(context.Context, metav1.ListOptions) (L, error),
	watchFunc func(context.Context, metav1.ListOptions) (watch.Interface, error),
) cache.SharedIndexInformer {
	return cache.NewSharedIndexInformer(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return list(ctx, o)
		},
		WatchFuncWithContext: watchFunc,
	}, example, 0, cache.Indexers{})
}

func trimCanary(o any) (any, error) {
	if u, ok := o.(*unstructured.Unstructured); ok {
		u.SetManagedFields(nil)
	}
	return o, nil
}

// cachedBy reduces objects to the form in which they are cached. One that cannot be read is kept as
// it is and found by nobody: it must not keep the others out of the cache.
func cachedBy[T any](cached func(any) (T, error)) cache.TransformFunc {
	return func(o any) (any, error) {
		if reduced, err := cached(o); err == nil {
			return reduced, nil
		}
		return o, nil
	}
}

// canaryHandler decodes canaries as they change and puts them into the queue.
func (c *Controller) canaryHandler() cache.ResourceEventHandler {
	put := func(o any) {
		if u, ok := o.(*unstructured.Unstructured); ok {
			c.index.put(u)
			c.queue.Add(cache.ObjectName{Namespace: u.GetNamespace(), Name: u.GetName()})
			if e, ok := c.index.get(cache.ObjectName{Namespace: u.GetNamespace(), Name: u.GetName()}); ok && e.canary != nil {
				c.metrics.Status(e.canary)
			}
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    put,
		UpdateFunc: func(_, o any) { put(o) },
		DeleteFunc: func(o any) {
			name, err := cache.DeletionHandlingObjectToName(o)
			if err != nil {
				return
			}
			c.gone(c.runCtx, name, uidOf(o))
		},
	}
}

// ownedHandler puts the canaries into the queue that an object belongs to.
func (c *Controller) ownedHandler(resource string) cache.ResourceEventHandler {
	changed := func(o any) {
		if name, err := cache.DeletionHandlingObjectToName(o); err == nil {
			c.enqueueOwners(objectKey{resource, name.Namespace, name.Name})
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    changed,
		UpdateFunc: func(_, o any) { changed(o) },
		DeleteFunc: func(o any) {
			if name, err := cache.DeletionHandlingObjectToName(o); err == nil {
				key, uid := objectKey{resource, name.Namespace, name.Name}, types.UID("")
				if len(c.index.of(key)) > 0 { // The agent writes no others.
					uid = uidOf(o)
				}
				c.recent.forget(key, uid)
			}
			changed(o)
		},
	}
}

// uidOf an object as an informer hands over a deleted one.
func uidOf(o any) types.UID {
	if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = unknown.Obj
	}
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return m.GetUID()
}

func (c *Controller) enqueueOwners(key objectKey) {
	for _, name := range c.index.of(key) {
		c.queue.Add(name)
	}
}
