package intent

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// DefaultTimeout is how long to wait for an agent. It watches, so it answers within a second.
const DefaultTimeout = 30 * time.Second

// Options of a command that sends a verb to one canary or several.
type Options struct {
	cli.Deps

	// Verb to send.
	Verb v1beta1.Verb
	// Done is the participle that is printed, such as "aborted".
	Done string
	// Question is asked on a terminal before a verb goes to one canary; nil asks nothing. It gets the
	// canary as it is now. A verb for several canaries always asks.
	Question func(view.Canary) string

	// Selection of canaries.
	Selection cli.Selection
	// Output in place of the lines that say what was done.
	Output cli.Output
	// Reason is free text for the status, the history and an event.
	Reason string
	// Gate that approve and reject are about; empty for the one that waits.
	Gate string
	// Yes asks nothing.
	Yes bool
	// Wait for the answers of the agent, each for Timeout at most.
	Wait         bool
	Timeout      time.Duration
	DryRun       cli.DryRun
	FieldManager string
}

// Use is the line of usage of a verb.
func Use(verb string) string { return verb + " (NAME... | -l SELECTOR | --all)" }

// AddFlags binds the flags that all verbs share.
func (o *Options) AddFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.Reason, "reason", "", "Why; kept in the status, the history and an event.")
	flags.BoolVar(&o.Wait, "wait", true, "Wait for the answer of the agent.")
	flags.DurationVar(&o.Timeout, "timeout", DefaultTimeout, "How long to wait for the answer.")
	flags.StringVar(&o.FieldManager, "field-manager", cli.FieldManager, "The name that owns the fields that are written.")
	flags.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask on a terminal.")
	o.DryRun.AddFlag(cmd)
	o.Selection.AddFlags(cmd)
	o.Output.AddFlags(cmd)
}

// Complete reads the arguments and finds out the namespace.
func (o *Options) Complete(cmd *cobra.Command, args []string) error {
	return o.Selection.Complete(o.Deps, cmd, args)
}

// Validate finds flags that make no sense.
func (o *Options) Validate() error {
	switch {
	case o.Timeout <= 0:
		return cli.Usagef("--timeout must be positive; use --wait=false in order not to wait")
	case o.FieldManager == "":
		return cli.Usagef("--field-manager must not be empty")
	}
	return o.Output.Validate()
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
