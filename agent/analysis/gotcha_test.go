package analysis

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// templated is a metric by the template latency, of a namespace unless that is empty.
func templated(namespace string) v1beta1.CanaryMetric {
	return v1beta1.CanaryMetric{
		Name: "latency", Interval: "1m", ThresholdRange: limits("", "10"),
		TemplateRef: &v1beta1.NamespacedReference{Name: "latency", Namespace: namespace},
	}
}

// TestGotchaC1TemplatesAreCheckedAtQueryTime proves that neither a template of another namespace nor
// its Secret is read, by whatever edit the reference has come into the canary.
func TestGotchaC1TemplatesAreCheckedAtQueryTime(t *testing.T) {
	srv := serve(t, rule{"up", "1"})
	own, foreign := template("default", "latency", srv.URL, "up"), template("other", "latency", srv.URL, "up")
	foreign.Spec.Provider.SecretRef = &v1beta1.SecretReference{Name: "creds"}
	read := &reading{objects: objects{
		templates: map[string]*v1beta1.MetricTemplate{"default/latency": own, "other/latency": foreign},
		secrets:   map[string]map[string][]byte{"other/creds": {"token": []byte("t")}, "default/creds": {"token": []byte("t")}},
	}}
	in := Inputs{Provider: "kubernetes", Objects: read, NoCrossNamespaceRefs: true}
	e := NewEvaluator(guard(), 0)
	c := canary(templated(""))
	if got := e.Check(t.Context(), c, in).Metrics[0]; got.Verdict != v1beta1.VerdictPass {
		t.Fatalf("its own template: %+v", got)
	}
	read.names, srv.asked = nil, nil
	c.Spec.Analysis.Metrics[0].TemplateRef.Namespace = "other"
	got := e.Check(t.Context(), c, in).Metrics[0]
	if got.Verdict != v1beta1.VerdictError || !strings.Contains(got.Message, "cross-namespace") || len(read.names) > 0 || len(srv.asked) > 0 {
		t.Errorf("%+v, read %v, asked %v", got, read.names, srv.asked)
	}
	// Where it is allowed, the Secret is still that of the template's namespace.
	in.NoCrossNamespaceRefs = false
	if got := e.Check(t.Context(), c, in).Metrics[0]; got.Verdict != v1beta1.VerdictPass ||
		!slices.Equal(read.names, []string{"template other/latency", "secret other/creds"}) {
		t.Errorf("%+v, read %v", got, read.names)
	}
}

// reading notes what is read.
type reading struct {
	objects
	names []string
}

func (r *reading) GetTemplate(ctx context.Context, ns, name string) (*v1beta1.MetricTemplate, error) {
	r.names = append(r.names, "template "+ns+"/"+name)
	return r.objects.GetTemplate(ctx, ns, name)
}

func (r *reading) GetSecret(ctx context.Context, ns, name string) (map[string][]byte, error) {
	r.names = append(r.names, "secret "+ns+"/"+name)
	return r.objects.GetSecret(ctx, ns, name)
}

// TestGotchaC2OnlyTheSecretIsSent proves that an address out of a manifest gets the credentials of the
// Secret that the manifest names and no others, and none that another template has used before it.
func TestGotchaC2OnlyTheSecretIsSent(t *testing.T) {
	srv := serve(t, rule{"up", "1"})
	all := objects{templates: map[string]*v1beta1.MetricTemplate{}, secrets: map[string]map[string][]byte{
		"default/token": {"token": []byte("users-token\n")},
		"default/basic": {"username": []byte("u"), "password": []byte("p")},
	}}
	e := NewEvaluator(guard(), 0)
	ask := func(secret string) string {
		template := template("default", "latency", srv.URL, "up")
		if secret != "" {
			template.Spec.Provider.SecretRef = &v1beta1.SecretReference{Name: secret}
		}
		all.templates["default/latency"] = template
		srv.auth = nil
		got := e.Check(t.Context(), canary(templated("")), Inputs{Provider: "kubernetes", Objects: all}).Metrics[0]
		if got.Verdict != v1beta1.VerdictPass || len(srv.auth) == 0 {
			t.Fatalf("%s: %+v", secret, got)
		}
		return strings.Join(slices.Compact(srv.auth), ",")
	}
	for _, tt := range []struct{ secret, want string }{
		{"", ""}, {"token", "Bearer users-token"}, {"", ""}, {"basic", "Basic dTpw"}, {"", ""},
	} {
		if got := ask(tt.secret); got != tt.want {
			t.Errorf("secret %q: Authorization %q, want %q", tt.secret, got, tt.want)
		}
	}
	// Builtin metrics go to spec.metricsServer, which is as much of a manifest.
	c := canary(v1beta1.CanaryMetric{Name: "m", Interval: "1m", Query: "up", ThresholdRange: limits("", "10")})
	c.Spec.MetricsServer, srv.auth = srv.URL, nil
	e.Check(t.Context(), c, Inputs{Provider: "kubernetes", Objects: all})
	if len(srv.auth) == 0 || strings.Join(srv.auth, "") != "" {
		t.Errorf("metricsServer: Authorization %q", srv.auth)
	}
}

