//go:build linux

package stage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

var fieldManager = metav1.PatchOptions{FieldManager: "stage"}

// Canaries is the resource.
var Canaries = v1beta1.SchemeGroupVersion.WithResource("canaries")

// Seen is a status as it was seen.
type Seen struct {
	At     time.Time
	Canary *v1beta1.Canary
}

// Record is the history of one canary from the moment on at which it was begun.
type Record struct {
	mu      sync.Mutex
	seen    []Seen
	changed chan struct{}
	name    string
}

// Watch begins a record of a canary, which goes on until ctx is done.
func Watch(ctx context.Context, c *testbed.Cluster, namespace, name string) (*Record, error) {
	client, err := dynamic.NewForConfig(c.RESTConfig)
	if err != nil {
		return nil, err
	}
	r := &Record{changed: make(chan struct{}), name: namespace + "/" + name}
	resource := client.Resource(Canaries).Namespace(namespace)
	selector := fields.OneTermEqualSelector("metadata.name", name).String()
	watcher := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector = selector
			return resource.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = selector
			return resource.Watch(ctx, o)
		},
	}
	go func() {
		_, _ = watchtools.UntilWithSync(ctx, watcher, &unstructured.Unstructured{}, nil, func(e watch.Event) (bool, error) {
			if u, ok := e.Object.(*unstructured.Unstructured); ok && e.Type != watch.Deleted {
				if canary, err := v1beta1.DecodeCanary(u.Object); err == nil {
					r.add(canary)
				}
			}
			return false, nil
		})
	}()
	return r, nil
}

// Poll is Watch by asking again and again, for tests in which the API server goes away: a watch
// that was broken begins anew after seconds, with what is there then. An API server that does not
// answer is asked again.
func Poll(ctx context.Context, c *testbed.Cluster, namespace, name string, every time.Duration) (*Record, error) {
	client, err := dynamic.NewForConfig(c.RESTConfig)
	if err != nil {
		return nil, err
	}
	r := &Record{changed: make(chan struct{}), name: namespace + "/" + name}
	go func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		last := ""
		for {
			asking, cancel := context.WithTimeout(ctx, time.Second)
			u, err := client.Resource(Canaries).Namespace(namespace).Get(asking, name, metav1.GetOptions{})
			cancel()
			if err == nil && u.GetResourceVersion() != last {
				if canary, err := v1beta1.DecodeCanary(u.Object); err == nil {
					last = u.GetResourceVersion()
					r.add(canary)
				}
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return r, nil
}

func (r *Record) add(canary *v1beta1.Canary) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, Seen{At: time.Now(), Canary: canary})
	close(r.changed)
	r.changed = make(chan struct{})
}

// All returns what has been seen so far.
func (r *Record) All() []Seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Seen(nil), r.seen...)
}

// Last is the newest status, or nil.
func (r *Record) Last() *v1beta1.Canary {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.seen) == 0 {
		return nil
	}
	return r.seen[len(r.seen)-1].Canary
}

// Until waits until a status satisfies the condition, those already seen included, and returns it.
func (r *Record) Until(ctx context.Context, what string, condition func(*v1beta1.Canary) bool) (Seen, error) {
	return r.After(ctx, 0, what, condition)
}

// After is Until without the first n that were seen.
func (r *Record) After(ctx context.Context, n int, what string, condition func(*v1beta1.Canary) bool) (Seen, error) {
	for {
		r.mu.Lock()
		seen, changed := r.seen, r.changed
		r.mu.Unlock()
		for ; n < len(seen); n++ {
			if condition(seen[n].Canary) {
				return seen[n], nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Seen{}, fmt.Errorf("canary %s: waited for %s: %w; seen:\n%s", r.name, what, context.Cause(ctx), r)
		}
	}
}

// Len is the number of statuses seen.
func (r *Record) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// String is a line for each change, for messages.
func (r *Record) String() string {
	var b strings.Builder
	var last string
	for _, s := range r.All() {
		st := s.Canary.Status
		line := fmt.Sprintf("%s weight %d failed %d: %s", st.Phase, st.CanaryWeight, st.FailedChecks, st.Message)
		if line != last {
			fmt.Fprintf(&b, "  %s %s\n", s.At.Format("15:04:05.000"), line)
		}
		last = line
	}
	return b.String()
}

// InPhase is the condition of being in one of the phases.
func InPhase(phases ...v1beta1.CanaryPhase) func(*v1beta1.Canary) bool {
	return func(c *v1beta1.Canary) bool {
		return slices.Contains(phases, c.Status.Phase)
	}
}
