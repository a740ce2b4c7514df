package v1beta1

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
)

// Defaults of the fields that are durations, numbers or names. Objects are never changed: the
// accessor methods of this file apply them when a field is read.
const (
	// DefaultAnalysisInterval is used when the interval is absent or unreadable.
	DefaultAnalysisInterval = 60 * time.Second
	// MinAnalysisInterval is the shortest interval; shorter ones become it.
	MinAnalysisInterval = time.Second
	// DefaultMetricInterval is the window of builtin metrics and inline queries.
	DefaultMetricInterval = "1m"
	// DefaultProgressDeadline is used when progressDeadlineSeconds is absent or not positive.
	DefaultProgressDeadline = 600 * time.Second
	// DefaultReadyThreshold is the share of pods, in percent, that must be available.
	DefaultReadyThreshold int32 = 100
	// DefaultMaxWeight is the weight, in percent, at which a canary is promoted.
	DefaultMaxWeight int32 = 100
	// DefaultIterations is used when the provider has no weights and no iterations are given.
	DefaultIterations int32 = 10
	// DefaultWebhookTimeout is the timeout of one attempt.
	DefaultWebhookTimeout = 10 * time.Second
	// DefaultCookieMaxAge is the lifetime of the session affinity cookies, in seconds.
	DefaultCookieMaxAge int32 = 86400
	// DefaultPortName is the name of the port of the generated Services.
	DefaultPortName = "http"
)

// GetAnalysis returns spec.analysis, or the deprecated spec.canaryAnalysis. It is never nil: for an
// object with neither, which Validate refuses, it returns an empty analysis.
func (c *Canary) GetAnalysis() *CanaryAnalysis {
	if c.Spec.Analysis != nil {
		return c.Spec.Analysis
	}
	if c.Spec.CanaryAnalysis != nil {
		return c.Spec.CanaryAnalysis
	}
	return &CanaryAnalysis{}
}

// ApexName is the name of the Service that clients use, and the prefix of the other two:
// spec.service.name, or the name of the target.
func (c *Canary) ApexName() string {
	if c.Spec.Service.Name != "" {
		return c.Spec.Service.Name
	}
	return c.Spec.TargetRef.Name
}

// PrimaryServiceName is the Service that selects the pods of the primary.
func (c *Canary) PrimaryServiceName() string { return c.ApexName() + "-primary" }

// CanaryServiceName is the Service that selects the pods of the target.
func (c *Canary) CanaryServiceName() string { return c.ApexName() + "-canary" }

// ReleasedServiceName is the Service that clients are left with when the Canary goes: the apex or,
// for a target that is a Service, which has no apex of the agent's making, the target itself.
func (c *Canary) ReleasedServiceName() string {
	if c.Spec.TargetRef.Kind == TargetService {
		return c.Spec.TargetRef.Name
	}
	return c.ApexName()
}

// PrimaryName is the workload that serves the promoted revision, a copy of the target.
func (c *Canary) PrimaryName() string { return c.Spec.TargetRef.Name + "-primary" }

// IsKnative reports whether the target is a Knative Service.
func (c *Canary) IsKnative() bool {
	return c.Spec.TargetRef.Kind == TargetService && c.Spec.TargetRef.APIVersion == KnativeServiceAPIVersion
}

// ProviderOr is the traffic provider of the canary: the one in the spec, knative for a Knative
// target, or else the one the agent was started with.
func (c *Canary) ProviderOr(agentDefault string) string {
	switch {
	case c.Spec.Provider != "":
		return c.Spec.Provider
	case c.IsKnative():
		return ProviderKnative
	default:
		return agentDefault
	}
}

// PortName is the name of the port of the generated Services.
func (c *Canary) PortName() string {
	if c.Spec.Service.PortName != "" {
		return c.Spec.Service.PortName
	}
	return DefaultPortName
}

// TargetPort is the port of the pods, by number or name: spec.service.targetPort, or the port of
// the Service when that is absent, 0 or empty.
func (c *Canary) TargetPort() intstr.IntOrString {
	p := c.Spec.Service.TargetPort
	if (p.Type == intstr.Int && p.IntVal == 0) || (p.Type == intstr.String && (p.StrVal == "" || p.StrVal == "0")) {
		return intstr.FromInt32(c.Spec.Service.Port)
	}
	return p
}

// AnalysisInterval is how long a step is held before it is judged. Unreadable values become a
// minute, values below one second become one second.
func (c *Canary) AnalysisInterval() time.Duration {
	d, err := time.ParseDuration(c.GetAnalysis().Interval)
	if err != nil || d <= 0 {
		return DefaultAnalysisInterval
	}
	return max(d, MinAnalysisInterval)
}

// StepHold is how long step number step, counted from 1, is held before it is judged: its own hold
// if it has one, or else the interval of the analysis.
func (c *Canary) StepHold(step int32) time.Duration {
	steps := c.GetAnalysis().Steps
	if step >= 1 && int(step) <= len(steps) {
		if d, err := time.ParseDuration(steps[step-1].Hold); err == nil && d > 0 {
			return max(d, MinAnalysisInterval)
		}
	}
	return c.AnalysisInterval()
}

// Threshold is the number of failed checks that ends a run, at least 1.
func (c *Canary) Threshold() int32 { return max(c.GetAnalysis().Threshold, 1) }

// ProgressDeadline is how long a workload may make no progress towards readiness.
func (c *Canary) ProgressDeadline() time.Duration {
	if s := c.Spec.ProgressDeadlineSeconds; s != nil && *s > 0 {
		return time.Duration(*s) * time.Second
	}
	return DefaultProgressDeadline
}

