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
	// Provider is the traffic provider that the spec, or else the agent's flag, asks for.
	// Route.Provider is the one in use; the two differ after an edit, until the route is at rest.
	Provider string
	// Target is the workload the user edits; the canary's pods are its pods.
	Target Workload
	// Primary is the workload that serves the promoted revision.
	Primary Workload
	// Services that the canary needs.
	Services Services
	// Scaler says how it is with the autoscalers of target and primary.
	Scaler Scaler
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

// ReasonTargetUnreadable is the reason of the problem that the target cannot be read, so that nothing
// is known about it, not even whether it exists.
const ReasonTargetUnreadable = "TargetUnreadable"

// Workload is what matters of a target or its primary, whatever its kind. Kinds without pods of
// their own count as one pod that is always there.
type Workload struct {
	// Exists is false when the API server has no such object.
	Exists bool
	// Observed is true when its controller has seen the newest spec and Revision is known. All
	// other fields are to be distrusted while it is false.
	Observed bool
	// Unknown is why the revision cannot be told, where that is no matter of a moment; Observed is
	// false then.
	Unknown string
	// Revision is the revision of the newest template, in the form of status.lastAppliedSpec: a
	// prefix for the kind, and after a "+" the fingerprint of the configs that it uses, if any.
	Revision string
	// Since is when Revision came into being; zero when that is not known.
	Since time.Time
	// Configs are the digests of the tracked configs of a target, by configmap/<n> or secret/<n>;
	// nil when they are not tracked.
	Configs map[string]string
	// Source, of a primary: the revision of the target that it was copied from. For a primary that
	// another controller made it is the target's revision when the two agree, and otherwise the
	// primary's own name for what it runs, which equals no revision of a target.
	Source string
	// Unmarked, of a primary: it does not say what it was copied from; Source was found out by
	// comparing it with the target.
	Unmarked bool
	// Previous, of a primary: the Source it had before, as far as its own history still has the
	// template; empty otherwise.
	Previous string
	// Generation of the spec, to make sure that what is copied later is what was seen now.
	Generation int64
	// Replicas wanted.
	Replicas int32
	// Fixed: the kind cannot be scaled, so that its Replicas never change.
	Fixed bool
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
	// Apex exists and is as rendered; with the provider kubernetes, whatever it selects.
	Apex bool
	// Released: the apex Service selects the target and outlives the Canary.
	Released bool
}

// Scaler is what matters of the autoscalers.
type Scaler struct {
	// Wanted is true when the spec names an autoscaler.
	Wanted bool
	// Err is why the target's autoscaler cannot be used; everything else is then void.
	Err string
	// Pausable autoscalers have to be paused before their workload is scaled to zero.
	Pausable bool
	// Paused is true while the target's autoscaler is paused by the agent.
	Paused bool
	// Current is true when the primary's copy exists and is as rendered, with the floor of the
	// status.
	Current bool
	// FromZero is the number of replicas to begin with.
	FromZero int32
}

// Route is what the provider's objects say.
type Route struct {
	// Err is why the provider cannot read or render them; everything else is then void.
	Err string
	// Exists is false while the routing object has not been created.
	Exists bool
	// Provider that the route belongs to.
	Provider string
	// Canary is the canary's share in force, in percent; the primary has the rest. In an A/B route
	// it is the share of the requests that match, unless Everyone.
	Canary int32
	// Mirror: copies of the primary's requests go to the canary.
	Mirror bool
	// Everyone: the share of an A/B route is that of all requests.
	Everyone bool
	// Released: the route sends everything to the apex Service and outlives the Canary.
	Released bool
	// Current is false when anything but the weights differs from what is rendered.
	Current bool
	// Since is when this process first saw the present share, mirroring and release in force and,
	// where the router reports, confirmed or not confirmed as it is now.
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
