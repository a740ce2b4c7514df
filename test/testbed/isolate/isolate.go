package isolate

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

// The addresses that are local inside the namespace.
var (
	// PodNetwork holds pods, nodes and the processes of the control plane.
	PodNetwork = netip.MustParsePrefix("10.244.0.0/16")
	// ServiceNetwork holds the cluster IPs of Services.
	ServiceNetwork = netip.MustParsePrefix("10.96.0.0/16")
	// NodeAddr is the source address of connections made inside, and the address
	// of the node and the API server.
	NodeAddr = netip.MustParseAddr("10.244.255.1")
	// DNSAddr is the name server written to the private resolv.conf.
	DNSAddr = netip.MustParseAddr("10.96.0.10")
)

// RunEnv names the environment variable that holds the run directory. Every
// process started inside inherits it, so it also identifies them.
const RunEnv = "KUBECTL_CANARY_TESTBED_RUN"

const (
	stageEnv     = "KUBECTL_CANARY_TESTBED_STAGE"
	listenersEnv = "KUBECTL_CANARY_TESTBED_LISTENERS"

	stageInit   = "init"
	stageInside = "inside"
)

// Options says what the outer process prepares.
type Options struct {
	// Listen names TCP listeners to open on 127.0.0.1 outside the namespace. The
	// value is an address such as "127.0.0.1:8080", or "" for any free port. A
	// socket keeps the network namespace it was made in, so the inner process
	// can accept on it directly: see Session.Listener.
	Listen map[string]string

	// Before, when set, runs in the outer process, while the host's network is
	// still reachable, before the namespaces are made. An error ends the program.
	Before func() error
}

// Session is what the inner process gets to know about its surroundings.
type Session struct {
	// Dir is a directory that belongs to this run alone. The outer process
	// removes it at the end; if that is killed too, the next run does.
	Dir string

	listeners map[string]net.Listener
}

// Listener returns the listener that the outer process opened under this name,
// or nil. It accepts connections from outside the network namespace.
func (s *Session) Listener(name string) net.Listener { return s.listeners[name] }

// ErrRefused is wrapped by the error of Enter when this machine does not allow
// the namespaces. The message lists what was tried.
var ErrRefused = errors.New("cannot make the namespaces a test cluster needs")

// sessionFromEnv rebuilds the session in the inner process, and removes what
// only the re-execution needed from the environment, so that children of the
// inner process that run the same executable do not mistake themselves for it.
func sessionFromEnv() (*Session, error) {
	s := &Session{Dir: os.Getenv(RunEnv), listeners: map[string]net.Listener{}}
	names := os.Getenv(listenersEnv)
	os.Unsetenv(stageEnv)
	os.Unsetenv(listenersEnv)
	if names == "" {
		return s, nil
	}
	for i, name := range strings.Split(names, ",") {
		f := os.NewFile(uintptr(3+i), "listener "+name)
		l, err := net.FileListener(f) // duplicates the descriptor, close-on-exec
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("take over the listener %q from the outer process: %w", name, err)
		}
		s.listeners[name] = l
	}
	return s, nil
}
