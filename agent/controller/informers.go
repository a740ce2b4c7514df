package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// canariesGVR is the resource the agent exists for.
var canariesGVR = v1beta1.SchemeGroupVersion.WithResource("canaries")

var replicaSetsGVR = appsv1.SchemeGroupVersion.WithResource("replicasets")

// byOwner finds the ReplicaSets of a Deployment.
const byOwner = "owner"

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

	if err := c.replicaSets.AddIndexers(cache.Indexers{byOwner: ownerIndex}); err != nil {
		return fmt.Errorf("index replicasets: %w", err)
	}
	for informer, set := range map[cache.SharedIndexInformer]struct {
		trim    cache.TransformFunc
		handler cache.ResourceEventHandler
	}{
		c.canaries:    {trimCanary, c.canaryHandler()},
		c.deployments: {trimDeployment, c.ownedHandler(deploymentsResource)},
		c.services:    {trimService, c.ownedHandler(servicesResource)},
		c.replicaSets: {trimReplicaSet, c.replicaSetHandler()},
	} {
		if err := informer.SetTransform(set.trim); err != nil {
			return fmt.Errorf("prepare informer: %w", err)
		}
		if err := c.handle(informer, set.handler); err != nil {
			return err
		}
	}
	return nil
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

func ownerIndex(o any) ([]string, error) {
	m, err := meta.Accessor(o)
	if err != nil {
		return nil, err
	}
	if owner := metav1.GetControllerOf(m); owner != nil {
		return []string{string(owner.UID)}, nil
	}
	return nil, nil
}

func trimCanary(o any) (any, error) {
	if u, ok := o.(*unstructured.Unstructured); ok {
		u.SetManagedFields(nil)
	}
	return o, nil
}

func trimDeployment(o any) (any, error) {
	if d, ok := o.(*appsv1.Deployment); ok {
		workload.Trim(d)
	}
	return o, nil
}

func trimService(o any) (any, error) {
	if s, ok := o.(*corev1.Service); ok {
		workload.TrimService(s)
	}
	return o, nil
}

func trimReplicaSet(o any) (any, error) {
	if m, ok := o.(*metav1.PartialObjectMetadata); ok {
		workload.TrimReplicaSet(m)
	}
	return o, nil
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
			c.gone(name, uidOf(o))
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

// replicaSetHandler puts the canaries into the queue whose target or primary got a new revision.
func (c *Controller) replicaSetHandler() cache.ResourceEventHandler {
	changed := func(o any) {
		m, ok := o.(*metav1.PartialObjectMetadata)
		if !ok {
			return
		}
		if owner := metav1.GetControllerOf(m); owner != nil && owner.Kind == "Deployment" {
			c.enqueueOwners(objectKey{deploymentsResource, m.Namespace, owner.Name})
		}
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc: changed,
		UpdateFunc: func(before, after any) {
			// Scaling changes nothing that is cached of a ReplicaSet.
			a, okA := before.(*metav1.PartialObjectMetadata)
			b, okB := after.(*metav1.PartialObjectMetadata)
			if okA && okB && workload.SameRevision(a, b) {
				return
			}
			changed(after)
		},
	}
}

func (c *Controller) enqueueOwners(key objectKey) {
	for _, name := range c.index.of(key) {
		c.queue.Add(name)
	}
}

// routes starts an informer for a routing resource when the first canary needs it, so that a
// cluster pays only for the providers in use.
type routes struct {
	mu        sync.Mutex
	informers map[schema.GroupVersionResource]cache.SharedIndexInformer
	// missing says when a resource was last looked for in vain.
	missing map[schema.GroupVersionResource]time.Time
}

// missingRetry is how long the absence of a CRD is believed.
const missingRetry = 20 * time.Second

// routeInformer returns the informer of a routing resource, synced, or an error that says why
// there is none.
func (c *Controller) routeInformer(ctx context.Context, gvr schema.GroupVersionResource) (cache.SharedIndexInformer, error) {
	c.routes.mu.Lock()
	informer, ok := c.routes.informers[gvr]
	if !ok {
		if at, miss := c.routes.missing[gvr]; miss && c.now().Sub(at) < missingRetry {
			c.routes.mu.Unlock()
			return nil, missingResourceError(gvr)
		}
		if !c.served(gvr) {
			c.routes.missing[gvr] = c.now()
			c.routes.mu.Unlock()
			return nil, missingResourceError(gvr)
		}
		resource := c.dynamic.Resource(gvr).Namespace(c.config.Namespace)
		informer = newInformer(&unstructured.Unstructured{}, resource.List, resource.Watch)
		key := objectKey{resource: gvr.Resource + "." + gvr.Version + "." + gvr.Group}
		if _, err := informer.AddEventHandler(c.ownedHandler(key.resource)); err != nil {
			c.routes.mu.Unlock()
			return nil, fmt.Errorf("watch %s: %w", gvr, err)
		}
		c.routes.informers[gvr] = informer
		c.background.Go(func() { informer.RunWithContext(c.runCtx) })
	}
	c.routes.mu.Unlock()
	waitCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if !cache.WaitForCacheSync(waitCtx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("list %s: no answer yet; is the agent allowed to list and watch them?", gvr.GroupResource())
	}
	return informer, nil
}

func missingResourceError(gvr schema.GroupVersionResource) error {
	return fmt.Errorf("the cluster does not serve %s; install the CRDs of the traffic provider", gvr)
}

// served asks the API server whether it has a resource.
func (c *Controller) served(gvr schema.GroupVersionResource) bool {
	list, err := c.discovery.ServerResourcesForGroupVersion(gvr.GroupVersion().String())
	if err != nil {
		return false
	}
	for _, r := range list.APIResources {
		if r.Name == gvr.Resource {
			return true
		}
	}
	return false
}
