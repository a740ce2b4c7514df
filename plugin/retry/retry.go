package retry

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
)

// NewRetryCmd builds the command. A nil runF runs it.
func NewRetryCmd(deps cli.Deps, runF func(context.Context, *intent.Options) error) *cobra.Command {
	o := &intent.Options{Deps: deps, Verb: v1beta1.VerbRetry, Done: "retried"}
	cmd := &cobra.Command{
		Use:   intent.Use("retry"),
		Short: "Run the revision that failed again",
		Long: `Begin a new run of the revision that failed, was aborted or was rolled back, from
the first step. Without it a failed revision stays where it is until the target
gets another one.`,
		Example: `  # Once more from the first step
  kubectl canary retry app --reason "the metrics server is back"

  # All that have failed in the namespace; what became of each as JSON
  kubectl canary retry --all -o json`,
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
