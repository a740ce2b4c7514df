package v1beta1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The annotations that carry an operator's intent. The plugin writes all of them together by
// server-side apply; the agent acts on an id that it has not seen and answers in
// status.lastIntent. They are plain values, one each, so that an admission policy can read them.
const (
	// IntentIDAnnotation is unique for each intent.
	IntentIDAnnotation = "kubectl-canary/id"
	// IntentVerbAnnotation is one of the Verb constants.
	IntentVerbAnnotation = "kubectl-canary/verb"
	// IntentRevisionAnnotation is the revision the operator saw; when set and the run is about
	// another one, the intent is refused.
	IntentRevisionAnnotation = "kubectl-canary/revision"
	// IntentGateAnnotation is the gate that approve and reject are about; empty for the one that
	// waits.
	IntentGateAnnotation = "kubectl-canary/gate"
	// IntentByAnnotation is the user name as the API server knows it.
	IntentByAnnotation = "kubectl-canary/by"
	// IntentAtAnnotation is the time in RFC 3339.
	IntentAtAnnotation = "kubectl-canary/at"
	// IntentReasonAnnotation is free text for people.
	IntentReasonAnnotation = "kubectl-canary/reason"
)

// IntentAnnotations lists the annotations of an intent.
func IntentAnnotations() []string {
	return []string{
		IntentIDAnnotation, IntentVerbAnnotation, IntentRevisionAnnotation,
		IntentGateAnnotation, IntentByAnnotation, IntentAtAnnotation, IntentReasonAnnotation,
	}
}

// Verb is what an operator asks for.
type Verb string

const (
	// VerbPromote finishes the run now: no further step, no further check.
	VerbPromote Verb = "promote"
	// VerbPromoteStep ends the current step now.
	VerbPromoteStep Verb = "promote-step"
	// VerbAbort sends all traffic back to the primary and ends the run.
	VerbAbort Verb = "abort"
	// VerbPause holds the weight; checks go on.
	VerbPause Verb = "pause"
	// VerbResume ends a pause.
	VerbResume Verb = "resume"
	// VerbRetry runs the revision that failed again.
	VerbRetry Verb = "retry"
	// VerbRollback brings the revision that the primary had before back to it, without analysis.
	VerbRollback Verb = "rollback"
	// VerbApprove opens a gate.
	VerbApprove Verb = "approve"
	// VerbReject ends the run at a gate.
	VerbReject Verb = "reject"
)

// Verbs lists all verbs.
func Verbs() []Verb {
	return []Verb{
		VerbPromote, VerbPromoteStep, VerbAbort, VerbPause, VerbResume,
		VerbRetry, VerbRollback, VerbApprove, VerbReject,
	}
}

// Intent is what the annotations of a Canary say.
//
// +kubebuilder:object:generate=false
type Intent struct {
	ID       string
	Verb     Verb
	Revision string
	Gate     string
	By       string
	At       time.Time
	Reason   string
}

// IntentOf reads the intent from the annotations; ok is false when there is none. An unreadable
// time is left zero: it is for people only.
func IntentOf(c *Canary) (intent Intent, ok bool) {
	id := c.Annotations[IntentIDAnnotation]
	if id == "" {
		return Intent{}, false
	}
	at, err := time.Parse(time.RFC3339, c.Annotations[IntentAtAnnotation])
	if err != nil {
		at = time.Time{}
	}
	return Intent{
		ID:       id,
		Verb:     Verb(c.Annotations[IntentVerbAnnotation]),
		Revision: c.Annotations[IntentRevisionAnnotation],
		Gate:     c.Annotations[IntentGateAnnotation],
		By:       c.Annotations[IntentByAnnotation],
		At:       at,
		Reason:   c.Annotations[IntentReasonAnnotation],
	}, true
}

// Annotations is the inverse of IntentOf. All keys are present, so that applying them replaces
// every value of an earlier intent.
func (i Intent) Annotations() map[string]string {
	return map[string]string{
		IntentIDAnnotation:       i.ID,
		IntentVerbAnnotation:     string(i.Verb),
		IntentRevisionAnnotation: i.Revision,
		IntentGateAnnotation:     i.Gate,
		IntentByAnnotation:       i.By,
		IntentAtAnnotation:       i.At.UTC().Format(time.RFC3339),
		IntentReasonAnnotation:   i.Reason,
	}
}

// IntentOutcome is what the agent made of an intent.
//
// +kubebuilder:validation:Enum=Accepted;Refused
type IntentOutcome string

const (
	// IntentAccepted means: the agent acts on it.
	IntentAccepted IntentOutcome = "Accepted"
	// IntentRefused means: the agent will not act on it; the message says why.
	IntentRefused IntentOutcome = "Refused"
)

// IntentStatus is the answer to an intent.
type IntentStatus struct {
	// ID of the intent.
	ID string `json:"id"`
	// Verb that was asked for.
	Verb Verb `json:"verb"`
	// By is the user.
	// +optional
	By string `json:"by,omitempty"`
	// Reason the user gave.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Outcome is Accepted or Refused.
	Outcome IntentOutcome `json:"outcome"`
	// Message says what was done, or why nothing was.
	Message string `json:"message"`
	// Time is when the agent saw the intent.
	Time metav1.Time `json:"time"`
}
