package controller

import (
	"context"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// world is a rollout.World and the live objects it was made from, which the effects need.
type world struct {
	*rollout.World
	entry    *entry
	canary   *v1beta1.Canary
	selector workload.Selector
	target   *appsv1.Deployment
	services map[workload.Role]*corev1.Service
	routing  routing.Objects
}

// observe builds the world of one canary from caches.
func (c *Controller) observe(ctx context.Context, e *entry) *world {
	canary := c.newestCanary(e)
	w := &world{
		World: &rollout.World{
			Now:        c.now(),
			Canary:     canary,
			DrainDelay: c.config.DrainDelay,
		},
		entry:    e,
		canary:   canary,
		services: map[workload.Role]*corev1.Service{},
	}
	w.Problems = c.problems(e, canary)
	target, ok := c.deployment(canary.Namespace, canary.Spec.TargetRef.Name)
	if ok {
		w.target = target
		w.Target = workload.Facts(target, c.revision(target))
		var err error
		w.selector, err = workload.SelectorOf(target.Spec.Selector.MatchLabels, c.config.SelectorLabels,
			"deployment "+canary.Namespace+"/"+target.Name)
		if err != nil {
			w.Problems = append(w.Problems, rollout.Problem{Reason: "NoSelectorLabel", Message: err.Error()})
		}
	}
	if primary, ok := c.deployment(canary.Namespace, canary.PrimaryName()); ok {
		w.Primary = workload.Facts(primary, c.revision(primary))
	}
	if len(w.Problems) == 0 {
		c.observeServices(w)
		c.observeRoute(ctx, w)
	}
	c.observeJobs(w)
	c.observeCause(w)
	return w
}

// newestCanary is the canary with the status as the agent itself wrote it last.
func (c *Controller) newestCanary(e *entry) *v1beta1.Canary {
	key := objectKey{canariesResource, e.canary.Namespace, e.canary.Name}
	canary, _ := newest(c.recent, key, e.canary, true)
	return canary
}

func (c *Controller) deployment(namespace, name string) (*appsv1.Deployment, bool) {
	cached, found := fromStore[*appsv1.Deployment](c.deployments, namespace, name)
	return newest(c.recent, objectKey{deploymentsResource, namespace, name}, cached, found)
}

func (c *Controller) service(namespace, name string) *corev1.Service {
	cached, found := fromStore[*corev1.Service](c.services, namespace, name)
	svc, found := newest(c.recent, objectKey{servicesResource, namespace, name}, cached, found)
	if !found {
		return nil
	}
	return svc
}

func fromStore[T metav1.Object](informer cache.SharedIndexInformer, namespace, name string) (T, bool) {
	var none T
	o, ok, err := informer.GetStore().GetByKey(namespace + "/" + name)
	if err != nil || !ok {
		return none, false
	}
	t, ok := o.(T)
	return t, ok
}

func (c *Controller) revision(d *appsv1.Deployment) string {
	objects, err := c.replicaSets.GetIndexer().ByIndex(byOwner, string(d.UID))
	if err != nil {
		return ""
	}
	sets := make([]*metav1.PartialObjectMetadata, 0, len(objects))
	for _, o := range objects {
		if m, ok := o.(*metav1.PartialObjectMetadata); ok {
			sets = append(sets, m)
		}
	}
	return workload.RevisionOf(d, sets)
}

func (c *Controller) observeServices(w *world) {
	roles := []workload.Role{workload.Apex, workload.Primary, workload.Canary}
	for _, role := range roles {
		w.services[role] = c.service(w.canary.Namespace, workload.ServiceName(w.canary, role))
	}
	if w.target == nil {
		// What the Services ought to be is read off the target. Without it they stay as they are.
		w.Services = rollout.Services{Sides: true, Apex: true}
		return
	}
	current := func(role workload.Role) bool {
		live := w.services[role]
		return workload.ServiceCurrent(workload.RenderService(w.canary, role, w.selector, w.target, live), live)
	}
	w.Services = rollout.Services{
		Sides: current(workload.Primary) && current(workload.Canary),
		Apex:  current(workload.Apex),
	}
}

func (c *Controller) observeRoute(ctx context.Context, w *world) {
	w.routing = routing.Objects{}
	for _, ref := range w.entry.refs {
		informer, err := c.routeInformer(ctx, ref.GVR)
		if err != nil {
			w.Route.Err = err.Error()
			c.queue.AddAfter(canaryName(w.canary), missingRetry+time.Second)
			return
		}
		cached, found := fromStore[*unstructured.Unstructured](informer, ref.Namespace, ref.Name)
		if live, ok := newest(c.recent, keyOf(ref), cached, found); ok {
			w.routing[ref] = live
		}
	}
	provider := w.entry.provider
	seen, err := provider.Observe(w.canary, w.routing)
	if err != nil {
		// What is there makes no sense; applying the right thing mends it.
		seen = routing.Observation{Exists: true, Split: routing.Split{Canary: -1}}
	}
	w.Route = rollout.Route{
		Exists:    seen.Exists,
		Canary:    seen.Split.Canary,
		Reports:   seen.Reports,
		Confirmed: seen.Confirmed,
		Message:   seen.Message,
	}
	if !seen.Exists {
		w.Route.Canary = -1
	}
	w.Route.Since, w.Route.Found = c.shares.saw(w.canary.UID, w.Route.Canary, !seen.Reports || seen.Confirmed, w.Now)
	// Rendered at the split that is in force, everything that differs is something else.
	split := seen.Split
	if err != nil || !seen.Exists {
		split = routing.CanaryShare(w.canary.Status.CanaryWeight)
	}
	objects, err := provider.Render(w.canary, split, w.routing)
	if err != nil {
		w.Route.Err = err.Error()
		return
	}
	w.Route.Current = seen.Exists
	for i, object := range objects {
		live := w.routing[w.entry.refs[min(i, len(w.entry.refs)-1)]]
		if live == nil || len(routing.Diff(object, live)) > 0 || len(routing.Leftover(object, live, FieldManager)) > 0 {
			w.Route.Current = false
		}
		if w.Route.Manager == "" {
			w.Route.Manager = routing.ForeignManager(live, FieldManager)
		}
	}
}

// shares remembers since when each route has had its present share, as far as this process saw.
// For a router that confirms, the share is in force from then on and not from the write.
type shares struct {
	mu sync.Mutex
	of map[types.UID]share
}

type share struct {
	canary    int32
	confirmed bool
	since     time.Time
	// found: it was so when this process first looked.
	found bool
}

func newShares() *shares { return &shares{of: map[types.UID]share{}} }

func (s *shares) saw(canary types.UID, weight int32, confirmed bool, now time.Time) (since time.Time, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.of[canary]
	if !known || last.canary != weight || last.confirmed != confirmed {
		last = share{canary: weight, confirmed: confirmed, since: now, found: !known}
		s.of[canary] = last
	}
	return last.since, last.found
}

func (s *shares) forget(canary types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.of, canary)
}

// observeJobs hands over what hooks and checks have answered, and drops those of earlier runs.
func (c *Controller) observeJobs(w *world) {
	run := w.canary.Status.Run
	if run == nil {
		return
	}
	c.jobs.keep(w.canary.UID, run.ID)
	w.Hooks = map[string]rollout.HookResult{}
	for id, j := range c.jobs.of(w.canary.UID) {
		switch result := j.result.(type) {
		case rollout.CheckResult:
			if w.Check == nil || checkNumber(result.ID) > checkNumber(w.Check.ID) {
				w.Check = &result
			}
		case hookAnswer:
			w.Hooks[id] = rollout.HookResult{Done: true, Err: result.err, FinishedAt: j.finishedAt}
		case causeAnswer: // See observeCause.
		case nil:
			w.Hooks[id] = rollout.HookResult{}
		case error:
			w.Hooks[id] = rollout.HookResult{Done: true, Err: result.Error(), FinishedAt: j.finishedAt}
		}
	}
}
