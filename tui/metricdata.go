package tui

import (
	"math"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
)

// metricChart is a metric as the chart package wants it, made once when the data come.
type metricChart struct {
	data     chart.Data
	unit     chart.Unit
	from, to time.Time
}

func metricCharts(c view.Canary) []metricChart {
	var weights []chart.Mark
	for i, step := range c.Steps {
		if c.StepLabel(step) == "" || step.Mirror {
			continue // There is no weight to be written on the axis.
		}
		if !step.Start.IsZero() && (i == 0 || step.Weight != c.Steps[i-1].Weight) {
			weights = append(weights, chart.Mark{Time: step.Start, Kind: chart.MarkWeight, Weight: int(step.Weight)})
		}
	}
	from, to := sampleSpan(c)
	out := make([]metricChart, 0, len(c.Metrics))
	for _, metric := range c.Metrics {
		mc := metricChart{unit: chart.UnitOf(metric.Unit), from: from, to: to}
		mc.data.Min, mc.data.Max = metric.Min, metric.Max
		mc.data.Marks = append(mc.data.Marks, weights...)
		for _, s := range metric.Samples {
			mc.data.Canary = append(mc.data.Canary, point(s.Time, s.Value))
			if s.Primary != nil || mc.data.Primary != nil {
				mc.data.Primary = append(mc.data.Primary, point(s.Time, s.Primary))
			}
			switch s.Verdict {
			case "Fail":
				mc.data.Marks = append(mc.data.Marks, chart.Mark{Time: s.Time, Kind: chart.MarkFailed})
			case "NoData", "Error":
				mc.data.Marks = append(mc.data.Marks, chart.Mark{Time: s.Time, Kind: chart.MarkNoData})
			}
		}
		out = append(out, mc)
	}
	return out
}

func point(t time.Time, v *float64) chart.Point {
	if v == nil {
		return chart.Point{Time: t, Value: math.NaN()}
	}
	return chart.Point{Time: t, Value: *v}
}

// spans are the lengths the time axis grows through. Between them a chart fills from left to right
// and nothing already drawn moves.
var spans = []time.Duration{
	30 * time.Second, time.Minute, 90 * time.Second, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute,
	5 * time.Minute, 6 * time.Minute, 8 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute,
	30 * time.Minute, 40 * time.Minute, time.Hour, 90 * time.Minute, 2 * time.Hour, 3 * time.Hour,
	4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour, 18 * time.Hour, 24 * time.Hour,
}

// sampleSpan is the common time axis of all metrics, so that charts can be compared by eye. It
// begins with the run, unless the earliest samples have been dropped already.
func sampleSpan(c view.Canary) (from, to time.Time) {
	for _, metric := range c.Metrics {
		for _, s := range metric.Samples {
			if from.IsZero() || s.Time.Before(from) {
				from = s.Time
			}
			if s.Time.After(to) {
				to = s.Time
			}
		}
	}
	if from.IsZero() {
		return from, to
	}
	lead := from.Sub(runStart(&c))
	if begin := runStart(&c); !begin.IsZero() && lead > 0 && lead <= max(to.Sub(from), 3*c.Interval.Duration) {
		from = begin
	}
	length := to.Sub(from)
	if c.Active() {
		for _, s := range spans {
			if s >= length {
				length = s
				break
			}
		}
	}
	return from, from.Add(max(length, time.Second))
}
