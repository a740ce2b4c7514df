package approve

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
)

// NewApproveCmd builds the command. A nil runF runs it.
func NewApproveCmd(deps cli.Deps, runF func(context.Context, *intent.Options) error) *cobra.Command {
	o := &intent.Options{Deps: deps, Verb: v1beta1.VerbApprove, Done: "approved"}
	cmd := &cobra.Command{
		Use:   intent.Use("approve"),
		Short: "Open the gate that a run waits at",
		Long: `Open a gate of spec.analysis.gates that the run waits at; the run goes on at once.

Gates that are held by a webhook (confirm-rollout and the like) are opened where
that webhook is served.`,
		Example: `  # Open the gate that waits
  kubectl canary approve app

  # Open it only if it is this one
  kubectl canary approve app --gate qa --reason "tested by hand"`,
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
	o.AddGateFlag(cmd)
	return cmd
}
