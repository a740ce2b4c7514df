package analysis

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func guard() *egress.Guard {
	return egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

// server is a metrics server that answers each query by the first rule whose key it contains;
// values are PromQL numbers, "" is an empty vector. It records what was asked.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
	auth  []string
}

type rule struct{ contains, value string }

func serve(t *testing.T, rules ...rule) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query().Get("query")
		s.mu.Lock()
		s.asked = append(s.asked, q)
		s.auth = append(s.auth, r.Header.Get("Authorization"))
		s.mu.Unlock()
		value := ""
		for _, rule := range rules {
			if strings.Contains(q, rule.contains) {
				value = rule.value
				break
			}
		}
		result := "[]"
		if value != "" {
			result = fmt.Sprintf(`[{"metric":{},"value":[1607000000,"%s"]}]`, value)
		}
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":`+result+`}}`)
	}))
	t.Cleanup(s.Close)
	return s
}

// objects are templates and secrets by namespace/name.
type objects struct {
	templates map[string]*v1beta1.MetricTemplate
	secrets   map[string]map[string][]byte
}

func (o objects) GetTemplate(_ context.Context, ns, name string) (*v1beta1.MetricTemplate, error) {
	if t, ok := o.templates[ns+"/"+name]; ok {
		return t, nil
	}
	return nil, fmt.Errorf("metrictemplates.flagger.app %q not found", name)
}

func (o objects) GetSecret(_ context.Context, ns, name string) (map[string][]byte, error) {
	if s, ok := o.secrets[ns+"/"+name]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("secrets %q not found", name)
}

func template(ns, name, address, query string) *v1beta1.MetricTemplate {
	t := &v1beta1.MetricTemplate{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	t.Spec.Provider.Type = v1beta1.MetricProviderPrometheus
	t.Spec.Provider.Address = address
	t.Spec.Query = query
	return t
}

func canary(metrics ...v1beta1.CanaryMetric) *v1beta1.Canary {
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "default"}}
	c.Spec.TargetRef = v1beta1.TargetReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"}
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{Metrics: metrics}
	return c
}

func limits(lo, hi string) *v1beta1.ThresholdRange {
	parse := func(s string) *float64 {
		if s == "" {
			return nil
		}
		var v float64
		if _, err := fmt.Sscan(s, &v); err != nil {
			panic(err)
		}
		return &v
	}
	return &v1beta1.ThresholdRange{Min: parse(lo), Max: parse(hi)}
}

func check(t *testing.T, s *server, provider string, metrics ...v1beta1.CanaryMetric) Result {
	t.Helper()
	return NewEvaluator(guard(), 0).Check(t.Context(), canary(metrics...),
		Inputs{Provider: provider, MetricsServer: s.URL, Objects: objects{}})
}

func TestAllMetricsAreEvaluated(t *testing.T) {
	s := serve(t, rule{"app-primary", "42"}, rule{"istio_requests_total", "98.69"}, rule{"histogram_quantile", "1500"})
	r := check(t, s, "istio",
		v1beta1.CanaryMetric{Name: "request-success-rate", ThresholdRange: limits("99", "")},
		v1beta1.CanaryMetric{Name: "request-duration", ThresholdRange: limits("", "500"), Interval: "30s"},
		v1beta1.CanaryMetric{Name: "broken", Query: "{{ nope }}", ThresholdRange: limits("", "1")},
		v1beta1.CanaryMetric{Name: "fine", Query: `histogram_quantile(0.5, x{w="{{ target }}"})`, ThresholdRange: limits("", "1500")},
		v1beta1.CanaryMetric{Name: "typo"},
	)
	want := []struct {
		verdict v1beta1.Verdict
		message string
	}{
		{v1beta1.VerdictFail, "Halt app.default advancement success rate 98.69% < 99%"},
		{v1beta1.VerdictFail, "Halt app.default advancement request duration 1.5s > 500ms"},
		{v1beta1.VerdictError, `Prometheus query failed for broken: query render error: 1: function "nope" not defined`},
		{v1beta1.VerdictPass, ""},
		{v1beta1.VerdictError, "Metric query failed for no usable metrics template and query were configured: metric typo is not builtin, set its templateRef"},
	}
	for i, w := range want {
		m := r.Metrics[i]
		if m.Verdict != w.verdict || m.Message != w.message {
			t.Errorf("%s: %s %q, want %s %q", m.Name, m.Verdict, m.Message, w.verdict, w.message)
		}
	}
	for _, i := range []int{0, 1, 3} {
		if m := r.Metrics[i]; m.PrimaryValue == nil || *m.PrimaryValue != 42 || m.Value == nil || m.Query == "" {
			t.Errorf("%s: value %v, primary %v, query %q", m.Name, m.Value, m.PrimaryValue, m.Query)
		}
	}
	if u := [...]string{r.Metrics[0].Unit, r.Metrics[1].Unit, r.Metrics[3].Unit}; u != [...]string{"percent", "milliseconds", ""} {
		t.Errorf("units %q", u)
	}
	if !r.Failed() || !r.Errored() || r.Held() || len(r.Messages()) != 4 {
		t.Errorf("failed %v, errored %v, held %v, messages %q", r.Failed(), r.Errored(), r.Held(), r.Messages())
	}
}

