package intent

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// PolicyName of the shipped ValidatingAdmissionPolicy.
const PolicyName = "kubectl-canary-operator-verbs"

// Roles that give verbs, as shipped.
const (
	RoleOperator = "canary-operator"
	RoleApprover = "canary-approver"
)

// RoleOf is the shipped ClusterRole that gives a verb.
func RoleOf(verb v1beta1.Verb) string {
	if verb == v1beta1.VerbApprove || verb == v1beta1.VerbReject {
		return RoleApprover
	}
	return RoleOperator
}

// Right is the RBAC verb on canaries.flagger.app that a verb needs.
func Right(verb v1beta1.Verb) string {
	if verb == v1beta1.VerbPromoteStep {
		return string(v1beta1.VerbPromote)
	}
	return string(verb)
}

// Denied puts the refusal of a verb by RBAC, or by the shipped policy, into words: which right is
// missing, and which role gives it. Nil when the error is anything else.
func Denied(err error, verb v1beta1.Verb, namespace, name string) error {
	if !apierrors.IsForbidden(err) {
		return nil
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "'"+PolicyName+"'"):
		_, why, _ := strings.Cut(text, "denied request: ")
		_, after, found := strings.Cut(why, `the RBAC verb "`)
		if !found {
			return fmt.Errorf("cannot %s canary %q in namespace %q: %s", verb, name, namespace, why)
		}
		right, _, _ := strings.Cut(after, `"`)
		past := ""
		if right == string(v1beta1.VerbApprove) && Right(verb) != right {
			past = " past its gates"
		}
		return missingRight(verb, namespace, name, past, right, RoleOf(v1beta1.Verb(right)))
	case strings.Contains(text, `cannot patch resource "canaries"`):
		return missingRight(verb, namespace, name, "", "patch", RoleOf(verb))
	}
	return nil
}

func missingRight(verb v1beta1.Verb, namespace, name, past, right, role string) error {
	return fmt.Errorf("you may not %s canary %q in namespace %q%s: the RBAC verb %q on %s is missing; "+
		"a RoleBinding to ClusterRole %s in namespace %q gives it",
		verb, name, namespace, past, right, v1beta1.CanaryResource.GroupResource(), role, namespace)
}
