package fleet

import (
	"fmt"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// Class sorts canaries by who has to look at them. Each canary is in exactly one.
type Class int

const (
	// Waiting is for somebody: a pause, a gate, a hook, or something that stalls the canary.
	Waiting Class = iota
	// Failing is a run with failed checks that may still end well.
	Failing
	// Failed is a canary whose last run failed.
	Failed
	// Progressing is a run, or the first initialization, that goes well.
	Progressing
	// Unknown is a canary that no controller has taken up.
	Unknown
	// Suspended is a canary with spec.suspend set.
	Suspended
	// Healthy is a canary with nothing under way whose last run did not fail.
	Healthy

	classes = iota
)

// String is the word for a summary.
func (c Class) String() string {
	return [classes]string{
		"waiting", "failing", "failed", "progressing", "unknown", "suspended", "healthy",
	}[max(0, min(c, classes-1))]
}

func classOf(c *view.Canary, failing int) Class {
	switch {
	case c.Suspended:
		return Suspended
	case c.Problem != "":
		return Waiting
	case c.Phase == "Failed": // before stalled, which every failed canary is
		return Failed
	case c.Health == view.HealthWaiting, stuck(c), c.Paused() && c.Active():
		return Waiting
	case c.Phase == "Succeeded", c.Phase == "Initialized":
		return Healthy
	case c.Phase == "":
		return Unknown
	case failing > 0 && c.Analysing():
		return Failing
	}
	return Progressing
}

// Counts is the number of canaries in each class, and of all.
type Counts struct {
	Waiting, Failing, Failed, Progressing, Unknown, Suspended, Healthy int
	All                                                                int
}

// Of is the number of one class.
func (n Counts) Of(c Class) int {
	switch c {
	case Waiting:
		return n.Waiting
	case Failing:
		return n.Failing
	case Failed:
		return n.Failed
	case Progressing:
		return n.Progressing
	case Unknown:
		return n.Unknown
	case Suspended:
		return n.Suspended
	case Healthy:
		return n.Healthy
	}
	return 0
}

// Counts counts all canaries, whether the filter hides them or not.
func (t *Table) Counts() Counts {
	n := &t.counts
	return Counts{
		Waiting: n[Waiting], Failing: n[Failing], Failed: n[Failed], Progressing: n[Progressing],
		Unknown: n[Unknown], Suspended: n[Suspended], Healthy: n[Healthy], All: len(t.rows),
	}
}

// Summary says the counts in one line, those that are not zero, each with its sign: "◌ 2 waiting  ✘ 1
// failed  ✔ 57 healthy". It is empty when there are no canaries, and may be wider than a screen.
func (n Counts) Summary(th *theme.Theme) string {
	s := &th.Symbols
	var parts []string
	for c := range Class(classes) {
		count := n.Of(c)
		if count == 0 {
			continue
		}
		sign, style := s.Active, th.Canary
		switch c {
		case Waiting:
			sign, style = s.Waiting, th.Warn
		case Failing:
			sign, style = s.Warning, th.Warn
		case Failed:
			sign, style = s.Failed, th.Fail
		case Progressing:
		case Unknown:
			sign, style = s.NoData, th.Warn
		case Suspended:
			sign, style = s.Waiting, th.Label
		case Healthy:
			sign, style = s.Passed, th.Pass
		}
		parts = append(parts, style.Render(fmt.Sprintf("%s %s %s", sign, thousands(count), c)))
	}
	return strings.Join(parts, "  ")
}
