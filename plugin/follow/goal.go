package follow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Goal is what is waited for. The zero value is the end of the run, however it ends.
type Goal struct {
	word             string // of words; empty for the end of the run
	phase            string
	condition, value string
}

// The words of goals.
const (
	succeeded = "succeeded"
	failed    = "failed"
	paused    = "paused"
	promoted  = "promoted"
	waiting   = "waiting"
	deleted   = "deleted"
)

var words = []string{succeeded, failed, paused, promoted, waiting, deleted}

// phases that can be waited for, in the order of a run.
var phases = []v1beta1.CanaryPhase{
	v1beta1.PhaseInitializing, v1beta1.PhaseInitialized, v1beta1.PhaseWaiting, v1beta1.PhaseProgressing,
	v1beta1.PhaseWaitingPromotion, v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseSucceeded,
	v1beta1.PhaseFailed, v1beta1.PhaseTerminating,
}

var conditions = []v1beta1.ConditionType{
	v1beta1.ConditionPromoted, v1beta1.ConditionReady, v1beta1.ConditionReconciling, v1beta1.ConditionStalled,
	v1beta1.ConditionRouteDrift,
}

// Goals lists what ParseGoal accepts, for help and completion.
func Goals() []string {
	out := slices.Clone(words)
	for _, p := range phases {
		out = append(out, "phase="+string(p))
	}
	for _, c := range conditions {
		out = append(out, "condition="+string(c))
	}
	return out
}

// ParseGoal reads the value of --for. Case does not matter, as in kubectl wait.
func ParseGoal(text string) (Goal, error) {
	kind, value, hasValue := strings.Cut(text, "=")
	kind = strings.ToLower(kind)
	switch {
	case !hasValue && kind == "delete": // kubectl's
		return Goal{word: deleted}, nil
	case !hasValue && slices.Contains(words, kind):
		return Goal{word: kind}, nil
	case kind == "phase" && hasValue:
		for _, p := range phases {
			if strings.EqualFold(string(p), value) {
				return Goal{word: "phase", phase: string(p)}, nil
			}
		}
		return Goal{}, fmt.Errorf("there is no phase %q; use one of %s", value, list(phases))
	case kind == "condition" && hasValue:
		return parseCondition(value)
	}
	return Goal{}, fmt.Errorf("%q cannot be waited for; use one of %s, phase=PHASE or condition=TYPE[=STATUS]",
		text, strings.Join(words, ", "))
}

func parseCondition(text string) (Goal, error) {
	name, value, given := strings.Cut(text, "=")
	if !given {
		value = "True"
	}
	for _, status := range []string{"True", "False", "Unknown"} {
		if !strings.EqualFold(status, value) {
			continue
		}
		for _, c := range conditions {
			if strings.EqualFold(string(c), name) {
				return Goal{word: "condition", condition: string(c), value: status}, nil
			}
		}
		return Goal{}, fmt.Errorf("there is no condition %q; use one of %s", name, list(conditions))
	}
	return Goal{}, fmt.Errorf("the status of a condition is True, False or Unknown, not %q", value)
}

func list[T ~string](all []T) string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = string(one)
	}
	return strings.Join(names, ", ")
}

// String is the goal as --for takes it; empty for the end of the run.
func (g Goal) String() string {
	switch g.word {
	case "phase":
		return "phase=" + g.phase
	case "condition":
		return "condition=" + g.condition + "=" + g.value
	}
	return g.word
}

// Deletion is true for the goal that needs no revision: that the canary is gone.
func (g Goal) Deletion() bool { return g.word == deleted }

// unmet says of a canary that the goal is not met.
func (g Goal) unmet() string {
	switch g.word {
	case succeeded, failed:
		return "has not " + g.word
	case promoted, deleted:
		return "has not been " + g.word
	case paused:
		return "is not paused"
	case waiting:
		return "does not wait for anybody"
	case "phase":
		return "has not reached phase " + g.phase
	case "condition":
		return "has not reached condition " + g.condition + "=" + g.value
	}
	return "has not ended"
}

// verdict on a canary.
type verdict int

const (
	pending verdict = iota
	met
	// impossible means: with this revision it cannot be met any more.
	impossible
)

// judge looks at a canary that speaks of the revision that is waited for; empty for any. The word
// says why it is impossible.
func (g Goal) judge(v view.Canary, revision string) (verdict, error) {
	if g.reached(v, revision) {
		return met, nil
	}
	ended := v.Terminal()
	if !ended || g.word == deleted || g.phase == string(v1beta1.PhaseTerminating) {
		return pending, nil
	}
	good := Successful(v, revision)
	switch g.word {
	case "", succeeded, promoted: // Ended, and reached says no.
		return impossible, failure(v)
	}
	if revision == "" && g.word != failed {
		return pending, nil // There may be another run.
	}
	if g.word == "condition" && !settled(g.condition) {
		return pending, nil
	}
	if !good {
		return impossible, failure(v)
	}
	return impossible, fmt.Errorf("canary %q %s, and cannot any more: the primary has revision %s, and no run is under way",
		v.Name, g.unmet(), v.PromotedRevision)
}

// failure is why a canary has ended without success.
func failure(v view.Canary) error {
	if err := Outcome(v); err != nil {
		return err
	}
	return fmt.Errorf("canary %q has ended as %s", v.Name, v.Phase)
}

// settled is true for the conditions that do not change between runs.
func settled(condition string) bool {
	switch v1beta1.ConditionType(condition) {
	case v1beta1.ConditionPromoted, v1beta1.ConditionReconciling:
		return true
	default:
		return false
	}
}

func (g Goal) reached(v view.Canary, revision string) bool {
	switch g.word {
	case "", succeeded:
		return v.Terminal() && Successful(v, revision)
	case failed:
		return v.Phase == string(v1beta1.PhaseFailed) && !Successful(v, revision)
	case promoted:
		if v.Terminal() {
			return Successful(v, revision)
		}
		return revision != "" && view.SameRevision(v.PromotedRevision, revision) && !v.PromotionUnsettled()
	case paused:
		return v.Paused()
	case waiting:
		_, gate := v.WaitingGate()
		return gate || v.Phase == string(v1beta1.PhaseWaiting) || v.Phase == string(v1beta1.PhaseWaitingPromotion)
	case "phase":
		return v.Phase == g.phase
	case "condition":
		return v.Condition(g.condition).Status == g.value
	}
	return false
}

// Successful is true when nothing is under way and the revision is the primary's. After a rollback
// or an abort the phase is Failed, and that is about another revision than the one that serves.
func Successful(v view.Canary, revision string) bool {
	switch v1beta1.CanaryPhase(v.Phase) {
	case v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded:
		return true
	case v1beta1.PhaseFailed:
		unmended := v.Run != nil && v.Run.Rollback && v.Run.Outcome == string(v1beta1.OutcomePromotionFailed)
		return view.SameRevision(v.PromotedRevision, revision) && !unmended
	default:
		return false
	}
}
