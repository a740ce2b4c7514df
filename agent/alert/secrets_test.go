package alert

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Whatever goes wrong, and whatever the other side answers, an error says the host at most.
func TestGotchaC6AlertURLIsNotInErrors(t *testing.T) {
	const path, query, password, token = "/services/T0S3CR/B0S3CR%2fET/p4thS3CR", "?key=qu3ryS3CR", "us3rS3CR", "xoxb-S3CR"
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.RequestURI+"/x")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, "no such hook: %s for %s", strings.ToUpper(r.RequestURI), r.Header.Get("Authorization"))
		}
	}
	quote := func(part func(*http.Request) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "bad: "+part(r))
		}
	}
	garbage := func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "S3CR "+r.RequestURI+"\r\n\r\n")
			conn.Close()
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	drop := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	tests := map[string]struct {
		handler http.HandlerFunc
		address string // default the server, with all the secrets
		proxy   string
	}{
		"not found":        {handler: echo(404)},
		"server error":     {handler: echo(500)},
		"redirect":         {handler: echo(302)},
		"path quoted":      {handler: quote(func(r *http.Request) string { return r.URL.Path })},
		"last part quoted": {handler: quote(func(*http.Request) string { return "p4thS3CR" })},
		"query quoted":     {handler: quote(func(r *http.Request) string { return r.URL.Query().Get("key") })},
		"token quoted":     {handler: quote(func(*http.Request) string { return token })},
		"password quoted":  {handler: quote(func(r *http.Request) string { _, p, _ := r.BasicAuth(); return p + password })},
		"slack's refusal": {handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"ok":false,"error":"xoxb-S3CR"}`)
		}},
		"not HTTP":          {handler: garbage},
		"no answer":         {handler: hang},
		"connection lost":   {handler: drop},
		"refused":           {address: "http://127.0.0.1:1" + path + query},
		"unknown host":      {address: "http://chat.invalid" + path + query},
		"no URL":            {address: "http://%S3CR" + path},
		"bad port":          {address: "http://chat.invalid:S3CR/"},
		"bad escape":        {address: "http://chat.invalid/%zzS3CR"},
		"control character": {address: "http://chat.invalid/\x01S3CR"},
		"other scheme":      {address: "hooks://S3CR/x"},
		"relative":          {address: "hooks/S3CR"},
		"bad proxy":         {handler: echo(200), proxy: "S3CR"},
		"proxy without use": {handler: echo(200), proxy: "http://u:S3CRpw@127.0.0.1:1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := newChat(t, tt.handler)
			address := fmt.Sprintf("http://u:%s@%s%s", password, srv.host(), path+query)
			if tt.address != "" {
				address = tt.address
			}
			err := send(t, &Sender{Timeout: 700e6},
				v1beta1.AlertProviderSpec{Type: "slack", SecretRef: &v1beta1.SecretReference{Name: "creds"}, Proxy: tt.proxy},
				map[string]corev1.Secret{"test/creds": secret("address", address, "token", token)})
			if err == nil {
				t.Fatal("no error")
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%v %s", err, err)} {
				if strings.Contains(strings.ToUpper(text), "S3CR") {
					t.Errorf("%q holds a part of the address", text)
				}
			}
		})
	}
}

// Errors go to logs through loggers, and so may the settings.
func TestDestinationDoesNotTell(t *testing.T) {
	d := Destination{
		Type: "slack", Address: "https://u:S3CR@hooks.example:8443/S3CR?S3CR", Token: "S3CR", Proxy: "http://u:S3CR@proxy.example",
	}
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).Info("to", "destination", d, "pointer", &d)
	slog.New(slog.NewTextHandler(&out, nil)).Info("to", "destination", d, "inside", struct{ D Destination }{d})
	_, _ = fmt.Fprintf(&out, "%v %+v %s", d, &d, d)
	if strings.Contains(out.String(), "S3CR") || !strings.Contains(out.String(), "slack at hooks.example:8443") {
		t.Error(out.String())
	}
	d.Address = "S3CR"
	if s := d.String(); strings.Contains(s, "S3CR") {
		t.Error(s)
	}
}
