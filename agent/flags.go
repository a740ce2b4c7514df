package agent

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/routing/registry"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Options are what can be set on the command line. The names and defaults are Flagger's where it
// has the flag, so that the arguments of its Deployment work here.
type Options struct {
	Kubeconfig string
	Master     string
	Namespace  string
	// Provider of canaries that name none.
	Provider      string
	MetricsServer string

	SelectorLabels       []string
	Prefixes             []string
	NoCrossNamespaceRefs bool
	DrainDelay           time.Duration
	Workers, Jobs        int
	AllowEgress          []netip.Prefix

	LeaderElection          bool
	LeaderElectionNamespace string
	LeaseDuration           time.Duration

	Address  string
	LogLevel string
	// Version asks for the version only.
	Version bool
}

// ParseFlags reads the command line. It returns flag.ErrHelp when help was asked for and printed.
func ParseFlags(args []string, errOut io.Writer) (Options, error) {
	var o Options
	var port int
	var selectors, prefixes, egress string
	f := flag.NewFlagSet("canary-agent", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig file; needed outside of a cluster only")
	f.StringVar(&o.Master, "master", "", "address of the API server; overrides the kubeconfig's")
	f.StringVar(&o.Namespace, "namespace", "", "look after the canaries of this namespace only; default all")
	f.StringVar(&o.Provider, "mesh-provider", v1beta1.ProviderIstio, "traffic provider of canaries without spec.provider; this version carries out "+strings.Join(registry.Supported(), ", "))
	f.StringVar(&o.MetricsServer, "metrics-server", "http://prometheus:9090", "Prometheus for the builtin metrics of canaries without spec.metricsServer")
	f.StringVar(&selectors, "selector-labels", "app,name,app.kubernetes.io/name", "labels that may tell the pods of a target, by preference")
	f.StringVar(&prefixes, "include-label-prefix", "", "prefixes of labels and annotations that primaries inherit; * for all")
	f.BoolVar(&o.NoCrossNamespaceRefs, "no-cross-namespace-refs", false, "refuse references to objects of other namespaces")
	f.DurationVar(&o.DrainDelay, "drain-delay", 3*time.Second, "how long a side gets no traffic before it is scaled down")
	f.IntVar(&o.Workers, "threadiness", 4, "canaries looked at at once")
	f.IntVar(&o.Jobs, "jobs", 32, "metric checks and webhooks under way at once")
	f.StringVar(&egress, "allow-egress", "", "networks that webhooks and metric queries may reach although they are loopback or link-local, such as 127.0.0.0/8")
	f.BoolVar(&o.LeaderElection, "enable-leader-election", true, "act only while holding the lease; needed with more than one replica")
	f.StringVar(&o.LeaderElectionNamespace, "leader-election-namespace", "", "namespace of the lease; default -namespace, then the agent's own")
	f.DurationVar(&o.LeaseDuration, "lease-duration", 40*time.Second, "how long a lease outlives a holder that does not renew it")
	f.IntVar(&port, "port", 8080, "port of /metrics, /healthz and /readyz")
	f.StringVar(&o.Address, "address", "", "address of /metrics, /healthz and /readyz; overrides -port; default $BIND_ADDRESS and -port")
	f.StringVar(&o.LogLevel, "log-level", "info", "debug, info, warn or error")
	f.BoolVar(&o.Version, "version", false, "print the version and exit")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: the agent takes flags only, see -help", f.Arg(0))
	}
	o.SelectorLabels = list(selectors)
	o.Prefixes = list(prefixes)
	if len(o.SelectorLabels) == 0 {
		return o, errors.New("-selector-labels: name at least one label")
	}
	for _, cidr := range list(egress) {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return o, fmt.Errorf("-allow-egress: %q is not a network, such as 127.0.0.0/8", cidr)
		}
		o.AllowEgress = append(o.AllowEgress, prefix)
	}
	if !slices.Contains(v1beta1.Providers(), o.Provider) {
		return o, fmt.Errorf("-mesh-provider: %q is unknown; known are %s", o.Provider, strings.Join(v1beta1.Providers(), ", "))
	}
	if o.DrainDelay < 0 || o.Workers < 1 || o.Jobs < 1 || o.LeaseDuration < 5*time.Second {
		return o, errors.New("-drain-delay must not be negative, -threadiness and -jobs must be at least 1, -lease-duration at least 5s")
	}
	if o.Address == "" {
		o.Address = fmt.Sprintf("%s:%d", os.Getenv("BIND_ADDRESS"), port)
	}
	return o, nil
}

func list(s string) []string {
	var out []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}
