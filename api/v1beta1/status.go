package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CanaryPhase is the coarse state of a Canary, the value scripts and dashboards read.
// The names and their meaning are Flagger's; see docs/architecture.md for the transitions.
//
// +kubebuilder:validation:Enum="";Initializing;Initialized;Waiting;Progressing;WaitingPromotion;Promoting;Finalising;Succeeded;Failed;Terminating;Terminated
type CanaryPhase string

const (
	// PhaseInitializing means: the primary is being created from the target.
	PhaseInitializing CanaryPhase = "Initializing"
	// PhaseInitialized means: the primary serves all traffic, no run has happened yet.
	PhaseInitialized CanaryPhase = "Initialized"
	// PhaseWaiting means: a new revision waits for a confirm-rollout hook.
	PhaseWaiting CanaryPhase = "Waiting"
	// PhaseProgressing means: a run is under way.
	PhaseProgressing CanaryPhase = "Progressing"
	// PhaseWaitingPromotion means: all steps passed, a confirm-promotion hook has not.
	PhaseWaitingPromotion CanaryPhase = "WaitingPromotion"
	// PhasePromoting means: the primary is being rolled to the new revision.
	PhasePromoting CanaryPhase = "Promoting"
	// PhaseFinalising means: all traffic is on the primary, the target is being scaled down.
	PhaseFinalising CanaryPhase = "Finalising"
	// PhaseSucceeded means: the new revision is the primary's.
	PhaseSucceeded CanaryPhase = "Succeeded"
	// PhaseFailed means: the run was rolled back, aborted, or its promotion failed.
	PhaseFailed CanaryPhase = "Failed"
	// PhaseTerminating means: the Canary is being deleted and the original is restored.
	PhaseTerminating CanaryPhase = "Terminating"
	// PhaseTerminated is part of Flagger's enum; no controller writes it.
	PhaseTerminated CanaryPhase = "Terminated"
)