// The vector 100 for every query: the worked values of the contract.
func TestUnits(t *testing.T) {
	for provider, want := range map[string]string{
		"istio":      "Halt app.default advancement request duration 100ms > 99.5ms",
		"kubernetes": "Halt app.default advancement request duration 1m40s > 99.5ms",
	} {
		s := serve(t, rule{"", "100"})
		r := check(t, s, provider, v1beta1.CanaryMetric{Name: "request-success-rate", Threshold: 99},
			v1beta1.CanaryMetric{Name: "request-duration", ThresholdRange: limits("", "99.5")})
		if r.Metrics[0].Verdict != v1beta1.VerdictPass || r.Metrics[1].Message != want {
			t.Errorf("%s: %+v", provider, r.Metrics)
		}
	}
}

func TestUnreachableServerIsAnErrorAfterOneRetry(t *testing.T) {
	var calls atomic.Int32
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Query().Get("query"), "primary") {
			return
		}
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "starting")
	}))
	defer broken.Close()
	r := check(t, &server{Server: broken}, "istio", v1beta1.CanaryMetric{Name: "request-success-rate", Threshold: 99})
	m := r.Metrics[0]
	want := "Prometheus query failed: " + broken.URL + "/api/v1/query answered 503 Service Unavailable: starting"
	if m.Verdict != v1beta1.VerdictError || m.Message != want || r.Failed() || !r.Errored() {
		t.Errorf("%s %q, failed %v", m.Verdict, m.Message, r.Failed())
	}
	if calls.Load() != 2 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestBlipIsNotAnError(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}`)
	}))
	defer s.Close()
	r := check(t, &server{Server: s}, "istio", v1beta1.CanaryMetric{Name: "x", Query: "scalar(x)", ThresholdRange: limits("", "3")})
	if m := r.Metrics[0]; m.Verdict != v1beta1.VerdictPass || *m.Value != 3 {
		t.Errorf("%+v", m)
	}
}

// The limit holds for all canaries of an Evaluator together.
func TestBounded(t *testing.T) {
	var now, most atomic.Int32
	release := make(chan struct{})
	var once sync.Once
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		if n == 3 {
			once.Do(func() { close(release) }) // the limit is reached at least once
		}
		<-release
		now.Add(-1)
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}`)
	}))
	defer s.Close()
	var metrics []v1beta1.CanaryMetric
	for i := range 5 {
		metrics = append(metrics, v1beta1.CanaryMetric{Name: fmt.Sprint("m", i), Query: "x", ThresholdRange: limits("", "3")})
	}
	e := NewEvaluator(guard(), 3)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			r := e.Check(t.Context(), canary(metrics...), Inputs{Provider: "istio", MetricsServer: s.URL})
			if r.Errored() || r.Failed() {
				t.Error(r.Messages())
			}
		})
	}
	wg.Wait()
	if most.Load() != 3 {
		t.Errorf("%d queries at once, want 3", most.Load())
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := NewEvaluator(guard(), 1).Check(ctx, canary(v1beta1.CanaryMetric{Name: "request-duration"}), Inputs{Provider: "istio", MetricsServer: "http://127.0.0.1:1"})
	if !r.Errored() || r.Failed() {
		t.Errorf("%+v", r)
	}
}

func TestNoMetricsPass(t *testing.T) {
	r := NewEvaluator(guard(), 1).Check(t.Context(), canary(), Inputs{})
	if r.Failed() || r.Errored() || r.Held() || len(r.Messages()) != 0 {
		t.Errorf("%+v", r)
	}
}

type panicking struct{}

func (panicking) Client(bool) *http.Client { panic("no client") }

func TestPanicIsAnErrorOfOneMetric(t *testing.T) {
	r := NewEvaluator(panicking{}, 1).Check(t.Context(), canary(v1beta1.CanaryMetric{Name: "request-duration"}),
		Inputs{Provider: "istio", MetricsServer: "http://x"})
	if m := r.Metrics[0]; m.Verdict != v1beta1.VerdictError || !strings.Contains(m.Message, "no client") {
		t.Errorf("%+v", m)
	}
}
