package follow

import (
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/target"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

var succeededGoal = Goal{word: succeeded}

func at(revision, promotedRevision, phase string) view.Canary {
	return view.Canary{
		Name: "app", Namespace: "test", Phase: phase, TargetRevision: revision, PromotedRevision: promotedRevision,
		Target: view.Ref{Kind: "Deployment", Name: "app"},
	}
}

// want steps through views and answers of the target.
func (o *one) want(t *testing.T, g Goal, want verdict, words string) {
	t.Helper()
	have, why := o.judge(g)
	message := ""
	if why != nil {
		message = why.Error()
	}
	if have != want || !strings.Contains(message, words) {
		t.Errorf("%s: verdict %d, want %d: %q, want %q", o.view.Phase, have, want, message, words)
	}
}

func begun(v view.Canary, revision string) *one {
	o := &one{}
	o.begin(v, revision)
	o.view = v
	return o
}

// TestTargetMovesOn has a target that goes on to another revision before the agent has seen the one
// that is waited for.
func TestTargetMovesOn(t *testing.T) {
	o := begun(at("rs:old", "rs:old", "Succeeded"), "")
	o.want(t, succeededGoal, pending, "")
	_ = o.answer(target.Revision{ID: "rs:new"}, nil)
	o.want(t, succeededGoal, pending, "")
	if o.stale() {
		t.Error("nothing has changed, and it asks again")
	}
	o.view = at("rs:newer", "rs:old", "Progressing")
	o.want(t, succeededGoal, pending, "")
	if !o.stale() {
		t.Error("the status speaks of a third revision: what has the target now?")
	}
	_ = o.answer(target.Revision{}, target.ErrUnsettled)
	o.want(t, succeededGoal, pending, "")
	_ = o.answer(target.Revision{ID: "rs:newer"}, nil)
	o.want(t, succeededGoal, impossible, `revision rs:new of canary "app" was superseded: Deployment app has revision rs:newer by now`)
}

// TestTargetGoesBackUnseen is found by the look that is taken every now and then.
func TestTargetGoesBackUnseen(t *testing.T) {
	o := begun(at("rs:old", "rs:old", "Succeeded"), "")
	_ = o.answer(target.Revision{ID: "rs:new"}, nil)
	_ = o.answer(target.Revision{ID: "rs:old"}, nil)
	o.want(t, succeededGoal, impossible, "Deployment app has revision rs:old by now")
}

func TestSupersededAfterwards(t *testing.T) {
	o := begun(at("rs:new", "rs:old", "Progressing"), "")
	_ = o.answer(target.Revision{ID: "rs:new"}, nil)
	o.want(t, succeededGoal, pending, "")
	o.view = at("rs:newer", "rs:old", "Progressing")
	o.want(t, succeededGoal, impossible, "was superseded by revision rs:newer")
}

// TestFirstRelease has no revision in the status until the primary serves.
func TestFirstRelease(t *testing.T) {
	o := begun(at("", "", "Initializing"), "")
	_ = o.answer(target.Revision{ID: "rs:a"}, nil)
	o.want(t, Goal{word: "phase", phase: "Initializing"}, met, "")
	o.want(t, succeededGoal, pending, "")
	o.view = at("rs:a", "rs:a", "Initialized")
	o.want(t, succeededGoal, met, "")
	o.want(t, Goal{word: promoted}, met, "")
	o.want(t, Goal{}, met, "")
}

// TestOutdated: a status that speaks of an earlier spec concludes nothing.
func TestOutdated(t *testing.T) {
	v := at("rs:a", "rs:a", "Succeeded")
	v.Outdated = true
	begun(v, Any).want(t, succeededGoal, pending, "")
}

func TestForeign(t *testing.T) {
	v := at("111", "111", "Succeeded")
	v.Foreign, v.LastTransition = true, time.Unix(100, 0)
	o := begun(v, "")
	_ = o.answer(target.Revision{ID: "rs:new", Since: time.Unix(101, 0)}, nil)
	o.want(t, succeededGoal, pending, "")
	o.view.Phase, o.view.TargetRevision, o.view.LastTransition = "Progressing", "222", time.Unix(102, 0)
	o.want(t, succeededGoal, pending, "")
	o.view.TargetRevision = "333"
	o.want(t, succeededGoal, impossible, `revision 222 of canary "app" was superseded by revision 333`)
}

func TestUnreadable(t *testing.T) {
	o := begun(at("rs:a", "rs:a", "Succeeded"), "")
	if word := o.answer(target.Revision{}, apierrors.NewNotFound(schema.GroupResource{Resource: "deployments"}, "app")); word == nil {
		t.Error("nobody is told")
	}
	o.want(t, succeededGoal, met, "")
}

func TestCode(t *testing.T) {
	for _, c := range []struct {
		states []State
		code   int
	}{
		{nil, 0},
		{[]State{Met, Met}, 0},
		{[]State{Met, TimedOut}, 4},
		{[]State{TimedOut, NotFound}, 1},
		{[]State{Impossible, NotFound, TimedOut}, 3},
	} {
		w := &waiter{}
		var results []Result
		for _, s := range c.states {
			o := &one{}
			_ = w.result(o, s, errOf(s))
			results = append(results, *o.result)
		}
		if have := Code(results); have != c.code {
			t.Errorf("%v: %d, want %d", c.states, have, c.code)
		}
	}
}

func errOf(s State) error {
	switch s {
	case Met:
		return nil
	case Impossible:
		return cli.Failed("x")
	case TimedOut:
		return cli.TimedOut("x")
	default:
		return errors.New("x")
	}
}
