package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// DefaultMaxBody is how many bytes of a response are read unless Options says otherwise.
const DefaultMaxBody = 4 << 20

// Options of a Guard. The zero value is the strict one.
type Options struct {
	// Allow lists networks that may be connected to although they are forbidden by default. It
	// has precedence over every other rule.
	Allow []netip.Prefix
	// Deny lists addresses that are refused besides the forbidden ones, port 0 for all ports; the
	// API server's belong here, see APIServer.
	Deny []netip.AddrPort
	// Proxy honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY. The proxy then resolves the names, so
	// only addresses written as such are judged before it; the proxy itself is judged like any
	// other address and must be allowed if it is on loopback.
	Proxy bool
	// MaxBody is how many bytes of a response can be read, default DefaultMaxBody.
	MaxBody int64
}

// Guard makes HTTP clients that refuse forbidden addresses. It is safe for concurrent use.
type Guard struct {
	allow    []netip.Prefix
	deny     atomic.Pointer[[]netip.AddrPort]
	fixed    []netip.AddrPort
	verified *http.Client
	insecure *http.Client
}

// New makes a Guard. There is one for the whole agent, so that its clients share connections.
func New(o Options) *Guard {
	g := &Guard{allow: o.Allow, fixed: o.Deny}
	g.DenyAlso(nil)
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	g.verified = g.client(o, false)
	g.insecure = g.client(o, true)
	return g
}

// Client returns an HTTP client without a timeout of its own: use the request's context. With
// insecureSkipVerify it accepts any certificate. The client is shared and must not be changed.
func (g *Guard) Client(insecureSkipVerify bool) *http.Client {
	if insecureSkipVerify {
		return g.insecure
	}
	return g.verified
}

// DenyAlso replaces the addresses that are refused besides those of the Options. The agent calls
// it when the endpoints of the API server change.
func (g *Guard) DenyAlso(addrs []netip.AddrPort) {
	all := make([]netip.AddrPort, 0, len(g.fixed)+len(addrs))
	all = append(all, g.fixed...)
	all = append(all, addrs...)
	g.deny.Store(&all)
}

// Check says whether a connection to the address may be made, by a *BlockedError if not.
func (g *Guard) Check(target netip.AddrPort) error {
	addr := plain(target.Addr())
	if g.allowed(addr) {
		return nil
	}
	candidates := []netip.Addr{addr}
	if v4, ok := embedded(addr); ok {
		candidates = append(candidates, v4)
	}
	for _, a := range candidates {
		if reason := forbidden(a); reason != "" {
			return &BlockedError{Addr: addr, Reason: reason}
		}
		for _, d := range *g.deny.Load() {
			if plain(d.Addr()) == a && (d.Port() == 0 || d.Port() == target.Port()) {
				return &BlockedError{Addr: addr, Reason: "it is the API server's address"}
			}
		}
	}
	return nil
}

func (g *Guard) allowed(addr netip.Addr) bool {
	for _, p := range g.allow {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func (g *Guard) client(o Options, insecure bool) *http.Client {
	dialer := &net.Dialer{
		Timeout:   5 * time.Second,
		KeepAlive: 30 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("cannot judge the address %q: %w", address, err)
			}
			return g.Check(target)
		},
	}
	t := &http.Transport{
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       30 * time.Second,
		// Headers count as response, too.
		MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: insecure, //nolint:gosec // asked for by the manifest, field by field
		},
	}
	if o.Proxy {
		t.Proxy = http.ProxyFromEnvironment
	}
	return &http.Client{
		Transport: &transport{guard: g, next: t, max: o.MaxBody},
		// A redirect would reach an address that nobody wrote down, with the method changed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport adds the rules that need the request or the response rather than the connection.
type transport struct {
	guard *Guard
	next  http.RoundTripper
	max   int64
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.judge(req.URL); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: t.max, max: t.max}
	return resp, nil
}

// judge refuses what can be refused without a connection. The dialer judges again; this one is
// for requests through a proxy, and for clear words.
func (t *transport) judge(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("scheme %q is not supported: the address must begin with http:// or https://", u.Scheme)
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil //nolint:nilerr // A name; the dialer judges what it resolves to.
	}
	port := uint16(80)
	if u.Scheme == "https" {
		port = 443
	}
	if p, err := net.LookupPort("tcp", u.Port()); err == nil && p > 0 && p <= 65535 {
		port = uint16(p)
	}
	return t.guard.Check(netip.AddrPortFrom(addr, port))
}

// Cause is the reason a request failed, without the address that net/http puts in front: that may
// hold a token. A deadline becomes plain words.
func Cause(err error) error {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	var blocked *BlockedError
	switch {
	case errors.As(err, &blocked):
		return blocked
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer in time: %w", err)
	}
	return err
}

// Redact is an address fit for a message: without user, password, query and fragment.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "an address that cannot be parsed"
	}
	return FirstLine((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}
