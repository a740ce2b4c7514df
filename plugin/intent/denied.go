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
		return missingRight(verb, namespace, name, right)
	case strings.Contains(text, `cannot patch resource "canaries"`):
		return missingRight(verb, namespace, name, RightPatch)
	}
	return nil
}

// RightPatch is the RBAC verb that every verb needs: its annotations are a patch.
const RightPatch = "patch"

func missingRight(verb v1beta1.Verb, namespace, name, right string) error {
	return fmt.Errorf("%s: the RBAC verb %q on %s is missing; a RoleBinding to ClusterRole %s in namespace %q gives it",
		mayNot(verb, namespace, name, right), right, v1beta1.CanaryResource.GroupResource(), roleFor(verb, right), namespace)
}

// Refusal is what [Denied] says in few words, before anything was sent: right is the RBAC verb that
// is missing.
func Refusal(verb v1beta1.Verb, namespace, name, right string) string {
	return fmt.Sprintf("%s; ClusterRole %s gives it", mayNot(verb, namespace, name, right), roleFor(verb, right))
}

func mayNot(verb v1beta1.Verb, namespace, name, right string) string {
	past := ""
	if right == string(v1beta1.VerbApprove) && Right(verb) != right {
		past = " past its gates"
	}
	return fmt.Sprintf("you may not %s canary %q in namespace %q%s", verb, name, namespace, past)
}

// roleFor is the role that gives a right for the sake of a verb.
func roleFor(verb v1beta1.Verb, right string) string {
	if right == RightPatch {
		return RoleOf(verb)
	}
	return RoleOf(v1beta1.Verb(right))
}
