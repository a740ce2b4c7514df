package view

import (
	"encoding/json"
	"time"
)

// Health sums a canary up in one word.
type Health string

const (
	// HealthHealthy: nothing is under way and the last run did not fail.
	HealthHealthy Health = "Healthy"
	// HealthProgressing: a run, or the first initialization, is under way.
	HealthProgressing Health = "Progressing"
	// HealthWaiting: the run waits for somebody (a hook, or a pause).
	HealthWaiting Health = "Waiting"
	// HealthDegraded: the last run failed; the primary serves the previous revision.
	HealthDegraded Health = "Degraded"
	// HealthStalled: the controller cannot go on without somebody changing something.
	HealthStalled Health = "Stalled"
	// HealthSuspended: spec.suspend is set, nothing is reconciled.
	HealthSuspended Health = "Suspended"
	// HealthUnknown: no controller has written a status, or it cannot be read.
	HealthUnknown Health = "Unknown"
)

// Canary is everything an output may show of one Canary.
type Canary struct {
	Name      string    `json:"name"`
	Namespace string    `json:"namespace"`
	UID       string    `json:"uid,omitempty"`
	Created   time.Time `json:"created,omitzero"`

	// Phase as in status.phase; empty when no controller has seen the canary.
	Phase  string `json:"phase"`
	Health Health `json:"health"`
	// Message says in one sentence what is going on.
	Message string `json:"message,omitempty"`
	// Foreign is true when the status carries no sign of our agent: another controller runs it,
	// and runs, steps and measurements are not known.
	Foreign bool `json:"foreign"`
	// Suspended mirrors spec.suspend.
	Suspended bool `json:"suspended,omitempty"`
	// Deleting is true from the deletion until the finalizer is gone.
	Deleting bool `json:"deleting,omitempty"`
	// Outdated is true while the status speaks of an earlier generation of the spec.
	Outdated bool `json:"outdated,omitempty"`
	// LastTransition is when the phase last changed.
	LastTransition time.Time `json:"lastTransition,omitzero"`
	// Problem is set when the object could be read only in part; it says what could not.
	Problem string `json:"problem,omitempty"`

	Target   Ref      `json:"target"`
	Provider string   `json:"provider,omitempty"`
	Services Services `json:"services"`
	// Strategy is canary, ab-testing, blue-green or skip-analysis.
	Strategy string `json:"strategy"`
	// Interval is how long a step holds its weight before it is judged.
	Interval Duration `json:"interval,omitzero"`

	// Weight is the share of traffic of the canary now, in percent.
	Weight int32 `json:"weight"`
	// Revision that is rolled out, or was rolled out last.
	Revision string `json:"revision,omitempty"`
	// PromotedRevision is the primary's.
	PromotedRevision string `json:"promotedRevision,omitempty"`
	// Images of both sides; empty when their workloads were not read.
	Images Images `json:"images,omitzero"`

	// Steps of the current or last run; the planned ones when there has been no run.
	Steps []Step `json:"steps,omitempty"`
	// CurrentStep counts from 1; 0 before the first step of a run.
	CurrentStep int `json:"currentStep"`
	TotalSteps  int `json:"totalSteps"`
	// HoldStart is when the weight of the current step took effect; zero while it is not in place.
	HoldStart time.Time `json:"holdStart,omitzero"`
	// JudgeTime is when the current step will be judged; zero when that is not known.
	JudgeTime time.Time `json:"judgeTime,omitzero"`

	// FailedChecks of the run; at Threshold it is rolled back.
	FailedChecks int32 `json:"failedChecks"`
	Threshold    int32 `json:"threshold"`

	Metrics []Metric `json:"metrics,omitempty"`
	Hooks   []Hook   `json:"hooks,omitempty"`
	Events  []Event  `json:"events,omitempty"`
	Pods    []Pod    `json:"pods,omitempty"`
	// PodsNote says why Pods is empty or incomplete ("not allowed to list pods").
	PodsNote string `json:"podsNote,omitempty"`
	// EventsNote says the same of Events.
	EventsNote string `json:"eventsNote,omitempty"`

	// NextAction says in words what happens next; NextActionTime is when, and zero when the
	// controller waits for an event rather than for the clock.
	NextAction     string    `json:"nextAction,omitempty"`
	NextActionTime time.Time `json:"nextActionTime,omitzero"`

	Conditions []Condition `json:"conditions,omitempty"`
	// Run is the run under way, or the last one; nil when unknown.
	Run *Run `json:"run,omitempty"`
	// History holds finished runs, newest first.
	History    []Run   `json:"history,omitempty"`
	LastIntent *Intent `json:"lastIntent,omitempty"`
	// PendingIntent is a verb that no agent has answered yet.
	PendingIntent *Intent `json:"pendingIntent,omitempty"`
	// Verbs has one entry for each operator verb, always in the same order.
	Verbs []Verb `json:"verbs"`
}

// Key is namespace/name.
func (c Canary) Key() string { return c.Namespace + "/" + c.Name }

// Active is true while a run is under way.
func (c Canary) Active() bool { return phaseActive(c.Phase) }

// Terminal is true when nothing is under way any more: the last run succeeded or failed, or there
// has been none since the initialization.
func (c Canary) Terminal() bool {
	switch c.Phase {
	case "Initialized", "Succeeded", "Failed", "Terminated":
		return true
	}
	return false
}

// Age of the canary at a time; zero when it is not known.
func (c Canary) Age(now time.Time) time.Duration {
	if c.Created.IsZero() || now.Before(c.Created) {
		return 0
	}
	return now.Sub(c.Created)
}

// Paused is true between the verbs pause and resume.
func (c Canary) Paused() bool { return c.Run != nil && c.Run.Paused }

