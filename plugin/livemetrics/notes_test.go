package livemetrics

import (
	"net/http"
	"strings"
	"testing"
)

// edited is the canary with only the metric that is given, and other things in its spec.
func edited(metric, spec string) string {
	before, after, _ := strings.Cut(canary, "    metrics:\n")
	_, status, _ := strings.Cut(after, "\nstatus:")
	text := before + "    metrics:\n    - " + metric + "\nstatus:" + status
	if spec != "" {
		text = strings.Replace(text, "spec:\n", "spec:\n  "+spec+"\n", 1)
	}
	return text
}

const (
	rate    = "{name: request-success-rate, thresholdRange: {min: 99}}"
	latency = `{name: latency, templateRef: {name: latency}, templateVariables: {limit: "7"}}`
)

// noEndpoints is what the API server answers for a Service that nobody has written Endpoints for.
const noEndpoints = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"endpoints \"prometheus\" not found","reason":"NotFound","details":{"name":"prometheus","kind":"endpoints"},"code":404}`

func status(code int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if strings.HasPrefix(body, "{") {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	})
}

// TestNotes says for everything that cannot be measured why.
func TestNotes(t *testing.T) {
	refused := `live values: you may not use services/proxy in namespace monitoring; a Role there with get on services/proxy of "http:prometheus:9090" gives it`
	noAgent := "the flags of the agent say where the metrics server is, and you may not list Deployments in its namespace; ClusterRole canary-viewer, bound in namespace canary-system, gives it"
	for name, c := range map[string]struct {
		canary string
		spoil  func(*stand)
		want   string
	}{
		"refused":           {canary: edited(rate, ""), spoil: func(s *stand) { s.Deny("get", "services/proxy") }, want: refused},
		"refused, all":      {canary: canary, spoil: func(s *stand) { s.Deny("get", "services/proxy") }, want: refused},
		"no Service":        {canary: edited(rate, ""), spoil: func(s *stand) { s.Delete("/api/v1/namespaces/monitoring/services/prometheus") }, want: "live values: there is no Service prometheus in namespace monitoring"},
		"no endpoints":      {canary: edited(rate, ""), spoil: func(s *stand) { s.Proxy = status(404, noEndpoints) }, want: "live values: Service prometheus in namespace monitoring has no endpoints"},
		"outside":           {canary: edited(rate, "metricsServer: https://metrics.example.com/prom"), want: "live values: the metrics server metrics.example.com is not a Service of this cluster, so only the agent can ask it"},
		"credentials":       {canary: edited(rate, "metricsServer: http://me:pass@prometheus.monitoring"), want: "live values: the address of the metrics server has credentials in it, which are the agent's"},
		"needs credentials": {canary: edited(rate, ""), spoil: func(s *stand) { s.Proxy = status(403, "no") }, want: "live values: Service prometheus in namespace monitoring answered 403 Forbidden: it needs credentials, which only the agent may have"},
		"bad query": {canary: edited(rate, ""), spoil: func(s *stand) {
			s.Proxy = status(400, `{"status":"error","errorType":"bad_data","error":"parse \u001berror"}`)
		}, want: `live values: Service prometheus in namespace monitoring answered 400 Bad Request: bad_data: parse ^[error`},
		"broken":           {canary: edited(rate, ""), spoil: func(s *stand) { s.Proxy = status(502, "<html>\nlong") }, want: "live values: Service prometheus in namespace monitoring answered 502 Bad Gateway: <html>"},
		"no agent":         {canary: edited(rate, ""), spoil: func(s *stand) { s.Delete("/apis/apps/v1/namespaces/canary-system/deployments/canary-agent") }, want: "live values: no controller looks after the canary, so nobody says where the metrics server is"},
		"agent not seen":   {canary: edited(rate, "metricsServer: http://prometheus.monitoring:9090"), spoil: func(s *stand) { s.Deny("list", "deployments") }, want: "live values: " + noAgent},
		"enough in spec":   {canary: edited(rate, "metricsServer: http://prometheus.monitoring:9090\n  provider: traefik"), spoil: func(s *stand) { s.Deny("list", "deployments") }, want: ""},
		"short name":       {canary: edited(rate, "metricsServer: http://prometheus:9090\n  provider: traefik"), spoil: func(s *stand) { s.Deny("list", "deployments") }, want: "live values: " + noAgent},
		"no observer":      {canary: edited(rate, "provider: crossover"), want: `live values: provider "crossover" has no builtin queries for request-success-rate and request-duration: its metrics have no fixed names; use metrics with a templateRef instead`},
		"no template":      {canary: edited(latency, ""), spoil: func(s *stand) { s.Delete("/apis/flagger.app/v1beta1/namespaces/test/metrictemplates/latency") }, want: "live values: there is no MetricTemplate latency in namespace test"},
		"template hidden":  {canary: edited(latency, ""), spoil: func(s *stand) { s.Deny("get", "metrictemplates") }, want: "live values: you may not read MetricTemplate latency in namespace test"},
		"other provider":   {canary: edited(latency, ""), spoil: func(s *stand) { s.template("type: prometheus", "type: datadog") }, want: "live values: MetricTemplate latency in namespace test has provider datadog; only prometheus is asked live"},
		"secret":           {canary: edited(latency, ""), spoil: func(s *stand) { s.template("type: prometheus", "type: prometheus, secretRef: {name: x}") }, want: "live values: MetricTemplate latency in namespace test needs headers or credentials, which are the agent's"},
		"headers":          {canary: edited(latency, ""), spoil: func(s *stand) { s.template("type: prometheus", "type: prometheus, headers: {a: [b]}") }, want: "live values: MetricTemplate latency in namespace test needs headers or credentials, which are the agent's"},
		"missing variable": {canary: edited("{name: latency, templateRef: {name: latency}}", ""), want: `live values: its query cannot be rendered: 1:49: executing "query" at <variables>: map has no entry for key "limit"`},
		"nothing to ask":   {canary: edited("{name: nothing}", ""), want: "live values: it is not builtin and has neither query nor templateRef"},
		"no metrics":       {canary: strings.Replace(edited(rate, ""), "    - "+rate+"\n", "", 1), want: "live values: the canary has no metrics"},
		"some":             {canary: canary, spoil: func(s *stand) { s.Deny("get", "metrictemplates") }, want: "live values: latency, both: you may not read MetricTemplate latency in namespace test"},
		"API server away":  {canary: edited(rate, "metricsServer: http://prometheus.monitoring:9090\n  provider: traefik"), spoil: func(s *stand) { s.Unreachable(true) }, want: "live values: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			if c.spoil != nil {
				c.spoil(s)
			}
			live := s.measure(c.canary)
			if live.Note != c.want && (name != "API server away" || !strings.HasPrefix(live.Note, c.want)) {
				t.Errorf("have %q\nwant %q", live.Note, c.want)
			}
			for _, v := range live.Values {
				if v.Canary == nil {
					t.Errorf("no value for %s", v.Metric)
				}
			}
		})
	}
}

// template puts the template with something changed.
func (s *stand) template(old, replacement string) {
	s.Put(s.t, strings.Replace(template, old, replacement, 1))
}

// A short name is one in the namespace of the agent, in templates as well.
func TestShortName(t *testing.T) {
	s := newStand(t, strings.Replace(prometheusService, "monitoring", "canary-system", 1))
	s.template("prometheus.monitoring.svc.cluster.local", "prometheus")
	live := s.measure(edited(latency, ""))
	if len(live.Values) != 1 || live.Values[0].Canary == nil || live.Note != "" {
		t.Errorf("have %+v", live)
	}
	for _, request := range s.Requests() {
		if strings.Contains(request, "query=") && !strings.HasPrefix(request, "GET /api/v1/namespaces/canary-system/services/http:prometheus:9090/proxy/") {
			t.Errorf("asked %s", request)
		}
	}
}

func TestLocate(t *testing.T) {
	for address, want := range map[string]string{
		"http://prometheus.monitoring:9090":                        "/api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy/api/v1/query",
		"http://prometheus.monitoring":                             "/api/v1/namespaces/monitoring/services/http:prometheus:80/proxy/api/v1/query",
		"https://prometheus.monitoring.svc/":                       "/api/v1/namespaces/monitoring/services/https:prometheus:443/proxy/api/v1/query",
		"http://prometheus.monitoring.svc.cluster.local.:9090/a/b": "/api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy/a/b/api/v1/query",
		"http://prometheus:9090/prom?tenant=x":                     "/api/v1/namespaces/home/services/http:prometheus:9090/proxy/prom/api/v1/query",
		"http://10.0.0.1:9090":                                     "is not a Service",
		"http://[::1]:9090":                                        "is not a Service",
		"http://localhost:9090":                                    "is not a Service",
		"http://prom.example.com":                                  "is not a Service",
		"http://prom.A:9090":                                       "not the address of a Service",
		"http://a%2fb.monitoring":                                  "is not a URL",
		"http://p_x.monitoring":                                    "not the address of a Service",
		"http://p.monitoring:name":                                 "is not a URL",
		"http://p.monitoring/../../secrets":                        "has dots for segments",
		"http://p.monitoring/%2e%2e/x":                             "has dots for segments",
		"http://u:p@p.monitoring":                                  "has credentials",
		"ftp://p.monitoring":                                       "is not a URL",
		"prometheus:9090":                                          "is not a URL",
		"":                                                         "is not a URL",
	} {
		s, err := locate(address, "home")
		have := ""
		if err != nil {
			have = err.Error()
		} else {
			have = s.query
		}
		if err == nil && have != want || err != nil && !strings.Contains(have, want) {
			t.Errorf("%s: have %q, want %q", address, have, want)
		}
	}
	if s, _ := locate("http://p.n/?tenant=x", ""); s.params.Get("tenant") != "x" || !strings.HasSuffix(s.query, "/proxy/api/v1/query") {
		t.Errorf("have %+v", s)
	}
}

// Parameters of the address go along, but never in place of the query.
func TestParameters(t *testing.T) {
	s := newStand(t)
	s.measure(edited(rate, "metricsServer: http://prometheus.monitoring:9090/prom?tenant=x&query=up"))
	found := false
	for _, request := range s.Requests() {
		if strings.Contains(request, "/proxy/prom/api/v1/query?") {
			found = true
			if !strings.Contains(request, "tenant=x") || strings.Contains(request, "query=up") {
				t.Errorf("asked %s", request)
			}
		}
	}
	if !found {
		t.Errorf("asked %v", s.Requests())
	}
}
