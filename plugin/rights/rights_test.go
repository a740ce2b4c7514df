package rights

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
)

const plain = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  analysis: {interval: 1m, threshold: 1}`

var gates = strings.Replace(plain, "threshold: 1}", "threshold: 1, gates: [{name: qa, at: promotion}]}", 1)

func on(verbs ...string) clustertest.Rule {
	return clustertest.Rule{Verbs: verbs, Groups: []string{v1beta1.GroupName}, Resources: []string{"canaries"}}
}

func named(rule clustertest.Rule, names ...string) clustertest.Rule {
	rule.Names = names
	return rule
}

var (
	look    = on("get", "list", "watch")
	operate = on("patch", "promote", "abort", "pause", "resume", "retry", "rollback")
	approve = on("patch", "approve", "reject")
)

// policy refuses the verbs of which rules have no right, in the words of the real one.
func policy(s *clustertest.Server) func(clustertest.Object) string {
	return func(o clustertest.Object) string {
		annotations := o["metadata"].(map[string]any)["annotations"].(map[string]any)
		verb := annotations[v1beta1.IntentVerbAnnotation].(string)
		right := intent.Right(v1beta1.Verb(verb))
		for _, rule := range s.Rules {
			if slices.Contains(rule.Verbs, right) || slices.Contains(rule.Verbs, "*") {
				return ""
			}
		}
		return "ValidatingAdmissionPolicy '" + intent.PolicyName + "' with binding '" + intent.PolicyName + `' denied request: user "ada" may not ` +
			verb + ` canary test/app: the RBAC verb "` + right + `" on canaries.flagger.app is missing`
	}
}

func checker(t *testing.T, s *clustertest.Server) Checker {
	t.Helper()
	client, err := dynamic.NewForConfig(&rest.Config{Host: s.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return Checker{Client: client, Now: time.Now}
}

const (
	all       = "abort approve pause promote promote-step reject resume retry rollback"
	approving = "approve reject"
	operating = "abort pause promote promote-step resume retry rollback"
)

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		rules    []clustertest.Rule
		canary   string
		without  bool // the policy
		partial  bool
		want     string // verbs that are refused
		requests int
	}{
		"admin":                        {rules: []clustertest.Rule{{Verbs: []string{"*"}, Groups: []string{"*"}, Resources: []string{"*"}}}, canary: gates, requests: 1},
		"viewer":                       {rules: []clustertest.Rule{look}, want: all, requests: 1},
		"nobody":                       {want: all, requests: 1},
		"operator":                     {rules: []clustertest.Rule{look, operate}, want: approving, requests: 4},
		"operator and approver":        {rules: []clustertest.Rule{look, operate, approve}, canary: gates, requests: 1},
		"operator, with gates":         {rules: []clustertest.Rule{look, operate}, canary: gates, want: "approve promote promote-step reject", requests: 4},
		"approver":                     {rules: []clustertest.Rule{look, approve}, want: operating, requests: 4},
		"who may patch":                {rules: []clustertest.Rule{look, on("patch")}, want: all, requests: 4},
		"without the policy":           {rules: []clustertest.Rule{look, on("patch")}, without: true, requests: 4},
		"without the policy, viewer":   {rules: []clustertest.Rule{look}, without: true, want: all, requests: 1},
		"without the policy, gates":    {rules: []clustertest.Rule{look, operate}, canary: gates, without: true, requests: 4},
		"this canary":                  {rules: []clustertest.Rule{look, named(operate, "web", "app")}, want: approving, requests: 4},
		"another canary":               {rules: []clustertest.Rule{look, named(operate, "web")}, want: all, requests: 1},
		"another resource":             {rules: []clustertest.Rule{look, {Verbs: []string{"*"}, Groups: []string{"apps"}, Resources: []string{"*"}}}, want: all, requests: 1},
		"webhook authorizer, operator": {rules: []clustertest.Rule{look, operate}, partial: true, want: approving, requests: 4 + 9},
		"webhook authorizer, viewer":   {rules: []clustertest.Rule{look}, partial: true, want: all, requests: 1 + 9},
	} {
		t.Run(name, func(t *testing.T) {
			s := clustertest.New(t)
			if c.canary == "" {
				c.canary = plain
			}
			s.Put(t, c.canary)
			s.Rules, s.Partial = c.rules, c.partial
			if !c.without {
				s.Admit = policy(s)
			}
			before := s.Get("/apis/flagger.app/v1beta1/namespaces/test/canaries/app")
			refusals, err := checker(t, s).Refusals(t.Context(), "test", "app")
			if err != nil {
				t.Fatal(err)
			}
			if have := strings.Join(slices.Sorted(maps.Keys(refusals)), " "); have != c.want {
				t.Errorf("refused %q, want %q", have, c.want)
			}
			if have := s.Requests(); len(have) != c.requests {
				t.Errorf("%d requests, want %d:\n%s", len(have), c.requests, strings.Join(have, "\n"))
			}
			after := s.Get("/apis/flagger.app/v1beta1/namespaces/test/canaries/app")
			if version(before) != version(after) {
				t.Error("the canary was written")
			}
		})
	}
}

