package watch

import (
	"context"
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui"
	"github.com/kubectl-canary/kubectl-canary/tui/recording"
)

// actions carry out the verbs of the screen.
type actions struct {
	sender  intent.Sender
	explain func(err error, doing string, seen view.Canary) error
}

var _ tui.Actions = (*actions)(nil)

// Do implements tui.Actions.
func (a *actions) Do(ctx context.Context, seen view.Canary, r tui.Request) (tui.Outcome, error) {
	verb, revision := v1beta1.Verb(r.Verb), intent.Revision(v1beta1.Verb(r.Verb), seen)
	if revision != "" && verb != v1beta1.VerbRetry {
		// There is one that the agent compares; what the operator saw counts.
		revision = r.Revision
	}
	sent, err := a.sender.Send(ctx, seen, intent.Request{
		Verb: verb, Reason: r.Reason, Revision: revision, Gate: r.Gate, FieldManager: cli.FieldManager,
	})
	if denied := intent.Denied(err, verb, seen.Namespace, seen.Name); denied != nil {
		return tui.Outcome{}, denied
	}
	if err != nil {
		return tui.Outcome{}, a.explain(err, r.Verb, seen)
	}
	waiting, cancel := context.WithTimeout(ctx, intent.DefaultTimeout)
	defer cancel()
	answer, err := a.sender.Wait(waiting, sent)
	switch {
	case err != nil && ctx.Err() == nil && waiting.Err() != nil:
		return tui.Outcome{}, fmt.Errorf("no agent answered within %s; is one running?", intent.DefaultTimeout)
	case err != nil:
		return tui.Outcome{}, a.explain(err, "wait for the answer about", seen)
	case answer.Overtaken:
		return tui.Outcome{Message: answer.Message}, nil
	}
	return tui.Outcome{Accepted: answer.Accepted, Message: answer.Message}, nil
}

// recordedActions note each verb with its answer.
type recordedActions struct {
	tui.Actions
	recorder *recording.Recorder
}

// Do implements tui.Actions.
func (a recordedActions) Do(ctx context.Context, seen view.Canary, r tui.Request) (tui.Outcome, error) {
	outcome, err := a.Actions.Do(ctx, seen, r)
	a.recorder.Action(recording.Action{
		Namespace: seen.Namespace, Name: seen.Name, Verb: r.Verb, Accepted: outcome.Accepted, Message: outcome.Message, Err: err,
	})
	return outcome, err
}
