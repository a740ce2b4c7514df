package controller

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/registry"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// entry is a canary as decoded from the cache.
type entry struct {
	// canary is nil when it could not be decoded.
	canary *v1beta1.Canary
	// err says why, with the path of the field.
	err error
	// raw is the cached object; it must not be changed.
	raw *unstructured.Unstructured
	// kind of the target; nil when it is none that is supported.
	kind    workload.Kind
	kindErr error
	// provider is nil when the name is not known. It is the one that the canary is bound to, which
	// is the wanted one except after an edit of the spec in mid-run.
	provider     routing.Provider
	providerName string
	providerErr  error
	// wanted is the provider that the spec, or else the agent's flag, asks for.
	wanted string
	// refs are the routing objects.
	refs []routing.Ref
}

// index holds every canary decoded once per change, and knows which canary an object belongs to.
type index struct {
	mu       sync.RWMutex
	entries  map[cache.ObjectName]*entry
	byObject map[objectKey][]cache.ObjectName
	// objects are the keys under which a canary is found, to take it out again.
	objects         map[cache.ObjectName][]objectKey
	defaultProvider string
}

func newIndex(defaultProvider string) *index {
	return &index{
		entries:         map[cache.ObjectName]*entry{},
		byObject:        map[objectKey][]cache.ObjectName{},
		objects:         map[cache.ObjectName][]objectKey{},
		defaultProvider: defaultProvider,
	}
}

const (
	deploymentsResource = "deployments"
	servicesResource    = "services"
	canariesResource    = "canaries"
)

// put decodes a canary and indexes what belongs to it.
func (x *index) put(u *unstructured.Unstructured) {
	name := cache.ObjectName{Namespace: u.GetNamespace(), Name: u.GetName()}
	e := &entry{raw: u}
	var keys []objectKey
	e.canary, e.err = v1beta1.DecodeCanary(u.Object)
	if e.err == nil {
		c := e.canary
		e.kind, e.kindErr = workload.KindOf(c.Spec.TargetRef)
		if e.kindErr == nil {
			keys = append(keys,
				keyOfKind(e.kind, c.Namespace, c.Spec.TargetRef.Name),
				keyOfKind(e.kind, c.Namespace, e.kind.PrimaryName(c)))
		}
		for _, role := range []workload.Role{workload.Apex, workload.Primary, workload.Canary} {
			keys = append(keys, objectKey{servicesResource, c.Namespace, workload.ServiceName(c, role)})
		}
		e.bind(c.ProviderOr(x.defaultProvider))
		keys = append(keys, scalerKeys(c)...)
		if e.providerErr == nil {
			e.refs = e.provider.Refs(c)
			for _, ref := range e.refs {
				keys = append(keys, keyOf(ref))
			}
		}
	}
	slices.SortFunc(keys, objectKey.compare)
	keys = slices.Compact(keys) // The apex Service may be the target itself.
	x.mu.Lock()
	defer x.mu.Unlock()
	x.removeLocked(name)
	x.entries[name] = e
	x.objects[name] = keys
	for _, key := range keys {
		x.byObject[key] = append(x.byObject[key], name)
	}
}

// bind chooses the provider.
func (e *entry) bind(wanted string) {
	e.wanted, e.providerName = wanted, wanted
	e.provider, e.providerErr = registry.For(wanted)
	bound := e.canary.Status.Bound
	if bound == nil || bound.Provider == wanted || e.canary.Status.Phase == v1beta1.PhaseInitializing {
		return
	}
	if provider, err := registry.For(bound.Provider); err == nil && e.providerErr == nil {
		e.provider, e.providerName = provider, bound.Provider
	}
}

// names lists all canaries.
func (x *index) names() []cache.ObjectName {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Collect(maps.Keys(x.entries))
}

func (x *index) remove(name cache.ObjectName) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.removeLocked(name)
}

func (x *index) removeLocked(name cache.ObjectName) {
	for _, key := range x.objects[name] {
		left := slices.DeleteFunc(x.byObject[key], func(n cache.ObjectName) bool { return n == name })
		if len(left) == 0 {
			delete(x.byObject, key)
		} else {
			x.byObject[key] = left
		}
	}
	delete(x.objects, name)
	delete(x.entries, name)
}

func (x *index) get(name cache.ObjectName) (*entry, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, ok := x.entries[name]
	return e, ok
}

// of names the canaries that an object belongs to.
func (x *index) of(key objectKey) []cache.ObjectName {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.byObject[key])
}

// older returns another canary of the same target that was created earlier, since two of them
// would fight over it.
func (x *index) older(c *v1beta1.Canary) (string, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	kind, err := workload.KindOf(c.Spec.TargetRef)
	if err != nil {
		return "", false
	}
	for _, name := range x.byObject[keyOfKind(kind, c.Namespace, c.Spec.TargetRef.Name)] {
		e := x.entries[name]
		if e == nil || e.canary == nil || e.canary.UID == c.UID || e.kind != kind || e.canary.Spec.TargetRef.Name != c.Spec.TargetRef.Name {
			continue
		}
		other := e.canary
		if other.CreationTimestamp.Before(&c.CreationTimestamp) ||
			(other.CreationTimestamp.Equal(&c.CreationTimestamp) && other.Name < c.Name) {
			return other.Name, true
		}
	}
	return "", false
}

func keyOf(ref routing.Ref) objectKey {
	return objectKey{routeResource(ref.GVR), ref.Namespace, ref.Name}
}
