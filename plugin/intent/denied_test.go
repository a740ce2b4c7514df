package intent

import (
	"errors"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func TestDenied(t *testing.T) {
	const policy = "ValidatingAdmissionPolicy '" + PolicyName + "' with binding '" + PolicyName + "' denied request: "
	forbidden := func(why string) error {
		return apierrors.NewForbidden(v1beta1.CanaryResource.GroupResource(), "app", errors.New(why))
	}
	const missing = `canary "app" in namespace "other": the RBAC verb "%" on canaries.flagger.app is missing; a RoleBinding to ClusterRole `
	for _, c := range []struct {
		verb v1beta1.Verb
		err  error
		want string
	}{
		{
			v1beta1.VerbPromote, forbidden(policy + `user "ada" may not promote canary other/app: the RBAC verb "promote" on canaries.flagger.app is missing; ClusterRole canary-operator has it`),
			"you may not promote " + strings.Replace(missing, "%", "promote", 1) + `canary-operator in namespace "other" gives it`,
		},
		{
			v1beta1.VerbPromoteStep, forbidden(policy + `user "ada" may not promote-step canary other/app: the RBAC verb "promote" on …`),
			"you may not promote-step " + strings.Replace(missing, "%", "promote", 1) + `canary-operator in namespace "other" gives it`,
		},
		{
			v1beta1.VerbReject, forbidden(policy + `user "ada" may not reject canary other/app: the RBAC verb "reject" on …`),
			"you may not reject " + strings.Replace(missing, "%", "reject", 1) + `canary-approver in namespace "other" gives it`,
		},
		{
			v1beta1.VerbPromote, forbidden(policy + `user "ada" may not promote canary other/app past its gates: the RBAC verb "approve" on …`),
			`you may not promote canary "app" in namespace "other" past its gates: the RBAC verb "approve" on canaries.flagger.app is missing; ` +
				`a RoleBinding to ClusterRole canary-approver in namespace "other" gives it`,
		},
		{
			v1beta1.VerbAbort, forbidden(policy + "the annotation kubectl-canary/by names another"),
			`cannot abort canary "app" in namespace "other": the annotation kubectl-canary/by names another`,
		},
		{
			v1beta1.VerbPause, forbidden(`User "ada" cannot patch resource "canaries" in API group "flagger.app" in the namespace "other"`),
			"you may not pause " + strings.Replace(missing, "%", "patch", 1) + `canary-operator in namespace "other" gives it`,
		},
		{v1beta1.VerbPause, forbidden("ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied request: not on Fridays"), ""},
		{v1beta1.VerbPause, errors.New("odd"), ""},
		{v1beta1.VerbPause, nil, ""},
	} {
		have := ""
		if err := Denied(c.err, c.verb, "other", "app"); err != nil {
			have = err.Error()
		}
		if have != c.want {
			t.Errorf("have %q\nwant %q", have, c.want)
		}
	}
}

// What the words rest on is what is shipped.
func TestDeniedKnowsTheShippedPolicy(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile("../../manifests/" + path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	policy := read("policies/operator-verbs.yaml")
	for _, text := range []string{"name: " + PolicyName + "\n", `the RBAC verb "`, RoleOperator, RoleApprover} {
		if !strings.Contains(policy, text) {
			t.Errorf("the policy does not say %q", text)
		}
	}
	roles := read("roles/operator.yaml") + read("roles/approver.yaml")
	for _, verb := range v1beta1.Verbs() {
		if !strings.Contains(policy, "'"+string(verb)+"'") {
			t.Errorf("the policy does not know the verb %s", verb)
		}
		if !strings.Contains(roles, " "+Right(verb)) || !strings.Contains(roles, "name: "+RoleOf(verb)+"\n") {
			t.Errorf("no role gives the verb %s", verb)
		}
	}
	for _, key := range v1beta1.IntentAnnotations() {
		if !strings.Contains(policy, "'"+strings.TrimPrefix(key, "kubectl-canary/")+"'") {
			t.Errorf("the policy does not look at %s", key)
		}
	}
}
