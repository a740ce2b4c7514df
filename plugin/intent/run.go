package intent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const (
	// lanes bounds how many canaries are sent a verb, and waited for, at once.
	lanes = 8
	// named is how many canaries a question lists before it only counts.
	named = 5
)

// Run asks, sends, waits and prints. With several canaries the code of the error is the worst: 4 if
// an agent did not answer, else 1 if a verb was refused or could not be sent.
func (o *Options) Run(ctx context.Context) error {
	found, err := o.Selection.Find(ctx, o.Deps)
	if err != nil {
		return err
	}
	s := &session{Options: o, lost: make(chan struct{}, 1)}
	s.controllers = sync.OnceValue(func() inCluster { return o.findControllers(ctx) })
	errands := make([]*errand, 0, len(found))
	for _, f := range found {
		errands = append(errands, s.plan(f))
	}
	if yes, err := s.ask(ctx, errands); err != nil {
		return err
	} else if !yes {
		return errors.New("nothing was done")
	}
	if err := s.start(ctx, errands); err != nil {
		return err
	}
	return s.report(ctx, errands)
}

// session is one run of a command.
type session struct {
	*Options

	// lost gets one word when the connection is lost while an answer is waited for.
	lost chan struct{}
	// controllers are read when something is odd, once.
	controllers func() inCluster
}

// errand is a verb on its way to one canary.
type errand struct {
	found  cli.Found
	result Result
	// err is what to say on stderr when it was not done; it has the exit code.
	err error
	// done is closed when result and err are final.
	done chan struct{}
}

func (e *errand) settle(outcome Outcome, message string, err error) {
	e.result.Outcome, e.result.Message, e.err = outcome, message, err
	close(e.done)
}

// settled is true when there is nothing to send.
func (e *errand) settled() bool { return e.result.Outcome != "" }

// plan settles at once what needs no request: canaries that cannot be read, that nobody reads verbs
// of, and those among all or those with a label that the verb is not for.
func (s *session) plan(f cli.Found) *errand {
	e := &errand{
		found: f, done: make(chan struct{}),
		result: Result{Name: f.Name, Namespace: f.Namespace, Verb: string(s.Verb), Reason: s.Reason},
	}
	if f.Err != nil {
		e.settle(OutcomeError, f.Err.Error(), f.Err)
		return e
	}
	e.result.Revision, e.result.Gate = Revision(s.Verb, f.View), s.gate(f.View)
	chosen := len(s.Selection.Names) > 0
	switch why := s.unfit(f.View); {
	case !chosen && why != "":
		e.settle(OutcomeSkipped, why, nil)
	case f.View.Foreign || f.View.Phase == "" && s.controllers().onlyFlagger(f.Namespace):
		text := Instead(s.Verb, f.View)
		e.settle(OutcomeRefused, text, s.refused(f, text))
	}
	return e
}

// unfit says why a verb is not for a canary that was not named; empty when it is. One that is named
// gets the verb in any case: the agent knows better.
func (o *Options) unfit(c view.Canary) string {
	if c.Foreign {
		return unfitForeign(o.Verb, c)
	}
	return c.Verb(string(o.Verb)).Reason
}

// ask is true when nobody has to be asked, or somebody says yes.
func (o *Options) ask(ctx context.Context, errands []*errand) (bool, error) {
	todo := slices.DeleteFunc(slices.Clone(errands), (*errand).settled)
	if o.Yes || len(todo) == 0 || o.DryRun.String() != string(cli.DryRunNone) {
		return true, nil
	}
	if o.Selection.Single() {
		if o.Question == nil {
			return true, nil
		}
		seen := todo[0].found.View
		return o.Confirm(ctx, view.Clean(fmt.Sprintf("%s Canary %s, namespace %s%s.", o.Question(seen), seen.Name, seen.Namespace, o.inContext())))
	}
	where := ", namespace " + o.Selection.Namespace
	if o.Selection.AllNamespaces {
		where = ""
	}
	lines := []string{fmt.Sprintf("%s %s%s%s:", o.Verb, canaries(len(todo)), where, o.inContext())}
	for _, e := range todo[:min(len(todo), named)] {
		lines = append(lines, "  "+o.Selection.Label(e.found)+": "+o.effect(e.found.View))
	}
	if more := len(todo) - named; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	for i := range lines {
		lines[i] = view.Clean(lines[i])
	}
	return o.Confirm(ctx, strings.Join(append(lines, "Go on?"), "\n"))
}

// effect is what a verb does to one canary among others.
func (o *Options) effect(c view.Canary) string {
	if o.Question != nil {
		return strings.TrimSuffix(o.Question(c), "?")
	}
	words := c.Phase
	if c.Revision != "" {
		words += ", revision " + c.Revision
	}
	if c.Active() {
		words += fmt.Sprintf(", weight %d%%", c.Weight)
	}
	return words
}

