package clusternet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
)

// Config says which cluster to serve.
type Config struct {
	// Client reads Services and EndpointSlices.
	Client kubernetes.Interface
	// ServiceCIDR is the range of ClusterIPs that are served; all of its addresses
	// have to be local. Default 10.96.0.0/16.
	ServiceCIDR netip.Prefix
	// DNSAddr is where the name server listens, UDP and TCP. Default 10.96.0.10:53.
	DNSAddr string
	// Log is where errors are told. Default: nowhere.
	Log *slog.Logger
}

// Run serves until ctx ends and then returns nil. Connections are closed.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Client == nil {
		return errors.New("clusternet: Config.Client is nil: give it a clientset for the test cluster")
	}
	if !cfg.ServiceCIDR.IsValid() {
		cfg.ServiceCIDR = netip.MustParsePrefix("10.96.0.0/16")
	}
	if cfg.DNSAddr == "" {
		cfg.DNSAddr = "10.96.0.10:53"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	factory := informers.NewSharedInformerFactory(cfg.Client, 0)
	st := &state{
		cidr:     cfg.ServiceCIDR,
		services: factory.Core().V1().Services().Lister(),
		slices:   factory.Discovery().V1().EndpointSlices().Lister(),
	}
	names := &dnsServer{state: st, log: cfg.Log}
	stopNames, err := names.listen(cfg.DNSAddr)
	if err != nil {
		return err
	}
	defer stopNames()

	proxy := newProxy(ctx, cfg.Log)
	defer proxy.close()
	changed := make(chan struct{}, 1)
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify() },
		UpdateFunc: func(any, any) { notify() },
		DeleteFunc: func(any) { notify() },
	}
	for kind, informer := range map[string]cache.SharedIndexInformer{
		"services":       factory.Core().V1().Services().Informer(),
		"endpointslices": factory.Discovery().V1().EndpointSlices().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("clusternet: watch %s: %w", kind, err)
		}
	}
	factory.StartWithContext(ctx)
	defer factory.Shutdown()
	defer cancel() // before Shutdown, which waits for the watches to end
	if err := factory.WaitForCacheSyncWithContext(ctx).AsError(); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("clusternet: list services and endpoint slices: %w", err)
	}
	st.synced.Store(true)
	for {
		// All of it is computed again on any change. That is quick for as many
		// Services as a test has, and never wrong because an event was missed.
		table, err := st.ports()
		if err != nil {
			cfg.Log.Error("service table not computed", "error", err)
		} else {
			proxy.update(table)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// state reads the watched objects.
type state struct {
	cidr     netip.Prefix
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
	synced   atomic.Bool
}

// slicesOf lists the EndpointSlices of a Service.
func (s *state) slicesOf(svc *v1.Service) ([]*discoveryv1.EndpointSlice, error) {
	return s.slices.EndpointSlices(svc.Namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: svc.Name}))
}
