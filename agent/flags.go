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

	"github.com/kubectl-canary/kubectl-canary/agent/alert"
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
	// TrackConfigs makes ConfigMaps and Secrets part of the revision of a target.
	TrackConfigs  bool
	DrainDelay    time.Duration
	Workers, Jobs int
	AllowEgress   []netip.Prefix

	LeaderElection          bool
	LeaderElectionNamespace string
	LeaseDuration           time.Duration

	// ClusterName is shown in alerts; empty for none.
	ClusterName string
	// Alerts is where the alerts of canaries without spec.analysis.alerts go; nil for nowhere.
	Alerts *alert.Destination

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
	slack := alert.Destination{Type: v1beta1.AlertProviderSlack}
	teams := alert.Destination{Type: v1beta1.AlertProviderMSTeams}
	f := flag.NewFlagSet("canary-agent", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.BoolVar(&o.TrackConfigs, "enable-config-tracking", true, "start a run when a ConfigMap or Secret of a target changes, and give primaries copies of them")
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
	f.StringVar(&o.ClusterName, "cluster-name", "", "name of the cluster, for alerts")
	f.StringVar(&slack.Address, "slack-url", "", "Slack webhook for the alerts of canaries without spec.analysis.alerts; better set as $SLACK_URL from a Secret")
	f.StringVar(&slack.Token, "slack-token", "", "bearer token for -slack-url; better set as $SLACK_TOKEN from a Secret")
	f.StringVar(&slack.Channel, "slack-channel", v1beta1.DefaultAlertChannel, "Slack channel")
	f.StringVar(&slack.Username, "slack-user", v1beta1.DefaultAlertUsername, "Slack user name")
	f.StringVar(&slack.Proxy, "slack-proxy-url", "", "HTTP proxy for -slack-url; $SLACK_PROXY_URL overrides it")
	f.StringVar(&teams.Address, "msteams-url", "", "Microsoft Teams webhook for the same alerts, instead of Slack; better set as $MSTEAMS_URL from a Secret")
	f.StringVar(&teams.Proxy, "msteams-proxy-url", "", "HTTP proxy for -msteams-url; $MSTEAMS_PROXY_URL overrides it")
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
	var err error
	if o.Alerts, err = globalAlerts(slack, teams); err != nil {
		return o, err
	}
	if o.Address == "" {
		o.Address = fmt.Sprintf("%s:%d", os.Getenv("BIND_ADDRESS"), port)
	}
	return o, nil
}

// globalAlerts chooses where alerts go that no canary says anything about: Teams before Slack. What
// the environment holds wins over the flags, since that is where secrets are.
func globalAlerts(slack, teams alert.Destination) (*alert.Destination, error) {
	for name, value := range map[string]*string{
		"SLACK_URL":         &slack.Address,
		"SLACK_TOKEN":       &slack.Token,
		"SLACK_PROXY_URL":   &slack.Proxy,
		"MSTEAMS_URL":       &teams.Address,
		"MSTEAMS_PROXY_URL": &teams.Proxy,
	} {
		// A line break at the end is what most editors leave behind in a Secret.
		if v := strings.TrimSpace(os.Getenv(name)); v != "" {
			*value = v
		}
	}
	to, prefix := teams, "msteams"
	if to.Address == "" {
		to, prefix = slack, "slack"
	}
	if to.Address == "" {
		return nil, nil //nolint:nilnil // Nobody is to get these alerts.
	}
	if err := to.Validate(); err != nil {
		return nil, fmt.Errorf("-%s-url or -%[1]s-proxy-url, or the environment for them: %w", prefix, err)
	}
	return &to, nil
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
