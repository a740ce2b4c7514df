package reject

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// NewRejectCmd builds the command. A nil runF runs it.
func NewRejectCmd(deps cli.Deps, runF func(context.Context, *intent.Options) error) *cobra.Command {
	o := &intent.Options{Deps: deps, Verb: v1beta1.VerbReject, Done: "rejected"}
	o.Question = func(c view.Canary) string {
		name := o.Gate
		if gate, waits := c.WaitingGate(); waits && name == "" {
			name = gate.Name
		}
		what := "Reject"
		if name != "" {
			what += " at gate " + name
		}
		if c.Run != nil && c.Run.Revision != "" {
			what += " revision " + c.Run.Revision
		}
		return what + ", and send all traffic back to the primary?"
	}
	cmd := &cobra.Command{
		Use:   intent.Use("reject"),
		Short: "End the run at the gate that it waits at",
		Long: `Answer a gate of spec.analysis.gates with no: the run ends as with "kubectl canary
abort", all traffic goes back to the primary, and the revision is not tried again
by itself.`,
		Example:           `  kubectl canary reject app --reason "the new checkout loses coupons"`,
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