// PrimaryReadyThreshold is the share of the primary's pods, in percent, that must be available.
func (c *Canary) PrimaryReadyThreshold() int32 {
	return int32Or(c.GetAnalysis().PrimaryReadyThreshold, DefaultReadyThreshold)
}

// CanaryReadyThreshold is the share of the canary's pods, in percent, that must be available.
func (c *Canary) CanaryReadyThreshold() int32 {
	return int32Or(c.GetAnalysis().CanaryReadyThreshold, DefaultReadyThreshold)
}

// MaxWeight is the canary weight, in percent, at which the last step ends: the last entry of
// stepWeights or steps, at most 100, or else maxWeight.
func (c *Canary) MaxWeight() int32 {
	a := c.GetAnalysis()
	switch {
	case len(a.Steps) > 0:
		return min(a.Steps[len(a.Steps)-1].Weight, DefaultMaxWeight)
	case len(a.StepWeights) > 0:
		return min(a.StepWeights[len(a.StepWeights)-1], DefaultMaxWeight)
	case a.MaxWeight > 0:
		return min(a.MaxWeight, DefaultMaxWeight)
	default:
		return DefaultMaxWeight
	}
}

// HooksOf returns the webhooks of one type, in the order of the spec. A webhook without a type is
// of type rollout.
func (c *Canary) HooksOf(t HookType) []CanaryWebhook {
	var hooks []CanaryWebhook
	for _, w := range c.GetAnalysis().Webhooks {
		if w.HookType() == t {
			hooks = append(hooks, w)
		}
	}
	return hooks
}

// GatesAt returns the gates that hold one point of a run, in the order of the spec.
func (c *Canary) GatesAt(p GatePoint) []CanaryGate {
	var gates []CanaryGate
	for _, g := range c.GetAnalysis().Gates {
		if g.At == p {
			gates = append(gates, g)
		}
	}
	return gates
}

// NoDataFor is what a metric without a value means: its own policy, or that of the analysis, or
// fail.
func (c *Canary) NoDataFor(m CanaryMetric) NoDataPolicy {
	if m.NoData != "" {
		return m.NoData
	}
	if p := c.GetAnalysis().NoData; p != "" {
		return p
	}
	return NoDataFail
}

// NamespaceOf is the namespace a reference of this canary points to: its own when none is named.
func (c *Canary) NamespaceOf(r NamespacedReference) string {
	if r.Namespace != "" {
		return r.Namespace
	}
	return c.Namespace
}

// IsBuiltin reports whether the metric is one that needs neither template nor query.
func (m CanaryMetric) IsBuiltin() bool {
	return m.Name == MetricSuccessRate || m.Name == MetricDuration
}

// MetricInterval is the window of a metric as it is written into the query: its own, or 1m, or
// empty for a template without one.
func MetricInterval(m CanaryMetric) string {
	switch {
	case m.Interval != "":
		return m.Interval
	case m.TemplateRef != nil && !m.IsBuiltin() && m.Query == "":
		return ""
	default:
		return DefaultMetricInterval
	}
}

// MetricBounds are the accepted bounds of a metric, each inclusive and nil when there is none. An
// empty thresholdRange has no bounds. Without a thresholdRange the deprecated threshold is the
// minimum of request-success-rate and the maximum of any other metric, also when it is 0, unless
// the metric is judged against the primary alone.
func MetricBounds(m CanaryMetric) (minimum, maximum *float64) {
	switch {
	case m.ThresholdRange != nil:
		return m.ThresholdRange.Min, m.ThresholdRange.Max
	case m.Threshold == 0 && m.VersusPrimary != nil:
		return nil, nil
	case m.Name == MetricSuccessRate:
		return &m.Threshold, nil
	default:
		return nil, &m.Threshold
	}
}

// HookType is the type of the webhook, rollout when none is given.
func (w CanaryWebhook) HookType() HookType {
	if w.Type == "" {
		return HookRollout
	}
	return w.Type
}

// TimeoutOrDefault is the timeout of one attempt. Unreadable values become 10 s.
func (w CanaryWebhook) TimeoutOrDefault() time.Duration {
	if d, err := time.ParseDuration(w.Timeout); err == nil && d > 0 {
		return d
	}
	return DefaultWebhookTimeout
}

// TimeoutOrZero is how long the gate waits; 0 is for ever.
func (g CanaryGate) TimeoutOrZero() time.Duration {
	if d, err := time.ParseDuration(g.Timeout); err == nil && d > 0 {
		return d
	}
	return 0
}

// TimeoutAction is what happens when nobody has answered in time, abort when none is given.
func (g CanaryGate) TimeoutAction() GateTimeoutAction {
	if g.OnTimeout == "" {
		return GateAbort
	}
	return g.OnTimeout
}

// MaxAgeOrDefault is the lifetime of the cookies in seconds.
func (s *SessionAffinity) MaxAgeOrDefault() int32 {
	if s == nil || s.MaxAge == 0 {
		return DefaultCookieMaxAge
	}
	return s.MaxAge
}

// IsTCP reports whether the service asks for TCP routing.
func (s *CanaryService) IsTCP() bool { return strings.EqualFold(s.AppProtocol, "tcp") }

// ChannelOrDefault is the channel alerts are sent to.
func (s *AlertProviderSpec) ChannelOrDefault() string {
	if s.Channel == "" {
		return DefaultAlertChannel
	}
	return s.Channel
}

// UsernameOrDefault is the name alerts are sent under.
func (s *AlertProviderSpec) UsernameOrDefault() string {
	if s.Username == "" {
		return DefaultAlertUsername
	}
	return s.Username
}

func int32Or(p *int32, otherwise int32) int32 {
	if p == nil {
		return otherwise
	}
	return *p
}
