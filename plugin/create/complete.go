package create

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
)

var (
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	daemonSets  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	gateways    = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}
)

// completeWorkload offers deployment/NAME and daemonset/NAME, in the way that the kind has been
// written, and the names of Deployments alone once something is typed.
func (o *Options) completeWorkload(cmd *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	namespace, err := o.Cluster.Namespace()
	if err != nil {
		return nil, directive
	}
	kind, _, chosen := strings.Cut(typed, "/")
	var out []string
	for _, k := range []struct {
		name     string
		short    []string
		resource schema.GroupVersionResource
	}{
		{"deployment", []string{"deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"}, deployments},
		{"daemonset", []string{"daemonset", "daemonsets", "ds", "daemonset.apps", "daemonsets.apps"}, daemonSets},
	} {
		if chosen && !slices.Contains(k.short, strings.ToLower(kind)) {
			continue
		}
		prefix := k.name
		if chosen {
			prefix = kind
		}
		for _, name := range targets(o.Names(cmd, k.resource, namespace)) {
			out = append(out, prefix+"/"+name)
			if typed != "" && !chosen && k.resource == deployments {
				out = append(out, name)
			}
		}
	}
	return cli.Offer(out, typed), directive
}

// targets are the workloads without the primaries that belong to others of them.
func targets(all []cluster.Named) []string {
	var out []string
	for _, n := range all {
		target, isPrimary := strings.CutSuffix(n.Name, "-primary")
		if isPrimary && slices.ContainsFunc(all, func(other cluster.Named) bool { return other.Name == target }) {
			continue
		}
		out = append(out, n.Name)
	}
	return out
}

// completeGateway offers the Gateways of the cluster as NAMESPACE/NAME.
func (o *Options) completeGateway(cmd *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, n := range o.Names(cmd, gateways, "") {
		out = append(out, n.Namespace+"/"+n.Name)
	}
	return cli.Offer(out, typed), cobra.ShellCompDirectiveNoFileComp
}
