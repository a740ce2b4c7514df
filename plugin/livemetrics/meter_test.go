package livemetrics

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis"
	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const agentDeployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: canary-agent, namespace: canary-system, labels: {app.kubernetes.io/name: canary-agent}}
spec:
  replicas: 1
  selector: {matchLabels: {app: canary-agent}}
  template:
    metadata: {labels: {app: canary-agent}}
    spec:
      containers:
      - {name: agent, image: "agent:1", args: ["--metrics-server=http://prometheus.monitoring:9090", "--mesh-provider=traefik"]}`

const prometheusService = `apiVersion: v1
kind: Service
metadata: {name: prometheus, namespace: monitoring}
spec: {ports: [{port: 9090}]}`

const template = `apiVersion: flagger.app/v1beta1
kind: MetricTemplate
metadata: {name: latency, namespace: test}
spec:
  provider: {type: prometheus, address: "http://prometheus.monitoring.svc.cluster.local:9090"}
  query: 'latency{service="{{ service }}-canary",limit="{{ variables.limit }}"}[{{ interval }}]'`

const canary = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test, generation: 1}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  service: {port: 80}
  analysis:
    interval: 1m
    threshold: 1
    stepWeight: 10
    metrics:
    - {name: request-success-rate, interval: 30s, thresholdRange: {min: 99}}
    - {name: request-duration, thresholdRange: {max: 500}}
    - {name: errors, query: 'errors{target="{{ target }}",namespace="{{ namespace }}"}', thresholdRange: {max: 1}}
    - {name: latency, templateRef: {name: latency}, templateVariables: {limit: "7"}, interval: 20s, thresholdRange: {max: 1}}
    - {name: both, query: 'one{a="{{ target }}"}', templateRef: {name: latency}, templateVariables: {limit: "8"}, thresholdRange: {max: 4}}
status: {phase: Progressing, canaryWeight: 10, failedChecks: 0, iterations: 0}`

// prometheus answers queries.
type prometheus struct {
	mu      sync.Mutex
	answers map[string]string // by a part of the query
	asked   []string
	headers []http.Header
}

