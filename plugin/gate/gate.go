package gate

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// defaultTimeout is how long a load tester, or the agent, may take to answer.
const defaultTimeout = 10 * time.Second

// NewGateCmd builds the command with its subcommands.
func NewGateCmd(deps cli.Deps) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gate",
		Short: "List, open and close the gates of canaries",
		Long: `List, open and close what a canary waits for before it goes on: the gates of
spec.analysis.gates, and webhooks that confirm (confirm-rollout,
confirm-traffic-increase, confirm-promotion) or ask for a rollback.

Those that a load tester keeps (URLs ending in /gate/check or /rollback/check) are
reached through the API server, with your rights: the verb create on
services/proxy in the namespace of the load tester.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("unknown command %q for %q; see: %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(NewListCmd(deps, nil), NewOpenCmd(deps, nil), NewCloseCmd(deps, nil))
	return cmd
}

// read gets one canary with its gates.
func read(ctx context.Context, d cli.Deps, namespace, name string) (view.Canary, []Gate, error) {
	client, err := d.Cluster.Dynamic()
	if err != nil {
		return view.Canary{}, nil, err
	}
	object, err := client.Resource(v1beta1.CanaryResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return view.Canary{}, nil, d.Explain(ctx, err, "read", namespace, name)
	}
	c, v := built(object.Object)
	return v, gatesOf(c, v), nil
}

func built(object map[string]any) (*v1beta1.Canary, view.Canary) {
	c, problem := view.Decode(object)
	return c, view.Build(c, view.Extra{Problem: problem})
}

// completeGates offers canaries, then the gates of the one that is named.
func completeGates(d cli.Deps) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) != 1 {
			return d.CompleteName(cmd, args, typed)
		}
		name, err := cli.Name(args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		namespace, err := d.Cluster.Namespace()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		ctx, cancel := cli.CompletionContext(cmd)
		defer cancel()
		_, gates, err := read(ctx, d, namespace, name)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, g := range gates {
			out = append(out, g.Name+"\t"+string(g.Type)+" at "+g.At)
		}
		return cli.Offer(out, typed), cobra.ShellCompDirectiveNoFileComp
	}
}
