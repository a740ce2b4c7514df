package agent

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/agent/alert"
	"github.com/kubectl-canary/kubectl-canary/agent/analysis"
	"github.com/kubectl-canary/kubectl-canary/agent/controller"
	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/telemetry"
	"github.com/kubectl-canary/kubectl-canary/agent/telemetry/events"
	"github.com/kubectl-canary/kubectl-canary/agent/webhook"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// wrapTransport is put around the transport to the API server. It is nil in what is shipped; a
// build with the tag faults has one that dies at a write of choice (faults.go).
var wrapTransport func(http.RoundTripper) http.RoundTripper

// checker lets the controller use package analysis.
type checker struct {
	evaluator *analysis.Evaluator
	inputs    analysis.Inputs
}

var _ controller.Checker = (*checker)(nil)

func (k *checker) Check(ctx context.Context, canary *v1beta1.Canary) rollout.CheckResult {
	var result rollout.CheckResult
	now := v1beta1.NewTime(time.Now())
	for _, m := range k.evaluator.Check(ctx, canary, k.inputs).Metrics {
		switch {
		case m.Verdict == v1beta1.VerdictFail,
			m.Verdict == v1beta1.VerdictNoData && m.NoData == v1beta1.NoDataFail:
			result.Failures = append(result.Failures, m.Message)
		case m.Verdict == v1beta1.VerdictError:
			result.Errors = append(result.Errors, m.Message)
		case m.Verdict == v1beta1.VerdictNoData && m.NoData == v1beta1.NoDataHold:
			result.Held = append(result.Held, m.Message)
		}
		sample := v1beta1.Sample{Time: now, Value: decimal(m.Value), Primary: decimal(m.PrimaryValue), Verdict: m.Verdict}
		if m.Verdict == v1beta1.VerdictError || m.Verdict == v1beta1.VerdictNoData {
			sample.Message = m.Message
		}
		result.Measurements = append(result.Measurements, rollout.Measurement{
			Metric: m.Name, Unit: m.Unit, Min: decimal(m.Min), Max: decimal(m.Max), Sample: sample,
		})
	}
	return result
}

// decimal has six significant digits, which is more than anybody reads.
func decimal(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', 6, 64)
}

// objects reads what metrics refer to, when it is needed and never in advance: templates are few
// and secrets are nobody's business to cache.
type objects struct{ clients controller.Clients }

var _ analysis.Objects = objects{}

func (o objects) GetTemplate(ctx context.Context, namespace, name string) (*v1beta1.MetricTemplate, error) {
	gvr := v1beta1.SchemeGroupVersion.WithResource("metrictemplates")
	u, err := o.clients.Dynamic.Resource(gvr).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	template := &v1beta1.MetricTemplate{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, template); err != nil {
		return nil, fmt.Errorf("read metrictemplate %s/%s: %w", namespace, name, err)
	}
	return template, nil
}

func (o objects) GetSecret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	secret, err := o.clients.Core.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return secret.Data, nil
}

// alerter lets the controller use package alert.
type alerter struct{ sender *alert.Sender }

var _ controller.Alerter = alerter{}

func (a alerter) Alert(ctx context.Context, canary *v1beta1.Canary, told rollout.Alert) []error {
	message := alert.Alert{Severity: told.Severity, Message: told.Text}
	if told.Fields {
		message.Fields = a.sender.Fields(canary)
	}
	return a.sender.Send(ctx, canary, message)
}

// newAlerts makes the sender of alerts.
func newAlerts(o Options, clients controller.Clients, guard *egress.Guard) *alert.Sender {
	return &alert.Sender{
		HTTP:                 guard,
		Objects:              alertObjects{clients},
		NoCrossNamespaceRefs: o.NoCrossNamespaceRefs,
		Global:               o.Alerts,
		Cluster:              o.ClusterName,
		Provider:             o.Provider,
	}
}

// alertObjects reads what alerts refer to, as objects does for metrics.
type alertObjects struct{ clients controller.Clients }

