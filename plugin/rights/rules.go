package rights

import (
	"context"
	"fmt"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var (
	reviews       = schema.GroupVersion{Group: "authorization.k8s.io", Version: "v1"}
	rulesReviews  = reviews.WithResource("selfsubjectrulesreviews")
	accessReviews = reviews.WithResource("selfsubjectaccessreviews")
)

// Rules are what the API server lists of the user's rights in a namespace.
type Rules struct {
	Rules []struct {
		Verbs         []string `json:"verbs"`
		Groups        []string `json:"apiGroups"`
		Resources     []string `json:"resources"`
		ResourceNames []string `json:"resourceNames"`
	} `json:"resourceRules"`
	// Incomplete says that there may be rights that are not listed.
	Incomplete bool `json:"incomplete"`
}

// Read asks for the rights of the user in a namespace.
func Read(ctx context.Context, client dynamic.Interface, namespace string) (Rules, error) {
	review := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"namespace": namespace}}}
	review.SetGroupVersionKind(reviews.WithKind("SelfSubjectRulesReview"))
	answer, err := client.Resource(rulesReviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return Rules{}, err
	}
	status, _, _ := unstructured.NestedMap(answer.Object, "status")
	var have Rules
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(status, &have); err != nil {
		return Rules{}, fmt.Errorf("the list of rights makes no sense: %w", err)
	}
	return have, nil
}

// Allow says whether the rules give a verb on a resource: on all objects, or only on those of the
// names that are returned.
func (r Rules) Allow(verb, group, resource string) (all bool, names []string) {
	has := func(list []string, s string) bool { return slices.Contains(list, s) || slices.Contains(list, "*") }
	for _, rule := range r.Rules {
		if !has(rule.Verbs, verb) || !has(rule.Groups, group) || !has(rule.Resources, resource) {
			continue
		}
		if len(rule.ResourceNames) == 0 {
			return true, nil
		}
		names = append(names, rule.ResourceNames...)
	}
	return false, names
}

// allow says whether a verb on a canary is among the rules.
func (r Rules) allow(verb, name string) bool {
	all, names := r.Allow(verb, v1beta1.GroupName, v1beta1.CanaryResource.Resource)
	return all || slices.Contains(names, name)
}

// granted has those of the RBAC verbs that the user has on a canary. It takes one request, and one for
// each verb besides where the API server cannot list all rights, as with an authorizer that is a
// webhook.
func granted(ctx context.Context, client dynamic.Interface, namespace, name string, verbs []string) (map[string]bool, error) {
	have, err := Read(ctx, client, namespace)
	if err != nil {
		// Whoever may not ask for the list may still ask for each.
		have = Rules{Incomplete: true}
	}
	out := map[string]bool{}
	var unknown []string
	for _, verb := range verbs {
		out[verb] = have.allow(verb, name)
		if !out[verb] && have.Incomplete {
			unknown = append(unknown, verb)
		}
	}
	allowed, errs := make([]bool, len(unknown)), make([]error, len(unknown))
	var asking sync.WaitGroup
	for i, verb := range unknown {
		asking.Go(func() { allowed[i], errs[i] = may(ctx, client, namespace, name, verb) })
	}
	asking.Wait()
	for i, verb := range unknown {
		if errs[i] != nil {
			return nil, errs[i]
		}
		out[verb] = allowed[i]
	}
	return out, nil
}

// may asks for one right.
func may(ctx context.Context, client dynamic.Interface, namespace, name, verb string) (bool, error) {
	review := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"resourceAttributes": map[string]any{
		"namespace": namespace, "name": name, "verb": verb,
		"group": v1beta1.GroupName, "version": v1beta1.CanaryResource.Version, "resource": v1beta1.CanaryResource.Resource,
	}}}}
	review.SetGroupVersionKind(reviews.WithKind("SelfSubjectAccessReview"))
	answer, err := client.Resource(accessReviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed, _, err := unstructured.NestedBool(answer.Object, "status", "allowed")
	return allowed, err
}
