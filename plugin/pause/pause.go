package pause

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
)

// NewPauseCmd builds the command. A nil runF runs it.
func NewPauseCmd(deps cli.Deps, runF func(context.Context, *intent.Options) error) *cobra.Command {
	o := &intent.Options{Deps: deps, Verb: v1beta1.VerbPause, Done: "paused"}
	cmd := &cobra.Command{
		Use:   intent.Use("pause"),
		Short: "Hold the weight until resumed",
		Long: `Hold the run at its weight. Checks go on, and enough failed ones still roll it
back; no step ends until "kubectl canary resume".`,
		Example: `  # Hold canary app
  kubectl canary pause app --reason "looking at the logs"

  # Hold all runs of the namespace for the time of a change elsewhere
  kubectl canary pause --all --reason "network maintenance"`,
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