var _ alert.Objects = alertObjects{}

func (o alertObjects) GetAlertProvider(ctx context.Context, namespace, name string) (*v1beta1.AlertProvider, error) {
	u, err := o.clients.Dynamic.Resource(v1beta1.AlertProviderResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	provider := &v1beta1.AlertProvider{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, provider); err != nil {
		return nil, fmt.Errorf("understand alertprovider %s/%s: %w", namespace, name, err)
	}
	return provider, nil
}

func (o alertObjects) GetSecret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	return o.clients.Core.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
}

// caller lets the controller use package webhook.
type caller struct{ webhooks *webhook.Caller }

var _ controller.Caller = (*caller)(nil)

func (c *caller) Call(ctx context.Context, call controller.HookCall) error {
	return c.webhooks.Call(ctx, call.Hook, webhook.Payload{
		ID:        call.ID,
		Name:      call.Name,
		Namespace: call.Namespace,
		Phase:     call.Phase,
		Checksum:  call.Checksum,
		Metadata:  call.Metadata,
	})
}

// recorderOf lets the controller use package events.
type recorderOf struct{ recorder *events.Recorder }

var _ controller.Recorder = recorderOf{}

func (r recorderOf) Record(canary *v1beta1.Canary, m rollout.Message, at time.Time) {
	severity := events.Info
	switch m.Severity {
	case rollout.Info:
	case rollout.Warning:
		severity = events.Warning
	case rollout.Error:
		severity = events.Error
	}
	r.recorder.Record(events.Event{
		Object: events.ReferenceTo(canary), Severity: severity, Reason: m.Reason, Message: m.Text, Key: m.Key, Time: at,
	})
}

// meter lets the controller use package telemetry.
type meter struct {
	metrics  *telemetry.Metrics
	watchdog *telemetry.Watchdog
}

var _ controller.Metrics = (*meter)(nil)

func (m *meter) Begin(name string) (done func()) { return m.watchdog.Start(name) }

func (m *meter) Pass(took time.Duration, err error) {
	m.metrics.CountDecision(err)
	m.metrics.ObserveReconcile(took)
}

func (m *meter) QueueDepth(n int) { m.metrics.SetQueueDepth(n) }

func (m *meter) Status(canary *v1beta1.Canary) {
	m.metrics.ObserveCanary(telemetry.CanaryOf(canary))
}

func (m *meter) Effect(e rollout.Effect, err error) {
	m.metrics.CountEffect(fmt.Sprintf("%T", e)[len("rollout."):], err)
}

func (m *meter) Check(canary *v1beta1.Canary, result rollout.CheckResult, took time.Duration) {
	m.metrics.ObserveAnalysis(canary.Namespace, canary.Name, took)
	for _, measurement := range result.Measurements {
		if v, err := strconv.ParseFloat(measurement.Sample.Value, 64); err == nil {
			if measurement.Metric == v1beta1.MetricDuration {
				v /= 1000 // The contract exports durations in seconds.
			}
			m.metrics.SetMetric(canary.Namespace, canary.Name, measurement.Metric, v)
		}
	}
}

func (m *meter) Hook(t v1beta1.HookType, err error, took time.Duration) {
	m.metrics.ObserveWebhook(string(t), took, err)
}

func (m *meter) Message(canary *v1beta1.Canary, message rollout.Message) {
	strategy := string(canary.Strategy())
	switch message.Reason {
	case "Succeeded":
		how := telemetry.AnalysisCompleted
		if canary.Spec.SkipAnalysis {
			how = telemetry.AnalysisSkipped
		}
		m.metrics.CountSuccess(canary.Namespace, canary.Name, strategy, how)
	case "CanaryFailed", "PromotionFailed":
		m.metrics.CountFailure(canary.Namespace, canary.Name, strategy)
	case "RouteDrift":
		m.metrics.CountRouteDrift(canary.Namespace, canary.Name)
	}
}

func (m *meter) Forget(namespace, name string) { m.metrics.ForgetCanary(namespace, name) }
