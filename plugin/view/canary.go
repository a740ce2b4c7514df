package view

import "time"

// Health sums a canary up in one word.
type Health string

const (
	// HealthHealthy means: nothing is under way and the last run did not fail.
	HealthHealthy Health = "Healthy"
	// HealthProgressing means: a run, or the first initialization, is under way.
	HealthProgressing Health = "Progressing"
	// HealthWaiting means: the run waits for somebody (a hook, or a pause).
	HealthWaiting Health = "Waiting"
	// HealthDegraded means: the last run failed; the primary serves the previous revision.
	HealthDegraded Health = "Degraded"
	// HealthStalled means: the controller cannot go on without somebody changing something.
	HealthStalled Health = "Stalled"
	// HealthSuspended means: spec.suspend is set, nothing is reconciled.
	HealthSuspended Health = "Suspended"
	// HealthUnknown means: no controller has written a status, or it cannot be read.
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

	// Weight is the share of traffic of the canary now, in percent; in an A/B run, of the requests
	// that match.
	Weight int32 `json:"weight"`
	// Revision that is rolled out, or was rolled out last. During and after a rollback it is the one
	// that is rejected; what is brought back is the run's.
	Revision string `json:"revision,omitempty"`
	// TargetRevision is the last revision of the target that was dealt with.
	TargetRevision string `json:"targetRevision,omitempty"`
	// PromotedRevision is the primary's.
	PromotedRevision string `json:"promotedRevision,omitempty"`
	// LiveRevision is what the target has now, without the fingerprint of tracked configs; empty when
	// it was not read. It differs from TargetRevision until a controller has taken a change up.
	LiveRevision string `json:"liveRevision,omitempty"`
	// Controllers that could run the canary; nil when nobody looked for them.
	Controllers []Controller `json:"controllers,omitempty"`
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
	// ErroredChecks is the number of consecutive checks that could not be made; they count towards
	// the threshold until one can be made again.
	ErroredChecks int32 `json:"erroredChecks,omitempty"`

	Metrics []Metric `json:"metrics,omitempty"`
	Hooks   []Hook   `json:"hooks,omitempty"`
	// Gates of the spec, with what the current or last run knows of them.
	Gates  []Gate  `json:"gates,omitempty"`
	Events []Event `json:"events,omitempty"`
	Pods   []Pod   `json:"pods,omitempty"`
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

// Analysing is true from the beginning of a run until its promotion begins: the primary has not
// been touched.
func (c Canary) Analysing() bool {
	switch c.Phase {
	case "Waiting", "Progressing", "WaitingPromotion":
		return true
	}
	return false
}

// RollingBack is true while the verb rollback brings an earlier revision back to the primary.
func (c Canary) RollingBack() bool {
	return c.Run != nil && c.Run.Rollback && c.Run.Outcome == "" && c.Active()
}

// Restored is true after a rollback, until the next run.
func (c Canary) Restored() bool { return c.Run != nil && c.Run.Outcome == "Restored" }

// PromotionUnsettled is true while the primary is being rolled to the revision of the run, and after
// it could not be: what it had before is the promoted revision.
func (c Canary) PromotionUnsettled() bool {
	if c.Run == nil || c.Run.Rollback {
		return false
	}
	switch c.Phase {
	case "Promoting", "Finalising":
		return true
	case "Failed":
		return c.Run.Outcome == "PromotionFailed" && c.TargetRevision != c.PromotedRevision
	}
	return false
}

// Verb returns the entry of an operator verb; a verb that is not known is not enabled.
func (c Canary) Verb(name string) Verb {
	for _, v := range c.Verbs {
		if v.Name == name {
			return v
		}
	}
	return Verb{Name: name, Reason: "unknown verb"}
}
