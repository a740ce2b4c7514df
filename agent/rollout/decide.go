package rollout

import (
	"fmt"
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
	// retry: the revision that failed is to be run again.
	retry bool
	// scaled: the primary's autoscaler is to be kept up.
	scaled bool
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
		d.terminate()
		return
	}
	d.finalizer()
	if d.Canary.Spec.Suspend {
		d.suspended()
		return
	}
	if len(d.Problems) > 0 {
		d.refuseIntent("the canary cannot be acted upon: " + d.Problems[0].Message)
		d.complain(d.Problems[0])
		return
	}
	d.restate()
	d.alignConfigs()
	if d.rebound() {
		return
	}
	d.adoptRun()
	d.recognise()
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
		d.alert(v1beta1.SeverityInfo, "Canary is suspended.", false)
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
		Floor:          d.Primary.Replicas,
	}
	if d.Route.Exists && d.Route.Canary >= 0 {
		// The status of another controller need not say it: the route does, this once.
		d.st.Run.Weight, d.st.CanaryWeight = d.Route.Canary, d.Route.Canary
	}
	d.run = d.st.Run
	d.st.LastAppliedSpec = revision
	d.planSteps()
	d.run.Step = d.stepTaken()
	for i := range d.run.Step {
		d.st.Steps[i].State = v1beta1.StepPassed
	}
	if d.run.Step > 0 {
		d.st.Steps[d.run.Step-1].State = v1beta1.StepActive
		d.hold()
	}
	if d.st.Phase == v1beta1.PhaseWaitingPromotion {
		d.run.Analysed = true
	}
	d.say(Info, "TakenOver", fmt.Sprintf("Run of %s taken over from another controller at %d%%", d.name(), d.run.Weight))
}

// stepTaken is the step that a run of another controller has reached: by its iterations, or by its
// weight, which is lower only before the first step.
func (d *decider) stepTaken() (step int32) {
	if d.strategy() != v1beta1.StrategyCanary {
		return max(min(d.st.Iterations, int32(len(d.st.Steps))), 0)
	}
	for i := range d.st.Steps {
		if s := &d.st.Steps[i]; s.Weight <= d.run.Weight && (s.Weight > 0 || d.Route.Mirror || d.run.Weight > 0) {
			step = int32(i + 1)
		}
	}
	return step
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

// alert adds to the last message what the alert providers are told.
func (d *decider) alert(severity v1beta1.AlertSeverity, text string, fields bool) {
	d.messages[len(d.messages)-1].Alert = &Alert{Severity: severity, Text: text, Fields: fields}
}

func (d *decider) do(e Effect) { d.effects = append(d.effects, e) }

// wakeAt asks for a new decision at t; the earliest wish wins.
func (d *decider) wakeAt(t time.Time) {
	if d.wake.IsZero() || t.Before(d.wake) {
		d.wake = t
	}
}

// complain stalls and, if that is news, says so.
func (d *decider) complain(p Problem) {
	if known := d.stalledBy(); known == nil || known.Reason != p.Reason || known.Message != p.Message {
		d.say(Warning, p.Reason, p.Message, fmt.Sprint(d.Canary.Generation))
	}
	d.stall(p)
}

// stalledBy is the condition Stalled as it was observed, or nil.
func (d *decider) stalledBy() *v1beta1.CanaryCondition {
	for i := range d.Canary.Status.Conditions {
		if c := &d.Canary.Status.Conditions[i]; c.Type == v1beta1.ConditionStalled {
			return c
		}
	}
	return nil
}

// restate puts the message of the phase back after a suspension, or after a problem that is solved,
// and gives one to a status that has none.
func (d *decider) restate() {
	known := d.stalledBy()
	solved := known != nil && known.Message == d.st.Message && d.st.Phase != v1beta1.PhaseFailed
	if d.st.Message != msgSuspended && !solved && d.st.Message != "" {
		return
	}
	revision := d.runRevision()
	switch d.st.Phase {
	case v1beta1.PhaseInitializing:
		d.message("Initializing: creating the primary of %s.", d.target())
	case v1beta1.PhaseInitialized:
		d.message("Initialized: the primary serves all traffic.")
	case v1beta1.PhaseWaiting, v1beta1.PhaseWaitingPromotion:
		d.message("%s: revision %s needs approval.", d.st.Phase, revision)
	case v1beta1.PhaseProgressing:
		d.message("Progressing: revision %s is under analysis.", revision)
	case v1beta1.PhasePromoting:
		d.message("Promoting: rolling %s to revision %s.", d.primary(), revision)
	case v1beta1.PhaseFinalising:
		d.message("Finalising: all traffic goes to the primary, %s is scaled down.", d.target())
	case v1beta1.PhaseSucceeded:
		d.message("Succeeded: revision %s serves all traffic from the primary.", d.st.LastPromotedSpec)
	case v1beta1.PhaseFailed:
		if d.run != nil && len(d.st.History) > 0 {
			d.message("Failed: %s.", d.st.History[0].Message)
		} else {
			d.message("Failed: revision %s was not promoted.", d.st.LastAppliedSpec)
		}
	default:
	}
}

func (d *decider) stall(p Problem) {
	d.stalled = &p
	d.message("%s", p.Message)
}

// rebound deals with an edit of what the canary was initialized with, and says whether nothing can
// be done before it is taken back.
func (d *decider) rebound() bool {
	target := d.Canary.Spec.TargetRef.Kind + "/" + d.Canary.Spec.TargetRef.Name
	bound := d.st.Bound
	if bound == nil || d.st.Phase == "" || d.st.Phase == v1beta1.PhaseInitializing {
		provider := d.Route.Provider
		if provider == "" {
			provider = d.Provider
		}
		d.st.Bound = &v1beta1.BindingStatus{Target: target, Service: d.Canary.ApexName(), Provider: provider}
		return false
	}
	var what string
	switch {
	case bound.Target != target:
		what = "spec.targetRef: was " + bound.Target + " when the canary was initialized, and is " + target
	case bound.Service != d.Canary.ApexName():
		what = "spec.service.name: was " + bound.Service + " when the canary was initialized, and is " + d.Canary.ApexName()
	default:
		return false
	}
	p := Problem{Reason: "Rebound", Message: what + "; traffic stays as it is: change it back, or delete the canary and create it anew"}
	d.refuseIntent("the canary cannot be acted upon: " + p.Message)
	d.complain(p)
	return true
}

// finish derives what depends on the rest of the status.
func (d *decider) finish() {
	d.ensureScaler()
	if d.Canary.DeletionTimestamp != nil && d.st.Phase != v1beta1.PhaseTerminating {
		return
	}
	if d.Target.Unknown != "" && d.stalled == nil {
		d.complain(Problem{
			Reason:  "RevisionUnknown",
			Message: "The revision of " + d.target() + " cannot be told: " + d.Target.Unknown + "; everything stays as it is until then",
		})
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
