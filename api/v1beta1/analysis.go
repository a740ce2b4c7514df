package v1beta1

// CanaryAnalysis describes the steps of a run and what is checked during it.
//
// +kubebuilder:validation:XValidation:rule="[has(self.iterations), has(self.stepWeight), has(self.stepWeights), has(self.steps)].filter(x, x).size() == 1",message="exactly one of iterations, stepWeight, stepWeights, steps must be set: iterations for Blue/Green and A/B, one of the others for weighted steps"
// +kubebuilder:validation:XValidation:rule="!has(self.stepWeights) || (self.stepWeights.isSorted() && self.stepWeights.all(w, self.stepWeights.exists_one(v, v == w)))",message="stepWeights must increase strictly, such as [5, 10, 50, 100]",fieldPath=".stepWeights"
// +kubebuilder:validation:XValidation:rule="!has(self.steps) || (self.steps.map(s, s.weight).isSorted() && self.steps.all(w, self.steps.exists_one(v, v.weight == w.weight)))",message="the weights of steps must increase strictly",fieldPath=".steps"
type CanaryAnalysis struct {
	// Interval is how long a step is held before it is judged: whole minutes and seconds, such as
	// 30s or 1m30s. Default 1m. Values from 1s are kept as they are.
	// +kubebuilder:validation:Pattern=`^([0-9]+(m|s))+$`
	Interval string `json:"interval"`
	// Threshold is the number of failed checks that ends a run with a rollback. Values up to 0
	// behave as 1.
	Threshold int32 `json:"threshold"`
	// Iterations is the number of checks of a Blue/Green or A/B run. Values above 0 select
	// Blue/Green, or A/B together with Match.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Iterations int32 `json:"iterations,omitempty"`
	// MaxWeight is the weight, in percent, at which the canary is promoted. Default 100. With
	// stepWeights or steps it has no meaning: the last weight is the end.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MaxWeight int32 `json:"maxWeight,omitempty"`
	// StepWeight is how much weight, in percent, the canary gains at each step.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeight int32 `json:"stepWeight,omitempty"`
	// StepWeights lists the weights of the canary, in percent, in increasing order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=100
	StepWeights []int32 `json:"stepWeights,omitempty"`
	// Steps lists the weights of the canary with a duration each. Extension.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	Steps []AnalysisStep `json:"steps,omitempty"`
	// StepWeightPromotion is how much weight, in percent, goes back to the primary at each
	// interval of the promotion. Default 0: all at once.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	StepWeightPromotion int32 `json:"stepWeightPromotion,omitempty"`
	// Mirror copies requests to the canary before it gets any of its own. Istio, and Gateway API
	// with iterations.
	// +optional
	Mirror bool `json:"mirror,omitempty"`
	// MirrorWeight is the share of requests that is copied, in percent. Default 0: as the mesh
	// does by itself, which is all.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	MirrorWeight int32 `json:"mirrorWeight,omitempty"`
	// PrimaryReadyThreshold is the share of the primary's updated pods, in percent, that must be
	// available. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	PrimaryReadyThreshold *int32 `json:"primaryReadyThreshold,omitempty"`
	// CanaryReadyThreshold is the share of the canary's updated pods, in percent, that must be
	// available. Default 100.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	CanaryReadyThreshold *int32 `json:"canaryReadyThreshold,omitempty"`
	// Match selects the requests that go to the canary in an A/B run. Needs iterations.
	// +optional
	// +listType=atomic
	Match []HTTPMatchRequest `json:"match,omitempty"`
	// SessionAffinity keeps a client on the side it was first sent to. Istio and Gateway API.
	// +optional
	SessionAffinity *SessionAffinity `json:"sessionAffinity,omitempty"`
	// NoData is the verdict on a metric without a value, unless the metric says otherwise.
	// Default fail. Extension.
	// +optional
	NoData NoDataPolicy `json:"noData,omitempty"`
	// Metrics are checked at each step, in order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Metrics []CanaryMetric `json:"metrics,omitempty"`
	// Alerts are sent to these providers. Default: those the agent was started with.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Alerts []CanaryAlert `json:"alerts,omitempty"`
	// Webhooks are called at the point of the run that their type names, in order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Webhooks []CanaryWebhook `json:"webhooks,omitempty"`
	// Gates hold the run until an operator approves. They need no server. Extension.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	Gates []CanaryGate `json:"gates,omitempty"`
}

