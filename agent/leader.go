package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	v1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kubectl-canary/kubectl-canary/agent/telemetry"
)

// leaseName of the agent. It is not Flagger's, whose lease tells that another controller runs.
const leaseName = "canary-agent"

// leadership runs the loop while this process holds the lease.
type leadership struct {
	metrics *telemetry.Metrics
	leading atomic.Bool
}

func (l *leadership) holds() bool { return l.leading.Load() }

// run takes the lease, by a client of its own so that load on the other one cannot cost it, and
// runs the loop while it has it. Losing the lease ends the process: what was under way then must
// not go on beside the new leader.
func (l *leadership) run(ctx context.Context, config *rest.Config, o Options, instance string, loop func(context.Context) error, log *slog.Logger) error {
	if !o.LeaderElection {
		l.leading.Store(true)
		l.metrics.SetLeader(true)
		return loop(ctx)
	}
	leases := rest.CopyConfig(config)
	leases.Timeout = o.LeaseDuration / 4
	coordination, err := v1.NewForConfig(leases)
	if err != nil {
		return fmt.Errorf("make the lease client: %w", err)
	}
	core, err := coreclient.NewForConfig(leases)
	if err != nil {
		return fmt.Errorf("make the lease client: %w", err)
	}
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, leaseNamespace(o), leaseName, core, coordination,
		resourcelock.ResourceLockConfig{Identity: instance})
	if err != nil {
		return fmt.Errorf("make the lease: %w", err)
	}
	watcher, err := v1.NewForConfig(config) // Without the time limit, which would end a watch.
	if err != nil {
		return fmt.Errorf("make the lease client: %w", err)
	}
	for ctx.Err() == nil {
		e := &election{leadership: l, loop: loop, log: log}
		if err := e.run(ctx, lock, watcher.Leases(leaseNamespace(o)), o.LeaseDuration); err != nil {
			return err
		}
		if e.state.Load() != electionWon {
			continue
		}
		if ctx.Err() == nil && e.result == nil {
			return errors.New("the lease was lost; exiting so that two agents never act at once")
		}
		return e.result
	}
	return nil
}

const (
	electionOpen int32 = iota
	electionWon
	// electionOver: the holder has released the lease; the next election is decided at once.
	electionOver
)

// election is one wait for the lease and, if it is won, the time with it. A new one begins as soon as
// the holder releases the lease, since an elector by itself looks again only after up to two retry
// periods, in which nobody would act: as long as that lasts, an upgrade is an outage of the verbs.
type election struct {
	*leadership
	loop   func(context.Context) error
	log    *slog.Logger
	state  atomic.Int32
	result error
}

func (e *election) run(ctx context.Context, lock resourcelock.Interface, leases v1.LeaseInterface, duration time.Duration) error {
	electing, stop := context.WithCancel(ctx)
	defer stop()
	watching, leave := context.WithCancel(electing)
	defer leave()
	done := make(chan struct{})
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   duration,
		RenewDeadline:   duration * 3 / 4,
		RetryPeriod:     duration / 5,
		ReleaseOnCancel: true,
		Name:            leaseName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				defer close(done)
				defer stop()
				leave()
				if !e.state.CompareAndSwap(electionOpen, electionWon) {
					return // Given up in the moment in which it was won; the next one is won as well.
				}
				e.leading.Store(true)
				e.metrics.SetLeader(true)
				e.result = e.loop(ctx)
			},
			OnStoppedLeading: func() {
				e.leading.Store(false)
				e.metrics.SetLeader(false)
			},
			OnNewLeader: func(identity string) {
				e.log.Info("leader", "identity", identity)
			},
		},
	})
	if err != nil {
		return fmt.Errorf("prepare the leader election: %w", err)
	}
	var watch sync.WaitGroup
	watch.Go(func() {
		if released(watching, leases, rewatch) && e.state.CompareAndSwap(electionOpen, electionOver) {
			stop()
		}
	})
	elector.Run(electing)
	if !e.state.CompareAndSwap(electionOpen, electionOver) && e.state.Load() == electionWon {
		<-done
	}
	leave()
	watch.Wait()
	return nil
}

// rewatch is how long to wait before the lease is watched again after a failure.
const rewatch = 5 * time.Second

// released waits until the lease is given up by its holder; it is false when ctx ended before.
func released(ctx context.Context, leases v1.LeaseInterface, rewatch time.Duration) bool {
	for {
		w, err := leases.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + leaseName})
		if err == nil {
			for event := range w.ResultChan() {
				lease, ok := event.Object.(*coordinationv1.Lease)
				// The first event is the lease as it is, which the elector sees as well.
				if ok && (event.Type == apiwatch.Deleted || (event.Type == apiwatch.Modified && holderOf(lease) == "")) {
					w.Stop()
					return true
				}
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(rewatch):
		}
	}
}

func holderOf(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// leaseNamespace is where the lease lives.
func leaseNamespace(o Options) string {
	if o.LeaderElectionNamespace != "" {
		return o.LeaderElectionNamespace
	}
	if o.Namespace != "" {
		return o.Namespace
	}
	if name := os.Getenv("POD_NAMESPACE"); name != "" {
		return name
	}
	if data, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace"); err == nil {
		if name := strings.TrimSpace(string(data)); name != "" {
			return name
		}
	}
	return "default"
}
