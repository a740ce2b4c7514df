package queries

import (
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func TestRender(t *testing.T) {
	c := canary("Deployment")
	c.Name, c.Spec.Service.Name = "podinfo-canary-object", "web"
	v := ValuesOf(c, v1beta1.CanaryMetric{TemplateVariables: map[string]string{"quantile": "0.9"}}, Revisions{})
	tests := []struct{ query, want, err string }{
		{query: " {{ name }} {{namespace}}/{{ target }} \n", want: "podinfo-canary-object default/app"},
		{query: "{{ service }} {{ ingress }} {{ route }} [{{ interval }}]", want: "web app app [1m]"},
		{query: "q{quantile=\"{{ variables.quantile }}\"}", want: `q{quantile="0.9"}`},
		{query: "a{b=\"two  spaces\"}\n  or c", want: "a{b=\"two  spaces\"}\n  or c"},
		{query: "{{ variables.nope }}", err: "nope"},
		{query: "{{ .name }}", err: "name"},
		{query: "{{ nope }}", err: `function "nope" not defined`},
		{query: "{{ name", err: "unclosed action"},
		{query: `{{ printf "%99999s" name }}`, err: "longer than"},
	}
	for _, tt := range tests {
		got, err := Render(tt.query, v)
		switch {
		case tt.err == "" && (err != nil || got != tt.want):
			t.Errorf("%q: got %q, %v; want %q", tt.query, got, err, tt.want)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%q: got error %v, want %q", tt.query, err, tt.err)
		}
	}
	if _, err := Render(`{{ printf "%99999s" name }}`, v); !errors.Is(err, errTooLong) {
		t.Errorf("got %v", err)
	}
	if _, err := Render("{{ variables.x }}", Values{}); err == nil {
		t.Error("a variable of no map was accepted")
	}
}

func TestRenderPrimary(t *testing.T) {
	c := canary("Deployment")
	c.Spec.Service.Name = "web"
	v := ValuesOf(c, v1beta1.CanaryMetric{}, Revisions{})
	for query, want := range map[string]string{
		`x{workload=~"{{ target }}"}`:                        `x{workload=~"app-primary"}`,
		`x{pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}`: `x{pod=~"app-primary-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"}`,
		`x{service="{{ service }}-canary"}`:                  `x{service="web-primary"}`,
		`x{service="{{ target }}-canary"}`:                   `x{service="app-primary"}`,
		`x{service="web-canary"}`:                            `x{service="web-primary"}`,
		`vector(1)`:                                          "",
		`x{ns="{{ namespace }}"}`:                            "",
	} {
		if got, err := RenderPrimary(query, v); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", query, got, err, want)
		}
	}
	if _, err := RenderPrimary("{{ nope }}", v); err == nil {
		t.Error("no error")
	}
}

func TestKnativeRoute(t *testing.T) {
	c := canary("Service")
	c.Spec.TargetRef.APIVersion = v1beta1.KnativeServiceAPIVersion
	if got := ValuesOf(c, v1beta1.CanaryMetric{}, revs).Route; got != "app-00002" {
		t.Errorf("route is %q", got)
	}
}

// The names of both Revisions come from the status, so that builtin metrics of a Knative Service can
// be asked for.
func TestRevisionsOf(t *testing.T) {
	c := &v1beta1.Canary{}
	c.Spec.TargetRef = v1beta1.TargetReference{APIVersion: v1beta1.KnativeServiceAPIVersion, Kind: v1beta1.TargetService, Name: "app"}
	c.Status.LastAppliedSpec, c.Status.LastPromotedSpec = "kn:app-00002", "kn:app-00001"
	if have, want := RevisionsOf(c), (Revisions{"app-00002", "app-00001"}); have != want {
		t.Errorf("have %+v, want %+v", have, want)
	}
	c.Status.Run = &v1beta1.RunStatus{Revision: "kn:app-00003"}
	if have, want := RevisionsOf(c), (Revisions{"app-00003", "app-00001"}); have != want {
		t.Errorf("in a run: have %+v, want %+v", have, want)
	}
	c.Spec.TargetRef.Kind, c.Spec.TargetRef.APIVersion = v1beta1.TargetDeployment, "apps/v1"
	if have := RevisionsOf(c); have != (Revisions{}) {
		t.Errorf("a Deployment: %+v", have)
	}
}
