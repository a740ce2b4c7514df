package installer

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// Remove deletes an object and waits until it is gone, and what it owns with it. One that is gone
// already is no error.
func (s *Session) Remove(ctx context.Context, o *unstructured.Unstructured) error {
	from := s.of(o.GetKind(), o.GetNamespace())
	if s.DryRun != cli.DryRunClient {
		uid := o.GetUID()
		policy := metav1.DeletePropagationBackground
		if o.GetKind() == "Deployment" {
			// It goes when its pods have gone, and nobody acts any more.
			policy = metav1.DeletePropagationForeground
		}
		err := from.Delete(ctx, o.GetName(), metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &policy, DryRun: s.DryRun.Options(),
		})
		// A conflict means: it is another one of the same name that somebody has made meanwhile.
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return s.Cluster.Explain(err, "delete "+Resource(o))
		}
	}
	if s.DryRun.String() == string(cli.DryRunNone) {
		err := Until(ctx, Resource(o)+" to go", func(ctx context.Context) (bool, string, error) {
			have, err := from.Get(ctx, o.GetName(), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return true, "", nil
			}
			if err != nil {
				return false, "", err
			}
			return have.GetUID() != o.GetUID(), "it is being deleted", nil
		})
		if err != nil {
			return err
		}
	}
	return s.Did(o, "deleted")
}

// prunable are the kinds that upgrade removes when this version, or these settings, have them no more:
// what gives or takes rights, and nothing else. Bindings come first.
var prunable = []string{
	"ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy", "ClusterRoleBinding", "ClusterRole", "RoleBinding", "Role",
}

// Leftovers are rights that an earlier installation of the same scope has given and that are not among
// the objects any more. Only what the field manager has applied itself counts.
func (s *Session) Leftovers(ctx context.Context, settings manifest.Settings, objects []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	keep := map[string]bool{}
	for _, o := range objects {
		keep[o.GetNamespace()+" "+Resource(o)] = true
	}
	var out []*unstructured.Unstructured
	for _, kindName := range prunable {
		if kinds[kindName].cluster && settings.Scoped {
			continue
		}
		found, err := s.list(ctx, s.of(kindName, settings.Namespace), metav1.ListOptions{LabelSelector: manifest.PartOfLabel + "=" + manifest.PartOf})
		if err != nil {
			if apierrors.IsForbidden(err) || cluster.IsNoResource(err) {
				continue
			}
			return nil, s.Cluster.Explain(err, "list "+kinds[kindName].Resource)
		}
		for _, o := range found {
			if !keep[o.GetNamespace()+" "+Resource(o)] && appliedBy(o, s.FieldManager) {
				out = append(out, o)
			}
		}
	}
	return out, nil
}

func appliedBy(o *unstructured.Unstructured, manager string) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(f metav1.ManagedFieldsEntry) bool {
		return f.Manager == manager && f.Operation == metav1.ManagedFieldsOperationApply
	})
}

// Prune removes leftovers.
func (s *Session) Prune(ctx context.Context, leftovers []*unstructured.Unstructured) error {
	for _, o := range leftovers {
		if err := s.Remove(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
