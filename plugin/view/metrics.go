package view

import (
	"math"
	"strconv"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// metrics joins the metrics of the spec, in their order, with the samples of the status; samples
// of a metric that the spec no longer has come last.
func metrics(c *v1beta1.Canary) []Metric {
	measured := map[string]v1beta1.MetricMeasurements{}
	for _, m := range c.Status.Measurements {
		measured[m.Metric] = m
	}
	var out []Metric
	for _, spec := range c.GetAnalysis().Metrics {
		m := metricOfSpec(spec)
		if have, ok := measured[spec.Name]; ok {
			m.measure(have)
			delete(measured, spec.Name)
		}
		out = append(out, m)
	}
	for _, have := range c.Status.Measurements {
		if _, left := measured[have.Metric]; !left {
			continue
		}
		delete(measured, have.Metric)
		m := Metric{Name: have.Metric}
		m.measure(have)
		out = append(out, m)
	}
	return out
}

func metricOfSpec(spec v1beta1.CanaryMetric) Metric {
	m := Metric{Name: spec.Name}
	switch spec.Name {
	case v1beta1.MetricSuccessRate:
		m.Unit = "percent"
	case v1beta1.MetricDuration:
		m.Unit = "milliseconds"
	}
	lower, upper := v1beta1.MetricBounds(spec)
	m.Min, m.Max = finite(lower), finite(upper)
	return m
}

func (m *Metric) measure(have v1beta1.MetricMeasurements) {
	if have.Unit != "" {
		m.Unit = have.Unit
	}
	if have.Min != "" {
		m.Min = number(have.Min)
	}
	if have.Max != "" {
		m.Max = number(have.Max)
	}
	samples := have.Samples[max(0, len(have.Samples)-maxSamples):]
	for _, s := range samples {
		m.Samples = append(m.Samples, Sample{
			Time: s.Time.Time, Value: number(s.Value), Primary: number(s.Primary),
			Weight: percent(s.Weight), Verdict: string(s.Verdict), Message: s.Message,
		})
	}
	if len(m.Samples) > 0 {
		last := m.Samples[len(m.Samples)-1]
		m.Value, m.Primary, m.Verdict, m.Message = last.Value, last.Primary, last.Verdict, last.Message
	}
}

// number reads a decimal; anything that is not a finite number is no data.
func number(s string) *float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil
	}
	return finite(&f)
}

func finite(f *float64) *float64 {
	if f == nil || math.IsNaN(*f) || math.IsInf(*f, 0) {
		return nil
	}
	value := *f
	return &value
}
