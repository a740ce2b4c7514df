package create

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// Settings are the parts of a Canary that flags can set.
type Settings struct {
	Name   string
	Target string
	// ServicePort is 0 until it has been read from the target.
	ServicePort      int32
	TargetPort       string
	Provider         string
	Gateways         []string
	StepWeight       int32
	StepWeights      []int32
	MaxWeight        int32
	Interval         time.Duration
	Threshold        int32
	SuccessRate      float64
	MaxLatency       time.Duration
	ProgressDeadline time.Duration

	// Changed tells whether the user gave a flag.
	Changed func(flag string) bool

	kind, workload string
	gatewayRefs    []v1beta1.ParentReference
}

// DefaultSettings are those of the examples in the documentation.
func DefaultSettings() Settings {
	return Settings{
		StepWeight: 10, MaxWeight: 50, Interval: time.Minute, Threshold: 5,
		SuccessRate: 99, MaxLatency: 500 * time.Millisecond,
		Changed: func(string) bool { return false },
	}
}

func (s *Settings) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.Target, "target", "", "The workload: deployment/NAME or daemonset/NAME. Default: deployment/ and the name.")
	flags.Int32Var(&s.ServicePort, "service-port", 0, "Port of the Services. Default: the first container port of the target.")
	flags.StringVar(&s.TargetPort, "target-port", "", "Port of the pods, by number or name. Default: the service port.")
	flags.StringVar(&s.Provider, "provider", "", "Traffic provider, such as istio or gatewayapi:v1. Default: that of the agent.")
	flags.StringSliceVar(&s.Gateways, "gateway", nil, "Gateway to attach the route to, as NAMESPACE/NAME; sets the provider gatewayapi:v1.")
	flags.Int32Var(&s.StepWeight, "step-weight", s.StepWeight, "How much traffic the canary gains at each step, in percent.")
	flags.Int32SliceVar(&s.StepWeights, "step-weights", nil, "The traffic of each step, in percent, such as 1,5,20,50; in place of --step-weight.")
	flags.Int32Var(&s.MaxWeight, "max-weight", s.MaxWeight, "The traffic of the last step, in percent.")
	flags.DurationVar(&s.Interval, "interval", s.Interval, "How long a step is held before it is judged, in whole seconds.")
	flags.Int32Var(&s.Threshold, "threshold", s.Threshold, "Failed checks before the run is rolled back.")
	flags.Float64Var(&s.SuccessRate, "success-rate", s.SuccessRate, "The least accepted success rate in percent; 0 for no such check.")
	flags.DurationVar(&s.MaxLatency, "max-latency", s.MaxLatency, "The greatest accepted 99th percentile of the latency; 0 for no such check.")
	flags.DurationVar(&s.ProgressDeadline, "progress-deadline", 0, "How long the workload may take to become ready. Default: 10m.")
	_ = cmd.RegisterFlagCompletionFunc("provider",
		cobra.FixedCompletions(v1beta1.Providers(), cobra.ShellCompDirectiveNoFileComp))
}

// parse reads NAME or KIND/NAME, and the target.
func (s *Settings) parse(arg string) error {
	kind, name, found := strings.Cut(arg, "/")
	if !found {
		kind, name = "deployment", arg
	}
	s.Name = name
	if messages := validation.IsDNS1123Subdomain(name); len(messages) > 0 {
		return cli.Usagef("%q cannot be the name of a canary: %s", name, messages[0])
	}
	if s.Target != "" {
		if found {
			return cli.Usagef("%q names the target already: leave out --target, or give the name alone", arg)
		}
		if kind, name, found = strings.Cut(s.Target, "/"); !found {
			kind, name = "deployment", s.Target
		}
	}
	s.workload = name
	switch strings.ToLower(kind) {
	case "deployment", "deployments", "deploy", "deployment.apps", "deployments.apps":
		s.kind = v1beta1.TargetDeployment
	case "daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps":
		s.kind = v1beta1.TargetDaemonSet
	default:
		return cli.Usagef("%q cannot be a target: use deployment/NAME or daemonset/NAME", kind+"/"+name)
	}
	return nil
}

