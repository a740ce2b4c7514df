package rollout

import (
	"fmt"
	"slices"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// maxHistory is how many finished runs the status keeps.
const maxHistory = 10

// end decides the outcome of the run. It is called once per run: afterwards run.Outcome is set,
// and no code path of an ended run leads here.
func (d *decider) end(outcome v1beta1.RunOutcome, why, by string) {
	now := v1beta1.NewTime(d.Now)
	d.stalled = nil // What kept the run from going on is over with it.
	d.run.Outcome = outcome
	d.run.EndTime = &now
	d.run.HoldStartTime = nil
	d.run.UnreadySince = nil
	d.run.Paused = false
	highest := int32(0)
	for i := range d.st.Steps {
		step := &d.st.Steps[i]
		switch step.State {
		case v1beta1.StepActive:
			step.EndTime = &now
			step.State = v1beta1.StepFailed
			if outcome == v1beta1.OutcomePromoted || outcome == v1beta1.OutcomeSkipped {
				step.State = v1beta1.StepSkipped
			}
		case v1beta1.StepPassed, v1beta1.StepSkipped, v1beta1.StepFailed:
		case v1beta1.StepPending:
			continue
		}
		highest = max(highest, step.Weight)
	}
	record := v1beta1.RunRecord{
		ID:           d.run.ID,
		Revision:     d.run.Revision,
		StartTime:    d.run.StartTime,
		EndTime:      now,
		Outcome:      outcome,
		Message:      why,
		By:           by,
		MaxWeight:    highest,
		FailedChecks: d.st.FailedChecks,
	}
	d.st.History = slices.Insert(d.st.History, 0, record)
	d.st.History = d.st.History[:min(len(d.st.History), maxHistory)]
	d.st.NextActionTime = nil
}

// rollBack ends the run in Failed: all traffic to the primary, as far as it can serve, and the
// canary down. The messages tell what led to it.
func (d *decider) rollBack(outcome v1beta1.RunOutcome, why string) {
	d.markFailed(outcome, why, "")
	d.idle()
}

// markFailed is the part of rollBack that changes the status.
func (d *decider) markFailed(outcome v1beta1.RunOutcome, why, by string) {
	d.end(outcome, why, by)
	d.say(Warning, "CanaryFailed", "Canary failed! Scaling down "+d.name())
	d.message("Failed: %s.", why)
	d.run.Weight = 0
	d.enter(v1beta1.PhaseFailed)
	// As the contract has it; the history keeps the number.
	d.st.FailedChecks = 0
	d.st.Iterations = 0
}

// restart drops the run in favour of a newer revision, which starts from the beginning.
func (d *decider) restart() {
	old := d.run.Revision
	d.end(v1beta1.OutcomeSuperseded, "revision "+d.Target.Revision+" took its place", "")
	d.st.CanaryWeight = d.safeWeight(d.idleWeight())
	d.st.Run = nil
	d.run = nil
	d.startRun()
	d.say(Info, "Restarted", fmt.Sprintf("New revision detected! Restarting analysis for %s", d.target()), old)
	d.alert(v1beta1.SeverityInfo, "New revision detected, restarting canary analysis.", true)
}

// hook returns the state of a hook in this run, or nil.
func (d *decider) hook(name string) *v1beta1.HookStatus {
	for i := range d.run.Hooks {
		if d.run.Hooks[i].Name == name {
			return &d.run.Hooks[i]
		}
	}
	return nil
}

func (d *decider) setHook(name string, state v1beta1.HookState, message string) *v1beta1.HookStatus {
	h := d.hook(name)
	if h == nil {
		d.run.Hooks = append(d.run.Hooks, v1beta1.HookStatus{Name: name})
		h = &d.run.Hooks[len(d.run.Hooks)-1]
	}
	h.State = state
	h.Message = message
	h.LastTime = v1beta1.NewTime(d.Now)
	return h
}

func hookName(t v1beta1.HookType, name string) string { return string(t) + "/" + name }