func version(o clustertest.Object) any { return o["metadata"].(map[string]any)["resourceVersion"] }

func TestWords(t *testing.T) {
	s := clustertest.New(t)
	s.Put(t, gates)
	s.Rules, s.Admit = []clustertest.Rule{look, on("patch", "promote", "abort")}, policy(s)
	refusals, err := checker(t, s).Refusals(t.Context(), "test", "app")
	if err != nil {
		t.Fatal(err)
	}
	for verb, want := range map[string]string{
		"pause":        `you may not pause canary "app" in namespace "test"; ClusterRole canary-operator gives it`,
		"approve":      `you may not approve canary "app" in namespace "test"; ClusterRole canary-approver gives it`,
		"promote-step": `you may not promote-step canary "app" in namespace "test" past its gates; ClusterRole canary-approver gives it`,
		"abort":        "",
	} {
		if refusals[verb] != want {
			t.Errorf("%s: have %q, want %q", verb, refusals[verb], want)
		}
	}
	s.Rules = []clustertest.Rule{look}
	refusals, err = checker(t, s).Refusals(t.Context(), "test", "app")
	if want := `you may not reject canary "app" in namespace "test"; ClusterRole canary-approver gives it`; err != nil || refusals["reject"] != want {
		t.Errorf("a viewer: have %q, %v", refusals["reject"], err)
	}
}

// What is not known is no refusal.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*clustertest.Server)
		want  string
	}{
		"another policy": {func(s *clustertest.Server) {
			s.Admit = func(clustertest.Object) string {
				return "ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied request: not on Fridays"
			}
		}, "not on Fridays"},
		"no canary":      {func(s *clustertest.Server) { s.Delete("/apis/flagger.app/v1beta1/namespaces/test/canaries/app") }, `read canary "app" in namespace "test"`},
		"not reachable":  {func(s *clustertest.Server) { s.Unreachable(true) }, `ask for your rights in namespace "test"`},
		"no reviews":     {func(s *clustertest.Server) { s.Uninstall("authorization.k8s.io/v1") }, "ask for your rights"},
		"may not review": {func(s *clustertest.Server) { s.Deny("create", "selfsubjectaccessreviews"); s.Partial = true }, "ask for your rights"},
	} {
		t.Run(name, func(t *testing.T) {
			s := clustertest.New(t)
			s.Put(t, plain)
			s.Rules = []clustertest.Rule{look, operate}
			c.spoil(s)
			refusals, err := checker(t, s).Refusals(t.Context(), "test", "app")
			if err == nil || !strings.Contains(err.Error(), c.want) || len(refusals) != 0 {
				t.Errorf("have %v, %v; want an error with %q", refusals, err, c.want)
			}
			if errors.Unwrap(err) == nil {
				t.Error("the cause is lost")
			}
		})
	}
}

// Who may not ask for the list of rights asks for each of them.
func TestListRefused(t *testing.T) {
	s := clustertest.New(t)
	s.Put(t, plain)
	s.Rules, s.Admit = []clustertest.Rule{look, operate}, policy(s)
	s.Deny("create", "selfsubjectrulesreviews")
	refusals, err := checker(t, s).Refusals(t.Context(), "test", "app")
	if have := strings.Join(slices.Sorted(maps.Keys(refusals)), " "); err != nil || have != approving {
		t.Errorf("refused %q, %v; want %q", have, err, approving)
	}
}
