package promote

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Options of the command.
type Options struct {
	intent.Options

	// Step ends only the current step.
	Step bool
}

// NewPromoteCmd builds the command. A nil runF runs it.
func NewPromoteCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Options: intent.Options{
		Deps: deps, Verb: v1beta1.VerbPromote, Done: "promoted", Question: question,
	}}
	cmd := &cobra.Command{
		Use:   intent.Use("promote"),
		Short: "Promote the new revision now, without further checks",
		Long: `Promote the revision under test now: the remaining steps and checks are left out,
the primary is rolled to the new revision, and then it gets all traffic.

With --step only the current step ends: the canary gets the weight of the next
one, and checks go on.

Both go past the gates of spec.analysis.gates. Where the admission policy is
installed, that takes the right to approve as well.`,
		Example: `  # Finish the run of canary app
  kubectl canary promote app --reason "checked by hand"

  # Go on to the next step
  kubectl canary promote app --step

  # Finish two runs
  kubectl canary promote app checkout --yes`,
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
	cmd.Flags().BoolVar(&o.Step, "step", false, "End only the current step.")
	return cmd
}

// Complete chooses the verb.
func (o *Options) Complete(cmd *cobra.Command, args []string) error {
	if o.Step {
		o.Verb, o.Done, o.Question = v1beta1.VerbPromoteStep, "step promoted", nil
	}
	return o.Options.Complete(cmd, args)
}

func question(c view.Canary) string {
	what := "the new revision"
	if c.Run != nil && c.Run.Revision != "" {
		what = "revision " + c.Run.Revision
	}
	return "Promote " + what + " now, without further steps and checks?"
}
