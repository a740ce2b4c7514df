package fleet

import (
	"math"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Verdicts of a metric, as in view.Metric.
const (
	verdictPass   = "Pass"
	verdictFail   = "Fail"
	verdictNoData = "NoData"
	verdictError  = "Error"
)

// worst is the metric that a row shows; ok is false when none has been measured.
func worst(metrics []view.Metric) (at int, danger float64, ok bool) {
	danger = math.Inf(-1)
	for i := range metrics {
		m := &metrics[i]
		if m.Verdict == "" && m.Value == nil {
			continue
		}
		if d := dangerOf(m); d > danger || !ok {
			at, danger, ok = i, d, true
		}
	}
	return at, danger, ok
}

// Bands of danger: what passes lies in 0–1, what could not be measured at 2, what fails above 3.
const (
	dangerUnknown = 2
	dangerFailed  = 3
)

// dangerOf tells how bad a metric is: 0 far from every bound or without one, 1 at the bound, and
// beyond that the bands above.
func dangerOf(m *view.Metric) float64 {
	switch m.Verdict {
	case verdictFail:
		// Squeezed into one band, so that no distance makes an infinity.
		beyond := -nearness(m)
		return dangerFailed + max(0, beyond/(1+math.Abs(beyond)))
	case verdictNoData, verdictError:
		return dangerUnknown
	}
	return 1 - min(1, max(0, nearness(m)))
}

// nearness is the distance of the value from its nearest bound, as a share of the room there is;
// negative beyond a bound, 1 where nothing bounds it.
func nearness(m *view.Metric) float64 {
	if m.Value == nil {
		return 1
	}
	v, near := *m.Value, 1.0
	if m.Min != nil {
		room := math.Abs(*m.Min)
		switch {
		case m.Max != nil && *m.Max > *m.Min:
			room = *m.Max - *m.Min
		case m.Unit == "percent" && *m.Min < 100:
			room = 100 - *m.Min
		}
		near = min(near, share(v-*m.Min, room))
	}
	if m.Max != nil {
		room := math.Abs(*m.Max)
		if m.Min != nil && *m.Max > *m.Min {
			room = *m.Max - *m.Min
		}
		near = min(near, share(*m.Max-v, room))
	}
	return near
}

// share is distance over room, where neither need be a sane number.
func share(distance, room float64) float64 {
	switch q := distance / room; {
	case math.IsNaN(q): // no distance and no room: at the bound; anything else cannot be told
		return 0
	default:
		return min(1, max(-math.MaxFloat64, q))
	}
}
