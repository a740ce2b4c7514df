package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// VersionHeader is the response header that says which version answered.
const VersionHeader = "X-Version"

// Config says what to send.
type Config struct {
	// URL of every request, http only. Its host has to be on an allowed network.
	URL string
	// Host is sent in the Host header; empty means the URL's.
	Host string
	// Method is GET if empty.
	Method string
	// Header is added to every request.
	Header http.Header
	// Rate is the number of requests per second. Default 50.
	Rate float64
	// Timeout of one request, from the moment it was due. Default 5 s.
	Timeout time.Duration
	// Keep is how many samples are kept, the newest ones. Default 200,000, which
	// is about 20 MB. The totals of Stats count all of them.
	Keep int
	// MaxInFlight bounds how many requests wait for an answer at a time. One that
	// is due beyond it is not sent and counts as failed. Default 2,000.
	MaxInFlight int
}

// Allowed are the networks that requests may go to.
var allowed = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.244.0.0/16"), netip.MustParsePrefix("10.96.0.0/16"),
}

// errNotAllowed is what an address outside of them gets.
var errNotAllowed = errors.New("load goes only to 127.0.0.0/8, ::1, 10.244.0.0/16 and 10.96.0.0/16")

var errOverload = errors.New("not sent: too many requests are waiting for an answer already")

// Generator sends requests until its context ends or Stop is called.
type Generator struct {
	cfg    Config
	client *http.Client
	cancel context.CancelFunc
	done   chan struct{}
	flying atomic.Int64

	mu      sync.Mutex
	ring    []Sample
	next    int // where the next sample goes once the ring is full
	totals  Stats
	changed chan struct{}
}

// Start begins to send. The first request is due at once.
func Start(ctx context.Context, cfg Config) (*Generator, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: cfg.Timeout, ControlContext: refuseOthers}
	ctx, cancel := context.WithCancel(ctx)
	g := &Generator{
		cfg: cfg, cancel: cancel, done: make(chan struct{}),
		totals: newStats(), changed: make(chan struct{}),
		client: &http.Client{
			Transport: &http.Transport{
				DialContext: dialer.DialContext, MaxIdleConnsPerHost: 256, IdleConnTimeout: 30 * time.Second,
				DisableCompression: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	go g.run(ctx)
	return g, nil
}

func (c *Config) complete() error {
	u, err := url.Parse(c.URL)
	if err != nil {
		return fmt.Errorf("load: URL %q: %w", c.URL, err)
	}
	if u.Scheme != "http" || u.Hostname() == "" {
		return fmt.Errorf("load: URL %q: want http://host[:port]/path", c.URL)
	}
	// Names are checked when they have been resolved.
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !isAllowed(ip) {
		return fmt.Errorf("load: URL %q: %w", c.URL, errNotAllowed)
	}
	if c.Rate == 0 {
		c.Rate = 50
	}
	if !(c.Rate > 0 && c.Rate <= 100_000) {
		return fmt.Errorf("load: Rate %v: want requests per second, up to 100,000", c.Rate)
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Keep <= 0 {
		c.Keep = 200_000
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = 2000
	}
	if c.Method == "" {
		c.Method = http.MethodGet
	}
	return nil
}

func isAllowed(ip netip.Addr) bool {
	for _, p := range allowed {
		if p.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}

// refuseOthers checks the address that is really connected to.
func refuseOthers(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !isAllowed(ap.Addr()) {
		return fmt.Errorf("%s: %w", address, errNotAllowed)
	}
	return nil
}

// Stop ends sending and waits for the requests that are on their way.
func (g *Generator) Stop() {
	g.cancel()
	<-g.done
}

// run sends request i at start + i/rate. When the machine was too busy to do so,
// it catches up, and the latency counts from when the request was due.
func (g *Generator) run(ctx context.Context) {
	defer close(g.done)
	var flying sync.WaitGroup
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := 0; ; i++ {
		due := start.Add(time.Duration(float64(i) / g.cfg.Rate * float64(time.Second)))
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			break
		}
		if g.flying.Load() >= int64(g.cfg.MaxInFlight) {
			g.record(Sample{Time: due, Err: errOverload})
			continue
		}
		g.flying.Add(1)
		flying.Go(func() {
			defer g.flying.Add(-1)
			g.record(g.send(due))
		})
	}
	flying.Wait()
	g.client.CloseIdleConnections()
}

// emptyBody is a body without content and without a way to read it again: the
// HTTP client repeats a request without a body by itself when a kept connection
// turns out to be closed.
type emptyBody struct{ io.Reader }

func (emptyBody) Close() error { return nil }

func (g *Generator) send(due time.Time) Sample {
	// A request that was sent is awaited even if the generator stops meanwhile;
	// else its end would count as a failure.
	ctx, cancel := context.WithDeadline(context.Background(), due.Add(g.cfg.Timeout))
	defer cancel()
	s := Sample{Time: due}
	req, err := http.NewRequestWithContext(ctx, g.cfg.Method, g.cfg.URL, emptyBody{strings.NewReader("")})
	if err == nil {
		if g.cfg.Header != nil {
			req.Header = g.cfg.Header.Clone()
		}
		req.Host = g.cfg.Host
		var res *http.Response
		if res, err = g.client.Do(req); err == nil {
			s.Status, s.Version = res.StatusCode, res.Header.Get(VersionHeader)
			_, err = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}
	s.Latency, s.Err = time.Since(due), err
	return s
}
