package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

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
	electing, stop := context.WithCancel(ctx)
	defer stop()
	var result error
	done := make(chan struct{})
	started := atomic.Bool{}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   o.LeaseDuration,
		RenewDeadline:   o.LeaseDuration * 3 / 4,
		RetryPeriod:     o.LeaseDuration / 5,
		ReleaseOnCancel: true,
		Name:            leaseName,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) {
				started.Store(true)
				defer close(done)
				defer stop()
				l.leading.Store(true)
				l.metrics.SetLeader(true)
				result = loop(ctx)
			},
			OnStoppedLeading: func() {
				l.leading.Store(false)
				l.metrics.SetLeader(false)
			},
			OnNewLeader: func(identity string) {
				log.Info("leader", "identity", identity)
			},
		},
	})
	if err != nil {
		return fmt.Errorf("prepare the leader election: %w", err)
	}
	elector.Run(electing)
	if started.Load() {
		<-done
	}
	if ctx.Err() == nil && result == nil {
		return errors.New("the lease was lost; exiting so that two agents never act at once")
	}
	return result
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
