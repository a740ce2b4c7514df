//go:build linux

package rights

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/manifests"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/intent"
	"github.com/kubectl-canary/kubectl-canary/plugin/rights"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m, testbed.Options{Profile: testbed.ControlPlane}) }

const canaries = `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app}
spec:
  provider: kubernetes
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  service: {port: 80}
  analysis: {interval: 60s, threshold: 3, iterations: 3}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: gated}
spec:
  provider: kubernetes
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: gated}
  service: {port: 80}
  analysis: {interval: 60s, threshold: 3, iterations: 3, gates: [{name: qa, at: promotion}]}
`

// hall is a namespace with canaries, and another one in which nobody has a right.
type hall struct {
	*testing.T
	ctx              context.Context
	cluster          *testbed.Cluster
	namespace, other string
}

// as is a client with the rights of a user; "" is the administrator.
func (h *hall) as(user string) dynamic.Interface {
	h.Helper()
	config := rest.CopyConfig(h.cluster.RESTConfig)
	config.Impersonate.UserName, config.QPS = user, -1
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		h.Fatal(err)
	}
	return client
}

func (h *hall) bind(user, kind, role string) {
	h.Helper()
	_, err := h.cluster.Client().RbacV1().RoleBindings(h.namespace).Create(h.ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user + "-" + role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role},
	}, metav1.CreateOptions{})
	if err != nil {
		h.Fatal(err)
	}
}

func (h *hall) apply(docs [][]byte, err error) {
	h.Helper()
	for _, doc := range docs {
		if err == nil {
			err = h.cluster.Apply(h.ctx, "", doc)
		}
	}
	if err != nil {
		h.Fatal(err)
	}
}

func open(t *testing.T) *hall {
	c := testbed.Shared(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	h := &hall{T: t, ctx: ctx, cluster: c}
	h.apply(manifests.CRDs())
	h.apply(manifests.Roles())
	h.namespace, h.other = c.Namespace(t), c.Namespace(t)
	for _, namespace := range []string{h.namespace, h.other} {
		if err := c.Apply(ctx, namespace, []byte(canaries)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Client().RbacV1().Roles(h.namespace).Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "one"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{v1beta1.GroupName}, Resources: []string{"canaries"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{v1beta1.GroupName}, Resources: []string{"canaries"}, ResourceNames: []string{"app"}, Verbs: []string{"patch", "promote", "abort"}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h.bind("olga", "ClusterRole", "canary-operator")
	h.bind("vera", "ClusterRole", "canary-viewer")
	h.bind("ann", "ClusterRole", "canary-approver")
	h.bind("dora", "ClusterRole", "edit")
	h.bind("owen", "Role", "one")
	return h
}

const (
	all       = "abort approve pause promote promote-step reject resume retry rollback"
	approving = "approve reject"
)

type place struct{ user, namespace, name string }

// TestRefusals asks for the refusals of each user in each place, before the policy is there and after,
// and sends every verb as a dry run: it is refused if, and only if, that was foretold.
func TestRefusals(t *testing.T) {
	h := open(t)
	here, other := h.namespace, h.other
	h.compare(map[place]string{
		{"", here, "app"}:      "",
		{"olga", here, "app"}:  "",
		{"olga", other, "app"}: all,
		{"vera", here, "app"}:  all,
		{"owen", here, "app"}:  "",
		// Without the policy, patch alone decides.
		{"ann", here, "app"}:    "",
		{"olga", here, "gated"}: "",
		{"owen", here, "gated"}: all,
	})
	if err := stage.InstallPolicy(h.ctx, h.cluster); err != nil {
		t.Fatal(err)
	}
	h.compare(map[place]string{
		{"", here, "app"}:       "",
		{"", other, "gated"}:    "",
		{"olga", here, "app"}:   approving,
		{"olga", here, "gated"}: "approve promote promote-step reject",
		{"olga", other, "app"}:  all,
		{"vera", here, "app"}:   all,
		{"ann", here, "app"}:    "abort pause promote promote-step resume retry rollback",
		{"dora", here, "app"}:   approving,
		{"owen", here, "app"}:   "approve pause reject resume retry rollback",
		{"owen", here, "gated"}: all,
		{"nobody", here, "app"}: all,
	})
	refusals, err := rights.Checker{Client: h.as("olga"), Now: time.Now}.Refusals(h.ctx, here, "gated")
	want := fmt.Sprintf("you may not promote canary \"gated\" in namespace %q past its gates; ClusterRole canary-approver gives it", here)
	if err != nil || refusals["promote"] != want {
		t.Errorf("have %q, %v; want %q", refusals["promote"], err, want)
	}
	canary, err := h.as("").Resource(v1beta1.CanaryResource).Namespace(here).Get(h.ctx, "app", metav1.GetOptions{})
	if err != nil || len(canary.GetAnnotations()) != 0 {
		t.Errorf("annotations %v, %v: somebody only asked what may be done", canary.GetAnnotations(), err)
	}
}

// compare waits until the API server has taken in roles and policies, which takes it a moment.
func (h *hall) compare(want map[place]string) {
	h.Helper()
	for p, verbs := range want {
		checker := rights.Checker{Client: h.as(p.user), Now: time.Now}
		for have := ""; ; {
			refusals, err := checker.Refusals(h.ctx, p.namespace, p.name)
			if have = strings.Join(slices.Sorted(maps.Keys(refusals)), " "); err == nil && have == verbs {
				h.foretold(p, refusals)
				break
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-h.ctx.Done():
				h.Fatalf("%+v: refused %q, %v; want %q", p, have, err, verbs)
			}
		}
	}
}

// foretold sends every verb as a dry run.
func (h *hall) foretold(p place, refusals map[string]string) {
	h.Helper()
	object, err := h.as("").Resource(v1beta1.CanaryResource).Namespace(p.namespace).Get(h.ctx, p.name, metav1.GetOptions{})
	if err != nil {
		h.Fatal(err)
	}
	seen := view.Canary{Namespace: p.namespace, Name: p.name, UID: string(object.GetUID())}
	sender := intent.Sender{Client: h.as(p.user), Now: time.Now}
	for _, verb := range v1beta1.Verbs() {
		_, err := sender.Send(h.ctx, seen, intent.Request{Verb: verb, FieldManager: cli.FieldManager, DryRun: cli.DryRunServer})
		denied, want := intent.Denied(err, verb, p.namespace, p.name), refusals[string(verb)]
		if err != nil && denied == nil {
			h.Errorf("%+v: %s: %v", p, verb, err)
			continue
		}
		if (denied != nil) != (want != "") {
			h.Errorf("%+v: %s: the API server says %v, foretold was %q", p, verb, denied, want)
			continue
		}
		// Both begin with the same words and name the same role.
		if may, _, _ := strings.Cut(want, ";"); denied != nil && (!strings.HasPrefix(denied.Error(), may+":") || !strings.Contains(denied.Error(), "ClusterRole "+role(want))) {
			h.Errorf("%+v: %s: the words differ:\n%v\n%s", p, verb, denied, want)
		}
	}
}

func role(refusal string) string {
	_, after, _ := strings.Cut(refusal, "ClusterRole ")
	name, _, _ := strings.Cut(after, " ")
	return name
}
