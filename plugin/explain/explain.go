package explain

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Explanation of where a canary is.
type Explanation struct {
	// Summary says in a sentence where it is.
	Summary string `json:"summary"`
	// Because lists what led to it, and what matters now, the most important first.
	Because []string `json:"because,omitempty"`
	// Awaiting is what has to happen before anything changes.
	Awaiting string `json:"awaiting,omitempty"`
	// Next is what happens then; NextTime is when, and zero when it does not go by the clock.
	Next     string    `json:"next,omitempty"`
	NextTime time.Time `json:"nextTime,omitzero"`
	// Actions can be taken now.
	Actions []Action `json:"actions,omitempty"`
	// Unavailable are the verbs that would be refused now.
	Unavailable []Unavailable `json:"unavailable,omitempty"`
}

// Action is something to do about it.
type Action struct {
	// Command is ready for a shell; empty for what no single command does.
	Command string `json:"command,omitempty"`
	// Effect of it.
	Effect string `json:"effect"`
}

// Unavailable is an operator verb that makes no sense now.
type Unavailable struct {
	Verb   string `json:"verb"`
	Reason string `json:"reason"`
}

// Explain puts a view into plain words. What comes from the cluster is not cleaned.
func Explain(v view.Canary, now time.Time) Explanation {
	e := &explainer{v: v, now: now, phase: v1beta1.CanaryPhase(v.Phase)}
	e.Next, e.NextTime = v.NextAction, v.NextActionTime
	switch {
	case v.Problem != "":
		e.say("Canary %s cannot be read completely.", v.Name)
		e.because(v.Problem)
		e.Awaiting = "somebody who corrects the object"
	case v.Deleting, e.phase == v1beta1.PhaseTerminating:
		e.deleting()
	case v.Suspended:
		e.suspended()
	case e.stalled():
		e.stall()
	default:
		e.inPhase()
	}
	e.surroundings()
	e.verbs()
	return e.Explanation
}

type explainer struct {
	Explanation
	v     view.Canary
	now   time.Time
	phase v1beta1.CanaryPhase
}

func (e *explainer) say(format string, args ...any) { e.Summary = fmt.Sprintf(format, args...) }

// because adds a sentence, if there is one.
func (e *explainer) because(sentence string) {
	if sentence = strings.TrimSpace(sentence); sentence == "" {
		return
	}
	if !strings.ContainsAny(sentence[len(sentence)-1:], ".!?") {
		sentence += "."
	}
	// A word with a dot inside is a field or a name.
	if word, _, _ := strings.Cut(sentence, " "); !strings.ContainsAny(strings.TrimRight(word, ".:"), ".-/") {
		first, size := utf8.DecodeRuneInString(sentence)
		sentence = string(unicode.ToUpper(first)) + sentence[size:]
	}
	e.Because = append(e.Because, sentence)
}

// bounded makes the time of the next action a bound on what is awaited: it is when the controller
// gives up, or asks again, not when it goes on.
func (e *explainer) bounded(awaited, format string) {
	e.Awaiting = awaited
	if left := e.NextTime.Sub(e.now); !e.NextTime.IsZero() && left > 0 {
		e.Awaiting += fmt.Sprintf(format, duration.HumanDuration(left))
	}
	e.NextTime = time.Time{}
}

func (e *explainer) awaitPods(of string) {
	e.bounded("ready pods of the "+of, "; it has %s left for that")
}

func (e *explainer) awaitHook(kind string) {
	e.bounded("a "+kind+" hook that passes", "; it is asked again in %s")
}

func (e *explainer) becausef(format string, args ...any) { e.because(fmt.Sprintf(format, args...)) }

func (e *explainer) target() string { return e.v.Target.Kind + " " + e.v.Target.Name }

func (e *explainer) ago(t time.Time) string {
	if t.IsZero() {
		return "at an unknown time"
	}
	return duration.HumanDuration(max(0, e.now.Sub(t))) + " ago"
}

