package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
)

// Explain puts an error of reading one canary into words; for one that does not exist it names
// those that do and are spelled alike.
func (d Deps) Explain(ctx context.Context, err error, doing, namespace, name string) error {
	if !apierrors.IsNotFound(err) || cluster.IsNoResource(err) {
		return d.Cluster.Explain(err, fmt.Sprintf("%s canary %q in namespace %q", doing, name, namespace))
	}
	return NotFound(ctx, d.Cluster, namespace, name)
}

// NotFound says that a canary does not exist, and suggests.
func NotFound(ctx context.Context, access *cluster.Access, namespace, name string) error {
	message := fmt.Sprintf("there is no canary %q in namespace %q", name, namespace)
	client, err := access.Dynamic()
	if err != nil {
		return fmt.Errorf("%s", message)
	}
	if near := nearest(name, names(ctx, client, namespace)); len(near) > 0 {
		return fmt.Errorf("%s; did you mean %s?", message, strings.Join(near, " or "))
	}
	if elsewhere := namespacesOf(ctx, client, name); len(elsewhere) > 0 {
		return fmt.Errorf("%s, but in %s: use -n", message, strings.Join(elsewhere, ", "))
	}
	return fmt.Errorf("%s; see: kubectl canary list -A", message)
}

// suggestionLimit bounds what a typing error costs the API server.
const suggestionLimit = 500

func names(ctx context.Context, client dynamic.Interface, namespace string) []string {
	list, err := client.Resource(v1beta1.CanaryResource).Namespace(namespace).
		List(ctx, metav1.ListOptions{Limit: suggestionLimit})
	if err != nil {
		return nil
	}
	var out []string
	for _, item := range list.Items {
		out = append(out, item.GetName())
	}
	return out
}

func namespacesOf(ctx context.Context, client dynamic.Interface, name string) []string {
	list, err := client.Resource(v1beta1.CanaryResource).
		List(ctx, metav1.ListOptions{Limit: 5, FieldSelector: "metadata.name=" + name})
	if err != nil {
		return nil
	}
	var out []string
	for _, item := range list.Items {
		out = append(out, item.GetNamespace())
	}
	return out
}

// nearest returns at most three names that are spelled alike, the most alike first.
func nearest(name string, all []string) []string {
	type scored struct {
		name     string
		distance int
	}
	var near []scored
	for _, candidate := range all {
		d := distance(name, candidate)
		if d <= max(1, len(name)/3) || strings.HasPrefix(candidate, name) || strings.HasPrefix(name, candidate) {
			near = append(near, scored{candidate, d})
		}
	}
	slices.SortFunc(near, func(a, b scored) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	var out []string
	for _, n := range near[:min(3, len(near))] {
		out = append(out, fmt.Sprintf("%q", n.name))
	}
	return out
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
