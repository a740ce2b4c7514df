package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/rights"
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

// rights asks once for all that the user may do in the namespace.
func (s *session) rights(ctx context.Context) []Check {
	const title = "Your rights"
	if off := s.offline(title); off != nil {
		return off
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	have, err := rights.Read(ctx, s.client, s.o.Namespace)
	if err != nil {
		return s.unreadable(title, "ask for your rights", err)
	}
	var out []Check
	for _, n := range needs() {
		out = append(out, s.need(title, n, have))
	}
	return out
}

func (s *session) need(title string, n need, have rights.Rules) Check {
	var lacks, named []string
	for _, r := range n.rights {
		switch all, names := have.Allow(r.verb, r.group, r.resource); {
		case all:
		case len(names) > 0:
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
