// Package badge turns states into a sign, a word and a style. Lists, headers and one-line summaries
// all ask here, so that a state looks the same wherever it is shown, and is told without colour.
package badge

import (
	"charm.land/lipgloss/v2"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/theme"
)

// Phase is what a canary is doing: its phase, or what an operator calls it (Paused, Rolled back).
func Phase(c *view.Canary, t *theme.Theme) (sign, word string, style lipgloss.Style) {
	s := &t.Symbols
	switch {
	case c.Suspended:
		return s.Waiting, "Suspended", t.Label
	case c.Phase == "":
		return s.NoData, "Unknown", t.Warn
	}
	_, gated := c.WaitingGate()
	switch {
	case c.RollingBack():
		return s.Promoting, "Rolling back", t.Warn
	case c.Phase == "Failed" && c.Restored():
		return s.Failed, "Rolled back", t.Fail
	case gated && !c.Paused():
		return s.Waiting, "Waiting", t.Warn
	}
	switch c.Phase {
	case "Succeeded", "Initialized":
		return s.Passed, c.Phase, t.Pass
	case "Failed":
		return s.Failed, c.Phase, t.Fail
	case "Waiting", "WaitingPromotion":
		return s.Waiting, c.Phase, t.Warn
	case "Progressing":
		if c.Paused() {
			return s.Waiting, "Paused", t.Warn
		}
		return s.Active, c.Phase, t.Canary
	case "Promoting", "Finalising":
		return s.Promoting, c.Phase, t.Canary
	case "Initializing", "Terminating":
		return s.Active, c.Phase, t.Label
	}
	return s.Active, c.Phase, t.Title
}
