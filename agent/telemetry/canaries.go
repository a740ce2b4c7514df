package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Canary is what the metrics say of one canary.
type Canary struct {
	Namespace, Name string
	// Target is spec.targetRef.name, which the flagger_* metrics are labelled with.
	Target string
	Phase  v1beta1.CanaryPhase
	// PrimaryWeight and CanaryWeight are the split in force, in percent.
	PrimaryWeight, CanaryWeight int32
}

// CanaryOf takes what ObserveCanary needs from the object, with the weights as the status has them.
func CanaryOf(c *v1beta1.Canary) Canary {
	return Canary{
		Namespace: c.Namespace, Name: c.Name, Target: c.Spec.TargetRef.Name,
		Phase:         c.Status.Phase,
		PrimaryWeight: 100 - c.Status.CanaryWeight, CanaryWeight: c.Status.CanaryWeight,
	}
}

// The values of the label deployment_strategy.
const (
	StrategyCanary    = "canary"
	StrategyBlueGreen = "blue-green"
	StrategyABTesting = "ab-testing"
)

// The values of the label analysis_status.
const (
	AnalysisCompleted = "completed"
	AnalysisSkipped   = "skipped"
)

// maxMetricsPerCanary bounds the series of one canary; the CRD admits as many metrics.
const maxMetricsPerCanary = 100

// objectKey names a canary, or a target, within the cluster.
type objectKey struct{ namespace, name string }

// record is what has to be deleted along with a canary.
type record struct {
	target   string
	phase    v1beta1.CanaryPhase
	metrics  map[string]bool
	outcomes map[[2]string]bool
}

// canarySeries are the series that belong to single canaries.
//
// The flagger_* ones are labelled with the target. Two canaries of one target, of which the agent
// runs only the older, would overwrite each other: the one that was observed first owns them.
type canarySeries struct {
	mu      sync.Mutex
	records map[objectKey]*record
	owners  map[objectKey]objectKey
	counts  map[string]int

	total     *prometheus.GaugeVec
	status    *prometheus.GaugeVec
	weight    *prometheus.GaugeVec
	duration  *prometheus.HistogramVec
	analysis  *prometheus.GaugeVec
	successes *prometheus.CounterVec
	failures  *prometheus.CounterVec
	phase     *prometheus.GaugeVec
	drift     *prometheus.CounterVec
}

func newCanarySeries(registry prometheus.Registerer) *canarySeries {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	s := &canarySeries{
		records: map[objectKey]*record{},
		owners:  map[objectKey]objectKey{},
		counts:  map[string]int{},
		total:   gauge("flagger_canary_total", "Canaries in the namespace.", "namespace"),
		status: gauge("flagger_canary_status",
			"Last known status of the canary: 0 running, 1 any other, 2 failed. Name is that of the target.", "name", "namespace"),
		weight: gauge("flagger_canary_weight", "Share of the traffic, in percent.", "workload", "namespace"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "flagger_canary_duration_seconds",
			Help:    "Duration of one analysis. Name is that of the target.",
			Buckets: prometheus.DefBuckets,
		}, []string{"name", "namespace"}),
		analysis:  gauge("flagger_canary_metric_analysis", "Last value of the metric. Name is that of the target.", "name", "namespace", "metric"),
		successes: counter("flagger_canary_successes_total", "Promoted revisions. Name is that of the target.", "name", "namespace", "deployment_strategy", "analysis_status"),
		failures:  counter("flagger_canary_failures_total", "Revisions that were rolled back. Name is that of the target.", "name", "namespace", "deployment_strategy", "analysis_status"),
		phase:     gauge("canary_agent_canary_phase", "1 for the phase that the canary is in.", "name", "namespace", "phase"),
		drift:     counter("canary_agent_route_drift_total", "How often the route was found changed by somebody else.", "name", "namespace"),
	}
	registry.MustRegister(s.total, s.status, s.weight, s.duration, s.analysis, s.successes, s.failures, s.phase, s.drift)
	return s
}

// ObserveCanary records phase and weights, and makes the canary known. What is recorded of a canary
// that is not known is ignored, so that a late result cannot bring back the series of a deleted one.
func (m *Metrics) ObserveCanary(c Canary) {
	s := m.canaries
	s.mu.Lock()
	defer s.mu.Unlock()
	key := objectKey{c.Namespace, c.Name}
	r := s.records[key]
	if r == nil {
		r = &record{target: c.Target}
		s.records[key] = r
		s.counts[c.Namespace]++
		s.total.WithLabelValues(c.Namespace).Set(float64(s.counts[c.Namespace]))
	}
	if r.target != c.Target {
		s.forgetTarget(key, r)
		r.target = c.Target
	}
	if r.phase != c.Phase {
		s.phase.DeleteLabelValues(c.Name, c.Namespace, string(r.phase))
		r.phase = c.Phase
	}
	s.phase.WithLabelValues(c.Name, c.Namespace, string(c.Phase)).Set(1)
	if !s.ownsTarget(key, r) {
		return
	}
	s.status.WithLabelValues(c.Target, c.Namespace).Set(statusValue(c.Phase))
	s.weight.WithLabelValues(c.Target+"-primary", c.Namespace).Set(float64(c.PrimaryWeight))
	s.weight.WithLabelValues(c.Target, c.Namespace).Set(float64(c.CanaryWeight))
}

