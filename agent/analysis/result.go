package analysis

import (
	"slices"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Result of one check of a canary.
type Result struct {
	// Metrics in the order of spec.analysis.metrics.
	Metrics []Metric
}

// Metric is the outcome of one entry of spec.analysis.metrics.
type Metric struct {
	// Name in the spec.
	Name string
	// Unit is percent, milliseconds, or empty when unknown.
	Unit string
	// Min and Max are the accepted bounds, inclusive; nil where there is none.
	Min, Max *float64
	// Value of the canary, and that of the primary at the same time; nil where unknown. Both are
	// finite.
	Value, PrimaryValue *float64
	// Verdict on the value.
	Verdict v1beta1.Verdict
	// NoData is what a NoData verdict means for this metric.
	NoData v1beta1.NoDataPolicy
	// Message is the text of the event for every verdict but Pass.
	Message string
	// Query as it was sent for the canary; empty when it could not be made.
	Query string
}

// Failed reports whether a metric was outside of its bounds, or had no data and must have. Errors
// are not counted: see Errored.
func (r Result) Failed() bool {
	return r.any(func(m Metric) bool {
		return m.Verdict == v1beta1.VerdictFail || m.Verdict == v1beta1.VerdictNoData && m.NoData == v1beta1.NoDataFail
	})
}

// Held reports whether a metric had no data, and the weight is to be held until it has. It says
// nothing when the result Failed.
func (r Result) Held() bool {
	return r.any(func(m Metric) bool { return m.Verdict == v1beta1.VerdictNoData && m.NoData == v1beta1.NoDataHold })
}

// Errored reports whether a metric could not be evaluated.
func (r Result) Errored() bool {
	return r.any(func(m Metric) bool { return m.Verdict == v1beta1.VerdictError })
}

// Messages are the texts of all metrics that did not pass, in order.
func (r Result) Messages() []string {
	var out []string
	for _, m := range r.Metrics {
		if m.Message != "" {
			out = append(out, m.Message)
		}
	}
	return out
}

func (r Result) any(is func(Metric) bool) bool {
	return slices.ContainsFunc(r.Metrics, is)
}

// newMetric is the outcome of a metric before anything is known.
func newMetric(c *v1beta1.Canary, m v1beta1.CanaryMetric) Metric {
	lo, hi := v1beta1.MetricBounds(m)
	return Metric{Name: m.Name, Min: lo, Max: hi, NoData: c.NoDataFor(m)}
}

func (m Metric) failed(message string) Metric {
	m.Verdict, m.Message = v1beta1.VerdictError, message
	return m
}

// rank orders verdicts; the higher one stands for the metric.
func (m Metric) rank() int {
	switch m.Verdict {
	case v1beta1.VerdictFail:
		return 4
	case v1beta1.VerdictError:
		return 3
	case v1beta1.VerdictNoData:
		if m.NoData == v1beta1.NoDataPass {
			return 0
		}
		return 2
	case v1beta1.VerdictPass:
		return 1
	}
	return 5
}

// worst of the parts of one metric; the first of equals.
func worst(parts []Metric) Metric {
	out := parts[0]
	for _, p := range parts[1:] {
		if p.rank() > out.rank() {
			out = p
		}
	}
	return out
}
