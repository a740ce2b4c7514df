package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// right is a verb on a resource.
type right struct{ verb, group, resource string }

func (r right) String() string {
	if r.group == v1beta1.GroupName {
		return r.verb
	}
	return r.verb + " " + r.resource
}

// need is what a role is for.
type need struct {
	role, what string
	rights     []right
}

// needs of the people who use the plugin, and the roles that give them (manifests/roles).
func needs() []need {
	canaries := func(verbs ...string) []right {
		var out []right
		for _, verb := range verbs {
			out = append(out, right{verb, v1beta1.GroupName, "canaries"})
		}
		return out
	}
	return []need{
		{"canary-viewer", "look", slices.Concat(canaries("get", "list", "watch"),
			[]right{{"list", "", "pods"}, {"list", "", "events"}, {"get", "", "pods/log"}})},
		{"canary-operator", "act", canaries("patch", "promote", "abort", "pause", "resume", "retry", "rollback")},
		{"canary-approver", "approve", canaries("patch", "approve", "reject")},
	}
}

var rulesReviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectrulesreviews"}

// rules is the answer about the user's rights in a namespace.
type rules struct {
	Rules []struct {
		Verbs         []string `json:"verbs"`
		Groups        []string `json:"apiGroups"`
		Resources     []string `json:"resources"`
		ResourceNames []string `json:"resourceNames"`
	} `json:"resourceRules"`
	Incomplete bool `json:"incomplete"`
}

// allows says whether the rules give a right, and whether they do so only for objects of some names.
func (r rules) allows(want right) (allowed, named bool) {
	has := func(list []string, s string) bool { return slices.Contains(list, s) || slices.Contains(list, "*") }
	for _, rule := range r.Rules {
		if !has(rule.Verbs, want.verb) || !has(rule.Groups, want.group) || !has(rule.Resources, want.resource) {
			continue
		}
		if len(rule.ResourceNames) == 0 {
			return true, false
		}
		named = true
	}
	return false, named
}

// rights asks once for all that the user may do in the namespace.
func (s *session) rights(ctx context.Context) []Check {
	const title = "Your rights"
	if off := s.offline(title); off != nil {
		return off
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	review := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": rulesReviews.GroupVersion().String(), "kind": "SelfSubjectRulesReview",
		"spec": map[string]any{"namespace": s.o.Namespace},
	}}
	answer, err := s.client.Resource(rulesReviews).Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return s.unreadable(title, "ask for your rights", err)
	}
	status, _, _ := unstructured.NestedMap(answer.Object, "status")
	var have rules
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(status, &have); err != nil {
		return skipped(title, "the answer of the API server makes no sense: %v", err)
	}
	var out []Check
	for _, n := range needs() {
		out = append(out, s.need(title, n, have))
	}
	return out
}

func (s *session) need(title string, n need, have rules) Check {
	var lacks, named []string
	for _, r := range n.rights {
		switch allowed, some := have.allows(r); {
		case allowed:
		case some:
			named = append(named, r.String())
		default:
			lacks = append(lacks, r.String())
		}
	}
	c := Check{Status: OK, Title: fmt.Sprintf("%s to %s in namespace %s", title, n.what, s.o.Namespace), Detail: "all of " + joinRights(n.rights)}
	switch {
	case len(lacks) > 0 && have.Incomplete:
		c.Status, c.Detail = Skip, "the API server cannot tell all of your rights; not seen: "+strings.Join(lacks, ", ")
	case len(lacks) > 0:
		c.Status, c.Detail = Warn, "missing: "+strings.Join(lacks, ", ")
		c.Fix = fmt.Sprintf("ClusterRole %s gives them; an administrator can bind it:\nkubectl create rolebinding NAME --clusterrole=%[1]s --user=USER -n %s", n.role, s.o.Namespace)
	case len(named) > 0:
		c.Detail = fmt.Sprintf("%s for canaries of certain names only", strings.Join(named, ", "))
	}
	return c
}

func joinRights(all []right) string {
	var out []string
	for _, r := range all {
		out = append(out, r.String())
	}
	return strings.Join(out, ", ")
}

// policyName is that of the admission policy and of its binding (manifests/policies).
const policyName = "kubectl-canary-operator-verbs"

var (
	policyResource  = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}
	bindingResource = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"}
)

// policy looks whether RBAC decides about the verbs.
func (s *session) policy(ctx context.Context) []Check {
	const title = "Admission policy"
	if off := s.offline(title); off != nil {
		return off
	}
	const without = "without it, whoever may patch a canary may use every verb in anybody's name"
	for _, part := range []struct {
		what string
		gvr  schema.GroupVersionResource
	}{{"policy", policyResource}, {"binding", bindingResource}} {
		object, err := s.object(ctx, part.gvr, "", policyName)
		if apierrors.IsNotFound(err) {
			return []Check{{Status: Warn, Title: title, Detail: fmt.Sprintf("there is no %s %s: %s", part.what, policyName, without), Fix: s.renew()}}
		}
		if err != nil {
			return s.unreadable(title, "read "+part.gvr.Resource, err)
		}
		if part.what == "policy" {
			continue
		}
		actions, _, _ := unstructured.NestedStringSlice(object.Object, "spec", "validationActions")
		if !slices.Contains(actions, "Deny") {
			return []Check{{Status: Warn, Title: title, Detail: fmt.Sprintf("binding %s does not deny (validationActions %s): %s", policyName, strings.Join(actions, ", "), without), Fix: s.renew()}}
		}
	}
	return []Check{{Status: OK, Title: title, Detail: policyName + " is bound: RBAC decides who may use which verb"}}
}
