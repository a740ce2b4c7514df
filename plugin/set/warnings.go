package set

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// gitOps are the field managers of tools that put a workload back to what is written elsewhere, and
// when they do.
var gitOps = []struct{ manager, tool, when string }{
	{"argocd-controller", "Argo CD", "at its next sync"},
	{"argocd-application-controller", "Argo CD", "at its next sync"},
	{"kustomize-controller", "Flux (kustomize-controller)", "at its next reconciliation"},
	{"helm-controller", "Flux (helm-controller)", "at its next release"},
	{"helm", "Helm", "at the next helm upgrade"},
}

// warnings says what may surprise about a change.
func (o *ImageOptions) warnings(ctx context.Context, client dynamic.Interface, t target, seen view.Canary, object *unstructured.Unstructured, changes []change) []string {
	var out []string
	for _, g := range gitOps {
		if ownsSpec(object, g.manager) {
			out = append(out, fmt.Sprintf("%s is managed by %s, which puts the image back %s: change it there", t, g.tool, g.when))
			break
		}
	}
	switch {
	case seen.Suspended:
		out = append(out, fmt.Sprintf("canary %s is suspended: no run begins until spec.suspend is false", seen.Name))
	case seen.Active() && o.isPrimary(ctx, client, t, object, changes):
		out = append(out, fmt.Sprintf("these are the images of the primary: the run of canary %s ends, as with kubectl canary abort", seen.Name))
	case seen.Active():
		revision := ""
		if seen.Run != nil && seen.Run.Revision != "" {
			revision = " of revision " + seen.Run.Revision
		}
		out = append(out, fmt.Sprintf("a run%s is under way (%s, %d%%): the new revision takes its place, and begins anew", revision, seen.Phase, seen.Weight))
	}
	return out
}

// ownsSpec is true if a field manager owns anything of the spec.
func ownsSpec(object *unstructured.Unstructured, manager string) bool {
	return slices.ContainsFunc(object.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
		if entry.Manager != manager || entry.Subresource != "" || entry.FieldsV1 == nil {
			return false
		}
		fields := map[string]json.RawMessage{}
		return json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) == nil && fields["f:spec"] != nil
	})
}

// isPrimary is true if the target gets just the images that the primary has. A primary that cannot be
// read is no reason not to go on: it is only about a warning.
func (o *ImageOptions) isPrimary(ctx context.Context, client dynamic.Interface, t target, object *unstructured.Unstructured, changes []change) bool {
	if t.primary == "" {
		return false
	}
	primary, err := t.get(ctx, o.Deps, client, t.primary)
	if err != nil {
		return false
	}
	changed, err := t.changed(object, changes, "")
	if err != nil {
		return false
	}
	return slices.Equal(containersOf(changed), containersOf(primary))
}

// complete offers canaries, then the containers of the target with their present images.
func (o *ImageOptions) complete(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return o.CompleteName(cmd, args, typed)
	}
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	name, err := cli.Name(args[0])
	if err != nil {
		return nil, directive
	}
	if o.Namespace, err = o.Cluster.Namespace(); err != nil {
		return nil, directive
	}
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return nil, directive
	}
	ctx, cancel := cli.CompletionContext(cmd)
	defer cancel()
	o.Name = name
	canary, _, err := o.canary(ctx, client)
	if err != nil {
		return nil, directive
	}
	t, err := targetOf(canary)
	if err != nil {
		return nil, directive
	}
	object, err := t.get(ctx, o.Deps, client, t.name)
	if err != nil {
		return nil, directive
	}
	var out []string
	for _, c := range containersOf(object) {
		// With the image that it has, ready to be edited.
		out = append(out, c.name+"="+c.image)
	}
	return cli.Offer(out, typed), directive
}
