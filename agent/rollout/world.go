package rollout

import (
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// World is what was observed. Decide changes nothing in it.
type World struct {
	// Now is the time of the observation.
	Now time.Time
	// Canary with the newest status that this process has seen or written.
	Canary *v1beta1.Canary
	// DrainDelay is how long a side gets no traffic before it is scaled down.
	DrainDelay time.Duration
	// Problems are reasons why the spec cannot be acted upon; empty for a good one.
	Problems []Problem
	// Target is the workload the user edits; the canary's pods are its pods.
	Target Workload
	// Primary is the workload that serves the promoted revision.
	Primary Workload
	// Services that the canary needs.
	Services Services
	// Route of the traffic provider.
	Route Route
	// Check is the finished check, whatever its id; nil when there is none.
	Check *CheckResult
	// Hooks are the hook calls of this process, under way or finished, by id.
	Hooks map[string]HookResult
}

// Problem is a reason why the spec cannot be acted upon.
type Problem struct {
	// Reason is one CamelCase word.
	Reason string
	// Message names the field, what is wrong, and what would be accepted.
	Message string
}

// Workload is what matters of a Deployment.
type Workload struct {
	// Exists is false when the API server has no such object.
	Exists bool
	// Observed is true when its controller has seen the newest spec and Revision is known. All
	// other fields are to be distrusted while it is false.
	Observed bool
	// Revision is the revision of the newest template, in the form of status.lastAppliedSpec.
	Revision string
	// Source, of a primary: the revision of the target that it was copied from; empty when
	// another controller made it.
	Source string
	// Generation of the spec, to make sure that what is copied later is what was seen now.
	Generation int64
	// Replicas wanted.
	Replicas int32
	// Total, Updated and Available pods; Updated are of the newest template.
	Total, Updated, Available int32
	// DeadlineExceeded: its controller has given up on the rollout.
	DeadlineExceeded bool
	// Cause is why pods are not ready, from their container statuses, where known.
	Cause string
}

// Ready says whether the newest template is rolled out and, if not, what is missing, in the words
// of the contract. Threshold is the share of updated pods that must be available, in percent.
func (w Workload) Ready(threshold int32) (bool, string) {
	const waiting = "waiting for rollout to finish: "
	switch {
	case !w.Exists:
		return false, "not found"
	case !w.Observed:
		return false, waiting + "observed deployment generation less than desired generation"
	case w.Updated < w.Replicas:
		return false, fmt.Sprintf("%s%d out of %d new replicas have been updated", waiting, w.Updated, w.Replicas)
	case w.Total > w.Updated:
		return false, fmt.Sprintf("%s%d old replicas are pending termination", waiting, w.Total-w.Updated)
	case w.Available < required(w.Updated, threshold):
		return false, fmt.Sprintf("%s%d of %d (readyThreshold %d%%) updated replicas are available",
			waiting, w.Available, w.Updated, threshold)
	}
	return true, ""
}

// required is the number of pods that satisfies the threshold: never zero, since a threshold
// that rounds down to nothing would let traffic go to nobody.
func required(pods, threshold int32) int32 {
	n := int32(int64(pods) * int64(threshold) / 100)
	if n < 1 && pods > 0 {
		return 1
	}
	return n
}

// Services says which Services are as they ought to be.
type Services struct {
	// Sides: <apex>-canary and <apex>-primary exist and are as rendered.
	Sides bool
	// Apex exists and selects the primary.
	Apex bool
}

// Route is what the provider's objects say.
type Route struct {
	// Err is why the provider cannot read or render them; everything else is then void.
	Err string
	// Exists is false while the routing object has not been created.
	Exists bool
	// Canary is the canary's share in force, in percent; the primary has the rest.
	Canary int32
	// Current is false when anything but the weights differs from what is rendered.
	Current bool
	// Since is when this process first saw the present share in force and, where the router
	// reports, confirmed or not confirmed as it is now.
	Since time.Time
	// Found is true when the share was already in force when this process first looked, so that
	// Since says nothing about when it was set.
	Found bool
	// Reports and Confirmed: see routing.Observation.
	Reports, Confirmed bool
	// Message is the router's word on why it has not confirmed.
	Message string
	// Manager is the field manager, other than the agent, that wrote the object last; empty when
	// the agent did.
	Manager string
}

// CheckResult is the verdict of one check.
type CheckResult struct {
	// ID is the one of RunCheck.
	ID string
	// Failures are the texts of metrics that are out of bounds or without data.
	Failures []string
	// Errors are the texts of metrics that could not be asked.
	Errors []string
	// Held are the texts of metrics without data that neither fail nor pass, by their policy.
	Held []string
	// Measurements to be kept in the status.
	Measurements []Measurement
}

// Measurement is a sample and the metric it belongs to.
type Measurement struct {
	Metric, Unit, Min, Max string
	Sample                 v1beta1.Sample
}

// HookResult is the state of a hook call.
type HookResult struct {
	// Done is false while the call is under way.
	Done bool
	// Err is empty when the hook passed.
	Err string
	// FinishedAt is when the answer came.
	FinishedAt time.Time
}
