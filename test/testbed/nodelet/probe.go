package nodelet

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	// A program needs a moment to open its port. In this time, a probe that finds
	// it closed is repeated quickly instead of after a whole period, so that a
	// test does not wait ten seconds for a program that starts in ten milliseconds.
	eagerTime  = time.Second
	eagerPause = 15 * time.Millisecond
)

// errNotUp marks a probe failure that means "not listening yet".
var errNotUp = errors.New("not up yet")

// probe runs the container's probes until ctx ends. What they find goes into the
// container's status; a container that has to be killed goes into dead.
func (c *container) probe(ctx context.Context, dead chan<- deadProbe) {
	if port := c.unprobedPort(); port != 0 {
		c.awaitPort(ctx, port)
		c.update(func() {
			if ctx.Err() == nil {
				c.ready = true
			}
		})
	}
	if p := c.spec.StartupProbe; p != nil {
		ok := false
		c.watch(ctx, p, "Startup", func(healthy bool) bool { ok = healthy; return false })
		if ctx.Err() != nil {
			return
		}
		if !ok {
			dead <- deadProbe{p}
			return
		}
		c.update(func() {
			if ctx.Err() == nil {
				c.started, c.ready = true, c.spec.ReadinessProbe == nil
			}
		})
	}
	if p := c.spec.LivenessProbe; p != nil {
		go c.watch(ctx, p, "Liveness", func(healthy bool) bool {
			if !healthy {
				dead <- deadProbe{p}
			}
			return healthy
		})
	}
	if p := c.spec.ReadinessProbe; p != nil {
		c.watch(ctx, p, "Readiness", func(healthy bool) bool {
			c.update(func() {
				if ctx.Err() == nil { // else it would speak of the next process
					c.ready = healthy
				}
			})
			return true
		})
	}
}

// unprobedGrace is how long a container without probes may take to open its port.
const unprobedGrace = 2 * time.Second

// unprobedPort is the first TCP port of a container that has no probe to say when it is ready, or 0.
// A real kubelet calls such a container ready as soon as its process exists, and its clients lose
// requests until it listens. Applications of the seeds have no probes, and what is tested with
// them is not that; so here they are ready when the port is open, or when the grace is over.
func (c *container) unprobedPort() int32 {
	if c.init || c.spec.StartupProbe != nil || c.spec.ReadinessProbe != nil {
		return 0
	}
	for _, p := range c.spec.Ports {
		if p.Protocol == v1.ProtocolTCP || p.Protocol == "" {
			return p.ContainerPort
		}
	}
	return 0
}

