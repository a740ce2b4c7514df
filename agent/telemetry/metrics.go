package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are all metrics of the agent, on a registry of their own. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	canaries *canarySeries

	decisions     *prometheus.CounterVec
	effects       *prometheus.CounterVec
	reconciles    prometheus.Histogram
	queueDepth    prometheus.Gauge
	webhooks      *prometheus.HistogramVec
	queries       *prometheus.HistogramVec
	events        *prometheus.CounterVec
	leader        prometheus.Gauge
	effectNames   *bounded
	providerNames *bounded
	hookNames     *bounded
}

// Info is what flagger_info says of this process.
type Info struct {
	// Version of the agent.
	Version string
	// Provider is the traffic provider of canaries that name none.
	Provider string
}

// The values of the label result.
const (
	ResultOK     = "ok"
	ResultFailed = "failed"
)

// Kinds of effects, hooks and providers are few; more than that is a fault of the caller, and must
// not become one of the monitoring system.
const maxLabelValues = 64

// slowBuckets suit calls to other systems, from 5 ms to a minute.
var slowBuckets = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// NewMetrics registers all metrics, those of the process and the Go runtime included.
func NewMetrics(info Info) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{
		registry: registry,
		canaries: newCanarySeries(registry),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "canary_agent_decisions_total",
			Help: "Decisions about canaries, by result: ok or failed.",
		}, []string{"result"}),
		effects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "canary_agent_effects_total",
			Help: "Effects carried out, by kind and result: ok or failed.",
		}, []string{"effect", "result"}),
		reconciles: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "canary_agent_reconcile_duration_seconds",
			Help:    "Time from taking a canary off the queue to being done with it.",
			Buckets: prometheus.ExponentialBuckets(.0005, 4, 9),
		}),
		queueDepth: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "canary_agent_queue_depth",
			Help: "Canaries that wait for a worker.",
		}),
		webhooks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "canary_agent_webhook_duration_seconds",
			Help:    "Duration of one webhook call, by type of the hook and result: ok or failed.",
			Buckets: slowBuckets,
		}, []string{"type", "result"}),
		queries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "canary_agent_metric_query_duration_seconds",
			Help:    "Duration of one metric query, by type of the metrics provider and result: ok or failed.",
			Buckets: slowBuckets,
		}, []string{"provider", "result"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "canary_agent_events_total",
			Help: "Kubernetes events, by result: written, repeated, dropped or failed.",
		}, []string{"result"}),
		leader: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "canary_agent_leader",
			Help: "1 while this process holds the lease, else 0.",
		}),
		effectNames:   newBounded(maxLabelValues),
		providerNames: newBounded(maxLabelValues),
		hookNames:     newBounded(maxLabelValues),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "flagger_info",
		Help: "Version and default traffic provider of the agent.",
	}, []string{"version", "mesh_provider"})
	build.WithLabelValues(info.Version, info.Provider).Set(1)

	registry.MustRegister(
		build, m.decisions, m.effects, m.reconciles, m.queueDepth, m.webhooks, m.queries, m.events, m.leader,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Gatherer is what /metrics serves.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// CountDecision counts one decision.
func (m *Metrics) CountDecision(err error) {
	m.decisions.WithLabelValues(result(err)).Inc()
}

// CountEffect counts one effect. The name is its kind, such as SetRoute, without arguments.
func (m *Metrics) CountEffect(name string, err error) {
	m.effects.WithLabelValues(m.effectNames.admit(name), result(err)).Inc()
}

// ObserveReconcile records how long a worker was busy with one canary.
func (m *Metrics) ObserveReconcile(d time.Duration) {
	m.reconciles.Observe(d.Seconds())
}

// SetQueueDepth records how many canaries wait for a worker.
func (m *Metrics) SetQueueDepth(n int) {
	m.queueDepth.Set(float64(n))
}

// ObserveWebhook records one call of a webhook of the type, all attempts included.
func (m *Metrics) ObserveWebhook(hookType string, d time.Duration, err error) {
	m.webhooks.WithLabelValues(m.hookNames.admit(hookType), result(err)).Observe(d.Seconds())
}

// ObserveQuery records one query to a metrics provider of the type.
func (m *Metrics) ObserveQuery(provider string, d time.Duration, err error) {
	m.queries.WithLabelValues(m.providerNames.admit(provider), result(err)).Observe(d.Seconds())
}

// CountEvent counts what became of a Kubernetes event; it fits events.Options.OnResult.
func (m *Metrics) CountEvent(result string) {
	m.events.WithLabelValues(result).Inc()
}

// SetLeader records whether this process holds the lease.
func (m *Metrics) SetLeader(leading bool) {
	value := 0.0
	if leading {
		value = 1
	}
	m.leader.Set(value)
}

func result(err error) string {
	if err != nil {
		return ResultFailed
	}
	return ResultOK
}
