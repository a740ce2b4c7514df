package intent

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// AddGateFlag binds --gate, for the verbs that answer one.
func (o *Options) AddGateFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.Gate, "gate", "", "The name of the gate. Default: the one that waits.")
	_ = cmd.RegisterFlagCompletionFunc("gate", o.completeGate)
}

// gate is the one that was asked for, or the one that the operator saw waiting: another one that is
// reached meanwhile is not what was approved.
func (o *Options) gate(seen view.Canary) string {
	if o.Gate != "" {
		return o.Gate
	}
	if o.Verb != v1beta1.VerbApprove && o.Verb != v1beta1.VerbReject {
		return ""
	}
	gate, _ := seen.WaitingGate()
	return gate.Name
}

// completeGate offers the gates of the canary that is named already.
func (o *Options) completeGate(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	name, err := cli.Name(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	namespace, err := o.Cluster.Namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ctx, cancel := cli.CompletionContext(cmd)
	defer cancel()
	seen, err := feed.Get(ctx, feed.Options{Client: client, Namespace: namespace, Name: name})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, gate := range seen.Gates {
		out = append(out, gate.Name)
	}
	return cli.Offer(out, typed), cobra.ShellCompDirectiveNoFileComp
}
