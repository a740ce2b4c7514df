package follow

import (
	"fmt"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Outcome is nil for a canary whose last run went well, and an error with the right exit code
// otherwise. A rollback that an operator asked for counts as a failure: the revision of the target is
// not the primary's.
func Outcome(v view.Canary) error {
	if v.Phase != "Failed" {
		return nil
	}
	reason := v.Message
	outcome, revision := "failed", v.Revision
	if r := v.Run; r != nil {
		switch {
		case r.Outcome == "RolledBack", r.Outcome == "Restored" && r.By == "":
			outcome = "was rolled back"
		case r.Outcome == "Restored":
			outcome = "was rolled back by " + r.By
		case r.Outcome == "Aborted":
			outcome = "was aborted"
		case r.Outcome == "PromotionFailed" && r.Rollback:
			outcome, revision = "could not be brought back", r.Revision
		case r.Outcome == "PromotionFailed":
			outcome = "could not be promoted"
		}
		if r.Message != "" {
			reason = r.Message
		}
	}
	message := fmt.Sprintf("canary %q %s", v.Name, outcome)
	if revision != "" {
		message = fmt.Sprintf("revision %s of canary %q %s", revision, v.Name, outcome)
	}
	if reason != "" {
		message += ": " + reason
	}
	return cli.Failed("%s", view.Clean(message))
}

// Line says in one line where a canary is.
func Line(v view.Canary) string {
	parts := []string{v.Name}
	phase := v.Phase
	if phase == "" {
		phase = "not taken up"
	}
	if v.Paused() {
		phase += " (paused)"
	}
	if v.RollingBack() {
		phase += " (rollback)"
	}
	if v.Suspended {
		phase += " (suspended)"
	}
	parts = append(parts, phase)
	if v.Revision != "" && !strings.Contains(v.Message, v.Revision) { // said once is enough
		parts = append(parts, "revision "+v.Revision)
	}
	if v.Active() {
		switch v.Split() {
		case view.SplitWeight:
			parts = append(parts, fmt.Sprintf("weight %d%%", v.Weight))
		case view.SplitMatch:
			parts = append(parts, "matching requests")
		case view.SplitMirror:
			parts = append(parts, "mirrored requests")
		}
		if v.TotalSteps > 0 && !v.RollingBack() {
			noun, at, of := v.Position()
			parts = append(parts, fmt.Sprintf("%s %d/%d", noun, at, of))
		}
	}
	if v.FailedChecks > 0 {
		parts = append(parts, fmt.Sprintf("failed checks %d/%d", v.FailedChecks, v.Threshold))
	}
	line := strings.Join(parts, ", ")
	gate, waits := v.WaitingGate()
	switch {
	case v.Problem != "":
		return line + ": " + v.Problem
	case waits:
		return line + ": gate " + gate.Name + " waits for: " + v.ApproveCommand(gate)
	case v.Message != "":
		return line + ": " + v.Message
	}
	return line
}
