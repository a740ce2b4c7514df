package installer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// need is a right that a command cannot do without.
type need struct {
	verb, namespace string
	schema.GroupVersionResource
}

func (n need) String() string {
	text := n.verb + " " + n.GroupResource().String()
	if n.namespace != "" {
		text += " in namespace " + n.namespace
	}
	return text
}

// parallelReviews bounds the requests under way at once.
const parallelReviews = 8

var reviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}

// MayApply is an error that names every right that is missing for applying objects. Hint says how to
// do with fewer.
func (s *Session) MayApply(ctx context.Context, objects []*unstructured.Unstructured, hint string) error {
	return s.may(ctx, needsOf(objects, "create", "patch"), hint)
}

// MayDelete is the same for deleting objects.
func (s *Session) MayDelete(ctx context.Context, objects []*unstructured.Unstructured, hint string) error {
	return s.may(ctx, needsOf(objects, "delete"), hint)
}

func needsOf(objects []*unstructured.Unstructured, verbs ...string) []need {
	var needs []need
	for _, o := range objects {
		for _, verb := range verbs {
			n := need{verb, o.GetNamespace(), kinds[o.GetKind()].GroupVersionResource}
			if !slices.Contains(needs, n) {
				needs = append(needs, n)
			}
		}
	}
	return needs
}

func (s *Session) may(ctx context.Context, needs []need, hint string) error {
	missing := make([]bool, len(needs))
	errs := make([]error, len(needs))
	slots := make(chan struct{}, parallelReviews)
	var group sync.WaitGroup
	for i, n := range needs {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			missing[i], errs[i] = s.lacks(ctx, n)
		})
	}
	group.Wait()
	var lacking []string
	for i, n := range needs {
		if errs[i] != nil {
			return s.Cluster.Explain(errs[i], "ask for your rights")
		}
		if missing[i] {
			lacking = append(lacking, n.String())
		}
	}
	if len(lacking) > 0 {
		return fmt.Errorf("you have not got the rights for this: %s; %s", strings.Join(lacking, ", "), hint)
	}
	return nil
}

func (s *Session) lacks(ctx context.Context, n need) (bool, error) {
	review := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": reviews.GroupVersion().String(), "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": map[string]any{
			"verb": n.verb, "group": n.Group, "version": n.Version, "resource": n.Resource, "namespace": n.namespace,
		}},
	}}
	answer, err := s.Client.Resource(reviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed, _, _ := unstructured.NestedBool(answer.Object, "status", "allowed")
	return !allowed, nil
}
