package eject

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// TestControlled refuses unless an agent that works looks after the canary, and says what it would do.
func TestControlled(t *testing.T) {
	f := cli.Found{View: view.Canary{
		Name: "app", Namespace: "shop", Target: view.Ref{Kind: "Deployment", Name: "app"}, Services: view.Services{Apex: "web"},
	}}
	list := func(all ...controllers.Controller) []controllers.Controller { return all }
	agent := controllers.Controller{Namespace: "canary-system", Name: "canary-agent", Ready: 1}
	for _, c := range []struct {
		name   string
		agents installer.Survey
		want   string
	}{
		{"an agent", installer.Survey{Agents: list(agent)}, ""},
		{"nobody", installer.Survey{}, "no agent looks after the canaries of namespace \"shop\""},
		{"nobody that may be seen", installer.Survey{Partial: true}, ""},
		{"an agent of another namespace", installer.Survey{Agents: list(controllers.Controller{Namespace: "ops", Name: "canary-agent", Ready: 1, Scope: "ops"})}, "no agent looks after"},
		{"an agent that is down", installer.Survey{Agents: list(controllers.Controller{Namespace: "canary-system", Name: "canary-agent"})}, "is not ready"},
		{"two controllers", installer.Survey{Agents: list(agent), Rivals: list(controllers.Controller{Namespace: "flagger-system", Name: "flagger", Replicas: 1})}, "another controller"},
	} {
		err := controlled(c.agents, f)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "let Service web select them") {
			t.Errorf("%s: %v does not say what to do by hand", c.name, err)
		}
	}
}

// TestFit refuses a target that should not get all traffic.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		name string
		view view.Canary
		any  bool
		want string
	}{
		{"promoted", view.Canary{Phase: "Succeeded", TargetRevision: "rs:a", PromotedRevision: "rs:a"}, false, ""},
		{"with configs", view.Canary{Phase: "Succeeded", TargetRevision: "rs:a", PromotedRevision: "rs:a+1"}, false, ""},
		{"never initialized", view.Canary{Phase: "Initializing"}, false, ""},
		{"running", view.Canary{Phase: "Progressing", TargetRevision: "rs:b", PromotedRevision: "rs:a"}, false, "a run is under way"},
		{"failed", view.Canary{Phase: "Failed", TargetRevision: "rs:b", PromotedRevision: "rs:a"}, false, "was never promoted"},
		{"failed, all the same", view.Canary{Phase: "Failed", TargetRevision: "rs:b", PromotedRevision: "rs:a"}, true, ""},
		{"suspended", view.Canary{Suspended: true}, true, "spec.suspend"},
		{"on its way out", view.Canary{Deleting: true, Suspended: true, Phase: "Terminating"}, false, ""},
	} {
		// A target whose revision cannot be read counts as what the status says.
		c.view.Target = view.Ref{Kind: "None", Name: "app"}
		err := (&Options{Unpromoted: c.any}).fit(t.Context(), nil, c.view)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestManagedBy names what would bring the canary back.
func TestManagedBy(t *testing.T) {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	if have := managedBy(u); have != "" {
		t.Errorf("nobody is %q", have)
	}
	u.SetAnnotations(map[string]string{"argocd.argoproj.io/tracking-id": "shop:flagger.app/Canary:shop/app"})
	if have := managedBy(u); !strings.HasPrefix(have, "Argo CD") {
		t.Errorf("%q", have)
	}
	u.SetLabels(map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"})
	if have := managedBy(u); have != "Flux Kustomization flux-system/apps" {
		t.Errorf("%q", have)
	}
}

// TestConclude ends one canary with its own code, and several with the worst.
func TestConclude(t *testing.T) {
	late, bad := cli.TimedOut("late"), errors.New("bad")
	for _, c := range []struct {
		results []error
		code    int
	}{
		{[]error{nil}, 0}, {[]error{late}, cli.CodeTimeout}, {[]error{nil, nil}, 0},
		{[]error{late, nil}, cli.CodeTimeout}, {[]error{late, bad}, cli.CodeError},
	} {
		o := &Options{}
		o.Streams.ErrOut = &strings.Builder{}
		if have := cli.CodeOf(o.conclude(make([]cli.Found, len(c.results)), c.results)); have != c.code {
			t.Errorf("%v: code %d, want %d", c.results, have, c.code)
		}
	}
}
