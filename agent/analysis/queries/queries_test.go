package queries

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func canary(kind string) *v1beta1.Canary {
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "default"}}
	c.Spec.TargetRef = v1beta1.TargetReference{APIVersion: "apps/v1", Kind: kind, Name: "app"}
	return c
}

var revs = Revisions{Canary: "app-00002", Primary: "app-00001"}

// Every query of every observer, for both sides.
func TestGolden(t *testing.T) {
	named := canary("Deployment")
	named.Namespace = "my-ns"
	named.Spec.TargetRef.Name = "app.v1"
	named.Spec.Service.Name = "web.svc"
	named.Spec.IngressRef = &v1beta1.IngressReference{Name: "front-door"}
	named.Spec.RouteRef = &v1beta1.RouteReference{Name: "api.route"}
	cases := []struct {
		name   string
		canary *v1beta1.Canary
	}{
		{"plain", canary("Deployment")},
		{"daemonset", canary("DaemonSet")},
		{"named", named},
	}
	for observer := range shapes {
		t.Run(observer, func(t *testing.T) {
			var out strings.Builder
			for _, tc := range cases {
				for _, metric := range []string{v1beta1.MetricSuccessRate, v1beta1.MetricDuration, Requests} {
					b, err := Lookup(observer, metric)
					if err != nil {
						t.Fatal(err)
					}
					for _, side := range []Side{Canary, Primary} {
						q, err := b.Render(tc.canary, v1beta1.CanaryMetric{Name: metric}, side, revs)
						if err != nil {
							t.Fatal(err)
						}
						fmt.Fprintf(&out, "# %s, %s, %s, scale %g\n%s\n", tc.name, metric, side, b.Scale, q)
					}
				}
			}
			file := filepath.Join("testdata", strings.ReplaceAll(observer, ":", "-")+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Errorf("%s differs; run go test -update and look at the change\n%s", file, out.String())
			}
		})
	}
}

func TestObserver(t *testing.T) {
	const istioAgent = "istio"
	core := func(c *v1beta1.Canary) { c.Spec.TargetRef.Kind, c.Spec.TargetRef.APIVersion = "Service", "v1" }
	knative := func(c *v1beta1.Canary) {
		c.Spec.TargetRef.Kind, c.Spec.TargetRef.APIVersion = "Service", v1beta1.KnativeServiceAPIVersion
	}
	tests := []struct {
		agent, provider string
		change          func(*v1beta1.Canary)
		want            string // "" for an error
	}{
		{agent: istioAgent, want: Istio},
		{agent: istioAgent, provider: "linkerd", want: Linkerd},
		{agent: istioAgent, provider: "contour", want: Contour},
		{agent: istioAgent, provider: "nginx", want: NGINX},
		{agent: istioAgent, provider: "traefik", want: Traefik},
		{agent: istioAgent, provider: "osm", want: OSM},
		{agent: istioAgent, provider: "kuma", want: Kuma},
		{agent: istioAgent, provider: "apisix", want: Apisix},
		{agent: istioAgent, provider: "skipper", want: Skipper},
		{agent: istioAgent, provider: "appmesh", want: AppMesh},
		{agent: istioAgent, provider: "appmesh:v1beta2", want: AppMesh},
		{agent: "gloo:v1", want: Gloo},
		{agent: istioAgent, provider: "gloo", want: Gloo},
		{agent: istioAgent, provider: "kubernetes", want: HTTP},
		{agent: istioAgent, provider: "gatewayapi:v1", want: HTTP},
		{agent: "gatewayapi:v1beta1", want: HTTP},
		// The mesh of a Linkerd agent measures whatever routes.
		{agent: "linkerd", provider: "gatewayapi:v1", want: Linkerd},
		{agent: "smi:v1alpha2:linkerd", provider: "nginx", want: Linkerd},
		{agent: "smi:v1alpha2:linkerd", want: Linkerd},
		{agent: "smi:v1alpha1:istio", want: Istio},
		{agent: "smi:v1alpha2:osm", provider: "smi:v1alpha2", want: OSM},
		{agent: istioAgent, provider: "smi:v1alpha1", want: Istio},
		{agent: "kubernetes", provider: "smi:v1alpha1"},
		{agent: "smi:v1alpha1"},
		{agent: "smi:v1alpha1:maesh"},
		{agent: "smi:crossover"},
		{agent: "crossover"},
		{agent: ""},
		{agent: "istoi"},
		{agent: "traefik:v2"},
		{agent: istioAgent, change: core, want: IstioService},
		{agent: "linkerd", change: core, want: LinkerdService},
		{agent: "contour", change: core, want: Contour},
		{agent: "kubernetes", change: core},
		{agent: "appmesh", change: core},
		{agent: "knative", provider: "knative", change: knative, want: Knative},
	}
	for _, tt := range tests {
		c := canary("Deployment")
		c.Spec.Provider = tt.provider
		if tt.change != nil {
			tt.change(c)
		}
		got, err := Observer(tt.agent, c)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("agent %q, spec.provider %q, %s: got %q, %v; want %q",
				tt.agent, tt.provider, c.Spec.TargetRef.Kind, got, err, tt.want)
		}
		if err != nil && tt.agent != "" && !strings.Contains(err.Error(), "templateRef") {
			t.Errorf("the error does not say what to use instead: %v", err)
		}
	}
}

func TestBuiltinErrors(t *testing.T) {
	if _, err := Lookup("nope", v1beta1.MetricDuration); err == nil {
		t.Error("unknown observer accepted")
	}
	if _, err := Lookup(Istio, "latency"); err == nil {
		t.Error("unknown metric accepted")
	}
	b, _ := Lookup(Istio, v1beta1.MetricDuration)
	if _, err := b.Render(canary("Deployment"), v1beta1.CanaryMetric{Name: "x", Interval: "1m]) or vector(1"}, Canary, revs); err == nil {
		t.Error("interval with PromQL accepted")
	}
	b, _ = Lookup(Knative, v1beta1.MetricDuration)
	if _, err := b.Render(canary("Service"), v1beta1.CanaryMetric{}, Primary, Revisions{Canary: "a"}); err == nil ||
		!strings.Contains(err.Error(), "primary revision") {
		t.Errorf("unknown revision: %v", err)
	}
}

func TestQuotesInNamesStayInTheString(t *testing.T) {
	c := canary("Deployment")
	c.Spec.TargetRef.Name = `a"} or vector(1)#\`
	b, _ := Lookup(OSM, Requests)
	got, err := b.Render(c, v1beta1.CanaryMetric{}, Canary, revs)
	if err != nil {
		t.Fatal(err)
	}
	if want := `destination_name="a\"} or vector(1)#\\"}`; !strings.Contains(got, want) {
		t.Errorf("%s does not contain %s", got, want)
	}
}

func TestTraefikNames(t *testing.T) {
	for _, tt := range []struct{ ns, service, want string }{
		{"default", "app-canary", "default-app-canary"},
		{"a.b", "c--d-canary", "a-b-c-d-canary"},
		{"x", "my.app-canary", "x-my-app-canary"},
	} {
		if got := dashed(tt.ns, tt.service); got != tt.want {
			t.Errorf("dashed(%q, %q) = %q, want %q", tt.ns, tt.service, got, tt.want)
		}
	}
}