// AnalysisStep is a weight and how long it is held. Extension.
type AnalysisStep struct {
	// Weight of the canary, in percent.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Weight int32 `json:"weight"`
	// Hold is how long the weight is held before the step is judged: hours, minutes and seconds,
	// such as 1h30m. Default: the interval of the analysis.
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9]+(h|m|s))+$`
	Hold string `json:"hold,omitempty"`
}

// NoDataPolicy is what a metric without a value means.
//
// +kubebuilder:validation:Enum=fail;hold;pass
type NoDataPolicy string

const (
	// NoDataFail counts as a failed check. The default.
	NoDataFail NoDataPolicy = "fail"
	// NoDataHold neither fails nor passes: the weight is held and the metric is asked again.
	NoDataHold NoDataPolicy = "hold"
	// NoDataPass counts as a passed check.
	NoDataPass NoDataPolicy = "pass"
)

// The metrics that need neither template nor query.
const (
	// MetricSuccessRate is the share of requests that did not fail, in percent.
	MetricSuccessRate = "request-success-rate"
	// MetricDuration is the 99th percentile of the request duration, in milliseconds.
	MetricDuration = "request-duration"
)

// CanaryMetric is one metric and the values that are accepted.
type CanaryMetric struct {
	// Name of the metric; request-success-rate and request-duration need neither template nor query.
	Name string `json:"name"`
	// Interval is the window the query looks at, such as 30s or 1m. Default 1m for builtin metrics
	// and inline queries; empty for templates.
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9]+(m|s))+$`
	Interval string `json:"interval,omitempty"`
	// ThresholdRange is the closed range of accepted values.
	// +optional
	ThresholdRange *ThresholdRange `json:"thresholdRange,omitempty"`
	// Threshold is deprecated: the minimum for request-success-rate, the maximum for any other
	// metric. Use ThresholdRange.
	// +optional
	Threshold float64 `json:"threshold,omitempty"`
	// Query is deprecated: PromQL, sent to the metrics server of the canary. Use TemplateRef.
	// +optional
	Query string `json:"query,omitempty"`
	// TemplateRef names the MetricTemplate that has the query.
	// +optional
	TemplateRef *NamespacedReference `json:"templateRef,omitempty"`
	// TemplateVariables are available in the query as {{ variables.key }}.
	// +optional
	TemplateVariables map[string]string `json:"templateVariables,omitempty"`
	// NoData is the verdict on this metric when it has no value. Default: that of the analysis.
	// Extension.
	// +optional
	NoData NoDataPolicy `json:"noData,omitempty"`
	// MinRequests is the number of requests the canary must have had within the interval for the
	// value to be judged; below it the metric has no data. Default 0. Extension.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MinRequests int32 `json:"minRequests,omitempty"`
	// VersusPrimary judges the canary against the primary at the same time, besides the threshold
	// if there is one. Extension.
	// +optional
	VersusPrimary *VersusPrimary `json:"versusPrimary,omitempty"`
}

// ThresholdRange is a closed range of accepted values. An absent bound is no bound.
type ThresholdRange struct {
	// Min is the least accepted value.
	// +optional
	Min *float64 `json:"min,omitempty"`
	// Max is the greatest accepted value.
	// +optional
	Max *float64 `json:"max,omitempty"`
}

// VersusPrimary says how far the canary's value may be from the primary's. All bounds that are set
// must hold. Extension.
//
// +kubebuilder:validation:MinProperties=1
type VersusPrimary struct {
	// MaxRatio is the greatest accepted canary/primary: 1.2 accepts up to 20 % more.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxRatio *float64 `json:"maxRatio,omitempty"`
	// MinRatio is the least accepted canary/primary: 0.99 accepts up to 1 % less.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MinRatio *float64 `json:"minRatio,omitempty"`
	// MaxIncrease is the greatest accepted canary-primary, in the unit of the metric.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxIncrease *float64 `json:"maxIncrease,omitempty"`
	// MaxDecrease is the greatest accepted primary-canary, in the unit of the metric.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxDecrease *float64 `json:"maxDecrease,omitempty"`
}

