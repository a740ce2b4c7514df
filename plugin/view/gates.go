package view

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// gates lists the gates of the spec with what the run knows of them.
func gates(c *v1beta1.Canary) []Gate {
	var out []Gate
	for _, spec := range c.GetAnalysis().Gates {
		g := Gate{Name: spec.Name, At: string(spec.At)}
		timeout := spec.TimeoutOrZero()
		if timeout > 0 {
			g.OnTimeout = string(spec.TimeoutAction())
		}
		if c.Status.Run != nil {
			for _, have := range c.Status.Run.Gates {
				if have.Name != g.Name || have.State == v1beta1.GateWaiting && !waitsAt(&c.Status, spec.At) {
					continue
				}
				g.State, g.Since, g.By = string(have.State), have.Since.Time, have.By
				if have.State == v1beta1.GateWaiting && timeout > 0 {
					g.Deadline = writable(have.Since.Add(timeout))
				}
			}
		}
		out = append(out, g)
	}
	return out
}

// waitsAt says whether the run can be waiting at a point. A gate that an operator went past, by
// promote, or at which the run ended, is left as it was.
func waitsAt(s *v1beta1.CanaryStatus, p v1beta1.GatePoint) bool {
	if s.Run.Outcome != "" || s.Run.PromoteNow {
		return false
	}
	switch s.Phase {
	case v1beta1.PhaseWaiting:
		return p == v1beta1.GateRollout
	case v1beta1.PhaseProgressing:
		return p == v1beta1.GateTraffic
	case v1beta1.PhaseWaitingPromotion:
		return p == v1beta1.GatePromotion
	default:
		return false
	}
}

// WaitingGate is the gate that the run waits at; there is one at most.
func (c Canary) WaitingGate() (gate Gate, ok bool) {
	for _, g := range c.Gates {
		if g.State == string(v1beta1.GateWaiting) {
			return g, true
		}
	}
	return Gate{}, false
}

// next says what happens at a gate that waits: at its deadline, or without one.
func (g Gate) next() string {
	switch g.OnTimeout {
	case string(v1beta1.GateAbort):
		return "the run is aborted unless gate " + g.Name + " is approved"
	case string(v1beta1.GateContinue):
		return "the run goes on even if gate " + g.Name + " is not approved"
	}
	what := "the promotion"
	switch v1beta1.GatePoint(g.At) {
	case v1beta1.GateRollout:
		what = "the run"
	case v1beta1.GateTraffic:
		what = "the next step"
	case v1beta1.GatePromotion:
	}
	return what + " begins once gate " + g.Name + " is approved"
}

// ApproveCommand is what to type in order to open a gate, ready for a shell.
func (c Canary) ApproveCommand(g Gate) string {
	return fmt.Sprintf("kubectl canary approve %s -n %s --gate %s", shellWord(c.Name), shellWord(c.Namespace), shellWord(g.Name))
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)

// shellWord quotes what a shell would not take as it is: the name of a gate may be any text, and
// somebody is going to paste it.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
