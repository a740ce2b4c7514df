package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	appsclient "k8s.io/client-go/kubernetes/typed/apps/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
)

// FieldManager is the name under which the agent writes.
const FieldManager = workload.FieldManager

// Config is what an operator sets by flags.
type Config struct {
	// Namespace to watch; empty for all.
	Namespace string
	// Provider of canaries without spec.provider.
	Provider string
	// SelectorLabels are the keys that may tell a target's pods, in order of preference.
	SelectorLabels []string
	// Prefixes of labels and annotations that primaries inherit.
	Prefixes workload.Prefixes
	// NoCrossNamespaceRefs refuses references to objects of other namespaces.
	NoCrossNamespaceRefs bool
	// DrainDelay is how long a side gets no traffic before it is scaled down.
	DrainDelay time.Duration
	// Workers is how many canaries are looked at at once.
	Workers int
	// Jobs is how many metric checks and webhooks run at once.
	Jobs int
	// TrackConfigs makes the contents of ConfigMaps and Secrets part of a revision, and gives
	// primaries copies of them.
	TrackConfigs bool
}

// Clients of the API server.
type Clients struct {
	Dynamic   dynamic.Interface
	Metadata  metadata.Interface
	Apps      appsclient.AppsV1Interface
	Core      coreclient.CoreV1Interface
	Discovery discovery.DiscoveryInterface
}

// Controller looks after all canaries. Make one with New and start it with Run, once.
type Controller struct {
	config    Config
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	apps      appsclient.AppsV1Interface
	core      coreclient.CoreV1Interface
	discovery discovery.DiscoveryInterface

	checker  Checker
	caller   Caller
	recorder Recorder
	metrics  Metrics
	log      *slog.Logger
	now      func() time.Time

	canaries, deployments, services, replicaSets cache.SharedIndexInformer
	synced                                       []cache.InformerSynced

	onDemand onDemand
	index    *index
	recent   *recent
	jobs     *jobs
	shares   *shares
	queue    workqueue.TypedRateLimitingInterface[cache.ObjectName]
	outcall  *outcalls

	alerter        Alerter
	tracker        *tracker
	agreements     *agreements
	rivals         *rivals
	outdated       told
	clusterAnswers clusterAnswers

	runCtx     context.Context
	background sync.WaitGroup
	ready      chan struct{}
}

// Options are the parts the controller works with.
type Options struct {
	Config   Config
	Clients  Clients
	Checker  Checker
	Caller   Caller
	Alerter  Alerter
	Recorder Recorder
	Metrics  Metrics
	Log      *slog.Logger
}

// New makes a controller.
func New(o Options) (*Controller, error) {
	c := &Controller{
		config:    o.Config,
		dynamic:   o.Clients.Dynamic,
		metadata:  o.Clients.Metadata,
		apps:      o.Clients.Apps,
		core:      o.Clients.Core,
		discovery: o.Clients.Discovery,
		checker:   o.Checker,
		caller:    o.Caller,
		recorder:  o.Recorder,
		metrics:   o.Metrics,
		log:       o.Log,
		now:       time.Now,
		onDemand: onDemand{
			informers: map[schema.GroupVersionResource]cache.SharedIndexInformer{},
			missing:   map[schema.GroupVersionResource]time.Time{},
		},
		index:  newIndex(o.Config.Provider),
		shares: newShares(),
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.NewTypedItemExponentialFailureRateLimiter[cache.ObjectName](20*time.Millisecond, 30*time.Second),
			workqueue.TypedRateLimitingQueueConfig[cache.ObjectName]{Name: "canaries"}),
		ready: make(chan struct{}),

		alerter:        o.Alerter,
		tracker:        newTracker(),
		agreements:     newAgreements(),
		rivals:         newRivals(),
		outdated:       told{},
		clusterAnswers: clusterAnswers{known: map[types.UID]clusterAnswer{}},
	}
	c.recent = newRecent(c.now)
	if err := c.newInformers(); err != nil {
		return nil, err
	}
	return c, nil
}

// Ready says whether all caches are filled and canaries are looked after.
func (c *Controller) Ready() error {
	select {
	case <-c.ready:
		return nil
	default:
		return errors.New("the caches are being filled")
	}
}