// NamespacedReference names an object that may be in another namespace.
type NamespacedReference struct {
	// Name of the object.
	Name string `json:"name"`
	// Namespace of the object. Default: the Canary's.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// AlertSeverity is the least severity that an alert is sent for.
//
// +kubebuilder:validation:Enum="";info;warn;error
type AlertSeverity string

const (
	// SeverityInfo sends everything.
	SeverityInfo AlertSeverity = "info"
	// SeverityWarn sends warnings and errors.
	SeverityWarn AlertSeverity = "warn"
	// SeverityError sends errors only.
	SeverityError AlertSeverity = "error"
)

// CanaryAlert sends the alerts of a canary to a provider.
type CanaryAlert struct {
	// Name of the alert, for people.
	Name string `json:"name"`
	// Severity is the least severity that is sent. Default info.
	// +optional
	Severity AlertSeverity `json:"severity,omitempty"`
	// ProviderRef names the AlertProvider.
	ProviderRef NamespacedReference `json:"providerRef"`
}

// HookType is the point of a run at which a webhook is called.
//
// +kubebuilder:validation:Enum="";confirm-rollout;pre-rollout;rollout;confirm-traffic-increase;confirm-promotion;post-rollout;rollback;event
type HookType string

const (
	// HookConfirmRollout holds a new revision before its run until it passes.
	HookConfirmRollout HookType = "confirm-rollout"
	// HookPreRollout is called before the canary gets traffic; a failure counts as a failed check.
	HookPreRollout HookType = "pre-rollout"
	// HookRollout is called at each step before the metrics. The default.
	HookRollout HookType = "rollout"
	// HookConfirmTrafficIncrease holds the weight until it passes.
	HookConfirmTrafficIncrease HookType = "confirm-traffic-increase"
	// HookConfirmPromotion holds the promotion until it passes.
	HookConfirmPromotion HookType = "confirm-promotion"
	// HookPostRollout is called when a run has ended; its answer changes nothing.
	HookPostRollout HookType = "post-rollout"
	// HookRollback rolls the run back as soon as it passes.
	HookRollback HookType = "rollback"
	// HookEvent is called for every event of the canary.
	HookEvent HookType = "event"
)

// HookTypes lists every type a webhook can have, in the order of a run.
func HookTypes() []HookType {
	return []HookType{
		HookConfirmRollout, HookPreRollout, HookRollout, HookConfirmTrafficIncrease,
		HookConfirmPromotion, HookPostRollout, HookRollback, HookEvent,
	}
}

// CanaryWebhook is an HTTP endpoint that is called at one point of a run.
type CanaryWebhook struct {
	// Name of the webhook.
	Name string `json:"name"`
	// Type is the point of the run. Default rollout.
	// +optional
	Type HookType `json:"type,omitempty"`
	// URL is absolute, http or https.
	URL string `json:"url"`
	// Timeout of one attempt, such as 30s. Default 10s.
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9]+(ms|m|s))+$`
	Timeout string `json:"timeout,omitempty"`
	// Retries is the number of further attempts after a failed one. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Retries int32 `json:"retries,omitempty"`
	// MuteAlert silences the alerts about waiting for this webhook.
	// +optional
	MuteAlert bool `json:"muteAlert,omitempty"`
	// DisableTLS skips the verification of the server's certificate.
	// +optional
	DisableTLS bool `json:"disableTLS,omitempty"`
	// Metadata is sent along in the payload.
	// +optional
	Metadata map[string]string `json:"metadata,omitempty"`
}

// GatePoint is the point of a run that a gate holds. Extension.
//
// +kubebuilder:validation:Enum=rollout;traffic;promotion
type GatePoint string

const (
	// GateRollout holds a new revision before its run.
	GateRollout GatePoint = "rollout"
	// GateTraffic holds each increase of the weight.
	GateTraffic GatePoint = "traffic"
	// GatePromotion holds the promotion.
	GatePromotion GatePoint = "promotion"
)

// GateTimeoutAction is what happens when nobody has answered in time. Extension.
//
// +kubebuilder:validation:Enum=abort;continue
type GateTimeoutAction string

const (
	// GateAbort ends the run and sends all traffic to the primary. The default.
	GateAbort GateTimeoutAction = "abort"
	// GateContinue goes on as if approved.
	GateContinue GateTimeoutAction = "continue"
)

// CanaryGate holds a run until an operator approves it. Extension.
type CanaryGate struct {
	// Name of the gate, unique in the canary.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// At is the point of the run that is held.
	At GatePoint `json:"at"`
	// Timeout is how long to wait: hours, minutes and seconds. Default: for ever.
	// +optional
	// +kubebuilder:validation:Pattern=`^([0-9]+(h|m|s))+$`
	Timeout string `json:"timeout,omitempty"`
	// OnTimeout is abort or continue. Default abort.
	// +optional
	OnTimeout GateTimeoutAction `json:"onTimeout,omitempty"`
}

// SessionAffinity keeps a client on the side it was first sent to, by a cookie.
//
// +kubebuilder:validation:XValidation:rule="!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName",message="primaryCookieName must differ from cookieName",fieldPath=".primaryCookieName"
type SessionAffinity struct {
	// CookieName is the cookie that pins a client to the canary.
	CookieName string `json:"cookieName"`
	// PrimaryCookieName is the cookie that pins a client to the primary. Default: none is set.
	// +optional
	PrimaryCookieName string `json:"primaryCookieName,omitempty"`
	// MaxAge of the cookies in seconds. Default 86400, which 0 means as well.
	// +optional
	// +kubebuilder:default=86400
	MaxAge int32 `json:"maxAge,omitempty"`
	// Domain attribute of the cookies.
	// +optional
	Domain string `json:"domain,omitempty"`
	// Path attribute of the cookies.
	// +optional
	Path string `json:"path,omitempty"`
	// HTTPOnly sets the HttpOnly attribute.
	// +optional
	HTTPOnly bool `json:"httpOnly,omitempty"`
	// Secure sets the Secure attribute.
	// +optional
	Secure bool `json:"secure,omitempty"`
	// Partitioned sets the Partitioned attribute.
	// +optional
	Partitioned bool `json:"partitioned,omitempty"`
	// SameSite attribute of the cookies.
	// +optional
	// +kubebuilder:validation:Enum=Strict;Lax;None
	SameSite string `json:"sameSite,omitempty"`
}
