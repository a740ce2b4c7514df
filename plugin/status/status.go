package status

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	cli.Deps
	cli.Output

	Name      string
	Namespace string
	Watch     bool
	Timeout   time.Duration
	Revision  string
}

// NewStatusCmd builds the command. A nil runF runs it.
func NewStatusCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "status NAME",
		Short: "Show a canary, or wait for the end of its run",
		Long: `Show where a canary is: phase, weight, steps, metrics with their bounds, hooks, gates,
pods and events, and what happens next.

With --watch one line is printed per change, until the run has ended. The wait is
for the revision that the target has when the command begins: right after
"kubectl set image" that is the new one, even if the agent has yet to see it. If
another one takes its place, the code is 3. With --revision the wait is for
another, such as the pod-template-hash of a ReplicaSet; --revision=any takes the
status as it is, so that without a run under way it ends at once. The code tells
whether the revision became the primary's: after "kubectl canary rollback" it is 3
for the one that was taken back, and 0 for the one that --revision says came back.

` + cli.ExitCodesHelp,
		Example: `  # Where is canary app?
  kubectl canary status app

  # Wait in a pipeline; ends with code 0 when promoted, 3 when rolled back
  kubectl canary status app --watch --timeout 15m

  # The last value of each metric
  kubectl canary status app -o jsonpath='{range .metrics[*]}{.name}={.value}{"\n"}{end}'`,
		Args:              cli.OneName,
		ValidArgsFunction: deps.CompleteName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			if err := o.Complete(args); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return o.Run(cmd.Context())
		},
	}
	o.AddFlags(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&o.Watch, "watch", "w", false, "Print a line per change until the run has ended.")
	flags.DurationVar(&o.Timeout, "timeout", 0, "With --watch: end with code 4 after this time; 0 for never.")
	flags.StringVar(&o.Revision, "revision", "", "With --watch: the revision whose end to wait for; default is that of the target, any takes the status as it is.")
	return cmd
}

// Validate finds flags that contradict each other.
func (o *Options) Validate() error {
	switch {
	case o.Watch && !o.Table():
		return cli.Usagef("--watch prints lines; it cannot be combined with -o")
	case !o.Watch && (o.Timeout != 0 || o.Revision != ""):
		return cli.Usagef("--timeout and --revision need --watch")
	case o.Timeout < 0:
		return cli.Usagef("--timeout must not be negative")
	}
	return o.Output.Validate()
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

// Run prints the canary, or follows it.
func (o *Options) Run(ctx context.Context) error {
	if o.Watch {
		return o.follow(ctx)
	}
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return err
	}
	v, err := feed.Get(ctx, feed.Options{Client: client, Namespace: o.Namespace, Name: o.Name, Detail: true})
	if err != nil {
		return o.Explain(ctx, err, "read", o.Namespace, o.Name)
	}
	if o.Table() {
		return writeBlock(o.Streams.Out, v.Cleaned(), o.Now())
	}
	object, err := view.Object("CanaryView", v.Namespace, v.Name, v)
	if err != nil {
		return err
	}
	return o.Print(&o.Output, object)
}