// Run looks after the canaries until ctx is done. Work under way is finished, or stopped at a
// point from which the next process goes on.
func (c *Controller) Run(ctx context.Context) error {
	runCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.runCtx = runCtx
	c.jobs = newJobs(runCtx, c.config.Jobs, c.now)
	c.outcall = newOutcalls(runCtx, c.log)
	for _, informer := range []cache.SharedIndexInformer{c.canaries, c.deployments, c.services, c.replicaSets} {
		c.background.Go(func() { informer.RunWithContext(runCtx) })
	}
	if !cache.WaitForCacheSync(runCtx.Done(), c.synced...) {
		return fmt.Errorf("fill the caches: %w", context.Cause(runCtx))
	}
	close(c.ready)
	c.log.Info("looking after canaries", "namespace", c.config.Namespace, "provider", c.config.Provider)
	var workers sync.WaitGroup
	for range c.config.Workers {
		workers.Go(func() {
			for c.next(runCtx) {
			}
		})
	}
	<-runCtx.Done()
	c.queue.ShutDown()
	workers.Wait()
	c.jobs.wait()
	c.outcall.wait()
	c.background.Wait()
	return nil
}

// next handles one canary; it is false when the queue is shut down.
func (c *Controller) next(ctx context.Context) bool {
	name, shutdown := c.queue.Get()
	if shutdown {
		return false
	}
	defer c.queue.Done(name)
	c.metrics.QueueDepth(c.queue.Len())
	done := c.metrics.Begin(name.String())
	started := c.now()
	err := c.sync(ctx, name)
	done()
	c.metrics.Pass(c.now().Sub(started), err)
	var again *retryError
	switch {
	case err == nil:
		c.queue.Forget(name)
	case ctx.Err() != nil:
	case errors.As(err, &again):
		c.log.Debug("looking again", "canary", name.Name+"."+name.Namespace, "why", err)
		c.queue.AddAfter(name, again.after)
	default:
		c.log.Error("pass failed, trying again", "canary", name.Name+"."+name.Namespace, "error", err)
		c.queue.AddRateLimited(name)
	}
	return true
}

// retryError asks for another look soon, without it being a fault: something changed under way.
type retryError struct {
	after time.Duration
	err   error
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

// sync is one pass over a canary. A panic is the fault of this canary alone.
func (c *Controller) sync(ctx context.Context, name cache.ObjectName) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("canary %s: internal error: %v; please report it\n%s", name, p, debug.Stack())
		}
	}()
	e, ok := c.index.get(name)
	if !ok {
		return nil
	}
	if e.err != nil {
		return c.reportUndecodable(ctx, e)
	}
	if c.waitsForRival(e.canary) {
		return nil
	}
	world := c.observe(ctx, e)
	plan := rollout.Decide(*world.World)
	if err := c.execute(ctx, world, plan); err != nil {
		return err
	}
	if !plan.WakeAt.IsZero() {
		c.queue.AddAfter(name, max(plan.WakeAt.Sub(c.now()), time.Millisecond))
	}
	return nil
}

// gone forgets a canary that was deleted.
func (c *Controller) gone(ctx context.Context, name cache.ObjectName, uid types.UID) {
	var others []cache.ObjectName
	if e, ok := c.index.get(name); ok && e.canary != nil && e.kind != nil {
		// A younger canary of the same target may have waited for this.
		others = c.index.of(keyOfKind(e.kind, name.Namespace, e.canary.Spec.TargetRef.Name))
		c.leftBehind(ctx, e)
	}
	defer func() {
		for _, other := range others {
			c.queue.Add(other)
		}
	}()
	c.jobs.keep(uid, "")
	c.shares.forget(uid)
	c.index.remove(name)
	c.recent.forget(objectKey{canariesResource, name.Namespace, name.Name}, uid)
	c.metrics.Forget(name.Namespace, name.Name)
	c.tracker.uses(name, nil)
	c.clusterAnswers.mu.Lock()
	delete(c.clusterAnswers.known, uid)
	c.clusterAnswers.mu.Unlock()
}

// leftBehind warns when a canary has gone and its target has no pods: the primary goes with it.
func (c *Controller) leftBehind(ctx context.Context, e *entry) {
	canary := e.canary
	target, err := c.object(ctx, e.kind, canary.Namespace, canary.Spec.TargetRef.Name)
	if err != nil || target == nil || !e.kind.Traits().Pods {
		return
	}
	c.tracker.forgetTarget(target.GetUID())
	if primary, err := c.object(ctx, e.kind, canary.Namespace, e.kind.PrimaryName(canary)); err == nil && primary != nil {
		c.agreements.forget(primary.GetUID())
	}
	if target.GetDeletionTimestamp() != nil || e.kind.Target(target, nil).Replicas > 0 {
		return
	}
	text := fmt.Sprintf("Canary %s.%s was deleted without revertOnDeletion; its primary goes with it, and %s has no pods: scale it up",
		canary.Name, canary.Namespace, called(e.kind, canary.Namespace, target.GetName()))
	c.log.Warn(text)
	c.recorder.Record(canary, rollout.Message{Severity: rollout.Warning, Reason: "TargetLeftAtZero", Text: text, Key: "TargetLeftAtZero/" + string(canary.UID)}, c.now())
}
