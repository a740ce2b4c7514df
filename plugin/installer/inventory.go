package installer

import (
	"context"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

// Inventory is what there is of an installation.
type Inventory struct {
	// Objects in the order in which they are to be removed: first the agent, last what says where the
	// rest belongs to, so that a removal that was stopped can be finished.
	Objects []*unstructured.Unstructured
	// Namespace is that of the agent when this installation has made it. It is not removed.
	Namespace bool
	// CRDs are the definitions of the API.
	CRDs []*unstructured.Unstructured
}

// removal is the order in which kinds are removed. The binding in the cluster comes late: it names the
// namespace of the agent, and by that tells to which installation the other objects belong.
var removal = []string{
	"Deployment", "ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy", "ClusterRole", "ClusterRoleBinding",
	"RoleBinding", "Role", "ServiceAccount",
}

// Inventory finds what belongs to the installation of a namespace, complete or not. What concerns the
// cluster belongs to it if the agent's binding names the namespace, or if there is none and no agent
// elsewhere.
func (s *Session) Inventory(ctx context.Context, namespace string, found Survey) (Inventory, error) {
	var inventory Inventory
	everywhere, err := s.ownsCluster(ctx, namespace, found)
	if err != nil {
		return inventory, err
	}
	for _, kindName := range removal {
		k := kinds[kindName]
		if k.cluster && !everywhere {
			continue
		}
		all, err := s.list(ctx, s.of(kindName, namespace), metav1.ListOptions{})
		if k.cluster && err != nil && (apierrors.IsForbidden(err) || cluster.IsNoResource(err)) {
			continue
		}
		if err != nil {
			return inventory, s.Cluster.Explain(err, "list "+k.Resource)
		}
		for _, o := range all {
			if ours(o) {
				inventory.Objects = append(inventory.Objects, o)
			}
		}
	}
	if there, err := s.Get(ctx, "Namespace", "", namespace); err == nil {
		inventory.Namespace = there.GetLabels()[manifest.PartOfLabel] == manifest.PartOf
	}
	return inventory, nil
}

// ours recognises the objects of an installation, also one that was made with other tools.
func ours(o *unstructured.Unstructured) bool {
	if o.GetLabels()["kubernetes.io/bootstrapping"] != "" {
		return false
	}
	name := o.GetName()
	return o.GetLabels()[manifest.PartOfLabel] == manifest.PartOf || name == manifest.AgentName || strings.HasPrefix(name, manifest.AgentName+"-")
}

// ownsCluster says whether what concerns the cluster belongs to the installation of a namespace.
func (s *Session) ownsCluster(ctx context.Context, namespace string, found Survey) (bool, error) {
	if d := found.In(namespace); d != nil {
		return d.Scope == "", nil
	}
	binding, err := s.Get(ctx, "ClusterRoleBinding", "", manifest.AgentName)
	switch {
	case apierrors.IsNotFound(err):
		return !found.Partial && len(found.Agents) == 0, nil
	case apierrors.IsForbidden(err):
		return false, nil
	case err != nil:
		return false, s.Cluster.Explain(err, "read clusterrolebinding "+manifest.AgentName)
	}
	subjects, _, _ := unstructured.NestedSlice(binding.Object, "subjects")
	return slices.ContainsFunc(subjects, func(subject any) bool {
		to, _ := subject.(map[string]any)
		return to["namespace"] == namespace
	}), nil
}

// Definitions are the CustomResourceDefinitions of the API that are there.
func (s *Session) Definitions(ctx context.Context) ([]*unstructured.Unstructured, error) {
	wanted, err := manifest.CRDs()
	if err != nil {
		return nil, err
	}
	var there []*unstructured.Unstructured
	for _, crd := range wanted {
		have, err := s.Get(ctx, crd.GetKind(), "", crd.GetName())
		switch {
		case apierrors.IsNotFound(err):
		case err != nil:
			return nil, s.Cluster.Explain(err, "read "+Resource(crd))
		default:
			there = append(there, have)
		}
	}
	return there, nil
}