func by(who string) string {
	if who == "" {
		return ""
	}
	return " by " + who
}

// stalled is true when the controller cannot go on. A failed run is marked as stalled as well, and
// has words of its own.
func (e *explainer) stalled() bool {
	return e.v.Condition(string(v1beta1.ConditionStalled)).Status == "True" && e.phase != v1beta1.PhaseFailed
}

func (e *explainer) stall() {
	condition := e.v.Condition(string(v1beta1.ConditionStalled))
	where := "It has not been taken up"
	if e.phase != "" {
		where = "Phase " + e.v.Phase
	}
	e.say("Canary %s is stalled: its controller cannot go on before somebody changes something.", e.v.Name)
	e.because(condition.Message)
	e.becausef("%s; the reason is %s, seen %s", where, condition.Reason, e.ago(condition.LastTransition))
	e.Awaiting = "a correction of what is named above; the controller looks again as soon as it is made"
	e.pods()
	e.Actions = append(e.Actions, Action{
		Command: fmt.Sprintf("kubectl edit canary %s -n %s", e.v.Name, e.v.Namespace),
		Effect:  "corrects the spec, if it is the spec that is wrong",
	})
}

func (e *explainer) suspended() {
	e.say("Canary %s is suspended: nothing is done about it, not even a rollback.", e.v.Name)
	e.becausef("spec.suspend is true; the phase is %s, with %s", orNone(e.v.Phase), e.v.Shares())
	e.Awaiting = "somebody who takes spec.suspend away"
	e.Actions = append(e.Actions, Action{
		Command: fmt.Sprintf(`kubectl patch canary %s -n %s --type merge -p '{"spec":{"suspend":false}}'`, e.v.Name, e.v.Namespace),
		Effect:  "lets the controller go on",
	})
}

func (e *explainer) deleting() {
	e.say("Canary %s is being deleted.", e.v.Name)
	e.because(e.v.Message)
	e.Awaiting = "the controller, which gives the traffic back and takes the finalizer away"
	e.pods()
}

func orNone(s string) string {
	if s == "" {
		return "none yet"
	}
	return s
}

// surroundings are what matters in any phase.
func (e *explainer) surroundings() {
	v := e.v
	if v.Foreign {
		e.becausef("Another controller runs this canary (%s). Of it only phase, weight, failed checks and conditions can be read: "+
			"no steps, measurements, history or operator verbs", controllers(v.Controllers, "flagger"))
	}
	if drift := v.Condition(string(v1beta1.ConditionRouteDrift)); drift.Status == "True" {
		e.becausef("The route was changed by somebody else, and is put back: %s", drift.Message)
	}
	if v.LiveRevision != "" && v.TargetRevision != "" && !v.Foreign && !view.SameRevision(v.TargetRevision, v.LiveRevision) {
		e.becausef("%s has revision %s by now, which the controller has not taken up; the status speaks of %s", e.target(), v.LiveRevision, v.TargetRevision)
	}
	if i := v.PendingIntent; i != nil {
		e.becausef("%s%s %s has not been answered by an agent", i.Verb, by(i.By), e.ago(i.Time))
	}
	if i := v.LastIntent; i != nil && i.Outcome == string(v1beta1.IntentRefused) {
		e.becausef("%s%s was refused %s: %s", i.Verb, by(i.By), e.ago(i.Time), i.Message)
	}
	if v.Outdated {
		e.because("The spec was changed, and the controller has not looked at it yet")
	}
	e.because(noteOf(v.PodsNote))
}

func noteOf(note string) string {
	if note == "" {
		return ""
	}
	return "Pods are left out: " + note
}

func controllers(all []view.Controller, name string) string {
	for _, c := range all {
		if c.Name == name {
			return fmt.Sprintf("%s in namespace %s", c.Deployment, c.Namespace)
		}
	}
	return "it was not found"
}
