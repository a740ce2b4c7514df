package controller

import (
	"context"
	"sync"
	"time"

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
	entry  *entry
	canary *v1beta1.Canary
	// kind of the target; nil when it is none that is supported.
	kind     workload.Kind
	selector workload.Selector
	// target and primary are nil when there is none.
	target, primary workload.Object
	services        map[workload.Role]*corev1.Service
	routing         routing.Objects
	scalers         scalers
}

// observe builds the world of one canary from caches.
func (c *Controller) observe(ctx context.Context, e *entry) *world {
	canary := c.newestCanary(e)
	w := &world{
		World: &rollout.World{
			Now:        c.now(),
			Canary:     canary,
			DrainDelay: c.config.DrainDelay,
			Provider:   e.wanted,
			Route:      rollout.Route{Provider: e.providerName},
		},
		entry:    e,
		canary:   canary,
		kind:     e.kind,
		services: map[workload.Role]*corev1.Service{},
	}
	w.Problems = c.problems(e, canary)
	if w.kind != nil {
		c.observeWorkloads(ctx, w)
	}
	if len(w.Problems) == 0 {
		w.Problems = c.clusterProblems(ctx, w)
	}
	if len(w.Problems) == 0 {
		c.observeScaler(ctx, w)
		c.observeServices(w)
		c.observeRoute(ctx, w)
		forgetStaleMark(w)
	}
	c.observeJobs(w)
	c.observeCause(w)
	return w
}

// forgetStaleMark has a canary that begins make its primary anew when the target carries the mark of
// an earlier canary and all clients are on the newest revision: sending them back to what was marked
// then would be a rollback, to a revision that may be gone.
func forgetStaleMark(w *world) {
	begins := w.canary.Status.Phase == "" || w.canary.Status.Phase == v1beta1.PhaseInitializing
	if begins && w.kind != nil && w.kind.Traits().InPlace && w.Route.Exists && w.Route.Canary == 100 && w.Primary.Source != w.Target.Revision {
		w.Primary = rollout.Workload{}
	}
}

// newestCanary is the canary with the status as the agent itself wrote it last.
func (c *Controller) newestCanary(e *entry) *v1beta1.Canary {
	key := objectKey{canariesResource, e.canary.Namespace, e.canary.Name}
	canary, _ := newest(c.recent, key, e.canary, true)
	return canary
}

// observeWorkloads looks at target and primary.
func (c *Controller) observeWorkloads(ctx context.Context, w *world) {
	namespace, name := w.canary.Namespace, w.canary.Spec.TargetRef.Name
	if err := c.findWorkloads(ctx, w); err != nil {
		if len(w.Problems) == 0 {
			c.queue.AddAfter(canaryName(w.canary), missingRetry+time.Second)
		}
		w.Problems = append(w.Problems, rollout.Problem{
			Reason: rollout.ReasonTargetUnreadable, Message: "spec.targetRef: " + called(w.kind, namespace, name) + ": " + err.Error(),
		})
		return
	}
	if w.target == nil {
		return
	}
	for _, err := range w.kind.Check(w.target) {
		w.Problems = append(w.Problems, rollout.Problem{
			Reason: "UnsupportedTarget", Message: called(w.kind, namespace, name) + ": " + err.Error(),
		})
	}
	if w.kind.Traits().Pods {
		var err error
		w.selector, err = workload.SelectorOf(w.kind.Pods(w.target).Labels, c.config.SelectorLabels, called(w.kind, namespace, name))
		if err != nil {
			w.Problems = append(w.Problems, rollout.Problem{Reason: "NoSelectorLabel", Message: err.Error()})
			return
		}
	}
	c.observeConfigs(ctx, w)
	c.observeUnmarked(ctx, w)
}

