package installer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Canaries is what matters of all canaries to somebody who changes what looks after them.
type Canaries struct {
	// Total number of them.
	Total int
	// Active ones are in the middle of a run.
	Active int
	// Held ones have the finalizer: they do not go without an agent.
	Held int
	// Bare ones do not ask for their targets back: deleting them leaves targets without pods.
	Bare int
	// Namespaces in which there are some, sorted.
	Namespaces []string
	// Objects are the canaries.
	Objects []*unstructured.Unstructured
}

// Canaries counts the canaries of a namespace, or of all when it is empty. Without the API there are
// none.
func (s *Session) Canaries(ctx context.Context, namespace string) (Canaries, error) {
	objects, err := s.list(ctx, s.Client.Resource(v1beta1.CanaryResource).Namespace(namespace), metav1.ListOptions{})
	if cluster.IsNoResource(err) {
		return Canaries{}, nil
	}
	if err != nil {
		return Canaries{}, s.Cluster.Explain(err, "list canaries")
	}
	all := Canaries{Total: len(objects), Objects: objects}
	for _, o := range objects {
		c, problem := view.Decode(o.Object)
		v := view.Build(c, view.Extra{Problem: problem})
		if v.Active() {
			all.Active++
		}
		if slices.Contains(o.GetFinalizers(), v1beta1.Finalizer) {
			all.Held++
		}
		if !c.Spec.RevertOnDeletion {
			all.Bare++
		}
		if !slices.Contains(all.Namespaces, o.GetNamespace()) {
			all.Namespaces = append(all.Namespaces, o.GetNamespace())
		}
	}
	slices.Sort(all.Namespaces)
	return all, nil
}

// Where names the namespaces, in short.
func (c Canaries) Where() string {
	const shown = 3
	if len(c.Namespaces) > shown {
		return strings.Join(c.Namespaces[:shown], ", ") + " …"
	}
	return strings.Join(c.Namespaces, ", ")
}

// RemoveCanaries deletes canaries and waits until they are gone: all are deleted first, since each may
// take the time that the pods of its target need.
func (s *Session) RemoveCanaries(ctx context.Context, canaries []*unstructured.Unstructured) error {
	of := func(o *unstructured.Unstructured) dynamic.ResourceInterface {
		return s.Client.Resource(v1beta1.CanaryResource).Namespace(o.GetNamespace())
	}
	for _, o := range canaries {
		if s.DryRun == cli.DryRunClient {
			continue
		}
		uid := o.GetUID()
		err := of(o).Delete(ctx, o.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, DryRun: s.DryRun.Options()})
		if err != nil && !apierrors.IsNotFound(err) {
			return s.Cluster.Explain(err, fmt.Sprintf("delete canary %q in namespace %q", o.GetName(), o.GetNamespace()))
		}
	}
	for _, o := range canaries {
		if s.DryRun.String() == string(cli.DryRunNone) {
			err := Until(ctx, fmt.Sprintf("canary %s/%s to go, which is in the middle of its deletion", o.GetNamespace(), o.GetName()), func(ctx context.Context) (bool, string, error) {
				have, err := of(o).Get(ctx, o.GetName(), metav1.GetOptions{})
				if apierrors.IsNotFound(err) {
					return true, "", nil
				}
				if err != nil {
					return false, "", err
				}
				why, _, _ := unstructured.NestedString(have.Object, "status", "message")
				return have.GetUID() != o.GetUID(), why, nil
			})
			if err != nil {
				return err
			}
		}
		if err := s.Did(o, "deleted"); err != nil {
			return err
		}
	}
	return nil
}
