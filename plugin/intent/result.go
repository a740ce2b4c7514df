package intent

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Kinds of what -o prints: one result for one name, a list of them for anything else.
const (
	KindResult     = "VerbResult"
	KindResultList = "VerbResultList"
)

// Outcome of a verb on one canary.
type Outcome string

// The outcomes.
const (
	// OutcomeAccepted means: the agent acts on it.
	OutcomeAccepted Outcome = "Accepted"
	// OutcomeRefused means: the agent or the API server refused it, or nobody would read it.
	OutcomeRefused Outcome = "Refused"
	// OutcomeNoAnswer means: it was sent, and nobody answered in time.
	OutcomeNoAnswer Outcome = "NoAnswer"
	// OutcomeOvertaken means: a later verb took its place before an answer.
	OutcomeOvertaken Outcome = "Overtaken"
	// OutcomeSkipped means: the canary was chosen by -l or --all, and the verb is not for it now.
	OutcomeSkipped Outcome = "Skipped"
	// OutcomeError means: it could not be sent, or the answer could not be waited for.
	OutcomeError Outcome = "Error"
	// OutcomeSent means: it was sent, and no answer was waited for.
	OutcomeSent Outcome = "Sent"
	// OutcomeDryRun means: nothing was kept.
	OutcomeDryRun Outcome = "DryRun"
)

// Result is what became of a verb on one canary.
type Result struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Verb      string `json:"verb"`
	// ID of the intent; empty when none was sent.
	ID      string  `json:"id,omitempty"`
	Outcome Outcome `json:"outcome"`
	// Message is the answer of the agent, or why there is none.
	Message string `json:"message,omitempty"`
	// Revision that the agent was to compare.
	Revision string `json:"revision,omitempty"`
	// Gate that was answered.
	Gate string `json:"gate,omitempty"`
	// By is the user as the API server knows it.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// done is true for outcomes of which the participle may be printed.
func (r Result) done() bool {
	switch r.Outcome {
	case OutcomeAccepted, OutcomeSent, OutcomeDryRun:
		return true
	case OutcomeRefused, OutcomeNoAnswer, OutcomeOvertaken, OutcomeSkipped, OutcomeError:
	}
	return false
}

// report prints results in the order of the canaries, each as soon as it and those before it are
// known, and returns the worst error.
func (s *session) report(ctx context.Context, errands []*errand) error {
	worst := cli.CodeDone
	single := s.Selection.Single()
	for _, e := range errands {
		if err := s.await(ctx, e); err != nil {
			return err
		}
		if s.Output.Table() || s.Output.Format == "name" {
			if err := s.line(e.result, single); err != nil {
				return err
			}
		}
		if e.result.Outcome == OutcomeSkipped {
			if _, err := fmt.Fprintln(s.Streams.ErrOut, view.Clean(s.Selection.Label(e.found)+" skipped: "+e.result.Message)); err != nil {
				return err
			}
		}
		if e.err == nil {
			continue
		}
		worst = max(worst, cli.CodeOf(e.err))
		if !single {
			if _, err := fmt.Fprintln(s.Streams.ErrOut, view.Clean("error: "+e.err.Error())); err != nil {
				return err
			}
		}
	}
	if !s.Output.Table() && s.Output.Format != "name" {
		if err := s.print(errands, single); err != nil {
			return err
		}
	}
	if single {
		return errands[0].err
	}
	if worst == cli.CodeDone {
		return nil
	}
	return &cli.ExitError{Code: worst} // Each has been said.
}

// await returns when an errand is done. What the connection does is said here, so that only one
// goroutine writes.
func (s *session) await(ctx context.Context, e *errand) error {
	for {
		select {
		case <-s.lost:
			if _, err := fmt.Fprintln(s.Streams.ErrOut, "connection lost, trying again…"); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-e.done:
			return ctx.Err()
		}
	}
}

// line says that it was done, and what the agent said to it.
func (o *Options) line(r Result, single bool) error {
	if !r.done() {
		return nil
	}
	text := cli.Resource(r.Name)
	if o.Output.Table() {
		text += " " + o.Done
		if o.Selection.AllNamespaces {
			text += " in namespace " + r.Namespace
		}
		text += o.DryRun.Suffix()
	}
	if _, err := fmt.Fprintln(o.Streams.Out, view.Clean(text)); err != nil || r.Message == "" || !o.Output.Table() {
		return err
	}
	message := r.Message
	if !single {
		message = o.Selection.Label(cli.Found{Namespace: r.Namespace, Name: r.Name}) + ": " + message
	}
	_, err := fmt.Fprintln(o.Streams.ErrOut, view.Clean(message))
	return err
}

// print writes the results in the chosen format.
func (o *Options) print(errands []*errand, single bool) error {
	items := make([]unstructured.Unstructured, 0, len(errands))
	for _, e := range errands {
		object, err := view.Object(KindResult, e.result.Namespace, e.result.Name, e.result)
		if err != nil {
			return err
		}
		items = append(items, *object)
	}
	if single {
		return o.Print(&o.Output, &items[0])
	}
	list := view.List(items)
	list.SetAPIVersion(view.APIVersion)
	list.SetKind(KindResultList)
	return o.Print(&o.Output, list)
}