func (s *Settings) validate() error {
	switch {
	case s.Interval < time.Second || s.Interval%time.Second != 0:
		return cli.Usagef("--interval must be whole seconds, at least 1s")
	case s.MaxLatency < 0 || s.SuccessRate < 0 || s.SuccessRate > 100:
		return cli.Usagef("--success-rate must be 0 to 100, and --max-latency not negative")
	case s.ProgressDeadline < 0 || s.ProgressDeadline%time.Second != 0:
		return cli.Usagef("--progress-deadline must be whole seconds")
	case s.Changed("step-weights") && (s.Changed("step-weight") || s.Changed("max-weight")):
		return cli.Usagef("--step-weights cannot be combined with --step-weight or --max-weight")
	case s.ServicePort < 0 || s.ServicePort > 65535:
		return cli.Usagef("--service-port must be 1 to 65535")
	}
	for _, gateway := range s.Gateways {
		namespace, name, found := strings.Cut(gateway, "/")
		if !found {
			namespace, name = "", gateway
		}
		if name == "" || strings.Contains(name, "/") {
			return cli.Usagef("--gateway %q must be NAMESPACE/NAME", gateway)
		}
		s.gatewayRefs = append(s.gatewayRefs, v1beta1.ParentReference{Namespace: namespace, Name: name})
	}
	if len(s.Gateways) > 0 && s.Provider == "" {
		s.Provider = v1beta1.ProviderGatewayAPIV1
	}
	if len(s.Gateways) > 0 && !strings.HasPrefix(s.Provider, "gatewayapi:") {
		return cli.Usagef("--gateway needs a gatewayapi provider, not %q", s.Provider)
	}
	if strings.HasPrefix(s.Provider, "gatewayapi:") && len(s.Gateways) == 0 {
		return cli.Usagef("provider %s needs --gateway NAMESPACE/NAME", s.Provider)
	}
	return nil
}

func (s *Settings) canary(namespace string) *v1beta1.Canary {
	c := &v1beta1.Canary{
		TypeMeta: metav1.TypeMeta{
			APIVersion: v1beta1.SchemeGroupVersion.String(), Kind: v1beta1.CanaryKind,
		},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: namespace},
		Spec: v1beta1.CanarySpec{
			Provider:  s.Provider,
			TargetRef: v1beta1.TargetReference{APIVersion: "apps/v1", Kind: s.kind, Name: s.workload},
			Service:   v1beta1.CanaryService{Port: s.ServicePort, GatewayRefs: s.gatewayRefs},
			Analysis: &v1beta1.CanaryAnalysis{
				Interval: short(s.Interval), Threshold: s.Threshold, Metrics: s.metrics(),
			},
		},
	}
	if s.TargetPort != "" {
		c.Spec.Service.TargetPort = intstr.Parse(s.TargetPort)
	}
	if s.ProgressDeadline > 0 {
		seconds := int32(s.ProgressDeadline / time.Second)
		c.Spec.ProgressDeadlineSeconds = &seconds
	}
	a := c.Spec.Analysis
	switch {
	case s.Provider == v1beta1.ProviderKubernetes:
		// No weights without a router: Blue/Green.
		a.Iterations = v1beta1.DefaultIterations
	case len(s.StepWeights) > 0:
		a.StepWeights = s.StepWeights
	default:
		a.StepWeight, a.MaxWeight = s.StepWeight, s.MaxWeight
	}
	return c
}

// metrics are the builtin checks. Without a router nobody measures requests, so with the provider
// kubernetes only those that were asked for are set.
func (s *Settings) metrics() []v1beta1.CanaryMetric {
	var out []v1beta1.CanaryMetric
	byDefault := s.Provider != v1beta1.ProviderKubernetes
	if s.SuccessRate > 0 && (byDefault || s.Changed("success-rate")) {
		out = append(out, v1beta1.CanaryMetric{
			Name: v1beta1.MetricSuccessRate, Interval: v1beta1.DefaultMetricInterval,
			ThresholdRange: &v1beta1.ThresholdRange{Min: &s.SuccessRate},
		})
	}
	if s.MaxLatency > 0 && (byDefault || s.Changed("max-latency")) {
		milliseconds := float64(s.MaxLatency) / float64(time.Millisecond)
		out = append(out, v1beta1.CanaryMetric{
			Name: v1beta1.MetricDuration, Interval: v1beta1.DefaultMetricInterval,
			ThresholdRange: &v1beta1.ThresholdRange{Max: &milliseconds},
		})
	}
	return out
}

// short writes a duration of whole seconds as the API accepts it, in minutes and seconds.
func short(d time.Duration) string {
	minutes, seconds := d/time.Minute, d%time.Minute/time.Second
	switch {
	case seconds == 0:
		return fmt.Sprintf("%dm", minutes)
	case minutes == 0:
		return fmt.Sprintf("%ds", seconds)
	}
	return fmt.Sprintf("%dm%ds", minutes, seconds)
}
