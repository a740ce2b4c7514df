package view

import (
	"encoding/json"
	"time"
)

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

// Step is one step of a run: a weight, or one of the checks of an A/B or Blue/Green run. State is
// Pending, Active, Passed, Failed or Skipped. See [Canary.StepText] for its words.
type Step struct {
	// Weight of the canary, in percent; in an A/B run, of the requests that match.
	Weight int32 `json:"weight"`
	// Mirror is set when copies of the primary's requests go to the canary.
	Mirror bool `json:"mirror,omitempty"`
	// Hold is how long the step is held, when it is not the interval.
	Hold         Duration  `json:"hold,omitzero"`
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

// Gate is a gate of spec.analysis.gates and what is known of it in the current or last run.
type Gate struct {
	Name string `json:"name"`
	// At is rollout, traffic or promotion.
	At string `json:"at"`
	// State is Waiting, Approved, Rejected, TimedOut, or empty when it has not been reached or was
	// passed by without an answer.
	State string `json:"state,omitempty"`
	// Since is when the gate was reached.
	Since time.Time `json:"since,omitzero"`
	// Deadline is when a gate that waits times out; zero for never.
	Deadline time.Time `json:"deadline,omitzero"`
	// OnTimeout is what happens then: abort or continue. Empty for a gate without a timeout.
	OnTimeout string `json:"onTimeout,omitempty"`
	// By is who approved or rejected.
	By string `json:"by,omitempty"`
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
	// Rollback is set when the run brings Revision back to the primary, without steps and checks.
	Rollback bool `json:"rollback,omitempty"`
	// Repair is set when the run began with all traffic on the canary, after a failed promotion.
	Repair bool `json:"repair,omitempty"`
	// WantedWeight is the canary's share that the run wants, in percent; the live weight differs
	// from it while one side cannot serve.
	WantedWeight int32 `json:"wantedWeight"`
	// Checks is the number of checks judged, FailedChecks of which failed.
	Checks       int32  `json:"checks,omitempty"`
	FailedChecks int32  `json:"failedChecks,omitempty"`
	Message      string `json:"message,omitempty"`
	By           string `json:"by,omitempty"`
	MaxWeight    int32  `json:"maxWeight,omitempty"`
}

// Failed is true when the run ended without its revision becoming the primary's.
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
