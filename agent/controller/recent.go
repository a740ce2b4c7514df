package controller

import (
	"cmp"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// recentTTL ends the memory of a write whose object never shows up in the cache, because it was
// deleted at once.
const recentTTL = 15 * time.Second

// objectKey names an object across resources.
type objectKey struct {
	resource, namespace, name string
}

func (k objectKey) compare(other objectKey) int {
	return cmp.Or(strings.Compare(k.resource, other.resource), strings.Compare(k.namespace, other.namespace), strings.Compare(k.name, other.name))
}

// recent remembers the objects as the agent's own writes left them, until the cache has them.
type recent struct {
	mu      sync.Mutex
	objects map[objectKey]recentObject
	// deleted are the uids of objects that the cache saw going, for writes whose answer is still
	// under way then: no event would ever end the memory of those.
	deleted map[types.UID]time.Time
	now     func() time.Time
}

type recentObject struct {
	object metav1.Object
	at     time.Time
}

func newRecent(now func() time.Time) *recent {
	return &recent{objects: map[objectKey]recentObject{}, deleted: map[types.UID]time.Time{}, now: now}
}

// wrote remembers what a write returned, unless the object has been deleted meanwhile.
func (r *recent) wrote(key objectKey, object metav1.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, gone := r.deleted[object.GetUID()]; gone {
		return
	}
	r.objects[key] = recentObject{object: object, at: r.now()}
}

// forget drops what is remembered, because the cache saw the deletion of the object with the uid,
// which is empty for one that the agent does not write.
func (r *recent) forget(key objectKey, uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.objects, key)
	maps.DeleteFunc(r.deleted, func(_ types.UID, at time.Time) bool { return r.now().Sub(at) > recentTTL })
	if uid != "" {
		r.deleted[uid] = r.now()
	}
}

// newest returns the cached object, or the remembered one when the cache has not caught up with
// it. cached is nil when the cache has no such object.
func newest[T metav1.Object](r *recent, key objectKey, cached T, found bool) (T, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own, ok := r.objects[key]
	if !ok {
		return cached, found
	}
	object, ok := own.object.(T)
	switch {
	case !ok:
	case found && !newer(object, cached):
	case r.now().Sub(own.at) > recentTTL:
	default:
		return object, true
	}
	delete(r.objects, key)
	return cached, found
}

// newer compares resource versions, which the API server makes comparable as numbers within one
// resource. When they are not numbers, anything different from the agent's own write is newer.
func newer(own, cached metav1.Object) bool {
	a, errA := strconv.ParseUint(own.GetResourceVersion(), 10, 64)
	b, errB := strconv.ParseUint(cached.GetResourceVersion(), 10, 64)
	if errA != nil || errB != nil {
		return false
	}
	return own.GetUID() == cached.GetUID() && a > b
}
