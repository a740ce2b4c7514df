//go:build linux

package e2e

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

// wire is the way to a server that can be cut.
type wire struct {
	t        testing.TB
	address  string // of the wire's own end
	server   string
	mu       sync.Mutex
	listener net.Listener // nil while the wire is cut
	open     map[net.Conn]bool
}

// newWire leads to the server of a URL.
func newWire(t testing.TB, server string) *wire {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, server: u.Host, address: "127.0.0.1:0", open: map[net.Conn]bool{}}
	w.mend()
	t.Cleanup(w.cut)
	return w
}

// cut ends all connections and refuses new ones.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		_ = w.listener.Close()
		w.listener = nil
	}
	for conn := range w.open {
		_ = conn.Close()
	}
	clear(w.open)
}

// mend opens the way again, at the same address.
func (w *wire) mend() {
	w.t.Helper()
	l := listen(w.t, w.address)
	w.mu.Lock()
	w.listener, w.address = l, l.Addr().String()
	w.mu.Unlock()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.join(l, conn)
		}
	}()
}

// join copies both ways until either side ends.
func (w *wire) join(l net.Listener, client net.Conn) {
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		_ = client.Close()
		return
	}
	w.mu.Lock()
	if w.listener != l { // cut meanwhile
		_ = server.Close()
		_ = client.Close()
		w.mu.Unlock()
		return
	}
	w.open[client], w.open[server] = true, true
	w.mu.Unlock()
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
		_ = from.Close()
	}
	go pass(server, client)
	pass(client, server)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, client)
	delete(w.open, server)
}

// kubeconfigThrough is the administrator's kubeconfig with the wire in between.
func (s *scene) kubeconfigThrough(t testing.TB, w *wire) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(s.cluster.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range config.Clusters {
		cluster.Server = "https://" + w.address
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}
