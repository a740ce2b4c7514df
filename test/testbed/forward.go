//go:build linux

package testbed

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// forward connects a host port with an address inside the namespace, until ctx
// ends. It returns the outside address, or "" if that host port was not opened.
func (c *Cluster) forward(ctx context.Context, name, target string) (outside string) {
	l := session.Listener(name)
	if l == nil {
		return ""
	}
	// A deadline instead of Close: a later cluster of this process gets the same
	// listener, since only the outer process can open one.
	deadline := l.(*net.TCPListener).SetDeadline
	deadline(time.Time{})
	context.AfterFunc(ctx, func() { deadline(time.Unix(1, 0)) })
	c.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go join(ctx, conn, target)
		}
	})
	return l.Addr().String()
}

// join copies both directions and passes on half-closed connections, which
// kubectl exec and HTTP/1.0 rely on.
func join(ctx context.Context, a net.Conn, target string) {
	defer a.Close()
	b, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
	if err != nil {
		return
	}
	defer b.Close()
	stop := context.AfterFunc(ctx, func() { a.Close(); b.Close() })
	defer stop()

	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		io.Copy(to, from)
		to.(*net.TCPConn).CloseWrite()
	}
	both.Go(func() { pass(a, b) })
	both.Go(func() { pass(b, a) })
	both.Wait()
}