func (c *container) awaitPort(ctx context.Context, port int32) {
	ctx, cancel := context.WithTimeout(ctx, unprobedGrace)
	defer cancel()
	address := net.JoinHostPort(c.pod.ip.String(), strconv.Itoa(int(port)))
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		if conn, err := new(net.Dialer).DialContext(ctx, "tcp", address); err == nil {
			conn.Close()
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// watch probes periodically and calls verdict when a threshold is reached for the
// first time or on the other side. It ends when verdict returns false.
func (c *container) watch(ctx context.Context, p *v1.Probe, kind string, verdict func(healthy bool) bool) {
	period := seconds(p.PeriodSeconds, 10)
	succeed, fail := max(p.SuccessThreshold, 1), p.FailureThreshold
	if fail <= 0 {
		fail = 3
	}
	delay := time.Duration(p.InitialDelaySeconds) * time.Second
	if kind == "Liveness" {
		delay = max(delay, eagerTime) // a closed port means nothing before
	}
	if !sleep(ctx, delay) {
		return
	}
	eagerUntil := time.Now().Add(eagerTime)
	var good, bad int32
	var decided, healthy bool
	for {
		err := c.probeOnce(ctx, p)
		if ctx.Err() != nil {
			return
		}
		if err != nil && good == 0 && !decided && kind != "Liveness" && errors.Is(err, errNotUp) && time.Now().Before(eagerUntil) {
			if !sleep(ctx, eagerPause) {
				return
			}
			continue
		}
		if err != nil {
			good, bad = 0, bad+1
			c.pod.warn("Unhealthy", fmt.Sprintf("%s probe failed: %v", kind, err))
		} else {
			good, bad = good+1, 0
		}
		if up := good >= succeed; (up || bad >= fail) && (!decided || up != healthy) {
			decided, healthy = true, up
			if !verdict(healthy) {
				return
			}
		}
		if !sleep(ctx, period) {
			return
		}
	}
}

// probeOnce returns nil for success.
func (c *container) probeOnce(ctx context.Context, p *v1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, seconds(p.TimeoutSeconds, 1))
	defer cancel()
	switch {
	case p.HTTPGet != nil:
		return c.httpGet(ctx, p.HTTPGet)
	case p.TCPSocket != nil:
		port, err := c.port(p.TCPSocket.Port)
		if err != nil {
			return err
		}
		host := p.TCPSocket.Host
		if host == "" {
			host = c.pod.ip.String()
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
		if err != nil {
			return notUp(err)
		}
		return conn.Close()
	case p.Exec != nil:
		if err := c.exec(ctx, p.Exec.Command); err != nil {
			// What an exec probe waits for cannot be told from outside.
			return fmt.Errorf("%w (%w)", err, errNotUp)
		}
		return nil
	}
	return errors.New("the nodelet knows httpGet, tcpSocket and exec probes only")
}

// probeClient opens a connection for each probe, as kubelet does: a kept one
// would hide that nobody accepts new ones.
var probeClient = &http.Client{
	Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // by definition of HTTPS probes
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (c *container) httpGet(ctx context.Context, a *v1.HTTPGetAction) error {
	port, err := c.port(a.Port)
	if err != nil {
		return err
	}
	host, scheme := a.Host, "http"
	if host == "" {
		host = c.pod.ip.String()
	}
	if a.Scheme == v1.URISchemeHTTPS {
		scheme = "https"
	}
	path := a.Path
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "kube-probe/nodelet")
	req.Header.Set("Accept", "*/*")
	for _, h := range a.HTTPHeaders {
		if h.Name == "Host" {
			req.Host = h.Value
		}
		req.Header.Add(h.Name, h.Value)
	}
	res, err := probeClient.Do(req)
	if err != nil {
		return notUp(err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 10<<10))
	_ = res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode >= 400 {
		return fmt.Errorf("HTTP probe failed with statuscode: %d", res.StatusCode)
	}
	return nil
}

// port resolves a named port.
func (c *container) port(p intstr.IntOrString) (string, error) {
	if p.Type == intstr.Int {
		return strconv.Itoa(int(p.IntVal)), nil
	}
	for _, named := range c.spec.Ports {
		if named.Name == p.StrVal {
			return strconv.Itoa(int(named.ContainerPort)), nil
		}
	}
	if _, err := strconv.Atoi(p.StrVal); err == nil {
		return p.StrVal, nil
	}
	return "", fmt.Errorf("container %s has no port named %q", c.spec.Name, p.StrVal)
}

// hook runs a lifecycle handler.
func (c *container) hook(ctx context.Context, h *v1.LifecycleHandler) error {
	switch {
	case h.Exec != nil:
		return c.exec(ctx, h.Exec.Command)
	case h.HTTPGet != nil:
		return c.httpGet(ctx, h.HTTPGet)
	case h.Sleep != nil:
		if !sleep(ctx, time.Duration(h.Sleep.Seconds)*time.Second) {
			return fmt.Errorf("sleep hook of container %s was cut off: %w", c.spec.Name, ctx.Err())
		}
	}
	return nil
}

var execCount atomic.Int64

// exec runs a command inside the running container.
func (c *container) exec(ctx context.Context, command []string) error {
	c.pod.mu.Lock()
	proc, env, program := c.process, c.env, c.program
	c.pod.mu.Unlock()
	if proc == nil {
		return fmt.Errorf("container %s is not running", c.spec.Name)
	}
	path := command[0]
	if local, ok := program.Commands[filepath.Base(path)]; ok {
		path = local
	}
	path, err := lookPath(path, env["PATH"])
	if err != nil {
		return err
	}
	var out limitedBuffer
	spec := initSpec{Join: proc.cmd.Process.Pid, Path: path, Args: command, Env: envList(env)}
	file := filepath.Join(c.pod.dir, fmt.Sprintf("%s.exec-%d.json", c.spec.Name, execCount.Add(1)))
	run, err := c.pod.n.launch.start(file, spec, &out, &out)
	if err != nil {
		return fmt.Errorf("exec %q: %w", command, err)
	}
	select {
	case <-run.exited:
	case <-ctx.Done():
		_ = run.kill(syscall.SIGKILL)
		<-run.exited
		return fmt.Errorf("exec %q: timed out", command)
	}
	if run.code != 0 {
		return fmt.Errorf("exec %q: exit code %d: %s", command, run.code, bytes.TrimSpace(out.b))
	}
	return nil
}

// limitedBuffer keeps the first kilobyte of an output. One goroutine writes.
type limitedBuffer struct{ b []byte }

func (l *limitedBuffer) Write(p []byte) (int, error) {
	l.b = append(l.b, p[:min(len(p), 1024-len(l.b))]...)
	return len(p), nil
}

// notUp marks errors of a port that nobody listens on.
func notUp(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w (%w)", err, errNotUp)
	}
	return err
}

func seconds(n int32, byDefault int32) time.Duration {
	if n <= 0 {
		n = byDefault
	}
	return time.Duration(n) * time.Second
}
