package clusternet

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// dialTime bounds the wait for an endpoint; on one machine, one that does not
// answer quickly is hung, and the next one may not be.
const dialTime = 2 * time.Second

// proxy listens on Service ports and forwards.
type proxy struct {
	ctx    context.Context
	cancel context.CancelFunc
	log    *slog.Logger
	ports  map[string]*port // only update uses it
	conns  sync.WaitGroup
}

func newProxy(ctx context.Context, log *slog.Logger) *proxy {
	ctx, cancel := context.WithCancel(ctx)
	return &proxy{ctx: ctx, cancel: cancel, log: log, ports: map[string]*port{}}
}

// port is one listener. Its targets change without touching its connections.
type port struct {
	listener net.Listener
	targets  atomic.Pointer[[]string]
	turn     atomic.Uint64
}

// update makes the listeners match the table.
func (p *proxy) update(table map[string][]string) {
	for address, old := range p.ports {
		if _, ok := table[address]; !ok {
			_ = old.listener.Close()
			delete(p.ports, address)
			p.log.Debug("service port closed", "address", address)
		}
	}
	for address, targets := range table {
		if known := p.ports[address]; known != nil {
			if !slices.Equal(*known.targets.Load(), targets) {
				known.targets.Store(&targets)
			}
			continue
		}
		listener, err := new(net.ListenConfig).Listen(p.ctx, "tcp", address)
		if err != nil {
			// Not fatal: one strange Service must not take the others down.
			p.log.Error("service port not served", "address", address, "error", err)
			continue
		}
		fresh := &port{listener: listener}
		fresh.targets.Store(&targets)
		p.ports[address] = fresh
		p.log.Debug("service port opened", "address", address, "targets", targets)
		go p.accept(fresh)
	}
}

func (p *proxy) accept(from *port) {
	for {
		conn, err := from.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.log.Error("connection not accepted", "address", from.listener.Addr(), "error", err)
			select {
			case <-time.After(50 * time.Millisecond): // out of file descriptors
			case <-p.ctx.Done():
				return
			}
			continue
		}
		p.conns.Go(func() { p.forward(from, conn.(*net.TCPConn)) })
	}
}

// forward connects a client to the next endpoint in turn. One that refuses is
// skipped; a real packet would not have been, but here the endpoint has just died
// and its removal is on its way.
func (p *proxy) forward(from *port, client *net.TCPConn) {
	targets := *from.targets.Load()
	turn := from.turn.Add(1)
	dialer := net.Dialer{Timeout: dialTime}
	for i := range targets {
		target := targets[(turn+uint64(i))%uint64(len(targets))]
		conn, err := dialer.DialContext(p.ctx, "tcp", target)
		if err == nil {
			p.pipe(client, conn.(*net.TCPConn))
			return
		}
		p.log.Debug("endpoint skipped", "service", from.listener.Addr(), "endpoint", target, "error", err)
	}
	_ = client.SetLinger(0) // a reset, which is what the client would get without a proxy
	_ = client.Close()
}

// pipe copies both ways. The end of one direction is passed on as such, since
// the other may go on.
func (p *proxy) pipe(client, server *net.TCPConn) {
	stop := context.AfterFunc(p.ctx, func() { _ = client.Close(); _ = server.Close() })
	defer stop()
	var wg sync.WaitGroup
	oneWay := func(to, from *net.TCPConn) {
		if _, err := io.Copy(to, from); err != nil {
			// A reset on one side has to be one on the other.
			_ = to.SetLinger(0)
			_ = to.Close()
			_ = from.Close()
			return
		}
		_ = to.CloseWrite()
	}
	wg.Go(func() { oneWay(server, client) })
	wg.Go(func() { oneWay(client, server) })
	wg.Wait()
	_ = client.Close()
	_ = server.Close()
}

// close ends all listeners and connections.
func (p *proxy) close() {
	p.cancel()
	p.update(nil)
	p.conns.Wait()
}
