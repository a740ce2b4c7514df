package explain

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// shownReasons bounds how many different troubles of pods are told.
const shownReasons = 5

// pods tells why pods are not ready, one sentence for all that have the same trouble.
func (e *explainer) pods() {
	type trouble struct {
		side            view.Side
		reason, message string
	}
	count := map[trouble]int{}
	example := map[trouble]view.Pod{}
	total := map[view.Side]int{}
	var order []trouble
	for _, p := range e.v.Pods {
		total[p.Side]++
		if p.Ready || p.Reason == "Terminating" || p.Reason == "Completed" {
			continue
		}
		t := trouble{p.Side, p.Reason, p.Message}
		if count[t]++; count[t] == 1 {
			order = append(order, t)
			example[t] = p
		}
	}
	for _, t := range order[:min(len(order), shownReasons)] {
		p := example[t]
		sentence := fmt.Sprintf("Of %d pods of the %s, %d not ready: %s", total[t.side], t.side, count[t], inWords(p))
		if t.message != "" {
			sentence += " (" + t.message + ")"
		}
		if p.Restarts > 0 {
			sentence += fmt.Sprintf("; %s has restarted %s", p.Name, times(p.Restarts))
		}
		e.because(sentence)
	}
}

func times(n int32) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(int(n)) + " times"
}

// inWords says what a word of the kubelet means.
func inWords(p view.Pod) string {
	switch word := strings.TrimPrefix(p.Reason, "Init:"); word {
	case "ImagePullBackOff", "ErrImagePull", "InvalidImageName":
		return "the image cannot be pulled (" + p.Reason + ")"
	case "CrashLoopBackOff", "Error", "RunContainerError":
		return "a container crashes (" + p.Reason + ")"
	case "OOMKilled":
		return "a container runs out of memory (OOMKilled)"
	case "CreateContainerConfigError", "CreateContainerError":
		return "a container cannot be made, often for want of a ConfigMap or Secret (" + p.Reason + ")"
	case "Pending":
		return "no node takes it (Pending)"
	case "Running":
		return "it runs, but its readiness probe does not pass"
	case "ContainerCreating", "PodInitializing":
		return "it is starting (" + p.Reason + ")"
	}
	return p.Reason
}

// metrics tells the last value of each against its bounds, those that did not pass first.
func (e *explainer) metrics() {
	for _, passed := range []bool{false, true} {
		for _, m := range e.v.Metrics {
			if m.Verdict == "" || (m.Verdict == string(v1beta1.VerdictPass)) != passed {
				continue
			}
			e.because(metric(m))
		}
	}
}

func metric(m view.Metric) string {
	var s string
	switch v1beta1.Verdict(m.Verdict) {
	case v1beta1.VerdictNoData:
		s = "Metric " + m.Name + " had no data at the last check"
	case v1beta1.VerdictError:
		s = "Metric " + m.Name + " could not be read at the last check"
	case v1beta1.VerdictFail:
		s = "Metric " + m.Name + " failed the last check with " + value(m.Value, m.Unit)
	default:
		s = "Metric " + m.Name + " passed the last check with " + value(m.Value, m.Unit)
	}
	if m.Primary != nil {
		s += ", the primary had " + value(m.Primary, m.Unit)
	}
	switch {
	case m.Min != nil && m.Max != nil:
		s += fmt.Sprintf("; accepted are %s to %s", value(m.Min, m.Unit), value(m.Max, m.Unit))
	case m.Min != nil:
		s += "; accepted is " + value(m.Min, m.Unit) + " at least"
	case m.Max != nil:
		s += "; accepted is " + value(m.Max, m.Unit) + " at most"
	}
	if m.Message != "" {
		s += ": " + m.Message
	}
	return s
}

func value(f *float64, unit string) string {
	if f == nil {
		return "no value"
	}
	s := strconv.FormatFloat(*f, 'f', 2, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	switch unit {
	case "percent":
		return s + "%"
	case "milliseconds":
		return s + "ms"
	}
	return s
}

func (e *explainer) checks() {
	v := e.v
	if v.Threshold > 0 && (v.FailedChecks > 0 || v.CurrentStep > 0) {
		e.becausef("Failed checks: %d; at %d the canary is rolled back", v.FailedChecks, v.Threshold)
	}
	if v.ErroredChecks > 0 {
		e.becausef("%d checks in a row could not be made; they count as failed until one can be made again", v.ErroredChecks)
	}
}

// hooks tells what hooks have to say that have not passed.
func (e *explainer) hooks() {
	for _, h := range e.v.Hooks {
		message := ""
		if h.Message != "" {
			message = ": " + h.Message
		}
		switch v1beta1.HookState(h.State) {
		case v1beta1.HookStarted:
			e.becausef("Hook %s (%s) was called %s and has not answered%s", h.Name, h.Type, e.ago(h.LastTime), message)
		case v1beta1.HookFailed:
			e.becausef("Hook %s (%s) has not passed%s%s", h.Name, h.Type, attempts(h.Attempts), message)
		case v1beta1.HookPassed:
		}
	}
}

func attempts(n int32) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(" in %d attempts", n)
}

// verbs tells which operator verbs work now.
func (e *explainer) verbs() {
	for _, verb := range e.v.Verbs {
		if !verb.Enabled {
			e.Unavailable = append(e.Unavailable, Unavailable{Verb: verb.Name, Reason: verb.Reason})
			continue
		}
		e.Actions = append(e.Actions, Action{Command: e.v.Command(verb.Name), Effect: e.effect(v1beta1.Verb(verb.Name))})
	}
}

func (e *explainer) effect(verb v1beta1.Verb) string {
	v := e.v
	gate, _ := v.WaitingGate()
	switch verb {
	case v1beta1.VerbPromote:
		return "promotes revision " + v.Revision + " now, without further steps and checks"
	case v1beta1.VerbPromoteStep:
		return "ends the current step now, without waiting for its check"
	case v1beta1.VerbAbort:
		return "sends all traffic back to the primary and ends the run"
	case v1beta1.VerbPause:
		return "holds the weight where it is; checks go on"
	case v1beta1.VerbResume:
		return "lets the run go on"
	case v1beta1.VerbRetry:
		return "runs revision " + v.TargetRevision + " once more, from the first step"
	case v1beta1.VerbRollback:
		if v.PromotionUnsettled() {
			return "brings revision " + v.PromotedRevision + " back to the primary, without checks"
		}
		return "brings the revision that the primary had before back to it, without checks"
	case v1beta1.VerbApprove:
		return "opens gate " + gate.Name
	case v1beta1.VerbReject:
		return "ends the run at gate " + gate.Name + "; all traffic goes back to the primary"
	}
	return ""
}
