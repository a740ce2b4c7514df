package rollback

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// NewRollbackCmd builds the command. A nil runF runs it.
func NewRollbackCmd(deps cli.Deps, runF func(context.Context, *intent.Options) error) *cobra.Command {
	o := &intent.Options{Deps: deps, Verb: v1beta1.VerbRollback, Done: "rolled back", Question: question}
	cmd := &cobra.Command{
		Use:   intent.Use("rollback"),
		Short: "Bring the previous revision of the primary back at once",
		Long: `Bring the revision that the primary had before back to it at once, without steps
and checks: after a promotion, during one, and after one that failed.

The revision of the target is rejected: it stays where it is until the target
gets another one, or "kubectl canary retry". The canary then is Failed with the
outcome Restored, and "kubectl canary status NAME --watch" ends with code 3.

To end a run whose revision has not been promoted yet, use "kubectl canary
abort": the primary still has what it had before the run.`,
		Example: `  # The new revision was promoted, and is bad after all
  kubectl canary rollback app --reason "checkout is slow"

  # Wait until it is done
  kubectl canary status app --watch`,
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

// question names what is brought back where it is known: as long as the primary is being rolled, or
// could not be, the revision before is the one that was promoted last.
func question(c view.Canary) string {
	now := "the present one"
	if c.PromotedRevision != "" {
		now = "revision " + c.PromotedRevision
	}
	switch {
	case c.RollingBack():
		return "Bring an earlier revision back to the primary now, without checks?"
	case c.Analysing() && c.Run != nil:
		return "Give up revision " + c.Run.Revision + ", and bring the revision that the primary had before " + now +
			" back to it now, without checks?"
	case c.PromotionUnsettled():
		return "Bring " + now + " back to the primary now, without checks, and reject revision " + c.Revision + "?"
	}
	return "Bring the revision that the primary had before " + now + " back to it now, without checks?"
}
