// Package agent puts the parts of the agent together: flags, clients, leader election, telemetry
// and the controller, and starts and stops them in the right order.
package agent

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	appsclient "k8s.io/client-go/kubernetes/typed/apps/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis"
	"github.com/kubectl-canary/kubectl-canary/agent/controller"
	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/agent/telemetry"
	"github.com/kubectl-canary/kubectl-canary/agent/telemetry/events"
	"github.com/kubectl-canary/kubectl-canary/agent/webhook"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
)

// Run runs the agent until ctx is done.
func Run(ctx context.Context, o Options, version string, errOut io.Writer) error {
	level, err := telemetry.ParseLevel(o.LogLevel)
	if err != nil {
		return fmt.Errorf("-log-level: %w", err)
	}
	log := telemetry.NewLogger(errOut, level)
	klog.SetSlogLogger(log) // What client-go has to say.
	config, err := clusterConfig(o)
	if err != nil {
		return fmt.Errorf("find the cluster: %w; run in a pod, or give -kubeconfig", err)
	}
	config.UserAgent = "canary-agent/" + version
	// The API server's own flow control is fairer than a limit here could be.
	config.QPS = -1
	if wrapTransport != nil {
		config.Wrap(wrapTransport)
	}
	clients, err := newClients(config)
	if err != nil {
		return err
	}
	instance := instanceName()
	metrics := telemetry.NewMetrics(telemetry.Info{Version: version, Provider: o.Provider})
	recorder := events.NewRecorder(events.ToCluster(clients.Core), events.Options{
		Instance: instance, OnResult: metrics.CountEvent, Log: log,
	})
	guard := egress.New(egress.Options{Allow: o.AllowEgress, Deny: apiServerAddress(), Proxy: true})
	watchdog := telemetry.NewWatchdog(2 * time.Minute)

	loop, err := controller.New(controller.Options{
		Config: controller.Config{
			Namespace:            o.Namespace,
			Provider:             o.Provider,
			SelectorLabels:       o.SelectorLabels,
			Prefixes:             workload.Prefixes(o.Prefixes),
			NoCrossNamespaceRefs: o.NoCrossNamespaceRefs,
			DrainDelay:           o.DrainDelay,
			Workers:              o.Workers,
			Jobs:                 o.Jobs,
			TrackConfigs:         o.TrackConfigs,
		},
		Clients: clients,
		Checker: &checker{
			evaluator: analysis.NewEvaluator(guard, o.Jobs),
			inputs: analysis.Inputs{
				Provider:             o.Provider,
				MetricsServer:        o.MetricsServer,
				Objects:              objects{clients},
				NoCrossNamespaceRefs: o.NoCrossNamespaceRefs,
			},
		},
		Caller:   &caller{&webhook.Caller{HTTP: guard}},
		Alerter:  alerter{newAlerts(o, clients, guard)},
		Recorder: recorderOf{recorder},
		Metrics:  &meter{metrics: metrics, watchdog: watchdog},
		Log:      log,
	})
	if err != nil {
		return err
	}
	server := &telemetry.Server{
		Address:  o.Address,
		Gatherer: metrics.Gatherer(),
		Live:     []telemetry.Check{watchdog.Check("passes")},
		Log:      log,
	}
	// A replica that waits for the lease is ready: it does what it is there for.
	leading := &leadership{metrics: metrics}
	server.Ready = []telemetry.Check{{Name: "caches", Probe: func(context.Context) error {
		if !leading.holds() {
			return nil
		}
		return loop.Ready()
	}}}

	runCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var parts sync.WaitGroup
	// The recorder outlives the controller, so that the last events are written too.
	recording, stopRecording := context.WithCancel(context.WithoutCancel(ctx))
	parts.Go(func() { recorder.Run(recording) })
	parts.Go(func() {
		if err := server.Run(runCtx); err != nil {
			cancel(fmt.Errorf("serve %s: %w", o.Address, err))
		}
	})
	log.Info("starting canary-agent", "version", version, "provider", o.Provider, "instance", instance)
	err = leading.run(runCtx, config, o, instance, loop.Run, log)
	if cause := context.Cause(runCtx); err == nil && ctx.Err() == nil && cause != nil {
		err = cause
	}
	cancel(nil)
	stopRecording()
	parts.Wait()
	log.Info("stopped")
	return err
}

// clusterConfig is that of the pod unless a flag says otherwise.
func clusterConfig(o Options) (*rest.Config, error) {
	if o.Master == "" && o.Kubeconfig == "" {
		return rest.InClusterConfig()
	}
	return clientcmd.BuildConfigFromFlags(o.Master, o.Kubeconfig)
}

func newClients(config *rest.Config) (controller.Clients, error) {
	// Built-in types are smaller and cheaper to read in protobuf; custom resources are JSON only.
	builtin := rest.CopyConfig(config)
	builtin.ContentType = "application/vnd.kubernetes.protobuf"
	builtin.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	var c controller.Clients
	var err error
	fail := func(what string, err error) (controller.Clients, error) {
		return c, fmt.Errorf("make the %s client: %w", what, err)
	}
	if c.Dynamic, err = dynamic.NewForConfig(config); err != nil {
		return fail("dynamic", err)
	}
	if c.Metadata, err = metadata.NewForConfig(config); err != nil {
		return fail("metadata", err)
	}
	if c.Apps, err = appsclient.NewForConfig(builtin); err != nil {
		return fail("apps", err)
	}
	if c.Core, err = coreclient.NewForConfig(builtin); err != nil {
		return fail("core", err)
	}
	if c.Discovery, err = discovery.NewDiscoveryClientForConfig(config); err != nil {
		return fail("discovery", err)
	}
	return c, nil
}

// instanceName is the pod's name. It stays the same when the container is restarted in its pod,
// so that the lease is taken up again at once after a crash.
func instanceName() string {
	if name := os.Getenv("POD_NAME"); name != "" {
		return name
	}
	name, err := os.Hostname()
	if err != nil {
		return "canary-agent"
	}
	return name
}

// apiServerAddress is where manifests must not send requests to.
func apiServerAddress() []netip.AddrPort {
	addr, err := netip.ParseAddr(os.Getenv("KUBERNETES_SERVICE_HOST"))
	if err != nil {
		return nil
	}
	port, err := strconv.ParseUint(os.Getenv("KUBERNETES_SERVICE_PORT"), 10, 16)
	if err != nil {
		port = 443
	}
	return []netip.AddrPort{netip.AddrPortFrom(addr, uint16(port))}
}
