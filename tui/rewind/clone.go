package rewind

import (
	"slices"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// clone copies a canary with all that it points to.
func clone(c view.Canary) view.Canary {
	c.Images.Target, c.Images.Primary = slices.Clone(c.Images.Target), slices.Clone(c.Images.Primary)
	c.Steps, c.Events, c.Pods = slices.Clone(c.Steps), slices.Clone(c.Events), slices.Clone(c.Pods)
	c.Hooks, c.Gates, c.Verbs = slices.Clone(c.Hooks), slices.Clone(c.Gates), slices.Clone(c.Verbs)
	c.Conditions, c.History = slices.Clone(c.Conditions), slices.Clone(c.History)
	c.Controllers = slices.Clone(c.Controllers)
	c.Run, c.LastIntent, c.PendingIntent = copied(c.Run), copied(c.LastIntent), copied(c.PendingIntent)
	c.Metrics = slices.Clone(c.Metrics)
	for i := range c.Metrics {
		m := &c.Metrics[i]
		m.Min, m.Max, m.Value, m.Primary = copied(m.Min), copied(m.Max), copied(m.Value), copied(m.Primary)
		m.Samples = slices.Clone(m.Samples)
		for j := range m.Samples {
			s := &m.Samples[j]
			s.Value, s.Primary = copied(s.Value), copied(s.Primary)
		}
	}
	return c
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}
