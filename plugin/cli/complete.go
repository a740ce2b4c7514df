package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// CompletionPatience bounds what a press of the tab key waits for the cluster.
const CompletionPatience = 2 * time.Second

// CompleteName offers the canaries of the namespace as the first argument.
func (d Deps) CompleteName(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	namespace, err := d.Cluster.Namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	client, err := d.Cluster.Dynamic()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, CompletionPatience)
	defer cancel()
	var out []string
	for _, name := range names(ctx, client, namespace) {
		if strings.HasPrefix(name, typed) {
			out = append(out, name)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
