package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/chart"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

// live holds the values that were measured between the checks. No verdict rests on them, so they are
// kept apart from the samples.
type live struct {
	wanted bool
	points map[string][]chart.Point // by metric
	note   string
	at     time.Time
}

// mostLive bounds the live values of a metric; the oldest are forgotten.
const mostLive = 360

func (l *live) forget() { l.points, l.note, l.at = nil, "", time.Time{} }

// into adds the live values to the charts; in a replay, those that had been measured by then.
func (l *live) into(charts []metricChart, metrics []view.Metric, by time.Time) {
	for i := range charts {
		points := l.points[metrics[i].Name]
		for !by.IsZero() && len(points) > 0 && points[len(points)-1].Time.After(by) {
			points = points[:len(points)-1]
		}
		charts[i].data.Live = points
		for _, p := range charts[i].data.Live {
			if p.Time.After(charts[i].to) {
				charts[i].to = p.Time
			}
		}
	}
	to := time.Time{}
	for i := range charts {
		if charts[i].to.After(to) {
			to = charts[i].to
		}
	}
	for i := range charts { // One axis for all, as without them.
		charts[i].to = to
	}
}

// newest is the last live value of a metric, when it is newer than the last check.
func (l *live) newest(metric *view.Metric) *float64 {
	points := l.points[metric.Name]
	if len(points) == 0 {
		return nil
	}
	last := points[len(points)-1]
	if n := len(metric.Samples); n > 0 && !last.Time.After(metric.Samples[n-1].Time) || last.Value != last.Value {
		return nil
	}
	return &last.Value
}

// meter is the source's way to measure; nil when it has none.
func (m *model) meter() source.LiveMeter {
	meter, _ := m.source.(source.LiveMeter)
	return meter
}

// measure begins to measure, if that is wanted and possible.
func (m *model) measure() tea.Cmd {
	meter := m.meter()
	if meter == nil || !m.detail.live.wanted {
		return nil
	}
	namespace, name := m.detail.canary.Namespace, m.detail.canary.Name
	return subscribe(m, &m.detail.values, func(ctx context.Context) <-chan source.Update {
		return meter.Live(ctx, namespace, name)
	})
}

func (m *model) toggleLive() tea.Cmd {
	l := &m.detail.live
	l.wanted = !l.wanted
	if l.wanted {
		m.status.say(m.clock, tonePass, "measuring between the checks")
		return m.measure()
	}
	m.detail.values.end()
	l.forget()
	m.show(m.detail.canary)
	m.status.say(m.clock, tonePass, "only what the agent checks")
	return nil
}

// takeLive adds what was measured.
func (m *model) takeLive(u source.Live) {
	d := &m.detail
	if !d.live.wanted || u.Namespace != d.present.Namespace || u.Name != d.present.Name {
		return
	}
	if d.live.points == nil {
		d.live.points = map[string][]chart.Point{}
	}
	if len(u.Values) == 0 && u.Note == "" {
		d.live.forget() // Nothing had been measured at this moment of a recording.
	}
	d.live.note, d.live.at = view.Clean(u.Note), u.At
	for _, v := range u.Values {
		name := view.Clean(v.Metric)
		points := append(d.live.points[name], point(u.At, v.Canary))
		d.live.points[name] = points[max(0, len(points)-mostLive):]
	}
	if d.replay == nil {
		m.show(d.canary)
	}
}
