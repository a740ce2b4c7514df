package egress

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func get(t *testing.T, c *http.Client, address string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

func TestCheck(t *testing.T) {
	g := New(Options{Deny: []netip.AddrPort{
		netip.MustParseAddrPort("10.96.0.1:0"),
		netip.MustParseAddrPort("192.0.2.7:6443"),
	}})
	tests := []struct {
		target string
		reason string // of the refusal; empty when it is allowed
	}{
		{"10.244.0.9:80", ""},
		{"203.0.113.1:443", ""},
		{"[2001:db8::1]:443", ""},
		{"192.0.2.7:30080", ""},
		{"127.0.0.1:80", "loopback"},
		{"127.9.9.9:80", "loopback"},
		{"[::1]:80", "loopback"},
		{"[::ffff:127.0.0.1]:80", "loopback"},
		{"0.0.0.0:80", "unspecified"},
		{"0.1.2.3:80", "unspecified"},
		{"[::]:80", "unspecified"},
		{"169.254.169.254:80", "link-local"},
		{"[fe80::1%eth0]:80", "link-local"},
		{"[::ffff:169.254.169.254]:80", "link-local"},
		{"[64:ff9b::a9fe:a9fe]:80", "link-local"},
		{"[64:ff9b::7f00:1]:80", "loopback"},
		{"[2002:7f00:1::]:80", "loopback"},
		{"[::127.0.0.1]:80", "loopback"},
		{"[fd00:ec2::254]:80", "metadata"},
		{"100.100.100.200:80", "metadata"},
		{"224.0.0.1:80", "multicast"},
		{"[fec0::1]:80", "site-local"},
		{"10.96.0.1:443", "API server"},
		{"10.96.0.1:80", "API server"},
		{"[::ffff:10.96.0.1]:443", "API server"},
		{"192.0.2.7:6443", "API server"},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			err := g.Check(netip.MustParseAddrPort(tt.target))
			if tt.reason == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			var blocked *BlockedError
			if !errors.As(err, &blocked) || !strings.Contains(blocked.Reason, tt.reason) {
				t.Fatalf("got %v, want a refusal because of %q", err, tt.reason)
			}
		})
	}
}

func TestAllowHasPrecedence(t *testing.T) {
	g := New(Options{Allow: loopback, Deny: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:6443")}})
	if err := g.Check(netip.MustParseAddrPort("127.0.0.1:6443")); err != nil {
		t.Error(err)
	}
	if err := g.Check(netip.MustParseAddrPort("169.254.169.254:80")); err == nil {
		t.Error("allowing loopback must not allow link-local")
	}
}

func TestDenyAlsoReplacesEndpoints(t *testing.T) {
	g := New(Options{Deny: []netip.AddrPort{netip.MustParseAddrPort("10.96.0.1:0")}})
	g.DenyAlso([]netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:6443")})
	g.DenyAlso([]netip.AddrPort{netip.MustParseAddrPort("192.0.2.2:6443")})
	for target, refused := range map[string]bool{
		"192.0.2.1:6443": false, "192.0.2.2:6443": true, "10.96.0.1:443": true,
	} {
		if err := g.Check(netip.MustParseAddrPort(target)); (err != nil) != refused {
			t.Errorf("%s: refused %v, want %v", target, err != nil, refused)
		}
	}
}

// The name is harmless; where it leads is not.
func TestRefusesAfterNameResolution(t *testing.T) {
	reached := false
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer srv.Close()
	u, _ := url.Parse(srv.URL)
	_, err := get(t, New(Options{}).Client(false), "http://localhost:"+u.Port())
	var blocked *BlockedError
	if !errors.As(err, &blocked) || reached {
		t.Fatalf("got %v (reached: %v), want a BlockedError", err, reached)
	}
	if msg := Cause(err).Error(); strings.Contains(msg, u.Port()) || !strings.Contains(msg, "loopback") {
		t.Errorf("cause is %q", msg)
	}
}

func TestClient(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 100)) })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	tlsServer := httptest.NewTLSServer(mux)
	defer tlsServer.Close()

	exact := New(Options{Allow: loopback, MaxBody: 100})
	resp, err := get(t, exact.Client(false), srv.URL+"/ok")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || len(body) != 100 {
		t.Errorf("read %d bytes, %v", len(body), err)
	}

	short := New(Options{Allow: loopback, MaxBody: 99})
	if resp, err = get(t, short.Client(false), srv.URL+"/ok"); err != nil {
		t.Fatal(err)
	}
	var tooLarge *BodyTooLargeError
	if _, err := io.ReadAll(resp.Body); !errors.As(err, &tooLarge) {
		t.Errorf("got %v, want a BodyTooLargeError", err)
	}

	if resp, err = get(t, exact.Client(false), srv.URL+"/moved"); err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("redirect: %v, %v", resp, err)
	}
	if _, err = get(t, exact.Client(false), tlsServer.URL+"/ok"); err == nil {
		t.Error("an unknown certificate was accepted")
	}
	if resp, err = get(t, exact.Client(true), tlsServer.URL+"/ok"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("insecure: %v", err)
	}
	if _, err = get(t, exact.Client(false), "ftp://example.com/x"); err == nil || !strings.Contains(err.Error(), `scheme "ftp"`) {
		t.Errorf("ftp: %v", err)
	}
}

func TestCauseAndRedact(t *testing.T) {
	err := Cause(&url.Error{Op: "Post", URL: "http://h/secret?token=1", Err: context.DeadlineExceeded})
	if got := err.Error(); got != "no answer in time: context deadline exceeded" {
		t.Errorf("cause is %q", got)
	}
	for in, want := range map[string]string{
		"https://user:pw@h:8443/hook/x?token=1#f": "https://h:8443/hook/x",
		"http://loadtester.test/":                 "http://loadtester.test/",
		"::":                                      "an address that cannot be parsed",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAPIServer(t *testing.T) {
	env := map[string]string{"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
	got := APIServer(func(k string) string { return env[k] })
	if len(got) != 1 || got[0] != netip.MustParseAddrPort("10.96.0.1:0") {
		t.Errorf("got %v", got)
	}
	if got := APIServer(func(string) string { return "" }); got != nil {
		t.Errorf("outside of a cluster: %v", got)
	}
}
