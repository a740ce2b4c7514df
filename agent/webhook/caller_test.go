package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func guard() *egress.Guard {
	return egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// caller records how long it would have slept.
func caller(h HTTP) (*Caller, *[]time.Duration) {
	var slept []time.Duration
	return &Caller{
		HTTP:  h,
		Now:   func() time.Time { return noon },
		Sleep: func(_ context.Context, d time.Duration) error { slept = append(slept, d); return nil },
	}, &slept
}

func TestRequest(t *testing.T) {
	var got *http.Request
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
	}))
	defer srv.Close()
	c, _ := caller(guard())
	hook := v1beta1.CanaryWebhook{Name: "gate", URL: srv.URL + "/gate/check?x=1", Metadata: map[string]string{"type": "bash", "cmd": "true"}}
	p := Payload{ID: "run-1/pre-rollout/gate", Name: "podinfo", Namespace: "test", Phase: v1beta1.PhaseProgressing, Checksum: "758df7c9fc"}
	if err := c.Call(t.Context(), hook, p); err != nil {
		t.Fatal(err)
	}
	want := `{"name":"podinfo","namespace":"test","phase":"Progressing","checksum":"758df7c9fc","metadata":{"cmd":"true","type":"bash"}}`
	if body != want {
		t.Errorf("body %s\nwant %s", body, want)
	}
	if got.Method != http.MethodPost || got.RequestURI != "/gate/check?x=1" || got.Header.Get("Content-Type") != "application/json" ||
		got.Header.Get("Idempotency-Key") != p.ID {
		t.Errorf("%s %s %v", got.Method, got.RequestURI, got.Header)
	}

	hook.Metadata, p.ID = nil, ""
	if err := c.Call(t.Context(), hook, p); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(body, "metadata") || len(got.Header.Values("Idempotency-Key")) != 0 {
		t.Errorf("body %s, headers %v", body, got.Header)
	}
}

// The result table of the contract, with its faults put right.
func TestStatuses(t *testing.T) {
	tests := []struct {
		status  int
		body    string
		retries int32
		err     string // after "POST <url>"
		calls   int
	}{
		{200, "", 0, "", 1},
		{201, "", 0, "", 1},
		{202, "", 0, "", 1},
		{203, "", 0, "", 1},
		{204, "", 0, "", 1},
		{206, "", 0, "", 1},
		{302, "", 3, ": 302 Found (redirects are not followed: set the final address)", 1},
		{400, "cmd not found in metadata", 3, ": 400 Bad Request: cmd not found in metadata", 1},
		{403, "Forbidden\nsecond line", 3, ": 403 Forbidden: Forbidden", 1},
		{404, "", 0, ": 404 Not Found", 1},
		{501, "no", 3, ": 501 Not Implemented: no", 1},
		{500, "command exit 3 failed: : exit status 3", 0, " giving up after 1 attempt(s): 500 Internal Server Error: command exit 3 failed: : exit status 3", 1},
		{500, "boom\x1b[31m", 2, ` giving up after 3 attempt(s): 500 Internal Server Error: boom\x1b[31m`, 3},
		{429, "", 1, " giving up after 2 attempt(s): 429 Too Many Requests", 2},
		{599, "", 0, " giving up after 1 attempt(s): 599", 1},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.retries), func(t *testing.T) {
			calls := 0
			keys := map[string]bool{}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				keys[r.Header.Get("Idempotency-Key")] = true
				if b, _ := io.ReadAll(r.Body); !json.Valid(b) {
					t.Errorf("attempt %d has the body %q", calls, b)
				}
				if tt.status == 302 {
					w.Header().Set("Location", "/elsewhere")
				}
				w.WriteHeader(tt.status)
				if tt.status != 204 {
					_, _ = io.WriteString(w, tt.body)
				}
			}))
			defer srv.Close()
			c, slept := caller(guard())
			err := c.Call(t.Context(), v1beta1.CanaryWebhook{URL: srv.URL + "/?token=secret", Retries: tt.retries}, Payload{ID: "id"})
			if tt.err == "" != (err == nil) || err != nil && err.Error() != "POST "+srv.URL+"/"+tt.err {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if calls != tt.calls || len(*slept) != tt.calls-1 || len(keys) != 1 {
				t.Errorf("%d calls with %d keys, slept %v", calls, len(keys), *slept)
			}
			var e *Error
			if err != nil && (!errors.As(err, &e) || e.Status != tt.status || e.Attempts != tt.calls) {
				t.Errorf("%#v", e)
			}
		})
	}
}

func TestSucceedsOnRetry(t *testing.T) {
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer srv.Close()
	c, slept := caller(guard())
	if err := c.Call(t.Context(), v1beta1.CanaryWebhook{URL: srv.URL, Retries: 5}, Payload{}); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{time.Second, 2 * time.Second}; !slices.Equal(*slept, want) {
		t.Errorf("slept %v, want %v", *slept, want)
	}
}