// CanaryStatus is what the agent last decided. It is the only source of truth of a run:
// routes and replica counts are derived from it and put back to it.
type CanaryStatus struct {
	// Phase of the state machine.
	// +optional
	Phase CanaryPhase `json:"phase"`
	// FailedChecks of the current run; never decremented within a run.
	// +optional
	FailedChecks int32 `json:"failedChecks"`
	// CanaryWeight is the share of traffic, in percent, that the agent last gave to the canary; in
	// an A/B run, of the requests that match.
	// +optional
	CanaryWeight int32 `json:"canaryWeight"`
	// Iterations counts the checks of an A/B or Blue/Green run.
	// +optional
	Iterations int32 `json:"iterations"`
	// PreviousSessionAffinityCookie is the name=value cookie of the previous run.
	// +optional
	PreviousSessionAffinityCookie string `json:"previousSessionAffinityCookie,omitempty"`
	// SessionAffinityCookie is the name=value cookie that pins a client to the canary.
	// +optional
	SessionAffinityCookie string `json:"sessionAffinityCookie,omitempty"`
	// PrimarySessionAffinityCookie is the name=value cookie that pins a client to the primary.
	// +optional
	PrimarySessionAffinityCookie string `json:"primarySessionAffinityCookie,omitempty"`
	// TrackedConfigs maps configmap/<name> and secret/<name> to the digest of their content.
	// +optional
	TrackedConfigs *map[string]string `json:"trackedConfigs,omitempty"`
	// LastAppliedSpec is the last revision that was processed, prefixed by its kind ("rs:" for the
	// pod-template-hash of a ReplicaSet). A value without a prefix is another controller's.
	// +optional
	LastAppliedSpec string `json:"lastAppliedSpec,omitempty"`
	// LastPromotedSpec is the last revision that became the primary's, in the form of LastAppliedSpec.
	// +optional
	LastPromotedSpec string `json:"lastPromotedSpec,omitempty"`
	// LastTransitionTime is when the phase last changed.
	// +optional
	// +nullable
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`
	// Conditions: Promoted as Flagger writes it; Ready, Reconciling and Stalled in the sense of
	// kstatus; RouteDrift while somebody else writes the weights.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []CanaryCondition `json:"conditions,omitempty"`

	// The fields below are extensions; on CRDs installed by another controller they are absent.

	// ObservedGeneration is the metadata.generation this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Message says in one sentence what is going on and what is awaited.
	// +optional
	Message string `json:"message,omitempty"`
	// NextActionTime is when the agent will act next by the clock. Absent when it waits for an event.
	// +optional
	NextActionTime *metav1.Time `json:"nextActionTime,omitempty"`
	// Bound is what the canary was initialized with.
	// +optional
	Bound *BindingStatus `json:"bound,omitempty"`
	// Run is the run under way, or the last one.
	// +optional
	Run *RunStatus `json:"run,omitempty"`
	// Steps of the current or last run, in order, those still to come included.
	// +optional
	// +listType=atomic
	Steps []StepStatus `json:"steps,omitempty"`
	// Measurements are the latest samples of each metric, of the current or last run.
	// +optional
	// +listType=map
	// +listMapKey=metric
	Measurements []MetricMeasurements `json:"measurements,omitempty"`
	// History holds the last runs, newest first, at most 10.
	// +optional
	// +listType=atomic
	History []RunRecord `json:"history,omitempty"`
	// LastIntent is the last operator verb the agent has seen, and its outcome.
	// +optional
	LastIntent *IntentStatus `json:"lastIntent,omitempty"`
}

// BindingStatus is what a canary was initialized with, so that an edit is not mistaken for a new
// canary.
type BindingStatus struct {
	// Target is <kind>/<name>. It cannot be changed.
	Target string `json:"target"`
	// Service is the name of the apex Service. It cannot be changed.
	Service string `json:"service"`
	// Provider is the traffic provider in use. An edit takes effect when no run is under way.
	Provider string `json:"provider"`
}

// ConditionType names a condition of a Canary.
type ConditionType string

const (
	// ConditionPromoted is Flagger's: True when the newest revision is the primary's.
	ConditionPromoted ConditionType = "Promoted"
	// ConditionReady is True when nothing is under way and the last run did not fail.
	ConditionReady ConditionType = "Ready"
	// ConditionReconciling is True while a run, or the first initialization, is under way.
	ConditionReconciling ConditionType = "Reconciling"
	// ConditionStalled is True when the agent cannot go on without somebody changing something.
	ConditionStalled ConditionType = "Stalled"
	// ConditionRouteDrift is True while the live route differs from the status; the message names
	// the field manager that wrote it.
	ConditionRouteDrift ConditionType = "RouteDrift"
)

// CanaryCondition is a condition in the form Flagger writes it.
type CanaryCondition struct {
	// Type of the condition.
	Type ConditionType `json:"type"`
	// Status is True, False or Unknown.
	// +kubebuilder:validation:Enum=True;False;Unknown
	Status metav1.ConditionStatus `json:"status"`
	// LastUpdateTime is when the condition was last written.
	// +optional
	// +nullable
	LastUpdateTime metav1.Time `json:"lastUpdateTime,omitempty"`
	// LastTransitionTime is when Status last changed.
	// +optional
	// +nullable
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`
	// Reason is one CamelCase word.
	Reason string `json:"reason"`
	// Message is for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// RunStatus is the run under way, in as much detail as is needed to go on after a crash.
type RunStatus struct {
	// ID is unique among the runs of this Canary; hooks and checks are named after it.
	ID string `json:"id"`
	// Revision that is rolled out, in the form of status.lastAppliedSpec.
	Revision string `json:"revision"`
	// StartTime is when the new revision was seen.
	StartTime metav1.Time `json:"startTime"`
	// EndTime is when the outcome was decided.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`
	// Outcome is empty during the run.
	// +optional
	Outcome RunOutcome `json:"outcome,omitempty"`
	// PhaseStartTime is when the current phase began; deadlines count from it.
	PhaseStartTime metav1.Time `json:"phaseStartTime"`
	// Step is the number of the current step, from 1; 0 before the first.
	Step int32 `json:"step"`
	// HoldStartTime is when the weight of the current step took effect; the step is judged one
	// interval later. Absent while the step's weight is not in place.
	// +optional
	HoldStartTime *metav1.MicroTime `json:"holdStartTime,omitempty"`
	// Checks is the number of checks that have been judged in this run.
	Checks int32 `json:"checks"`
	// ErroredChecks is the number of consecutive checks that could not be made, for instance
	// because the metrics server did not answer. Together with the failed checks they count
	// towards the threshold; one check that can be made sets them back to zero.
	// +optional
	ErroredChecks int32 `json:"erroredChecks,omitempty"`
	// Weight is the canary's share, in percent, that the run wants; status.canaryWeight differs
	// from it while one side cannot serve.
	Weight int32 `json:"weight"`
	// UnreadySince is when the canary was last seen to have too few ready pods during the run.
	// +optional
	UnreadySince *metav1.Time `json:"unreadySince,omitempty"`
	// Analysed is set when the last step has passed; what remains is the promotion and its gates.
	// +optional
	Analysed bool `json:"analysed,omitempty"`
	// Paused is set between the verbs pause and resume.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// PromoteNow is set by the verb promote: no further step, no further check.
	// +optional
	PromoteNow bool `json:"promoteNow,omitempty"`
	// StepNow is set by the verb promote --step until the next step has begun.
	// +optional
	StepNow bool `json:"stepNow,omitempty"`
	// StepPassed is set when the check of the current step has passed and a gate holds the next.
	// +optional
	StepPassed bool `json:"stepPassed,omitempty"`
	// Repair is set when the canary was the only healthy copy at the start, after a failed
	// promotion: the run has all the traffic from the beginning.
	// +optional
	Repair bool `json:"repair,omitempty"`
	// Rollback is set when the run brings an earlier revision back to the primary, by the verb
	// rollback: it has no steps and no checks.
	// +optional
	Rollback bool `json:"rollback,omitempty"`
	// By is the user whose verb made the run what it is: promote or rollback.
	// +optional
	By string `json:"by,omitempty"`
	// Floor is the least number of replicas that the primary's autoscaler is held to during the
	// run, so that the primary can take all traffic back: what it had when the run began.
	// +optional
	Floor int32 `json:"floor,omitempty"`
	// Gates that have been reached, of spec.analysis.gates. Those of traffic begin anew with each
	// step.
	// +optional
	// +listType=map
	// +listMapKey=name
	Gates []GateStatus `json:"gates,omitempty"`
	// Hooks holds the state of the hooks that must not be called again.
	// +optional
	// +listType=map
	// +listMapKey=name
	Hooks []HookStatus `json:"hooks,omitempty"`
}

// RunOutcome is how a run ended.
//
// +kubebuilder:validation:Enum="";Promoted;RolledBack;Aborted;PromotionFailed;Superseded;Skipped;Restored
type RunOutcome string

const (
	// OutcomePromoted means: the revision became the primary's after analysis.
	OutcomePromoted RunOutcome = "Promoted"
	// OutcomeRolledBack means: failed checks, a deadline or a rollback hook ended the run.
	OutcomeRolledBack RunOutcome = "RolledBack"
	// OutcomeAborted means: an operator, or the return of the promoted revision, ended the run.
	OutcomeAborted RunOutcome = "Aborted"
	// OutcomePromotionFailed means: the primary did not become ready with the new revision.
	OutcomePromotionFailed RunOutcome = "PromotionFailed"
	// OutcomeSuperseded means: a newer revision took the run's place.
	OutcomeSuperseded RunOutcome = "Superseded"
	// OutcomeSkipped means: promoted without analysis (spec.skipAnalysis).
	OutcomeSkipped RunOutcome = "Skipped"
	// OutcomeRestored means: the verb rollback has brought an earlier revision back.
	OutcomeRestored RunOutcome = "Restored"
)

// HookStatus is the state of one hook in the current run.
type HookStatus struct {
	// Name is <type>/<name of the webhook>.
	Name string `json:"name"`
	// State is Started, Passed or Failed.
	// +kubebuilder:validation:Enum=Started;Passed;Failed
	State HookState `json:"state"`
	// Attempts that were made.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// LastTime is when State last changed.
	LastTime metav1.Time `json:"lastTime"`
	// Message is why it failed.
	// +optional
	Message string `json:"message,omitempty"`
}

// GateStatus is the state of one gate in the current run.
type GateStatus struct {
	// Name of the gate.
	Name string `json:"name"`
	// State is Waiting, Approved, Rejected or TimedOut.
	// +kubebuilder:validation:Enum=Waiting;Approved;Rejected;TimedOut
	State GateState `json:"state"`
	// Since is when the gate was reached; its timeout counts from then.
	Since metav1.Time `json:"since"`
	// By is who approved or rejected.
	// +optional
	By string `json:"by,omitempty"`
}

// GateState is the state of a gate.
type GateState string

const (
	// GateWaiting means: nobody has answered yet.
	GateWaiting GateState = "Waiting"
	// GateApproved means: the run may pass.
	GateApproved GateState = "Approved"
	// GateRejected means: the run was ended by a rejection.
	GateRejected GateState = "Rejected"
	// GateTimedOut means: nobody answered in time; onTimeout of the gate says what followed.
	GateTimedOut GateState = "TimedOut"
)

// HookState is the state of a hook.
type HookState string

const (
	// HookStarted means: called, no answer yet.
	HookStarted HookState = "Started"
	// HookPassed means: answered with success.
	HookPassed HookState = "Passed"
	// HookFailed means: answered with failure, or not at all.
	HookFailed HookState = "Failed"
)

// StepStatus is one step of a run.
type StepStatus struct {
	// Weight of the canary in this step, in percent.
	Weight int32 `json:"weight"`
	// Mirror is set when copies of the primary's requests go to the canary.
	// +optional
	Mirror bool `json:"mirror,omitempty"`
	// Hold is how long the step is held, when it is not the interval of the analysis.
	// +optional
	Hold string `json:"hold,omitempty"`
	// State is Pending, Active, Passed, Failed or Skipped.
	// +kubebuilder:validation:Enum=Pending;Active;Passed;Failed;Skipped
	State StepState `json:"state"`
	// StartTime is when the step began.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// EndTime is when the step was left.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`
	// FailedChecks in this step.
	// +optional
	FailedChecks int32 `json:"failedChecks,omitempty"`
}

// StepState is the state of a step.
type StepState string

const (
	// StepPending means: still to come.
	StepPending StepState = "Pending"
	// StepActive means: its weight is, or is about to be, in place.
	StepActive StepState = "Active"
	// StepPassed means: its check passed.
	StepPassed StepState = "Passed"
	// StepFailed means: the run ended in it.
	StepFailed StepState = "Failed"
	// StepSkipped means: an operator went past it.
	StepSkipped StepState = "Skipped"
)

// Verdict on a metric.
type Verdict string

const (
	// VerdictPass means: the value is within its threshold.
	VerdictPass Verdict = "Pass"
	// VerdictFail means: the value is outside its threshold.
	VerdictFail Verdict = "Fail"
	// VerdictNoData means: the query returned no value, or NaN.
	VerdictNoData Verdict = "NoData"
	// VerdictError means: the query could not be made or answered.
	VerdictError Verdict = "Error"
)

// MetricMeasurements are the samples of one metric.
type MetricMeasurements struct {
	// Metric is the name in spec.analysis.metrics.
	Metric string `json:"metric"`
	// Unit is percent, milliseconds, or empty when unknown.
	// +optional
	Unit string `json:"unit,omitempty"`
	// Min accepted value, as a decimal.
	// +optional
	Min string `json:"min,omitempty"`
	// Max accepted value, as a decimal.
	// +optional
	Max string `json:"max,omitempty"`
	// Samples, oldest first, at most 60.
	// +optional
	// +listType=atomic
	Samples []Sample `json:"samples,omitempty"`
}

// Sample is one evaluated value. Values are decimals in strings, since the API has no floats;
// absent means no data.
type Sample struct {
	// Time of the evaluation.
	Time metav1.Time `json:"time"`
	// Value of the canary.
	// +optional
	Value string `json:"value,omitempty"`
	// Primary's value at the same time, where it is known.
	// +optional
	Primary string `json:"primary,omitempty"`
	// Weight of the canary when the sample was taken, in percent.
	// +optional
	Weight int32 `json:"weight,omitempty"`
	// Verdict on the value.
	// +kubebuilder:validation:Enum=Pass;Fail;NoData;Error
	Verdict Verdict `json:"verdict"`
	// Message is the cause of a NoData or Error verdict.
	// +optional
	Message string `json:"message,omitempty"`
}

// RunRecord is a finished run.
type RunRecord struct {
	// ID of the run.
	ID string `json:"id"`
	// Revision that was rolled out.
	Revision string `json:"revision"`
	// StartTime of the run.
	StartTime metav1.Time `json:"startTime"`
	// EndTime of the run.
	EndTime metav1.Time `json:"endTime"`
	// Outcome of the run.
	Outcome RunOutcome `json:"outcome"`
	// Message is the reason of the outcome.
	// +optional
	Message string `json:"message,omitempty"`
	// By is the user whose verb decided the outcome.
	// +optional
	By string `json:"by,omitempty"`
	// MaxWeight is the highest weight the canary had, in percent.
	// +optional
	MaxWeight int32 `json:"maxWeight,omitempty"`
	// FailedChecks of the run.
	// +optional
	FailedChecks int32 `json:"failedChecks,omitempty"`
}
