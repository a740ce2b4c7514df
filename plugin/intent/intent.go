package intent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// DefaultTimeout is how long to wait for an agent. It watches, so it answers within a second.
const DefaultTimeout = 30 * time.Second

// Options of a command that sends a verb.
type Options struct {
	cli.Deps

	// Verb to send.
	Verb v1beta1.Verb
	// Done is the participle that is printed, such as "aborted".
	Done string
	// Question is asked on a terminal; empty asks nothing. It gets the canary as it is now.
	Question func(view.Canary) string

	Name      string
	Namespace string
	Reason    string
	// Gate that approve and reject are about; empty for the one that waits.
	Gate         string
	Yes          bool
	Wait         bool
	Timeout      time.Duration
	DryRun       cli.DryRun
	FieldManager string
}

// AddFlags binds the flags that all verbs share.
func (o *Options) AddFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.Reason, "reason", "", "Why; kept in the status, the history and an event.")
	flags.BoolVar(&o.Wait, "wait", true, "Wait for the answer of the agent.")
	flags.DurationVar(&o.Timeout, "timeout", DefaultTimeout, "How long to wait for the answer.")
	flags.StringVar(&o.FieldManager, "field-manager", cli.FieldManager, "The name that owns the fields that are written.")
	o.DryRun.AddFlag(cmd)
	if o.Question != nil {
		flags.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask on a terminal.")
	}
}

// Complete reads the argument and finds out the namespace.
func (o *Options) Complete(args []string) error {
	var err error
	if o.Name, err = cli.Name(args[0]); err != nil {
		return err
	}
	o.Namespace, err = o.Cluster.Namespace()
	return err
}

// Validate finds flags that make no sense.
func (o *Options) Validate() error {
	switch {
	case o.Timeout <= 0:
		return cli.Usagef("--timeout must be positive; use --wait=false in order not to wait")
	case o.FieldManager == "":
		return cli.Usagef("--field-manager must not be empty")
	}
	return nil
}

// Run asks, sends, waits and prints.
func (o *Options) Run(ctx context.Context) error {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	seen, err := feed.Get(ctx, feed.Options{Client: client, Namespace: o.Namespace, Name: o.Name})
	if err != nil {
		return o.Explain(ctx, err, "read", o.Namespace, o.Name)
	}
	if o.Question != nil && !o.Yes && o.DryRun.Options() == nil && o.DryRun != cli.DryRunClient {
		yes, err := o.Confirm(ctx, o.question(seen))
		if err != nil {
			return err
		}
		if !yes {
			return errors.New("nothing was done")
		}
	}
	if o.DryRun == cli.DryRunClient {
		return o.print()
	}
	return o.send(ctx, client, seen)
}

func (o *Options) question(seen view.Canary) string {
	where := fmt.Sprintf(" Canary %s, namespace %s", seen.Name, seen.Namespace)
	if name := o.Cluster.Context(); name != "" {
		where += ", context " + name
	}
	return view.Clean(o.Question(seen) + where + ".")
}

func (o *Options) send(ctx context.Context, client dynamic.Interface, seen view.Canary) error {
	sender := Sender{Client: client, Now: o.Now}
	sent, err := sender.Send(ctx, seen, Request{
		Verb: o.Verb, Reason: o.Reason, Revision: Revision(o.Verb, seen), Gate: o.gate(seen),
		FieldManager: o.FieldManager, DryRun: o.DryRun,
	})
	if err != nil {
		return o.Explain(ctx, err, string(o.Verb), o.Namespace, o.Name)
	}
	if !o.Wait || o.DryRun == cli.DryRunServer {
		return o.print()
	}
	waiting, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	answer, err := sender.Wait(waiting, sent)
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded):
		return o.noAnswer(seen)
	case err != nil:
		return o.Explain(ctx, err, "wait for the answer about", o.Namespace, o.Name)
	case answer.Overtaken:
		return fmt.Errorf("%s of canary %q: a later verb took its place before an answer was seen; see: kubectl canary status %s",
			o.Verb, o.Name, o.Name)
	case !answer.Accepted:
		return fmt.Errorf("%s of canary %q was refused: %s", o.Verb, o.Name, view.Clean(answer.Message))
	}
	if err := o.print(); err != nil || answer.Message == "" {
		return err
	}
	_, err = fmt.Fprintln(o.Streams.ErrOut, view.Clean(answer.Message))
	return err
}

func (o *Options) noAnswer(seen view.Canary) error {
	running := "is one running? (kubectl canary version)"
	if seen.Foreign {
		running = "as it looks, another controller runs this canary, and that one does not read verbs"
	}
	return cli.TimedOut("no agent answered within %s: the verb %q stays in the annotations of canary %q, and an agent that starts acts on it; %s",
		o.Timeout, o.Verb, o.Name, running)
}

func (o *Options) print() error {
	_, err := fmt.Fprintf(o.Streams.Out, "%s %s%s\n", cli.Resource(o.Name), o.Done, o.DryRun.Suffix())
	return err
}

// Revision is what the agent compares before it acts, so that a verb never hits what the operator
// has not seen: the revision of the run or, for retry, which is for one that has ended, that of the
// target. What a rollback brings back only the agent knows.
func Revision(verb v1beta1.Verb, seen view.Canary) string {
	switch {
	case verb == v1beta1.VerbRollback:
		return ""
	case verb == v1beta1.VerbRetry:
		return seen.TargetRevision
	case seen.Run == nil:
		return ""
	}
	return seen.Run.Revision
}
