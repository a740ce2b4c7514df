package analysis

import (
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func ref(name, namespace string) *v1beta1.NamespacedReference {
	return &v1beta1.NamespacedReference{Name: name, Namespace: namespace}
}

func TestTemplates(t *testing.T) {
	s := serve(t, rule{"latency", "12"})
	o := objects{templates: map[string]*v1beta1.MetricTemplate{}, secrets: map[string]map[string][]byte{
		"ops/token": {"token": []byte("t0k\n")},
		"ops/basic": {"username": []byte("u"), "password": []byte("p")},
		"ops/half":  {"username": []byte("u")},
	}}
	add := func(tmpl *v1beta1.MetricTemplate, secret string) {
		if secret != "" {
			tmpl.Spec.Provider.SecretRef = &v1beta1.SecretReference{Name: secret}
		}
		o.templates[tmpl.Namespace+"/"+tmpl.Name] = tmpl
	}
	add(template("default", "latency", s.URL, `latency{w="{{ target }}"}[{{ interval }}]`), "")
	add(template("ops", "token", s.URL, `latency`), "token")
	add(template("ops", "basic", s.URL, `latency`), "basic")
	add(template("ops", "half", s.URL, `latency`), "half")
	add(template("ops", "nosecret", s.URL, `latency`), "absent")
	add(template("ops", "empty", s.URL, `nothing`), "")
	add(template("ops", "vars", s.URL, `latency{q="{{ variables.q }}"}`), "")
	add(template("ops", "noaddress", "", `latency`), "")
	other := template("ops", "datadog", "", `avg:latency`)
	other.Spec.Provider.Type = v1beta1.MetricProviderDatadog
	add(other, "")

	tests := []struct {
		ref     *v1beta1.NamespacedReference
		blocked bool // cross-namespace references
		auth    string
		verdict v1beta1.Verdict
		message string
	}{
		{ref: ref("latency", ""), verdict: v1beta1.VerdictPass},
		{ref: ref("latency", "default"), blocked: true, verdict: v1beta1.VerdictPass},
		{ref: ref("token", "ops"), auth: "Bearer t0k", verdict: v1beta1.VerdictPass},
		{ref: ref("basic", "ops"), auth: "Basic dTpw", verdict: v1beta1.VerdictPass},
		{ref: ref("token", "ops"), blocked: true, verdict: v1beta1.VerdictError,
			message: "Metric template token.ops error: can't access metric template token.ops, cross-namespace references are blocked: copy the template to namespace default"},
		{ref: ref("half", "ops"), verdict: v1beta1.VerdictError,
			message: "Metric template half.ops provider prometheus error: secret half must have the key token, or username and password"},
		{ref: ref("nosecret", "ops"), verdict: v1beta1.VerdictError, message: `Metric template nosecret.ops secret absent error: secrets "absent" not found`},
		{ref: ref("gone", ""), verdict: v1beta1.VerdictError, message: `Metric template gone.default error: metrictemplates.flagger.app "gone" not found`},
		{ref: ref("empty", "ops"), verdict: v1beta1.VerdictNoData, message: "Halt advancement no values found for custom metric: m: no values found"},
		{ref: ref("vars", "ops"), verdict: v1beta1.VerdictError, message: `Metric template vars.ops query render error: 1:14: executing "query" at <variables>: map has no entry for key "q"`},
		{ref: ref("noaddress", "ops"), verdict: v1beta1.VerdictError,
			message: "Metric template noaddress.ops provider prometheus error: no address: set the URL of a Prometheus server, such as http://prometheus.monitoring:9090"},
		{ref: ref("datadog", "ops"), verdict: v1beta1.VerdictError,
			message: "Metric template datadog.ops provider datadog error: this type is not supported so far, these are: prometheus"},
	}
	for _, tt := range tests {
		t.Run(tt.ref.Name, func(t *testing.T) {
			s.mu.Lock()
			s.asked, s.auth = nil, nil
			s.mu.Unlock()
			c := canary(v1beta1.CanaryMetric{Name: "m", TemplateRef: tt.ref, ThresholdRange: limits("", "12")})
			r := NewEvaluator(guard(), 0).Check(t.Context(), c, Inputs{Objects: o, NoCrossNamespaceRefs: tt.blocked})
			if m := r.Metrics[0]; m.Verdict != tt.verdict || m.Message != tt.message {
				t.Errorf("%s %q\nwant %s %q", m.Verdict, m.Message, tt.verdict, tt.message)
			}
			for _, a := range s.auth {
				if a != tt.auth {
					t.Errorf("authorization %q, want %q", a, tt.auth)
				}
			}
		})
	}
}

// A template without an interval looks at one minute; the primary is asked as well.
func TestTemplateQueries(t *testing.T) {
	s := serve(t, rule{"app-primary", "10"}, rule{"", "12"})
	o := objects{templates: map[string]*v1beta1.MetricTemplate{
		"default/latency": template("default", "latency", s.URL, `latency{w="{{ target }}"}[{{ interval }}]`),
	}}
	c := canary(v1beta1.CanaryMetric{Name: "m", TemplateRef: ref("latency", ""), Threshold: 12})
	m := NewEvaluator(guard(), 0).Check(t.Context(), c, Inputs{Objects: o}).Metrics[0]
	if m.Query != `latency{w="app"}[1m]` || m.Value == nil || *m.Value != 12 || m.PrimaryValue == nil || *m.PrimaryValue != 10 {
		t.Errorf("%+v", m)
	}
}

// A builtin name, a query and a template in one entry are all checked; the worst verdict stands.
func TestSeveralPartsOfOneMetric(t *testing.T) {
	s := serve(t, rule{"istio_requests_total", "100"}, rule{"inline", "99.5"}, rule{"template", "50"})
	o := objects{templates: map[string]*v1beta1.MetricTemplate{"default/t": template("default", "t", s.URL, "template")}}
	c := canary(v1beta1.CanaryMetric{Name: "request-success-rate", ThresholdRange: limits("99", ""), Query: "inline", TemplateRef: ref("t", "")})
	r := NewEvaluator(guard(), 0).Check(t.Context(), c, Inputs{Provider: "istio", MetricsServer: s.URL, Objects: o})
	if m := r.Metrics[0]; len(r.Metrics) != 1 || m.Verdict != v1beta1.VerdictFail || *m.Value != 50 {
		t.Errorf("%+v", r)
	}
	if all := strings.Join(s.asked, "\n"); !strings.Contains(all, "inline") || !strings.Contains(all, "istio_requests_total") {
		t.Errorf("asked %s", all)
	}
}

func TestMetricsServerOfTheCanary(t *testing.T) {
	s := serve(t, rule{"", "100"})
	c := canary(v1beta1.CanaryMetric{Name: "request-success-rate", Threshold: 99})
	c.Spec.MetricsServer = s.URL
	e := NewEvaluator(guard(), 0)
	if r := e.Check(t.Context(), c, Inputs{Provider: "istio", MetricsServer: "http://127.0.0.1:1"}); r.Errored() {
		t.Error(r.Messages())
	}
	c.Spec.MetricsServer = ""
	r := e.Check(t.Context(), c, Inputs{Provider: "istio"})
	if m := r.Metrics[0]; !strings.HasPrefix(m.Message, "Prometheus query failed: there is no metrics server: set spec.metricsServer") {
		t.Errorf("%+v", m)
	}
	r = e.Check(t.Context(), c, Inputs{Provider: "istoi", MetricsServer: s.URL})
	if m := r.Metrics[0]; m.Verdict != v1beta1.VerdictError || !strings.Contains(m.Message, `provider "istoi" has no builtin queries`) {
		t.Errorf("%+v", m)
	}
}

func TestAvailable(t *testing.T) {
	up := serve(t, rule{"vector(1)", "1"})
	wrong := serve(t, rule{"vector(1)", "0"})
	o := objects{templates: map[string]*v1beta1.MetricTemplate{
		"default/up":    template("default", "up", up.URL, "q"),
		"default/wrong": template("default", "wrong", wrong.URL, "q"),
	}}
	builtin := v1beta1.CanaryMetric{Name: "request-success-rate"}
	byTemplate := func(name string) v1beta1.CanaryMetric {
		return v1beta1.CanaryMetric{Name: name, TemplateRef: ref(name, "")}
	}
	tests := []struct {
		name    string
		in      Inputs
		metrics []v1beta1.CanaryMetric
		want    []string // parts of the error
	}{
		{"none", Inputs{}, nil, nil},
		{"all good", Inputs{Provider: "istio", MetricsServer: up.URL}, []v1beta1.CanaryMetric{builtin, byTemplate("up")}, nil},
		{"not a Prometheus", Inputs{Provider: "istio", MetricsServer: wrong.URL}, []v1beta1.CanaryMetric{builtin}, []string{"not a Prometheus"}},
		{"everything at once", Inputs{Provider: "smi"}, []v1beta1.CanaryMetric{builtin, byTemplate("wrong"), byTemplate("gone"), {Name: "typo"}},
			[]string{`provider "smi" has no builtin queries`, "metric template wrong.default: http", "Metric template gone.default error", "no metrics server", "typo"}},
		{"inline only", Inputs{}, []v1beta1.CanaryMetric{{Name: "x", Query: "q"}}, []string{"no metrics server"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.Objects = o
			err := NewEvaluator(guard(), 0).Available(t.Context(), canary(tt.metrics...), tt.in)
			if (err != nil) != (len(tt.want) > 0) {
				t.Fatalf("got %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in %q", w, err)
				}
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}
