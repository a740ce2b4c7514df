package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Decide says what is to be done about a canary. It is deterministic and total: for any world,
// however odd, it returns a plan.
func Decide(w World) Plan {
	d := newDecider(w)
	d.decide()
	d.finish()
	return Plan{
		Status:   d.st,
		Effects:  d.effects,
		Messages: d.messages,
		WakeAt:   d.wake,
	}
}

// decider is the working state of one decision.
type decider struct {
	World
	// st is the status to be written; it starts as a copy of the observed one.
	st v1beta1.CanaryStatus
	// run is st.Run, never nil once a run has been seen.
	run *v1beta1.RunStatus
	// stalled is why the agent cannot go on without somebody changing something.
	stalled *Problem

	effects  []Effect
	messages []Message
	wake     time.Time
}

func newDecider(w World) *decider {
	d := &decider{World: w}
	w.Canary.Status.DeepCopyInto(&d.st)
	d.run = d.st.Run
	if d.run != nil {
		d.run.Step = max(d.run.Step, 0) // Nothing but the schema keeps others from writing nonsense.
	}
	return d
}

func (d *decider) decide() {
	if d.Canary.DeletionTimestamp != nil {
		return // Owned objects go with it; nothing may be created or routed any more.
	}
	if d.Canary.Spec.Suspend {
		d.suspended()
		return
	}
	if len(d.Problems) > 0 {
		d.refuseIntent("the canary cannot be acted upon: " + d.Problems[0].Message)
		d.stall(d.Problems[0])
		return
	}
	d.adoptRun()
	d.takeIntent()
	switch d.st.Phase {
	case "", v1beta1.PhaseInitializing:
		d.bootstrap()
	case v1beta1.PhaseWaiting, v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion:
		d.analyse()
	case v1beta1.PhasePromoting:
		d.promoting()
	case v1beta1.PhaseFinalising:
		d.finalising()
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed:
		d.idle()
	case v1beta1.PhaseTerminating, v1beta1.PhaseTerminated:
		// Another controller's finalization; the object is about to go.
	default:
		d.stall(Problem{
			Reason:  "UnknownPhase",
			Message: fmt.Sprintf("status.phase: %q is not a phase this agent knows; it was written by a newer or another controller", d.st.Phase),
		})
	}
}

func (d *decider) suspended() {
	d.refuseIntent("the canary is suspended; set spec.suspend to false first")
	if d.st.Message != msgSuspended {
		d.say(Info, "Suspended", "skipping canary run as object is suspended", fmt.Sprint(d.Canary.Generation))
	}
	d.st.Message = msgSuspended
	d.st.NextActionTime = nil
}

const msgSuspended = "Suspended: nothing is reconciled until spec.suspend is false."

// adoptRun fills in what a run needs when the status was written by another controller, or when
// the fields were pruned by another controller's CRDs: it goes on from the contract's fields.
func (d *decider) adoptRun() {
	if d.run != nil {
		return
	}
	switch d.st.Phase {
	case v1beta1.PhaseWaiting, v1beta1.PhaseProgressing, v1beta1.PhaseWaitingPromotion,
		v1beta1.PhasePromoting, v1beta1.PhaseFinalising:
	default:
		return
	}
	revision := d.Target.Revision
	if !d.Target.Observed {
		return
	}
	since := d.st.LastTransitionTime
	if since.IsZero() {
		since = v1beta1.NewTime(d.Now)
	}
	d.st.Run = &v1beta1.RunStatus{
		ID:             d.runID(revision),
		Revision:       revision,
		StartTime:      since,
		PhaseStartTime: v1beta1.NewTime(d.Now),
		Weight:         d.st.CanaryWeight,
		Checks:         d.st.FailedChecks,
	}
	d.run = d.st.Run
	d.st.LastAppliedSpec = revision
	d.planSteps()
	for i := range d.st.Steps {
		if d.st.Steps[i].Weight <= d.run.Weight {
			d.run.Step = int32(i + 1)
			d.st.Steps[i].State = v1beta1.StepPassed
		}
	}
	if d.run.Step > 0 {
		d.st.Steps[d.run.Step-1].State = v1beta1.StepActive
		d.hold()
	}
	if d.st.Phase == v1beta1.PhaseWaitingPromotion {
		d.run.Analysed = true
	}
}

// enter changes the phase; deadlines of the phase count from now.
func (d *decider) enter(phase v1beta1.CanaryPhase) {
	if d.st.Phase == phase {
		return
	}
	d.st.Phase = phase
	d.st.LastTransitionTime = v1beta1.NewTime(d.Now)
	if d.run != nil {
		d.run.PhaseStartTime = v1beta1.NewTime(d.Now)
	}
}

// message sets the one sentence that says what is going on.
func (d *decider) message(format string, args ...any) {
	d.st.Message = fmt.Sprintf(format, args...)
}

// say emits an event. The key parts make it unique among the events of its kind.
func (d *decider) say(s Severity, reason, text string, key ...string) {
	var k strings.Builder
	k.WriteString(reason)
	if d.run != nil {
		k.WriteString("/" + d.run.ID)
	}
	for _, part := range key {
		k.WriteString("/" + part)
	}
	d.messages = append(d.messages, Message{Severity: s, Reason: reason, Text: text, Key: k.String()})
}

func (d *decider) do(e Effect) { d.effects = append(d.effects, e) }

// wakeAt asks for a new decision at t; the earliest wish wins.
func (d *decider) wakeAt(t time.Time) {
	if d.wake.IsZero() || t.Before(d.wake) {
		d.wake = t
	}
}

func (d *decider) stall(p Problem) {
	d.stalled = &p
	d.message("%s", p.Message)
}

// finish derives what depends on the rest of the status.
func (d *decider) finish() {
	if d.Canary.DeletionTimestamp != nil {
		return
	}
	d.st.ObservedGeneration = d.Canary.Generation
	d.setConditions()
}

// name is <name>.<namespace>, as the contract's messages have it.
func (d *decider) name() string { return d.Canary.Name + "." + d.Canary.Namespace }

// target is <target>.<namespace>.
func (d *decider) target() string {
	return d.Canary.Spec.TargetRef.Name + "." + d.Canary.Namespace
}

// primary is <target>-primary.<namespace>.
func (d *decider) primary() string { return d.Canary.PrimaryName() + "." + d.Canary.Namespace }

// steps of the run, pinned in the status.
func (d *decider) step() *v1beta1.StepStatus {
	if d.run == nil || d.run.Step < 1 || int(d.run.Step) > len(d.st.Steps) {
		return nil
	}
	return &d.st.Steps[d.run.Step-1]
}

// planSteps writes the steps of the run into the status, keeping those that are done or under
// way. An edit of the spec in mid-run so changes only the steps that are still to come.
func (d *decider) planSteps() {
	weights, err := v1beta1.StepPlan(d.Canary.GetAnalysis())
	if err != nil && !d.Canary.Spec.SkipAnalysis {
		return // The spec was refused before it came here, or steps are not needed.
	}
	kept := d.st.Steps
	if n := int(d.run.Step); n < len(kept) {
		kept = kept[:n]
	}
	if d.run.Step == 0 {
		kept = nil
	}
	at := int32(0)
	if len(kept) > 0 {
		at = kept[len(kept)-1].Weight
	}
	steps := slices.Clone(kept)
	for _, w := range weights {
		if w > at {
			steps = append(steps, v1beta1.StepStatus{Weight: w, State: v1beta1.StepPending})
		}
	}
	d.st.Steps = steps
}
