package abort

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// NewAbortCmd builds the command. A nil runF runs it.
func NewAbortCmd(deps cli.Deps, runF func(context.Context, *intent.Options) error) *cobra.Command {
	o := &intent.Options{
		Deps: deps, Verb: v1beta1.VerbAbort, Done: "aborted",
		Question: func(c view.Canary) string {
			if c.Run != nil && c.Run.Revision != "" {
				return "Send all traffic back to the primary and give up revision " + c.Run.Revision + "?"
			}
			return "Send all traffic back to the primary and end the run?"
		},
	}
	cmd := &cobra.Command{
		Use:   intent.Use("abort"),
		Short: "Send all traffic back to the primary now",
		Long: `End the run now: all traffic goes back to the primary, which still serves the
promoted revision, and the target is scaled down.

The revision is not tried again by itself; the next change of the target begins
a new run.

With -l or --all, canaries without a run under way are left out.`,
		Example: `  # End the run of canary app
  kubectl canary abort app --reason "errors in checkout"

  # End all runs of one team, in all namespaces
  kubectl canary abort -A -l team=shop --reason "the database is down"`,
		ValidArgsFunction: deps.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Complete(cmd, args); err != nil {
				return err
			}
			if err := o.Validate(); err != nil {
				return err
			}
			if runF != nil {
				return runF(cmd.Context(), o)
			}
			return o.Run(cmd.Context())
		},
	}
	o.AddFlags(cmd)
	return cmd
}
