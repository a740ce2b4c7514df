package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/providers"
	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/agent/egress"
)

const vectorAnswer = `{"status":"success","data":{"resultType":"vector","result":[%s]}}`

func client() *http.Client {
	return egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}).Client(false)
}

// answering is a server that gives every request the same answer, and a Provider that asks it.
func answering(t *testing.T, status int, body string) *Provider {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	p, err := New(Options{Address: srv.URL, Client: client()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestQueryErrors(t *testing.T) {
	tests := []struct {
		name        string
		status      int
		body        string
		want        string
		unavailable bool
	}{
		{"parse error", 400, `{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected <EOF>"}`, "400 Bad Request: bad_data: 1:5: parse error", false},
		{"many series", 422, `{"status":"error","errorType":"execution","error":"many-to-many matching not allowed"}`, "execution: many-to-many", false},
		{"timeout", 503, `{"status":"error","errorType":"timeout","error":"query timed out"}`, "timeout: query timed out", true},
		{"proxy", 502, "<html>\n<body>bad gateway</body>", "502 Bad Gateway: <html>", true},
		{"throttled", 429, "", "429 Too Many Requests", true},
		{"login", 302, "", "redirects are not followed", false},
		{"unauthorized", 401, "Unauthorized\x1b[0m\nmore", `401 Unauthorized: Unauthorized\x1b[0m`, false},
		{"too large", 200, strings.Repeat(" ", queries.MaxAnswer+1), "more than", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := answering(t, tt.status, tt.body).Query(t.Context(), "up")
			var unavailable *providers.UnavailableError
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.As(err, &unavailable) != tt.unavailable {
				t.Errorf("got %v, want %q, unavailable %v", err, tt.want, tt.unavailable)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1607000000,"1"]}]}}`)
	}))
	defer srv.Close()
	header := http.Header{"X-Scope-Orgid": {"team"}, "Authorization": {"Basic from-the-template"}, "Host": {"prometheus.example.com"}}
	tests := []struct {
		name string
		o    Options
		auth string
		path string
	}{
		{"bearer", Options{Address: "/prom/", Token: "t0k"}, "Bearer t0k", "/prom/api/v1/query"},
		{"basic", Options{Address: "", User: "u", Password: "p"}, "Basic dTpw", "/api/v1/query"},
		{"headers", Options{Address: "/a/b?tenant=x"}, "Basic from-the-template", "/a/b/api/v1/query"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Address, tt.o.Client, tt.o.Header = srv.URL+tt.o.Address, client(), header
			p, err := New(tt.o)
			if err != nil {
				t.Fatal(err)
			}
			// Twice: an earlier version of this API collected one more header value per query.
			for range 2 {
				if err := p.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got.Method != http.MethodGet || got.URL.Path != tt.path || got.URL.Query().Get("query") != "vector(1)" {
				t.Errorf("%s %s", got.Method, got.URL)
			}
			if a := got.Header.Values("Authorization"); len(a) != 1 || a[0] != tt.auth {
				t.Errorf("authorization is %q, want %q", a, tt.auth)
			}
			if got.Header.Get("X-Scope-OrgID") != "team" || got.Host != "prometheus.example.com" {
				t.Errorf("headers are %v, host %s", got.Header, got.Host)
			}
			if strings.Contains(tt.o.Address, "tenant") && got.URL.Query().Get("tenant") != "x" {
				t.Errorf("the query of the address is lost: %s", got.URL)
			}
		})
	}
	if len(header["Authorization"]) != 1 || header["Authorization"][0] != "Basic from-the-template" {
		t.Errorf("the caller's headers were changed: %v", header)
	}
}

func TestUnreachable(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	address := srv.URL
	srv.Close()
	p, err := New(Options{Address: address + "/x?token=secret", Client: client()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Query(t.Context(), "up")
	var unavailable *providers.UnavailableError
	if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}

	strict, err := New(Options{Address: address, Client: egress.New(egress.Options{}).Client(false)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = strict.Query(t.Context(), "up")
	var blocked *egress.BlockedError
	if !errors.As(err, &blocked) || errors.As(err, &unavailable) && errors.Is(unavailable.Err, err) {
		t.Errorf("got %v, want a BlockedError that is not retried", err)
	}
}

type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Options{Address: "http://prometheus", Client: &http.Client{Transport: hanging{}}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = p.Query(t.Context(), "up")
		if time.Since(start) != DefaultTimeout || !errors.Is(err, context.DeadlineExceeded) ||
			!strings.HasPrefix(err.Error(), "http://prometheus/api/v1/query did not answer within 5s") {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = p.Query(ctx, "up")
		if err == nil || !strings.Contains(err.Error(), "had not answered when the check ended") {
			t.Errorf("a shorter check: %v", err)
		}
	})
}

func TestNew(t *testing.T) {
	for _, address := range []string{"", "prometheus:9090", "ftp://x", "http://", "http://a b", "::"} {
		if _, err := New(Options{Address: address}); err == nil || !strings.Contains(err.Error(), "http://") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestPingOfSomethingElse(t *testing.T) {
	p := answering(t, 200, fmt.Sprintf(vectorAnswer, `{"metric":{},"value":[1,"0"]}`))
	if err := p.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "not a Prometheus") {
		t.Errorf("got %v", err)
	}
}
