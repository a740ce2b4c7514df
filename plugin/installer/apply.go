package installer

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// Apply applies objects in their order by server-side apply, and returns them as the cluster has them
// now. It prints a line for each.
func (s *Session) Apply(ctx context.Context, objects []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	var applied []*unstructured.Unstructured
	foreign := map[string]bool{} // namespaces that are there and not ours
	absent := map[string]bool{}  // namespaces that a dry run cannot make
	for _, o := range objects {
		if o.GetNamespace() != "" && absent[o.GetNamespace()] {
			applied = append(applied, o)
			if err := s.Did(o, "created"); err != nil {
				return applied, err
			}
			continue
		}
		before, err := s.Get(ctx, o.GetKind(), o.GetNamespace(), o.GetName())
		if err != nil {
			before = nil
			if !apierrors.IsNotFound(err) {
				return applied, s.Cluster.Explain(err, "read "+Resource(o))
			}
		}
		if o.GetKind() == "Namespace" {
			if before != nil && before.GetLabels()[manifest.PartOfLabel] != manifest.PartOf {
				foreign[o.GetName()] = true
				continue // Somebody else's: its labels would concern everybody in it.
			}
			if before == nil && s.DryRun == cli.DryRunServer {
				absent[o.GetName()] = true
				if err := s.Say("namespace %q is not there yet, so what goes into it was not checked by the server", o.GetName()); err != nil {
					return applied, err
				}
			}
		}
		if newer(before, o) {
			// A newer definition serves an older agent; an older one would take fields away from a newer.
			applied = append(applied, before)
			if err := s.Did(before, "unchanged, being of "+manifest.Version(before)); err != nil {
				return applied, err
			}
			continue
		}
		after, err := s.applyOne(ctx, o)
		if isPolicy(o) && cluster.IsNoResource(err) {
			if err := s.Say("warning: this cluster has no ValidatingAdmissionPolicies (Kubernetes 1.30): without them, whoever may edit a canary may use all verbs"); err != nil {
				return applied, err
			}
			continue
		}
		if err != nil {
			return applied, s.explainApply(err, o)
		}
		applied = append(applied, after)
		if err := s.Did(o, changed(before, after)); err != nil {
			return applied, err
		}
	}
	return applied, nil
}

// newer says whether a CustomResourceDefinition in the cluster is of a later version.
func newer(before, o *unstructured.Unstructured) bool {
	if before == nil || o.GetKind() != "CustomResourceDefinition" || before.GetLabels()[manifest.PartOfLabel] != manifest.PartOf {
		return false
	}
	older, _ := manifest.Older(manifest.Version(o), manifest.Version(before))
	return older
}

func isPolicy(o *unstructured.Unstructured) bool {
	return strings.HasPrefix(o.GetKind(), "ValidatingAdmissionPolicy")
}

// changed is the word for what an apply did.
func changed(before, after *unstructured.Unstructured) string {
	switch {
	case before == nil:
		return "created"
	case reflect.DeepEqual(substance(before), substance(after)):
		return "unchanged"
	}
	return "configured"
}

// substance is an object without what the cluster writes by itself, at any time.
func substance(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	delete(o.Object, "status")
	for _, field := range []string{"resourceVersion", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(o.Object, "metadata", "annotations", "deployment.kubernetes.io/revision")
	return o.Object
}

// attempts to apply an object that somebody else writes at the same time.
const attempts = 5

func (s *Session) applyOne(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	var err error
	for range attempts {
		var after *unstructured.Unstructured
		after, err = s.of(o.GetKind(), o.GetNamespace()).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{
			FieldManager: s.FieldManager, Force: s.force, DryRun: s.DryRun.Options(),
		})
		if err == nil {
			return after, nil
		}
		owners := conflicting(err)
		switch {
		case len(owners) > 0:
			if err := s.takeOver(ctx, o, owners); err != nil {
				return nil, err
			}
		case !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err):
			return nil, err
		}
	}
	return nil, err
}

// Preflight finds out, before anything is done, what would stop an apply in the middle: definitions of
// the API that another controller has brought, whose fields may be taken over or not, and roles that
// nobody may make who has not got their rights.
func (s *Session) Preflight(ctx context.Context, objects []*unstructured.Unstructured) error {
	made := map[string]bool{}
	for _, o := range objects {
		switch o.GetKind() {
		case "Namespace":
			made[o.GetName()] = true
			continue
		case "CustomResourceDefinition":
			if s.force {
				continue
			}
		case "ClusterRole", "Role":
		default:
			continue
		}
		_, err := s.of(o.GetKind(), o.GetNamespace()).Apply(ctx, o.GetName(), o, metav1.ApplyOptions{
			FieldManager: s.FieldManager, Force: o.GetKind() != "CustomResourceDefinition", DryRun: []string{metav1.DryRunAll},
		})
		owners := conflicting(err)
		switch {
		case len(owners) > 0:
			if err := s.takeOver(ctx, o, owners); err != nil {
				return err
			}
		case err == nil, apierrors.IsConflict(err), apierrors.IsAlreadyExists(err): // Apply tries again.
		case apierrors.IsNotFound(err) && made[o.GetNamespace()]: // It comes with its namespace.
		default:
			return s.explainApply(err, o)
		}
	}
	return nil
}

// takeOver asks whether fields that others own may be written, once for all of them.
func (s *Session) takeOver(ctx context.Context, o *unstructured.Unstructured, owners []string) error {
	why := ""
	if o.GetKind() == "CustomResourceDefinition" {
		why = " It accepts every manifest that theirs accepts, and has fields that the agent needs; what applies theirs must not put it back."
	}
	told := fmt.Sprintf("%s has fields that are managed by %s and differ from this version's.%s", Resource(o), strings.Join(owners, ", "), why)
	if err := s.Say("%s", told); err != nil {
		return err
	}
	if err := s.Ask(ctx, "Take these fields over, here and on the other objects of the agent?"); err != nil {
		return err
	}
	s.force = true
	return nil
}

// conflicting names the managers that an apply without force disagrees with.
func conflicting(err error) []string {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var owners []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		// conflict with "helm" using apiextensions.k8s.io/v1
		owner := cause.Message
		if _, rest, found := strings.Cut(owner, `"`); found {
			owner, _, _ = strings.Cut(rest, `"`)
		}
		if !slices.Contains(owners, owner) {
			owners = append(owners, owner)
		}
	}
	return owners
}

// explainApply puts an error of an apply into words.
func (s *Session) explainApply(err error, o *unstructured.Unstructured) error {
	doing := "apply " + Resource(o)
	if o.GetNamespace() != "" {
		doing += " in namespace " + o.GetNamespace()
	}
	switch {
	case errors.Is(err, ErrNothingDone):
		return errors.New("stopped: what was applied so far stays, and running the command again goes on")
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "not currently held"):
		// The API server lists every right; who reads it cannot do anything with that.
		return fmt.Errorf("cannot %s: nobody may give rights that they do not have themselves: "+
			"let a cluster administrator install, or somebody with the verbs escalate and bind on roles and clusterroles", doing)
	case apierrors.IsNotFound(err) && o.GetNamespace() != "" && !cluster.IsNoResource(err):
		return fmt.Errorf("cannot %s: there is no such namespace: create it first", doing)
	}
	return s.Cluster.Explain(err, doing)
}
