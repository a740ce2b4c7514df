package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// cluster holds alert providers and secrets by namespace/name, and counts what is read.
type cluster struct {
	providers map[string]v1beta1.AlertProviderSpec
	secrets   map[string]corev1.Secret

	mu   sync.Mutex
	read []string
}

func (c *cluster) get(kind, namespace, name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = append(c.read, kind+" "+namespace+"/"+name)
	return namespace + "/" + name
}

func (c *cluster) GetAlertProvider(_ context.Context, namespace, name string) (*v1beta1.AlertProvider, error) {
	spec, ok := c.providers[c.get("alertprovider", namespace, name)]
	if !ok {
		return nil, fmt.Errorf("alertproviders.flagger.app %q not found", name)
	}
	return &v1beta1.AlertProvider{Spec: spec}, nil
}

func (c *cluster) GetSecret(_ context.Context, namespace, name string) (*corev1.Secret, error) {
	secret, ok := c.secrets[c.get("secret", namespace, name)]
	if !ok {
		return nil, fmt.Errorf("secrets %q not found", name)
	}
	return &secret, nil
}

func secret(pairs ...string) corev1.Secret {
	s := corev1.Secret{Data: map[string][]byte{}}
	for i := 0; i < len(pairs); i += 2 {
		s.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return s
}

func guard() *egress.Guard {
	return egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

// request that a chat got.
type request struct{ method, uri, authorization, body string }

// chat is a server that answers every request in one way.
type chat struct {
	*httptest.Server
	mu  sync.Mutex
	got []request
}

func newChat(t *testing.T, answer http.HandlerFunc) *chat {
	t.Helper()
	c := &chat{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		c.mu.Lock()
		c.got = append(c.got, request{r.Method, r.RequestURI, r.Header.Get("Authorization"), string(b)})
		c.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *chat) requests() []request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

func (c *chat) host() string { return strings.TrimPrefix(c.URL, "http://") }

func to(name string, least v1beta1.AlertSeverity) v1beta1.CanaryAlert {
	return v1beta1.CanaryAlert{Name: name, Severity: least, ProviderRef: v1beta1.NamespacedReference{Name: name}}
}

// send sends an error alert to one provider.
func send(t *testing.T, s *Sender, spec v1beta1.AlertProviderSpec, secrets map[string]corev1.Secret) error {
	t.Helper()
	s.Objects = &cluster{providers: map[string]v1beta1.AlertProviderSpec{"test/on-call": spec}, secrets: secrets}
	if s.HTTP == nil {
		s.HTTP = guard()
	}
	errs := s.Send(t.Context(), podinfo(to("on-call", "")), Alert{Severity: v1beta1.SeverityError, Message: "Failed checks threshold reached 5"})
	if len(errs) > 1 {
		t.Fatalf("errors %v", errs)
	}
	if len(errs) == 0 {
		return nil
	}
	return errs[0]
}

func TestSendToEveryType(t *testing.T) {
	for _, kind := range types {
		srv := newChat(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		s := &Sender{Cluster: "blue"}
		if err := send(t, s, v1beta1.AlertProviderSpec{Type: kind, Address: srv.URL + "/hook%2Fa/?thread=1"}, nil); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		want, _, _ := Render(Destination{Type: kind}, Alert{
			Severity: v1beta1.SeverityError, Name: "podinfo", Namespace: "test", Message: "Failed checks threshold reached 5",
			Fields: []Field{{"Cluster", "blue"}},
		})
		uri := "/hook%2Fa/?thread=1"
		if kind == v1beta1.AlertProviderDiscord {
			uri = "/hook%2Fa/slack?thread=1"
		}
		if got := srv.requests(); len(got) != 1 || got[0] != (request{http.MethodPost, uri, "", string(want)}) {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

func TestDiscordAddressThatHasThePathAlready(t *testing.T) {
	u, err := Destination{Type: v1beta1.AlertProviderDiscord, Address: "https://discord.example/api/1/a/slack?wait=true"}.target()
	if err != nil || u.String() != "https://discord.example/api/1/a/slack?wait=true" {
		t.Errorf("%v, %v", u, err)
	}
}

func TestRouting(t *testing.T) {
	srv := newChat(t, nil)
	spec := func(name string) v1beta1.AlertProviderSpec {
		return v1beta1.AlertProviderSpec{Type: v1beta1.AlertProviderSlack, Address: srv.URL + "/" + name}
	}
	s := &Sender{
		HTTP: guard(),
		Objects: &cluster{providers: map[string]v1beta1.AlertProviderSpec{
			"test/all": spec("all"), "test/warn": spec("warn"), "test/bad": spec("bad"), "ops/far": spec("far"),
		}},
		Global: &Destination{Type: v1beta1.AlertProviderSlack, Address: srv.URL + "/global"},
	}
	far := to("far", v1beta1.SeverityInfo)
	far.ProviderRef.Namespace = "ops"
	listed := []v1beta1.CanaryAlert{
		to("all", v1beta1.SeverityInfo), to("warn", v1beta1.SeverityWarn), to("bad", v1beta1.SeverityError), far,
		to("all", v1beta1.SeverityError), // the same provider again
	}
	tests := []struct {
		severity v1beta1.AlertSeverity
		alerts   []v1beta1.CanaryAlert
		want     []string
	}{
		{v1beta1.SeverityInfo, listed, []string{"/all", "/far"}},
		{v1beta1.SeverityWarn, listed, []string{"/all", "/far", "/warn"}},
		{v1beta1.SeverityError, listed, []string{"/all", "/bad", "/far", "/warn"}},
		{v1beta1.SeverityInfo, nil, []string{"/global"}},
		{v1beta1.SeverityError, nil, []string{"/global"}},
		{v1beta1.SeverityInfo, listed[1:2], nil}, // listed somebody, so not the global one
	}
	for _, tt := range tests {
		srv.got = nil
		if errs := s.Send(t.Context(), podinfo(tt.alerts...), Alert{Severity: tt.severity, Message: "x"}); len(errs) > 0 {
			t.Fatal(errs)
		}
		var got []string
		for _, r := range srv.requests() {
			got = append(got, r.uri)
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s for %d alerts: %v, want %v", tt.severity, len(tt.alerts), got, tt.want)
		}
	}
	s.Global = nil
	if errs := s.Send(t.Context(), podinfo(), Alert{Message: "x"}); len(errs) > 0 {
		t.Errorf("nobody to tell: %v", errs)
	}
}

// An alert that nobody wants must not cost a request to the cluster either.
func TestNothingIsReadForAnAlertThatNobodyWants(t *testing.T) {
	objects := &cluster{}
	s := &Sender{HTTP: guard(), Objects: objects}
	if errs := s.Send(t.Context(), podinfo(to("bad", v1beta1.SeverityError)), Alert{Severity: v1beta1.SeverityInfo}); len(errs) > 0 || objects.read != nil {
		t.Errorf("%v, read %v", errs, objects.read)
	}
}

func TestGotchaF3EmptySeverityIsInfo(t *testing.T) {
	for _, severity := range []v1beta1.AlertSeverity{v1beta1.SeverityInfo, v1beta1.SeverityWarn, v1beta1.SeverityError} {
		srv := newChat(t, nil)
		s := &Sender{HTTP: guard(), Objects: &cluster{providers: map[string]v1beta1.AlertProviderSpec{
			"test/on-call": {Type: v1beta1.AlertProviderMSTeams, Address: srv.URL},
		}}}
		if errs := s.Send(t.Context(), podinfo(to("on-call", "")), Alert{Severity: severity, Message: "x"}); len(errs) > 0 {
			t.Fatal(errs)
		}
		if n := len(srv.requests()); n != 1 {
			t.Errorf("%s: %d requests for an alert without a severity", severity, n)
		}
	}
}

func TestGotchaF5AddressAndSecret(t *testing.T) {
	slack, discord := v1beta1.AlertProviderSlack, v1beta1.AlertProviderDiscord
	own, other := newChat(t, nil), newChat(t, nil)
	tests := map[string]struct {
		kind    v1beta1.AlertProviderType
		address string
		secret  *corev1.Secret
		want    *request // without the body
		err     string
	}{
		"address only":            {slack, own.URL + "/a", nil, &request{"POST", "/a", "", ""}, ""},
		"secret only":             {slack, "", new(secret("address", own.URL+"/s\n")), &request{"POST", "/s", "", ""}, ""},
		"both, the secret wins":   {slack, other.URL + "/a", new(secret("address", own.URL+"/s", "token", "xoxb\n")), &request{"POST", "/s", "Bearer xoxb", ""}, ""},
		"both, the secret's half": {slack, own.URL + "/a", new(secret("token", "xoxb")), &request{"POST", "/a", "Bearer xoxb", ""}, ""},
		"token for slack only":    {discord, own.URL + "/a", new(secret("token", "xoxb")), &request{"POST", "/a/slack", "", ""}, ""},
		"neither":                 {slack, "", nil, nil, "there is no address: set spec.address, or spec.secretRef"},
		"secret without the key":  {slack, "", new(secret("url", own.URL)), nil, "its secret creds has no key address, and it has no spec.address: set one of them"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			own.got = nil
			spec := v1beta1.AlertProviderSpec{Type: tt.kind, Address: tt.address}
			secrets := map[string]corev1.Secret{}
			if tt.secret != nil {
				spec.SecretRef = &v1beta1.SecretReference{Name: "creds"}
				secrets["test/creds"] = *tt.secret
			}
			err := send(t, &Sender{}, spec, secrets)
			if tt.err == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %v, want %q", err, tt.err)
			}
			got := own.requests()
			for i := range got {
				got[i].body = ""
			}
			if tt.want == nil != (len(got) == 0) || tt.want != nil && got[0] != *tt.want {
				t.Errorf("requests %+v, want %+v", got, tt.want)
			}
		})
	}
	if n := len(other.requests()); n > 0 {
		t.Errorf("%d requests to the address that the secret overrides", n)
	}
}

func TestMissingObjects(t *testing.T) {
	s := &Sender{HTTP: guard(), Objects: &cluster{}}
	errs := s.Send(t.Context(), podinfo(to("gone", "")), Alert{Message: "x"})
	want := `alert of podinfo.test to alert provider gone.test: read it: alertproviders.flagger.app "gone" not found; create it or correct spec.analysis.alerts of the canary`
	if len(errs) != 1 || errs[0].Error() != want {
		t.Errorf("got %v", errs)
	}
	err := send(t, &Sender{}, v1beta1.AlertProviderSpec{Type: "slack", SecretRef: &v1beta1.SecretReference{Name: "creds"}}, nil)
	want = `alert of podinfo.test to alert provider on-call.test: read its secret creds: secrets "creds" not found; create it in namespace test or correct spec.secretRef`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// The agent may read all Secrets; whoever may write an AlertProvider may not.
func TestServiceAccountTokensAreNotSent(t *testing.T) {
	srv := newChat(t, nil)
	token := secret("token", "eyJhbGciOi")
	token.Type = corev1.SecretTypeServiceAccountToken
	err := send(t, &Sender{}, v1beta1.AlertProviderSpec{
		Type: "slack", Address: srv.URL, SecretRef: &v1beta1.SecretReference{Name: "default-token"},
	}, map[string]corev1.Secret{"test/default-token": token})
	if err == nil || !strings.Contains(err.Error(), "service account") || len(srv.requests()) > 0 {
		t.Errorf("got %v, %d requests", err, len(srv.requests()))
	}
}

// The canary is edited after it was admitted; no restart or admission comes between.
func TestGotchaC1AlertProviderIsCheckedAtUse(t *testing.T) {
	srv := newChat(t, nil)
	spec := v1beta1.AlertProviderSpec{Type: v1beta1.AlertProviderGChat, Address: srv.URL}
	objects := &cluster{providers: map[string]v1beta1.AlertProviderSpec{"test/on-call": spec, "other/on-call": spec}}
	s := &Sender{HTTP: guard(), Objects: objects, NoCrossNamespaceRefs: true}
	c := podinfo(to("on-call", ""))
	c.Spec.Analysis.Alerts[0].ProviderRef.Namespace = "test"
	if errs := s.Send(t.Context(), c, Alert{Message: "x"}); len(errs) > 0 {
		t.Fatal(errs)
	}
	c.Spec.Analysis.Alerts[0].ProviderRef.Namespace = "other"
	errs := s.Send(t.Context(), c, Alert{Message: "x"})
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "can't access alert provider on-call.other, cross-namespace references are blocked") {
		t.Errorf("got %v", errs)
	}
	if len(srv.requests()) != 1 || slices.Contains(objects.read, "alertprovider other/on-call") {
		t.Errorf("%d requests, read %v", len(srv.requests()), objects.read)
	}
	s.NoCrossNamespaceRefs = false
	if errs := s.Send(t.Context(), c, Alert{Message: "x"}); len(errs) > 0 || len(srv.requests()) != 2 {
		t.Errorf("allowed: %v", errs)
	}
}

func TestAnswers(t *testing.T) {
	elsewhere := newChat(t, nil)
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if status/100 == 3 {
				w.Header().Set("Location", elsewhere.URL)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	tests := []struct {
		kind   v1beta1.AlertProviderType
		answer http.HandlerFunc
		want   string // after the host; empty for success
	}{
		{"slack", answer(200, "ok"), ""},
		{"slack", answer(202, ""), ""},
		{"slack", answer(299, "x"), ""},
		{"slack", answer(200, `{"ok":true}`), ""},
		{"slack", answer(200, `{"ok":false,"error":"channel_not_found"}`), ": 200 OK: refused: channel_not_found"},
		{"gchat", answer(200, `{"ok":false,"error":"x"}`), ""},
		{"slack", answer(302, ""), ": 302 Found (redirects are not followed: set the final address)"},
		{"slack", answer(403, "invalid_token\nmore"), ": 403 Forbidden: invalid_token (check the address and the token of the alert provider)"},
		{"slack", answer(404, "no_service"), ": 404 Not Found: no_service (check the address and the token of the alert provider)"},
		{"slack", answer(429, ""), ": 429 Too Many Requests"},
		{"slack", answer(500, "boom\x1b[31m"), `: 500 Internal Server Error: boom\x1b[31m`},
		{"slack", answer(500, strings.Repeat("page ", 2000)), ": 500 Internal Server Error"},
	}
	for _, tt := range tests {
		srv := newChat(t, tt.answer)
		err := send(t, &Sender{}, v1beta1.AlertProviderSpec{Type: tt.kind, Address: srv.URL + "/hook"}, nil)
		want := "alert of podinfo.test to alert provider on-call.test at " + srv.host() + tt.want
		if tt.want == "" != (err == nil) || err != nil && err.Error() != want {
			t.Errorf("got  %v\nwant %v", err, want)
		}
		if n := len(srv.requests()); n != 1 {
			t.Errorf("%d requests: an answer is final", n)
		}
	}
	if n := len(elsewhere.requests()); n > 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
}

// The first chat answers when the second has been told; if that had to wait, the first would time out.
func TestChatsDoNotWaitForEachOther(t *testing.T) {
	told := make(chan struct{})
	first := newChat(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-told:
		case <-r.Context().Done():
		}
	})
	second := newChat(t, func(http.ResponseWriter, *http.Request) { close(told) })
	s := &Sender{HTTP: guard(), Timeout: 2 * time.Second, Objects: &cluster{providers: map[string]v1beta1.AlertProviderSpec{
		"test/first":  {Type: "slack", Address: first.URL},
		"test/second": {Type: "slack", Address: second.URL},
	}}}
	if errs := s.Send(t.Context(), podinfo(to("first", ""), to("second", "")), Alert{Message: "x"}); len(errs) > 0 {
		t.Errorf("got %v", errs)
	}
}

func TestSlowChatIsGivenUp(t *testing.T) {
	slow := newChat(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	err := send(t, &Sender{Timeout: 200 * time.Millisecond}, v1beta1.AlertProviderSpec{Type: "slack", Address: slow.URL}, nil)
	if err == nil || !strings.HasSuffix(err.Error(), slow.host()+": no answer within 200ms") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if n := len(slow.requests()); n != 1 {
		t.Errorf("%d requests: an alert that may have arrived is not sent again", n)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := newChat(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	s := &Sender{HTTP: guard(), Global: &Destination{Type: "slack", Address: srv.URL}}
	if errs := s.Send(ctx, podinfo(), Alert{Message: "x"}); len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("got %v", errs)
	}
}

// flaky refuses the first connections.
type flaky struct {
	*egress.Guard
	fail  error
	times int
	tries int
}

func (f *flaky) Client(bool) *http.Client { return &http.Client{Transport: f} }

func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.tries++; f.tries <= f.times {
		return nil, f.fail
	}
	return f.Guard.Client(false).Transport.RoundTrip(r)
}

func TestOneMoreTryWithoutAConnection(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	tests := map[string]struct {
		fail          error
		times, tries  int
		delivered     bool
		errorContains string
	}{
		"once":          {refused, 1, 2, true, ""},
		"for good":      {refused, 9, 2, false, "connection refused"},
		"while reading": {&net.OpError{Op: "read", Net: "tcp", Err: errors.New("reset")}, 1, 1, false, "reset"},
		"forbidden":     {&net.OpError{Op: "dial", Net: "tcp", Err: &egress.BlockedError{Reason: "it is a loopback address"}}, 9, 1, false, "loopback"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			srv := newChat(t, nil)
			f := &flaky{Guard: guard(), fail: tt.fail, times: tt.times}
			err := send(t, &Sender{HTTP: f}, v1beta1.AlertProviderSpec{Type: "slack", Address: srv.URL}, nil)
			if f.tries != tt.tries || (len(srv.requests()) == 1) != tt.delivered {
				t.Errorf("%d tries, %d requests", f.tries, len(srv.requests()))
			}
			if tt.delivered != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.errorContains) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestForbiddenAddressesAreRefused(t *testing.T) {
	srv := newChat(t, nil)
	for _, proxy := range []string{"", srv.URL} {
		err := send(t, &Sender{HTTP: egress.New(egress.Options{})}, v1beta1.AlertProviderSpec{Type: "slack", Address: srv.URL, Proxy: proxy}, nil)
		var blocked *egress.BlockedError
		if !errors.As(err, &blocked) || len(srv.requests()) > 0 {
			t.Errorf("proxy %q: %v", proxy, err)
		}
	}
	// The proxy is allowed; what it is to fetch is not.
	err := send(t, &Sender{}, v1beta1.AlertProviderSpec{Type: "slack", Address: "http://169.254.169.254/latest", Proxy: srv.URL}, nil)
	if err == nil || !strings.Contains(err.Error(), "link-local") || len(srv.requests()) > 0 {
		t.Errorf("metadata service through a proxy: %v", err)
	}
	// The target is a name, so only the proxy's address can be judged.
	err = send(t, &Sender{HTTP: egress.New(egress.Options{})}, v1beta1.AlertProviderSpec{Type: "slack", Address: "http://chat.invalid/hook", Proxy: srv.URL}, nil)
	if err == nil || !strings.Contains(err.Error(), "loopback") || len(srv.requests()) > 0 {
		t.Errorf("forbidden proxy: %v", err)
	}
}

func TestProxy(t *testing.T) {
	proxy := newChat(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic dTpwdw==" {
			w.WriteHeader(http.StatusProxyAuthRequired)
		}
	})
	spec := v1beta1.AlertProviderSpec{
		Type: "rocket", Address: "http://chat.invalid/hook", Proxy: strings.Replace(proxy.URL, "http://", "http://u:pw@", 1),
	}
	if err := send(t, &Sender{}, spec, nil); err != nil {
		t.Fatal(err)
	}
	got := proxy.requests()
	if len(got) != 1 || got[0].uri != "http://chat.invalid/hook" || !json.Valid([]byte(got[0].body)) {
		t.Errorf("requests %+v", got)
	}
	// With https the proxy sees the host only. This one offers no tunnel, and says so at length.
	spec.Address = "https://chat.invalid/services/T0/s3cr3tpath"
	err := send(t, &Sender{}, spec, nil)
	if err == nil || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), " at chat.invalid: ") {
		t.Errorf("tunnel: %v", err)
	}
	if got := proxy.requests()[1]; got.method != http.MethodConnect || got.uri != "chat.invalid:443" {
		t.Errorf("tunnel asked for by %+v", got)
	}
}

func TestAPanicIsAnErrorOfOneReceiver(t *testing.T) {
	s := &Sender{HTTP: guard()} // no Objects
	if errs := s.Send(t.Context(), podinfo(to("a", ""), to("b", "")), Alert{Message: "x"}); len(errs) != 2 {
		t.Errorf("got %v", errs)
	}
}