func vector(value string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"` + value + `"]}]}}`
}

const several = `{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"1"]},{"value":[1,"2"]}]}}`
const empty = `{"status":"success","data":{"resultType":"vector","result":[]}}`

func (p *prometheus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query().Get("query")
	p.asked = append(p.asked, r.Method+" "+r.URL.Path+" "+query)
	p.headers = append(p.headers, r.Header.Clone())
	w.Header().Set("Content-Type", "application/json")
	for part, answer := range p.answers {
		if strings.Contains(query, part) {
			_, _ = io.WriteString(w, answer)
			return
		}
	}
	_, _ = io.WriteString(w, vector("3"))
}

func (p *prometheus) questions() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(slices.Values(p.asked))
}

// stand is a cluster with a Prometheus, and a user who watches.
type stand struct {
	*clustertest.Server

	t          *testing.T
	prometheus *prometheus
	meter      *Meter
}

func newStand(t *testing.T, objects ...string) *stand {
	t.Helper()
	s := &stand{Server: clustertest.New(t), t: t, prometheus: &prometheus{}}
	s.Proxy = s.prometheus
	s.Put(t, agentDeployment, prometheusService, template)
	s.Put(t, objects...)
	config := &rest.Config{Host: s.URL, QPS: -1, BearerToken: "secret"}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if s.meter, err = New(Options{Config: config, Client: client, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stand) measure(text string) source.Live {
	s.t.Helper()
	return s.meter.Measure(s.t.Context(), read(s.t, text))
}

func read(t *testing.T, text string) *v1beta1.Canary {
	t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	c, err := v1beta1.DecodeCanary(object)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// objects are what the agent reads, with the address that it can reach here.
type objects struct {
	t       *testing.T
	address string
}

func (o objects) GetTemplate(context.Context, string, string) (*v1beta1.MetricTemplate, error) {
	raw, err := yaml.YAMLToJSON([]byte(template))
	if err != nil {
		o.t.Fatal(err)
	}
	out := &v1beta1.MetricTemplate{}
	if err := json.Unmarshal(raw, out); err != nil {
		o.t.Fatal(err)
	}
	out.Spec.Provider.Address = o.address
	return out, nil
}

func (objects) GetSecret(context.Context, string, string) (map[string][]byte, error) {
	return nil, fmt.Errorf("there is none")
}

func show(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}

// TestAsTheAgent has the agent's own evaluator and a Meter look at the same canary: they ask the same
// questions, and find the same values.
func TestAsTheAgent(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"plain":              nil,
		"no data":            {`code!~"5.."`: vector("NaN"), "app-canary": empty},
		"several series":     {"errors{": several},
		"no number":          {"errors{": vector("ten"), "latency{": `{"status":"error","errorType":"bad_data","error":"no"}`},
		"infinite":           {"latency{": vector("+Inf"), "errors{": vector("-Inf")},
		"worst part":         {"one{": vector("5"), `limit="8"`: vector("4")},
		"worst part, second": {"one{": vector("1"), `limit="8"`: vector("9")},
		"no data in a part":  {"one{": vector("1"), `limit="8"`: empty},
		"only the primary":   {"app-primary": vector("99.5"), "app-canary": empty},
		"not Prometheus":     {"": "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			s.prometheus.answers = answers
			live := s.measure(canary)

			theirs := &prometheus{answers: answers}
			server := httptest.NewServer(theirs)
			defer server.Close()
			guard := egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
			result := analysis.NewEvaluator(guard, 0).Check(t.Context(), read(t, canary), analysis.Inputs{
				Provider: "traefik", MetricsServer: server.URL, Objects: objects{t, server.URL},
			})
			if ours, agents := s.prometheus.questions(), theirs.questions(); !slices.Equal(ours, agents) {
				t.Errorf("asked\n%s\nthe agent asks\n%s", strings.Join(ours, "\n"), strings.Join(agents, "\n"))
			}
			for _, m := range result.Metrics {
				i := slices.IndexFunc(live.Values, func(v source.Value) bool { return v.Metric == m.Name })
				if i < 0 {
					if m.Value != nil || !strings.Contains(live.Note, m.Name) && !strings.HasPrefix(live.Note, "live values: the answer is not") {
						t.Errorf("%s is left out; the agent has %s; note %q", m.Name, show(m.Value), live.Note)
					}
					continue
				}
				if v := live.Values[i]; show(v.Canary) != show(m.Value) || show(v.Primary) != show(m.PrimaryValue) {
					t.Errorf("%s: have %s and %s, the agent has %s and %s", m.Name, show(v.Canary), show(v.Primary), show(m.Value), show(m.PrimaryValue))
				}
			}
			if name == "plain" && (len(live.Values) != 5 || live.Note != "" || live.Namespace != "test" || live.Name != "app" || live.At.IsZero()) {
				t.Errorf("have %+v", live)
			}
		})
	}
}

// The request goes through the proxy as the user, and the metrics server sees nothing of the user.
func TestThroughTheProxy(t *testing.T) {
	s := newStand(t)
	s.measure(canary)
	for _, request := range s.Requests() {
		if strings.Contains(request, "query=") && !strings.HasPrefix(request, "GET /api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy/api/v1/query?") {
			t.Errorf("asked %s", request)
		}
	}
	for _, header := range s.prometheus.headers {
		if header.Get("Authorization") != "" {
			t.Errorf("the metrics server got %v", header)
		}
	}
	if len(s.prometheus.headers) == 0 {
		t.Error("nothing was asked")
	}
}

// A metrics server cannot have the user's token sent elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var stolen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen = append(stolen, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	s := newStand(t)
	s.Proxy = http.RedirectHandler(elsewhere.URL, http.StatusFound)
	live := s.measure(canary)
	if len(stolen) > 0 {
		t.Errorf("sent to another host: %q", stolen)
	}
	if len(live.Values) != 0 || !strings.Contains(live.Note, "redirects are not followed") {
		t.Errorf("have %+v", live)
	}
}

func TestEndlessAnswer(t *testing.T) {
	s := newStand(t)
	s.Proxy = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := strings.Repeat(" ", 1<<16)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, page); err != nil {
				return
			}
		}
	})
	if live := s.measure(canary); !strings.Contains(live.Note, "answered with more than 1048576 bytes") {
		t.Errorf("have %+v", live)
	}
}