// statusValue keeps Flagger's values; canary_agent_canary_phase tells the phases apart (E13).
func statusValue(phase v1beta1.CanaryPhase) float64 {
	switch phase {
	case v1beta1.PhaseProgressing:
		return 0
	case v1beta1.PhaseFailed:
		return 2
	default:
		return 1
	}
}

// ObserveAnalysis records how long all checks of one step took.
func (m *Metrics) ObserveAnalysis(namespace, name string, d time.Duration) {
	m.canaries.withTarget(namespace, name, func(r *record) {
		m.canaries.duration.WithLabelValues(r.target, namespace).Observe(d.Seconds())
	})
}

// SetMetric records the last value of a metric of the analysis.
func (m *Metrics) SetMetric(namespace, name, metric string, value float64) {
	m.canaries.withTarget(namespace, name, func(r *record) {
		if !r.metrics[metric] {
			if len(r.metrics) >= maxMetricsPerCanary {
				return
			}
			if r.metrics == nil {
				r.metrics = map[string]bool{}
			}
			r.metrics[metric] = true
		}
		m.canaries.analysis.WithLabelValues(r.target, namespace, metric).Set(value)
	})
}

// CountSuccess counts a promoted revision, by the Strategy and Analysis constants.
func (m *Metrics) CountSuccess(namespace, name, strategy, analysis string) {
	m.canaries.withTarget(namespace, name, func(r *record) {
		m.canaries.successes.WithLabelValues(r.outcome(namespace, strategy, analysis)...).Inc()
	})
}

// CountFailure counts a revision that was rolled back.
func (m *Metrics) CountFailure(namespace, name, strategy string) {
	m.canaries.withTarget(namespace, name, func(r *record) {
		m.canaries.failures.WithLabelValues(r.outcome(namespace, strategy, AnalysisCompleted)...).Inc()
	})
}

// CountRouteDrift counts one finding of a route that somebody else had changed.
func (m *Metrics) CountRouteDrift(namespace, name string) {
	s := m.canaries
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[objectKey{namespace, name}] != nil {
		s.drift.WithLabelValues(name, namespace).Inc()
	}
}

// ForgetCanary deletes every series of the canary. It does nothing for one that is not known.
func (m *Metrics) ForgetCanary(namespace, name string) {
	s := m.canaries
	s.mu.Lock()
	defer s.mu.Unlock()
	key := objectKey{namespace, name}
	r := s.records[key]
	if r == nil {
		return
	}
	s.forgetTarget(key, r)
	s.phase.DeleteLabelValues(name, namespace, string(r.phase))
	s.drift.DeleteLabelValues(name, namespace)
	delete(s.records, key)
	s.counts[namespace]--
	if s.counts[namespace] > 0 {
		s.total.WithLabelValues(namespace).Set(float64(s.counts[namespace]))
		return
	}
	delete(s.counts, namespace)
	s.total.DeleteLabelValues(namespace)
}

// outcome gives the labels of an outcome and remembers to delete them.
func (r *record) outcome(namespace, strategy, analysis string) []string {
	if r.outcomes == nil {
		r.outcomes = map[[2]string]bool{}
	}
	r.outcomes[[2]string{strategy, analysis}] = true
	return []string{r.target, namespace, strategy, analysis}
}

// withTarget runs the function under the lock if the canary is known and owns its target's series.
func (s *canarySeries) withTarget(namespace, name string, do func(*record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := objectKey{namespace, name}
	if r := s.records[key]; r != nil && s.ownsTarget(key, r) {
		do(r)
	}
}

// ownsTarget claims the series of the target if nobody has.
func (s *canarySeries) ownsTarget(key objectKey, r *record) bool {
	target := objectKey{key.namespace, r.target}
	owner, taken := s.owners[target]
	if !taken {
		s.owners[target] = key
		return true
	}
	return owner == key
}

// forgetTarget deletes the series of the target, label by label: deleting by a partial match would
// look at the series of all canaries.
func (s *canarySeries) forgetTarget(key objectKey, r *record) {
	if !s.ownsTarget(key, r) {
		return
	}
	delete(s.owners, objectKey{key.namespace, r.target})
	s.status.DeleteLabelValues(r.target, key.namespace)
	s.weight.DeleteLabelValues(r.target+"-primary", key.namespace)
	s.weight.DeleteLabelValues(r.target, key.namespace)
	s.duration.DeleteLabelValues(r.target, key.namespace)
	for metric := range r.metrics {
		s.analysis.DeleteLabelValues(r.target, key.namespace, metric)
	}
	for outcome := range r.outcomes {
		s.successes.DeleteLabelValues(r.target, key.namespace, outcome[0], outcome[1])
		s.failures.DeleteLabelValues(r.target, key.namespace, outcome[0], outcome[1])
	}
	r.metrics, r.outcomes = nil, nil
}
