package view

import (
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// matching is true when weights are shares of the requests that match only.
func (c Canary) matching() bool {
	return c.Strategy == string(v1beta1.StrategyABTesting) && (c.Run == nil || !c.Run.Repair)
}

// iteration is true for the steps of A/B and Blue/Green that repeat one check.
func (c Canary) iteration(s Step) bool {
	return c.matching() || c.Strategy == string(v1beta1.StrategyBlueGreen) && s.Weight == 0
}

// weighted is true for a step that is known by its weight.
func (c Canary) weighted(s Step) bool {
	return c.Strategy != string(v1beta1.StrategyBlueGreen) && !c.matching() && !s.Mirror
}

// StepText says what the canary gets in a step: "40%", "mirror", "100% (matching)", "no traffic".
func (c Canary) StepText(s Step) string {
	switch {
	case s.Mirror:
		return "mirror"
	case c.matching():
		return fmt.Sprintf("%d%% (matching)", s.Weight)
	case c.iteration(s):
		return "no traffic"
	}
	return fmt.Sprintf("%d%%", s.Weight)
}

// StepLabel is the same for a row of steps side by side, where the strategy is said elsewhere: "40",
// "mirror", and nothing for one iteration among many.
func (c Canary) StepLabel(s Step) string {
	switch {
	case c.iteration(s):
		return ""
	case s.Mirror:
		return "mirror"
	}
	return fmt.Sprint(s.Weight)
}

// Position is where the run is: "step" 2 of 5, or "iteration" 3 of 10.
func (c Canary) Position() (noun string, at, of int) {
	current, running := c.Current()
	if len(c.Steps) == 0 || running && !c.iteration(current) || !c.iteration(c.Steps[0]) {
		return "step", c.CurrentStep, c.TotalSteps
	}
	for _, s := range c.Steps {
		if c.iteration(s) {
			of++
		}
	}
	return "iteration", c.CurrentStep, of
}

// Split is how the traffic goes to both sides.
type Split int

const (
	// SplitWeight means: by weight, in percent.
	SplitWeight Split = iota
	// SplitMatch means: the requests that match go to the canary, all others to the primary.
	SplitMatch
	// SplitMirror means: all requests go to the primary, and copies of them to the canary.
	SplitMirror
)

// Split tells what Weight is a share of now.
func (c Canary) Split() Split {
	step, running := c.Current()
	switch {
	case !c.Active():
		return SplitWeight
	case c.matching() && (c.Weight > 0 || c.Foreign && step.State == string(v1beta1.StepActive)):
		return SplitMatch
	case c.Analysing() && running && step.Mirror && c.Weight == 0:
		return SplitMirror
	}
	return SplitWeight
}

// Share is what the canary gets now, in a word for a table: "40%", "match", "mirror".
func (c Canary) Share() string {
	switch c.Split() {
	case SplitMatch:
		return "match"
	case SplitMirror:
		return "mirror"
	case SplitWeight:
	}
	return fmt.Sprintf("%d%%", c.Weight)
}

// Shares says the same of both sides: "40% canary, 60% primary".
func (c Canary) Shares() string {
	switch c.Split() {
	case SplitMatch:
		return "matching requests canary, all others primary"
	case SplitMirror:
		return "100% primary, copies of the requests canary"
	case SplitWeight:
	}
	return fmt.Sprintf("%d%% canary, %d%% primary", c.Weight, 100-c.Weight)
}

// Gets is what the canary gets with a step, for sentences: "40% of the traffic".
func (c Canary) Gets(s Step) string {
	switch {
	case s.Mirror:
		return "copies of the requests"
	case c.matching():
		return "the matching requests"
	case c.iteration(s):
		return "no traffic"
	case c.Strategy == string(v1beta1.StrategyBlueGreen) && s.Weight == 100:
		return "all traffic"
	}
	return fmt.Sprintf("%d%% of the traffic", s.Weight)
}

// having goes on after "once the canary is ready".
func (c Canary) having(s Step) string {
	switch {
	case !s.Mirror && !c.matching() && c.iteration(s):
		return ""
	case c.weighted(s):
		return " and has " + c.Gets(s)
	}
	return " and gets " + c.Gets(s)
}
