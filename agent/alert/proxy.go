package alert

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// throughProxy makes a client for one request through a proxy that an AlertProvider names, under
// the rules of the agent's other clients: no forbidden address, no redirects. The proxy resolves
// the name of the target, so that is judged only when it is written as an address; the proxy's own
// address is judged as the socket connects.
func throughProxy(check func(netip.AddrPort) error, proxy, target *url.URL) (*http.Client, error) {
	if addr, err := netip.ParseAddr(target.Hostname()); err == nil {
		if err := check(netip.AddrPortFrom(addr, portOf(target))); err != nil {
			return nil, err
		}
	}
	dialer := &net.Dialer{
		Timeout: postTimeout,
		Control: func(_, address string, _ syscall.RawConn) error {
			addr, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("cannot judge the address %q: %w", address, err)
			}
			return check(addr)
		},
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyURL(proxy),
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    postTimeout,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			// Alerts are rare: nothing is kept for the next one.
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func portOf(u *url.URL) uint16 {
	if p, err := strconv.ParseUint(u.Port(), 10, 16); err == nil && p > 0 {
		return uint16(p)
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}