func TestWaits(t *testing.T) {
	var got []time.Duration
	for attempt := 1; attempt <= 8; attempt++ {
		got = append(got, backoff(attempt)/time.Second)
	}
	if want := []time.Duration{1, 2, 4, 8, 16, 30, 30, 30}; !slices.Equal(got, want) {
		t.Errorf("backoff %v, want %v", got, want)
	}
	c, _ := caller(nil)
	for _, tt := range []struct {
		status int
		header string
		want   time.Duration
	}{
		{429, "7", 7 * time.Second},
		{503, "0", 0},
		{503, noon.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		{503, noon.Add(-time.Minute).Format(http.TimeFormat), 0},
		{429, "86400", longestWait},
		{429, "99999999999999999999", byBackoff},
		{429, "-1", byBackoff},
		{429, "soon", byBackoff},
		{500, "7", byBackoff},
		{501, "7", never},
		{404, "7", never},
	} {
		resp := &http.Response{StatusCode: tt.status, Header: http.Header{"Retry-After": {tt.header}}}
		if got := c.waitAfter(resp); got != tt.want {
			t.Errorf("%d, Retry-After %q: %v, want %v", tt.status, tt.header, got, tt.want)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	address := srv.URL
	srv.Close()
	c, slept := caller(guard())
	err := c.Call(t.Context(), v1beta1.CanaryWebhook{URL: address, Retries: 1}, Payload{})
	if err == nil || !strings.HasPrefix(err.Error(), "POST "+address+" giving up after 2 attempt(s): ") ||
		!strings.Contains(err.Error(), "connection refused") || len(*slept) != 1 {
		t.Errorf("got %v", err)
	}

	c, slept = caller(egress.New(egress.Options{}))
	err = c.Call(t.Context(), v1beta1.CanaryWebhook{URL: address, Retries: 3}, Payload{})
	var blocked *egress.BlockedError
	if !errors.As(err, &blocked) || len(*slept) != 0 {
		t.Errorf("a refused address: %v after %v", err, *slept)
	}

	for _, bad := range []string{"", "loadtester/", "ftp://x/", "http://", "::"} {
		if err := c.Call(t.Context(), v1beta1.CanaryWebhook{URL: bad, Retries: 3}, Payload{}); err == nil || !strings.Contains(err.Error(), "must be absolute") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// hanging never answers.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func (h hanging) Client(bool) *http.Client { return &http.Client{Transport: h} }

func TestTimeoutIsPerAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Caller{HTTP: hanging{}}
		for _, tt := range []struct {
			timeout string
			retries int32
			want    time.Duration
			err     string
		}{
			{"", 0, 10 * time.Second, "POST http://x giving up after 1 attempt(s): no answer within 10s"},
			{"500ms", 0, 500 * time.Millisecond, "POST http://x giving up after 1 attempt(s): no answer within 500ms"},
			{"30s", 2, 93 * time.Second, "POST http://x giving up after 3 attempt(s): no answer within 30s"},
		} {
			start := time.Now()
			err := c.Call(t.Context(), v1beta1.CanaryWebhook{URL: "http://x", Timeout: tt.timeout, Retries: tt.retries}, Payload{})
			if err == nil || !strings.HasPrefix(err.Error(), tt.err) || time.Since(start) != tt.want || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("timeout %q, %d retries: %v after %s", tt.timeout, tt.retries, err, time.Since(start))
			}
		}
	})
}

func TestEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+500*time.Millisecond)
		defer cancel()
		start := time.Now()
		err := (&Caller{HTTP: hanging{}}).Call(ctx, v1beta1.CanaryWebhook{URL: "http://x", Retries: 9}, Payload{})
		var e *Error
		if !errors.As(err, &e) || e.Attempts != 1 || time.Since(start) != 10500*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestEventPayload(t *testing.T) {
	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: "default"}}
	c.Status.Phase = v1beta1.PhaseProgressing
	p := EventPayload(c, "e1", "abc", EventNormal, "New revision detected! Scaling up podinfo.default", time.UnixMilli(1578607635167))
	hook := v1beta1.CanaryWebhook{Metadata: map[string]string{"env": "prod", "eventType": "mine"}}
	got, err := json.Marshal(p.with(hook))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"podinfo","namespace":"default","phase":"Progressing","checksum":"abc","metadata":{"env":"prod",` +
		`"eventMessage":"New revision detected! Scaling up podinfo.default","eventType":"Normal","timestamp":"1578607635167"}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(hook.Metadata) != 2 || len(p.Metadata) != 3 {
		t.Errorf("shared maps were changed: %v, %v", hook.Metadata, p.Metadata)
	}
}