// findWorkloads finds target and primary and the facts about them.
func (c *Controller) findWorkloads(ctx context.Context, w *world) error {
	target, err := c.object(ctx, w.kind, w.canary.Namespace, w.canary.Spec.TargetRef.Name)
	if err != nil {
		return err
	}
	primary, err := c.object(ctx, w.kind, w.canary.Namespace, w.kind.PrimaryName(w.canary))
	if err != nil {
		return err
	}
	targetHistory, err := c.history(ctx, w.kind, target)
	if err != nil {
		return err
	}
	primaryHistory, err := c.history(ctx, w.kind, primary)
	if err != nil {
		return err
	}
	w.target, w.primary = target, primary
	w.Target, w.Primary = w.kind.Target(target, targetHistory), w.kind.Primary(primary, primaryHistory)
	return nil
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
		want := renderService(w, role, w.canary.Status.CanaryWeight)
		return want == nil || workload.ServiceCurrent(want, w.services[role])
	}
	w.Services = rollout.Services{
		Sides:    current(workload.Primary) && current(workload.Canary),
		Apex:     current(workload.Apex),
		Released: apexReleased(w),
	}
}

// renderService is the Service in a role as it ought to be; nil when the kind of target has none. With
// the provider kubernetes the apex Service is the route, and selects the side that has the weight.
func renderService(w *world, role workload.Role, weight int32) *corev1.Service {
	want := w.kind.Service(w.canary, role, w.selector, w.target, w.services[role])
	if want != nil && role == workload.Apex && routedByService(w) && weight == 100 {
		want = want.DeepCopy()
		want.Spec.Selector = map[string]string{w.selector.Key: w.selector.Value}
	}
	return want
}

func routedByService(w *world) bool { return w.entry.providerName == v1beta1.ProviderKubernetes }

// observeSelector reads the route off the apex Service.
func (c *Controller) observeSelector(w *world) {
	live := w.services[workload.Apex]
	w.Route.Exists, w.Route.Current, w.Route.Canary = live != nil, true, -1
	if live != nil {
		switch live.Spec.Selector[w.selector.Key] {
		case w.selector.PrimaryValue():
			w.Route.Canary = 0
		case w.selector.Value:
			w.Route.Canary = 100
		}
	}
	w.Route.Released = w.Services.Released
	w.Route.Since, w.Route.Found = c.shares.saw(w.canary.UID, inForce{canary: w.Route.Canary, released: w.Route.Released, confirmed: true}, w.Now)
}

func (c *Controller) observeRoute(ctx context.Context, w *world) {
	if routedByService(w) {
		c.observeSelector(w)
		return
	}
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
		Provider:  w.entry.providerName,
		Exists:    seen.Exists,
		Canary:    seen.Split.Canary,
		Mirror:    seen.Split.Mirror,
		Everyone:  seen.Split.Everyone,
		Reports:   seen.Reports,
		Confirmed: seen.Confirmed,
		Message:   seen.Message,
	}
	if !seen.Exists {
		w.Route.Canary = -1
	}
	if w.canary.DeletionTimestamp != nil {
		released, err := routeReleased(w)
		if err != nil {
			w.Route.Err = err.Error()
			return
		}
		if w.Route.Released = released; released {
			w.Route.Canary = 100 // Which is where the apex Service leads.
		}
	}
	w.Route.Since, w.Route.Found = c.shares.saw(w.canary.UID, inForce{
		canary: w.Route.Canary, mirror: w.Route.Mirror, released: w.Route.Released,
		confirmed: !seen.Reports || seen.Confirmed,
	}, w.Now)
	if w.Route.Released {
		w.Route.Current = true
		return
	}
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
		live := w.routing[refAt(w.entry.refs, i)]
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

// inForce is what a route does, as far as it matters since when.
type inForce struct {
	canary                      int32
	mirror, released, confirmed bool
}

type share struct {
	inForce
	since time.Time
	// found: it was so when this process first looked.
	found bool
}

func newShares() *shares { return &shares{of: map[types.UID]share{}} }

func (s *shares) saw(canary types.UID, what inForce, now time.Time) (since time.Time, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, known := s.of[canary]
	if !known || last.inForce != what {
		last = share{inForce: what, since: now, found: !known}
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
