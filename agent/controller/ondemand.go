package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
)

// onDemand are the informers that are started when the first canary needs them, so that a cluster
// pays only for the providers and the kinds of targets in use.
type onDemand struct {
	mu        sync.Mutex
	informers map[schema.GroupVersionResource]cache.SharedIndexInformer
	// missing says when a resource was last looked for in vain.
	missing map[schema.GroupVersionResource]time.Time
}

// missingRetry is how long the absence of a CRD is believed.
const missingRetry = 20 * time.Second

// demand is a resource that a canary needs to have watched. Whoever needs the same resource must
// ask for the same of it.
type demand struct {
	gvr     schema.GroupVersionResource
	handler cache.ResourceEventHandler
	// transform and indexers may be nil.
	transform cache.TransformFunc
	indexers  cache.Indexers
	// metadata: the bodies are not cached.
	metadata bool
	// hint says what to do when the cluster does not serve the resource.
	hint string
}

// routeInformer returns the informer of a routing resource, synced, or an error that says why
// there is none.
func (c *Controller) routeInformer(ctx context.Context, gvr schema.GroupVersionResource) (cache.SharedIndexInformer, error) {
	return c.informerFor(ctx, demand{
		gvr: gvr, handler: c.ownedHandler(routeResource(gvr)), hint: "install the CRDs of the traffic provider",
	})
}

// informerFor returns the informer of a resource, synced, or an error that says why there is none.
func (c *Controller) informerFor(ctx context.Context, d demand) (cache.SharedIndexInformer, error) {
	informer, err := c.startedInformer(d)
	if err != nil {
		return nil, err
	}
	waitCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if !cache.WaitForCacheSync(waitCtx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("list %s: no answer yet; is the agent allowed to list and watch them?", d.gvr.GroupResource())
	}
	return informer, nil
}

func (c *Controller) startedInformer(d demand) (cache.SharedIndexInformer, error) {
	c.onDemand.mu.Lock()
	defer c.onDemand.mu.Unlock()
	if informer, ok := c.onDemand.informers[d.gvr]; ok {
		return informer, nil
	}
	if at, miss := c.onDemand.missing[d.gvr]; miss && c.now().Sub(at) < missingRetry {
		return nil, notServed(d)
	}
	if !c.served(d.gvr) {
		c.onDemand.missing[d.gvr] = c.now()
		return nil, notServed(d)
	}
	var informer cache.SharedIndexInformer
	if d.metadata {
		resource := c.metadata.Resource(d.gvr).Namespace(c.config.Namespace)
		informer = newInformer(&metav1.PartialObjectMetadata{}, resource.List, resource.Watch)
	} else {
		resource := c.dynamic.Resource(d.gvr).Namespace(c.config.Namespace)
		informer = newInformer(&unstructured.Unstructured{}, resource.List, resource.Watch)
	}
	if err := informer.AddIndexers(d.indexers); err != nil {
		return nil, fmt.Errorf("index %s: %w", d.gvr.GroupResource(), err)
	}
	if d.transform != nil {
		if err := informer.SetTransform(d.transform); err != nil {
			return nil, fmt.Errorf("prepare informer of %s: %w", d.gvr.GroupResource(), err)
		}
	}
	if _, err := informer.AddEventHandler(d.handler); err != nil {
		return nil, fmt.Errorf("watch %s: %w", d.gvr, err)
	}
	c.onDemand.informers[d.gvr] = informer
	c.background.Go(func() { informer.RunWithContext(c.runCtx) })
	return informer, nil
}

func notServed(d demand) error {
	return fmt.Errorf("the cluster does not serve %s; %s", d.gvr, d.hint)
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