// Verb returns the entry of an operator verb; a verb that is not known is not enabled.
func (c Canary) Verb(name string) Verb {
	for _, v := range c.Verbs {
		if v.Name == name {
			return v
		}
	}
	return Verb{Name: name, Reason: "unknown verb"}
}

// Ref names an object in the canary's namespace.
type Ref struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

// Services are the names of the three Services of a canary.
type Services struct {
	Apex    string `json:"apex,omitempty"`
	Primary string `json:"primary,omitempty"`
	Canary  string `json:"canary,omitempty"`
}

// Images of the containers, in the order of the pod template.
type Images struct {
	Target  []string `json:"target,omitempty"`
	Primary []string `json:"primary,omitempty"`
}

// Step is one step of a run. State is Pending, Active, Passed, Failed or Skipped.
type Step struct {
	Weight       int32     `json:"weight"`
	State        string    `json:"state"`
	Start        time.Time `json:"start,omitzero"`
	End          time.Time `json:"end,omitzero"`
	FailedChecks int32     `json:"failedChecks,omitempty"`
}

// Metric is one judged metric. Nil pointers mean that there is no such bound or value.
type Metric struct {
	Name string `json:"name"`
	// Unit is percent, milliseconds or empty.
	Unit string `json:"unit,omitempty"`
	// Min and Max bound the accepted values, both inclusive.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	// Value, Primary and Verdict are those of the last sample.
	Value   *float64 `json:"value,omitempty"`
	Primary *float64 `json:"primary,omitempty"`
	// Verdict is Pass, Fail, NoData, Error, or empty before the first sample.
	Verdict string `json:"verdict,omitempty"`
	// Message is the cause of a NoData or Error verdict.
	Message string   `json:"message,omitempty"`
	Samples []Sample `json:"samples,omitempty"`
}

// Sample is one measurement. Values are finite; nil means no data.
type Sample struct {
	Time    time.Time `json:"time"`
	Value   *float64  `json:"value,omitempty"`
	Primary *float64  `json:"primary,omitempty"`
	Weight  int32     `json:"weight"`
	Verdict string    `json:"verdict"`
	Message string    `json:"message,omitempty"`
}

// Hook is a webhook of the canary and what is known of it in the current run.
type Hook struct {
	Name string `json:"name"`
	// Type is one of the webhook types of the API, rollout by default.
	Type string `json:"type"`
	// State is Started, Passed, Failed, or empty when it has not been called or is not recorded.
	State    string    `json:"state,omitempty"`
	Attempts int32     `json:"attempts,omitempty"`
	LastTime time.Time `json:"lastTime,omitzero"`
	Message  string    `json:"message,omitempty"`
}

// Event is a Kubernetes Event about the canary.
type Event struct {
	// Type is Normal or Warning.
	Type    string    `json:"type"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int32     `json:"count"`
	Time    time.Time `json:"time,omitzero"`
}

// Side tells the two workloads of a canary apart.
type Side string

const (
	// SidePrimary serves the promoted revision.
	SidePrimary Side = "primary"
	// SideCanary is the target: it serves the revision under test.
	SideCanary Side = "canary"
)

// Pod is a pod of either side.
type Pod struct {
	Name string `json:"name"`
	Side Side   `json:"side"`
	// Ready is the condition of the pod; ReadyContainers of Containers are ready.
	Ready           bool  `json:"ready"`
	ReadyContainers int   `json:"readyContainers"`
	Containers      int   `json:"containers"`
	Restarts        int32 `json:"restarts"`
	// Reason is a word in the manner of kubectl get pods: Running, CrashLoopBackOff, Pending.
	Reason string `json:"reason"`
	// Message is the detail of a failure, as the kubelet gives it.
	Message string    `json:"message,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Node    string    `json:"node,omitempty"`
}

// Condition of the canary: Ready, Reconciling, Stalled, RouteDrift, Promoted.
type Condition struct {
	Type           string    `json:"type"`
	Status         string    `json:"status"`
	Reason         string    `json:"reason,omitempty"`
	Message        string    `json:"message,omitempty"`
	LastTransition time.Time `json:"lastTransition,omitzero"`
}

// Run is a run under way or finished.
type Run struct {
	ID       string    `json:"id"`
	Revision string    `json:"revision,omitempty"`
	Start    time.Time `json:"start,omitzero"`
	End      time.Time `json:"end,omitzero"`
	// Outcome is empty during the run.
	Outcome string `json:"outcome,omitempty"`
	Paused  bool   `json:"paused,omitempty"`
	// Checks is the number of checks judged, FailedChecks of which failed.
	Checks       int32  `json:"checks,omitempty"`
	FailedChecks int32  `json:"failedChecks,omitempty"`
	Message      string `json:"message,omitempty"`
	By           string `json:"by,omitempty"`
	MaxWeight    int32  `json:"maxWeight,omitempty"`
}

// Failed is true when the run ended without its revision being promoted.
func (r Run) Failed() bool {
	switch r.Outcome {
	case "RolledBack", "Aborted", "PromotionFailed":
		return true
	}
	return false
}

// Intent is the last operator verb the agent has seen, and its answer.
type Intent struct {
	ID      string    `json:"id"`
	Verb    string    `json:"verb"`
	By      string    `json:"by,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Outcome string    `json:"outcome"`
	Message string    `json:"message,omitempty"`
	Time    time.Time `json:"time,omitzero"`
}

// Verb says whether an operator verb makes sense now. It is advice: the agent decides.
type Verb struct {
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	// Reason says why not; empty when Enabled.
	Reason string `json:"reason,omitempty"`
}

// Duration is a time.Duration that JSON shows as "1m30s".
type Duration struct{ time.Duration }

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(s)
	d.Duration = parsed
	return err
}
