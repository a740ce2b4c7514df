package view

import (
	"cmp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Bounds on what is believed of a status. The agent writes far less; these keep a hostile or
// broken one from filling screens and memory.
const (
	maxSteps      = 1001 // The most that a Blue/Green run has.
	maxSamples    = 60
	maxEvents     = 100
	maxConditions = 20
	maxHistory    = 10
)

// Extra is what was observed besides the Canary itself. All of it is optional.
type Extra struct {
	// Events about the canary, in any order.
	Events []corev1.Event
	// CanaryPods and PrimaryPods are the pods of the target and of the primary, in any order.
	CanaryPods, PrimaryPods []corev1.Pod
	// TargetTemplate and PrimaryTemplate are the pod templates of both workloads.
	TargetTemplate, PrimaryTemplate *corev1.PodTemplateSpec
	// PodsNote and EventsNote say why pods or events are missing.
	PodsNote, EventsNote string
	// Problem says which part of the object could not be read.
	Problem string
}

// Build makes the view of a canary. It never panics, whatever the object says, and the result is
// the same for the same input, so a view can be compared to the one before.
func Build(c *v1beta1.Canary, extra Extra) Canary {
	if c == nil {
		c = &v1beta1.Canary{}
	}
	status := &c.Status
	v := Canary{
		Name:             c.Name,
		Namespace:        c.Namespace,
		UID:              string(c.UID),
		Created:          c.CreationTimestamp.Time,
		Phase:            string(status.Phase),
		Message:          message(status),
		Foreign:          foreign(status),
		Suspended:        c.Spec.Suspend,
		Deleting:         c.DeletionTimestamp != nil,
		Outdated:         status.ObservedGeneration != 0 && status.ObservedGeneration < c.Generation,
		LastTransition:   status.LastTransitionTime.Time,
		Problem:          extra.Problem,
		Target:           Ref{APIVersion: c.Spec.TargetRef.APIVersion, Kind: c.Spec.TargetRef.Kind, Name: c.Spec.TargetRef.Name},
		Provider:         provider(c),
		Services:         services(c),
		Strategy:         strategy(c),
		Interval:         Duration{c.AnalysisInterval()},
		Weight:           percent(status.CanaryWeight),
		Revision:         status.LastAppliedSpec,
		TargetRevision:   status.LastAppliedSpec,
		PromotedRevision: status.LastPromotedSpec,
		Images:           Images{Target: images(extra.TargetTemplate), Primary: images(extra.PrimaryTemplate)},
		FailedChecks:     max(0, status.FailedChecks),
		Threshold:        c.Threshold(),
		Events:           events(extra.Events),
		EventsNote:       extra.EventsNote,
		Pods:             pods(extra),
		PodsNote:         extra.PodsNote,
		Conditions:       conditions(status.Conditions),
		Run:              currentRun(status),
		History:          history(status.History),
		LastIntent:       lastIntent(status.LastIntent),
		PendingIntent:    pendingIntent(c),
		Hooks:            hooks(c),
		Gates:            gates(c),
		Metrics:          metrics(c),
	}
	if run := status.Run; run != nil {
		v.ErroredChecks = max(0, run.ErroredChecks)
		if !run.Rollback {
			v.Revision = cmp.Or(run.Revision, v.Revision)
		}
	}
	if v.Message == "" {
		v.Message = conditionMessage(v.Conditions)
	}
	v.steps(c)
	v.Health = health(v)
	v.next(c)
	v.Verbs = verbs(c, v)
	return v
}

// foreign is true when a controller has written the status and none of the fields that only our
// agent writes is there.
func foreign(s *v1beta1.CanaryStatus) bool {
	return s.Phase != "" && s.Run == nil && s.Bound == nil && s.ObservedGeneration == 0 && s.Message == "" &&
		s.LastIntent == nil && len(s.Steps) == 0 && len(s.History) == 0 && len(s.Measurements) == 0
}

// provider is the one in use, which may come from the default of the agent and stays during a run
// although the spec names another one by now.
func provider(c *v1beta1.Canary) string {
	if bound := c.Status.Bound; bound != nil && bound.Provider != "" {
		return bound.Provider
	}
	return c.Spec.Provider
}

func services(c *v1beta1.Canary) Services {
	apex := c.ApexName()
	if apex == "" {
		return Services{}
	}
	return Services{Apex: apex, Primary: apex + "-primary", Canary: apex + "-canary"}
}

func images(t *corev1.PodTemplateSpec) []string {
	if t == nil {
		return nil
	}
	var names []string
	for _, container := range t.Spec.Containers {
		names = append(names, container.Image)
	}
	return names
}

func conditions(in []v1beta1.CanaryCondition) []Condition {
	var out []Condition
	for _, c := range in[:min(len(in), maxConditions)] {
		out = append(out, Condition{
			Type: string(c.Type), Status: string(c.Status), Reason: c.Reason, Message: c.Message,
			LastTransition: c.LastTransitionTime.Time,
		})
	}
	return out
}

// Condition returns the condition of a type; a missing one has an empty status.
func (c Canary) Condition(kind string) Condition {
	for _, have := range c.Conditions {
		if have.Type == kind {
			return have
		}
	}
	return Condition{Type: kind}
}

// message leaves out the phase, which the agent puts before its sentence: every output shows the
// phase by itself.
func message(s *v1beta1.CanaryStatus) string {
	return strings.TrimPrefix(s.Message, string(s.Phase)+": ")
}

// conditionMessage stands in for status.message, which only our agent writes.
func conditionMessage(conditions []Condition) string {
	for _, c := range conditions {
		if c.Type == string(v1beta1.ConditionPromoted) {
			return c.Message
		}
	}
	return ""
}

func currentRun(s *v1beta1.CanaryStatus) *Run {
	if s.Run == nil {
		return nil
	}
	run := &Run{
		ID: s.Run.ID, Revision: s.Run.Revision, Start: s.Run.StartTime.Time,
		Outcome: string(s.Run.Outcome), Paused: s.Run.Paused && s.Run.Outcome == "",
		Rollback: s.Run.Rollback, Repair: s.Run.Repair,
		WantedWeight: percent(s.Run.Weight), Checks: max(0, s.Run.Checks), FailedChecks: max(0, s.FailedChecks),
	}
	if s.Run.EndTime != nil {
		run.End = s.Run.EndTime.Time
	}
	// The record of a finished run knows more than its remains in status.run.
	for _, record := range s.History {
		if record.ID == run.ID && run.Outcome != "" {
			run.Message, run.By = record.Message, record.By
			run.MaxWeight, run.FailedChecks = percent(record.MaxWeight), max(0, record.FailedChecks)
			break
		}
	}
	return run
}

func history(in []v1beta1.RunRecord) []Run {
	var out []Run
	for _, r := range in[:min(len(in), maxHistory)] {
		out = append(out, Run{
			ID: r.ID, Revision: r.Revision, Start: r.StartTime.Time, End: r.EndTime.Time,
			Outcome: string(r.Outcome), Message: r.Message, By: r.By,
			MaxWeight: percent(r.MaxWeight), FailedChecks: max(0, r.FailedChecks),
		})
	}
	return out
}

func lastIntent(in *v1beta1.IntentStatus) *Intent {
	if in == nil {
		return nil
	}
	return &Intent{
		ID: in.ID, Verb: string(in.Verb), By: in.By, Reason: in.Reason,
		Outcome: string(in.Outcome), Message: in.Message, Time: in.Time.Time,
	}
}

func pendingIntent(c *v1beta1.Canary) *Intent {
	in, ok := v1beta1.IntentOf(c)
	if !ok || c.Status.LastIntent != nil && c.Status.LastIntent.ID == in.ID {
		return nil
	}
	return &Intent{ID: in.ID, Verb: string(in.Verb), By: in.By, Reason: in.Reason, Time: in.At}
}

func percent(w int32) int32 { return min(100, max(0, w)) }
