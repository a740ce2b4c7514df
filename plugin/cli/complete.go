package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// CompletionPatience bounds what a press of the tab key waits for the cluster.
const CompletionPatience = 2 * time.Second

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// RegisterCompletions completes the values of the flags that every command has: the namespaces of
// the cluster, and contexts, clusters and users of the kubeconfig.
func (d Deps) RegisterCompletions(root *cobra.Command) {
	values := map[string]func(cmd *cobra.Command) []string{
		"namespace": func(cmd *cobra.Command) []string {
			var out []string
			for _, n := range d.Names(cmd, namespaces, "") {
				out = append(out, n.Name)
			}
			return out
		},
		"context": func(*cobra.Command) []string { return d.Cluster.Contexts() },
		"cluster": func(*cobra.Command) []string { return d.Cluster.Clusters() },
		"user":    func(*cobra.Command) []string { return d.Cluster.Users() },
	}
	for flag, of := range values {
		_ = root.RegisterFlagCompletionFunc(flag,
			func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
				return Offer(of(cmd), typed), cobra.ShellCompDirectiveNoFileComp
			})
	}
}

// Names lists objects for a completion; of all namespaces if namespace is empty. Errors are not for
// the middle of somebody's command line: there is then nothing to offer.
func (d Deps) Names(cmd *cobra.Command, resource schema.GroupVersionResource, namespace string) []cluster.Named {
	ctx, cancel := CompletionContext(cmd)
	defer cancel()
	names, err := d.Cluster.Names(ctx, resource, namespace)
	if err != nil {
		return nil
	}
	return names
}

// CompletionContext is the context of what a completion asks the cluster for; it ends after
// CompletionPatience.
func CompletionContext(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	return context.WithTimeout(parent, CompletionPatience)
}

// Offer are the values that begin with what was typed, safe to print. A value may end in a tab and a
// description.
func Offer(values []string, typed string) []string {
	var out []string
	for _, value := range values {
		word, description, described := strings.Cut(value, "\t")
		// What would have to be cleaned cannot be typed either.
		if !strings.HasPrefix(word, typed) || word != view.Clean(word) {
			continue
		}
		if described {
			word += "\t" + view.Clean(description)
		}
		out = append(out, word)
	}
	return out
}

// CompleteName offers the canaries of the namespace as the first argument, with their phases; after
// canary/ as canary/NAME.
func (d Deps) CompleteName(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return d.CompleteNames(cmd, args, typed)
}

// CompleteNames offers the canaries of the namespace that are not among the arguments yet.
func (d Deps) CompleteNames(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	namespace, err := d.Cluster.Namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	kind := ""
	if before, _, found := strings.Cut(typed, "/"); found {
		kind = before + "/"
		if _, err := Name(kind + "x"); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
	}
	var given []string
	for _, arg := range args {
		name, _ := Name(arg)
		given = append(given, name)
	}
	var out []string
	for _, n := range d.Names(cmd, v1beta1.CanaryResource, namespace) {
		if slices.Contains(given, n.Name) {
			continue
		}
		value := kind + n.Name
		if n.Status != "" {
			value += "\t" + n.Status
		}
		out = append(out, value)
	}
	return Offer(out, typed), cobra.ShellCompDirectiveNoFileComp
}
