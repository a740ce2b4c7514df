package resume

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
)

// NewResumeCmd builds the command. A nil runF runs it.
func NewResumeCmd(deps cli.Deps, runF func(context.Context, *intent.Options) error) *cobra.Command {
	o := &intent.Options{Deps: deps, Verb: v1beta1.VerbResume, Done: "resumed"}
	cmd := &cobra.Command{
		Use:   intent.Use("resume"),
		Short: "Go on after a pause",
		Long:  `End a pause: the current step goes on, and is judged one interval later.`,
		Example: `  # Go on with canary app
  kubectl canary resume app

  # Go on with all that were paused in the namespace
  kubectl canary resume --all`,
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
