package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestGotchaF1EverySuccessCounts proves that all statuses from 200 to 299 are a success, whether there
// is a body or not, and that the ones beside them are none.
func TestGotchaF1EverySuccessCounts(t *testing.T) {
	for status := 200; status < 305; status++ {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		c, slept := caller(guard())
		err := c.Call(t.Context(), v1beta1.CanaryWebhook{Name: "gate", URL: srv.URL}, Payload{})
		if (err == nil) != (status < 300) || len(*slept) > 0 {
			t.Errorf("%d: %v, slept %v", status, err, *slept)
		}
		srv.Close()
	}
}

// TestGotchaF2BodyOfAServerErrorIsShown proves that what the endpoint says about its failure is in the
// error, the last answer counts, and it is as short and as plain as an event has to be.
func TestGotchaF2BodyOfAServerErrorIsShown(t *testing.T) {
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = fmt.Fprintf(w, "\nattempt %d: migration \x1b[31mfailed\nsecond line %s", calls, strings.Repeat("x", 1<<20))
	}))
	defer srv.Close()
	c, _ := caller(guard())
	err := c.Call(t.Context(), v1beta1.CanaryWebhook{Name: "gate", URL: srv.URL, Retries: 2}, Payload{})
	failure, ok := errors.AsType[*Error](err)
	if !ok || failure.Body != `attempt 3: migration \x1b[31mfailed` || !strings.HasSuffix(err.Error(), ": 500 Internal Server Error: "+failure.Body) {
		t.Errorf("got %q", err)
	}
	long := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, strings.Repeat("é", 5000))
	}))
	defer long.Close()
	err = c.Call(t.Context(), v1beta1.CanaryWebhook{Name: "gate", URL: long.URL}, Payload{})
	if n := utf8.RuneCountInString(err.Error()); n > 250 || !strings.HasSuffix(err.Error(), "é…") || !utf8.ValidString(err.Error()) {
		t.Errorf("%d characters: %q", n, err)
	}
}

// TestGotchaC6NoSecretInErrors proves that neither the query nor the user of a URL, nor anything of
// what was sent, is in an error, whatever goes wrong: it becomes an event that everybody reads.
func TestGotchaC6NoSecretInErrors(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
	}))
	defer refusing.Close()
	hangingUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangingUp.Close()
	host := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	gone := httptest.NewServer(nil)
	gone.Close()
	payload := Payload{ID: "S3CRET-id", Name: "app", Namespace: "test", Metadata: map[string]string{"token": "S3CRET-payload"}}
	for name, url := range map[string]string{
		"refused":            "http://S3CRET:S3CRET@" + host(refusing) + "/hook?token=S3CRET#S3CRET",
		"hung up":            "http://S3CRET:S3CRET@" + host(hangingUp) + "/hook?token=S3CRET",
		"unreachable":        "http://S3CRET@" + host(gone) + "/hook?token=S3CRET",
		"forbidden address":  "http://S3CRET@169.254.169.254/hook?token=S3CRET",
		"unknown host":       "http://S3CRET@no-such-host.invalid/hook?token=S3CRET",
		"no scheme":          "//S3CRET@host/?token=S3CRET",
		"wrong scheme":       "ftp://S3CRET@host/?token=S3CRET",
		"not a URL":          "http://S3CRET:%zz@host/?token=S3CRET",
		"control characters": "http://host/\x7f?token=S3CRET",
	} {
		hook := v1beta1.CanaryWebhook{Name: "gate", URL: url, Metadata: map[string]string{"cmd": "login S3CRET-hook"}}
		c, _ := caller(guard())
		err := c.Call(t.Context(), hook, payload)
		if err == nil || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: %v", name, err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(fmt.Sprintf("%v %+v", e, e), "S3CRET") {
				t.Errorf("%s: the cause tells: %+v", name, e)
			}
		}
	}
}