func (o *Options) inContext() string {
	if name := o.Cluster.Context(); name != "" {
		return ", context " + name
	}
	return ""
}

func canaries(n int) string {
	if n == 1 {
		return "1 canary"
	}
	return fmt.Sprintf("%d canaries", n)
}

// start sends what is to be sent, some at once, and returns without waiting for it.
func (s *session) start(ctx context.Context, errands []*errand) error {
	todo := slices.DeleteFunc(slices.Clone(errands), (*errand).settled)
	if len(todo) == 0 {
		return nil
	}
	if s.DryRun == cli.DryRunClient {
		for _, e := range todo {
			e.settle(OutcomeDryRun, "", nil)
		}
		return nil
	}
	client, err := s.Cluster.Dynamic()
	if err != nil {
		return err
	}
	var once sync.Once
	sender := Sender{Client: client, Now: s.Now, Lost: func(error) {
		once.Do(func() { s.lost <- struct{}{} })
	}}
	// The same for all of them; asked once.
	by, err := sender.WhoAmI(ctx)
	if err != nil {
		return err
	}
	next := make(chan *errand)
	for range min(lanes, len(todo)) {
		go func() {
			for e := range next {
				e.result.By = by
				s.send(ctx, sender, e)
			}
		}()
	}
	go func() {
		defer close(next)
		for _, e := range todo {
			next <- e
		}
	}()
	return nil
}

// send writes the verb and waits for the answer.
func (s *session) send(ctx context.Context, sender Sender, e *errand) {
	f := e.found
	sent, err := sender.Send(ctx, f.View, Request{
		Verb: s.Verb, Reason: s.Reason, Revision: e.result.Revision, Gate: e.result.Gate, By: e.result.By,
		FieldManager: s.FieldManager, DryRun: s.DryRun,
	})
	if err != nil {
		if denied := Denied(err, s.Verb, f.Namespace, f.Name); denied != nil {
			e.settle(OutcomeRefused, denied.Error(), denied)
			return
		}
		err = s.Explain(ctx, err, string(s.Verb), f.Namespace, f.Name)
		e.settle(OutcomeError, err.Error(), err)
		return
	}
	e.result.ID = sent.ID
	switch {
	case s.DryRun == cli.DryRunServer:
		e.settle(OutcomeDryRun, "", nil)
		return
	case !s.Wait:
		e.settle(OutcomeSent, "", nil)
		return
	}
	waiting, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	answer, err := sender.Wait(waiting, sent)
	switch {
	case ctx.Err() != nil && err != nil:
		e.settle(OutcomeSent, "", ctx.Err())
	case err != nil && errors.Is(waiting.Err(), context.DeadlineExceeded):
		message := s.noAnswer(f, answer.Lost)
		e.settle(OutcomeNoAnswer, message, cli.TimedOut("%s", message))
	case err != nil:
		err = s.Explain(ctx, err, "wait for the answer about", f.Namespace, f.Name)
		e.settle(OutcomeError, err.Error(), err)
	case answer.Overtaken:
		e.settle(OutcomeOvertaken, answer.Message, fmt.Errorf("%s of %s: %s; see: kubectl canary status %s -n %s",
			s.Verb, s.label(f), answer.Message, f.Name, f.Namespace))
	case !answer.Accepted:
		e.settle(OutcomeRefused, answer.Message, s.refused(f, answer.Message))
	default:
		e.settle(OutcomeAccepted, answer.Message, nil)
	}
}

func (o *Options) refused(f cli.Found, why string) error {
	return fmt.Errorf("%s of %s was refused: %s", o.Verb, o.label(f), why)
}

// noAnswer says what that may mean; the verb is there and counts once somebody reads it.
func (s *session) noAnswer(f cli.Found, lost error) string {
	if lost != nil {
		return fmt.Sprintf("no answer was seen within %s, because the connection was lost (%v): "+
			"whether an agent has acted on the verb %q is not known; see: kubectl canary status %s -n %s",
			s.Timeout, s.Cluster.Explain(lost, "watch "+s.label(f)), s.Verb, f.Name, f.Namespace)
	}
	return fmt.Sprintf("no agent answered within %s: the verb %q stays in the annotations of %s, and an agent that starts acts on it; %s",
		s.Timeout, s.Verb, s.label(f), s.controllers().silence(s.Verb, f.View))
}

// label is a canary in a sentence.
func (o *Options) label(f cli.Found) string {
	if o.Selection.AllNamespaces {
		return fmt.Sprintf("canary %q in namespace %q", f.Name, f.Namespace)
	}
	return fmt.Sprintf("canary %q", f.Name)
}
