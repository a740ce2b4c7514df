package rollout

import (
	"slices"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// verbs of the intents; index 0 is none.
var verbs = append([]v1beta1.Verb{""}, v1beta1.Verbs()...)

func verbIndex(v v1beta1.Verb) uint8 { return uint8(max(slices.Index(verbs, v), 0)) }

// maxIntents bounds the number of intents in one story.
const maxIntents = 64

// intentAnnotations holds the annotations of the n-th intent with each verb.
var intentAnnotations = func() (all [maxIntents][]map[string]string) {
	for n := range all {
		for _, verb := range verbs {
			all[n] = append(all[n], v1beta1.Intent{ID: "i" + string(rune('A'+n)), Verb: verb, By: "jane"}.Annotations())
		}
	}
	return all
}()

// intentID is that of the last intent.
func (s *state) intentID() string {
	return intentAnnotations[s.intents][s.verb][v1beta1.IntentIDAnnotation]
}

// answered says whether the status has answered the intent.
func answered(s *state) bool {
	return s.intents == 0 || (s.status.LastIntent != nil && s.status.LastIntent.ID == s.intentID())
}

// pending is the verb that has not been answered, or none.
func (s *state) pending() v1beta1.Verb {
	if answered(s) {
		return ""
	}
	return verbs[s.verb]
}

// simOtherProvider is the one after editProvider.
const simOtherProvider = "gatewayapi:v1"

func (m *sim) providerName(index uint8) string {
	if index == 0 {
		return m.provider
	}
	return simOtherProvider
}

// rebind makes the route that of the provider in the status, or else in the spec, as the agent
// does. Of a route that it did not use before, it does not know since when it is as it is.
func (m *sim) rebind(s *state) {
	bound := s.spec.provider
	if b := s.status.Bound; b != nil {
		bound = 0
		if b.Provider == simOtherProvider {
			bound = 1
		}
	}
	if bound == s.bound {
		return
	}
	s.bound = bound
	s.route, s.spare = s.spare, s.route
	s.route.since, s.route.found = s.now, true
}

var (
	simFinalizers = []string{v1beta1.Finalizer}
	simEpoch      = v1beta1.NewTime(epoch)
	simProblems   = []Problem{{Reason: "InvalidSpec", Message: "spec.analysis: no good"}}
)

// canaryOf is the Canary with the spec that it has in a state.
func (m *sim) canaryOf(s *state) *v1beta1.Canary {
	if s.spec.edited {
		return m.edited
	}
	return m.canary
}

// view is what the agent observes.
func (m *sim) view(s *state) World {
	c := *m.canaryOf(s)
	c.Status = *s.status
	c.Spec.Suspend = c.Spec.Suspend || s.spec.suspended
	c.Spec.RevertOnDeletion = s.spec.revert
	if s.intents > 0 {
		c.Annotations = intentAnnotations[s.intents][s.verb]
	}
	if s.finalizer {
		c.Finalizers = simFinalizers
	}
	if s.deleting {
		c.DeletionTimestamp = &simEpoch
	}
	w := World{
		Now: at(s.now), Canary: &c, DrainDelay: drainDelay,
		Provider: m.providerName(s.spec.provider),
		Target:   s.target.observe(false), Primary: s.primary.observe(true),
		Services: Services{Sides: s.sides, Apex: s.apex, Released: s.released},
		Route: Route{
			Exists: s.route.exists, Provider: m.providerName(s.bound), Canary: s.route.canary,
			Mirror: s.route.mirror, Everyone: s.route.everyone, Released: s.route.released,
			Current: s.route.current && s.route.cookies == cookiesOf(s.status),
			Since:   at(s.route.since), Found: s.route.found,
			Reports: m.reports, Confirmed: s.route.confirmed && m.reports,
		},
	}
	if s.spec.problem {
		w.Problems = simProblems
	}
	if s.route.foreign {
		w.Route.Manager = "kubectl-edit"
	}
	if s.primary.exists && s.primary.unmarked {
		w.Primary.Unmarked, w.Primary.Previous = true, ""
		w.Primary.Source = "primary/" + revisions[s.primary.rev]
		if w.Target.Observed && s.primary.rev == s.target.rev {
			w.Primary.Source = w.Target.Revision
		}
	}
	if m.scaler != scalerNone {
		w.Scaler = Scaler{
			Wanted: true, Pausable: m.scaler == scalerKEDA, Paused: s.scaler.paused, FromZero: 1,
			Current: s.scaler.exists && s.scaler.floor == FloorOf(s.status),
		}
	}
	s.answers(&w)
	return w
}

// answers are what checks and hooks have said.
func (s *state) answers(w *World) {
	if s.check.state >= jobPassed {
		w.Check = &CheckResult{ID: s.check.id}
		switch s.check.state {
		case jobFailed:
			w.Check.Failures = []string{"Halt app.test advancement success rate 90.00% < 99%"}
		case jobErrored:
			w.Check.Errors = []string{"Metric query failed for request-success-rate: connection refused"}
		case jobHeld:
			w.Check.Held = []string{"no values found for metric request-success-rate"}
		default: // passed
		}
	}
	for i := range s.hooks {
		job := &s.hooks[i]
		if job.state == jobNone {
			continue
		}
		if w.Hooks == nil {
			w.Hooks = make(map[string]HookResult, maxJobs)
		}
		result := HookResult{Done: job.state != jobRunning, FinishedAt: at(job.at)}
		if job.state == jobFailed {
			result.Err = "403 Forbidden"
		}
		w.Hooks[job.id] = result
	}
}

// cookiesOf are the cookies that the status asks the route for.
func cookiesOf(st *v1beta1.CanaryStatus) string {
	if st.SessionAffinityCookie == "" && st.PreviousSessionAffinityCookie == "" {
		return ""
	}
	return st.SessionAffinityCookie + ";" + st.PrimarySessionAffinityCookie + ";" + st.PreviousSessionAffinityCookie
}