// TestGotchaC2OwnTokenIsOutOfReach proves that the code which sends requests to addresses out of manifests has
// no way to the agent's own credentials: it reads no files, and knows no client of the API server.
func TestGotchaC2OwnTokenIsOutOfReach(t *testing.T) {
	checked := 0
	for _, dir := range []string{".", "queries", "providers", "providers/prometheus", "../egress", "../webhook"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			checked++
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil || path == "os" || path == "io/ioutil" || path == "syscall" && dir != "../egress" || strings.HasPrefix(path, "k8s.io/client-go") {
					t.Errorf("%s imports %s", name, spec.Path.Value)
				}
			}
		}
	}
	if checked < 15 {
		t.Errorf("only %d files were looked at", checked)
	}
}

// TestGotchaC2InsecureSkipVerifyWorks proves that the field does what it says, for the template that has
// it and for no other.
func TestGotchaC2InsecureSkipVerifyWorks(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"1"]}]}}`)
	}))
	defer srv.Close()
	e := NewEvaluator(guard(), 0)
	for _, insecure := range []bool{false, true, false} {
		template := template("default", "latency", srv.URL, "up")
		template.Spec.Provider.InsecureSkipVerify = insecure
		all := objects{templates: map[string]*v1beta1.MetricTemplate{"default/latency": template}}
		got := e.Check(t.Context(), canary(templated("")), Inputs{Provider: "kubernetes", Objects: all}).Metrics[0]
		if (got.Verdict == v1beta1.VerdictPass) != insecure {
			t.Errorf("insecureSkipVerify %t: %+v", insecure, got)
		}
	}
}

// TestGotchaC5HeadersAreNotShared proves that the headers of a template are sent as they are in every one
// of many queries at once, and that nothing is added to the template. The race detector has its say.
func TestGotchaC5HeadersAreNotShared(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[fmt.Sprint(r.Header["Authorization"], r.Header["X-Tenant"], r.Header["X-Many"])]++
		mu.Unlock()
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"1"]}]}}`)
	}))
	defer srv.Close()
	template := template("default", "latency", srv.URL, "up{job=\"{{ target }}\"}")
	template.Spec.Provider.SecretRef = &v1beta1.SecretReference{Name: "creds"}
	template.Spec.Provider.Headers = http.Header{"X-Tenant": {"blue"}, "x-many": {"a", "b"}, "Authorization": {"of the template"}}
	before := maps.Clone(template.Spec.Provider.Headers)
	all := objects{
		templates: map[string]*v1beta1.MetricTemplate{"default/latency": template},
		secrets:   map[string]map[string][]byte{"default/creds": {"token": []byte("t")}},
	}
	e := NewEvaluator(guard(), 16)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			c := canary(templated(""), templated(""))
			c.Spec.Analysis.Metrics[1].Name = "again"
			e.Check(t.Context(), c, Inputs{Provider: "kubernetes", Objects: all})
		})
	}
	wg.Wait()
	if want := "[Bearer t] [blue] [a b]"; len(seen) != 1 || seen[want] < 32 {
		t.Errorf("headers %v, want only %s", seen, want)
	}
	if !maps.EqualFunc(before, template.Spec.Provider.Headers, slices.Equal) {
		t.Errorf("the template's headers are %v now", template.Spec.Provider.Headers)
	}
}
