//go:build linux

package testbed

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/isolate"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

// RequiredEnv set to 1 makes tests fail where they would otherwise be skipped
// because this machine cannot run a test cluster.
const RequiredEnv = "TESTBED_REQUIRED"

var (
	session *isolate.Session // set in the inner process
	refused error            // why there is none
)

// Main runs the tests of a package inside the namespaces of a test cluster. Call
// it in TestMain and do nothing before. It does not return.
//
// Where namespaces are not allowed the tests run outside: those that ask for the
// cluster with Shared are skipped with the reason, or fail if TESTBED_REQUIRED=1.
func Main(m *testing.M, o Options) {
	nodelet.PodInit()
	flag.Parse()
	if list := flag.Lookup("test.list"); list != nil && list.Value.String() != "" {
		os.Exit(m.Run()) // only names are wanted
	}
	if err := enter(o); err != nil {
		if !errors.Is(err, isolate.ErrRefused) {
			fmt.Fprintln(os.Stderr, "testbed:", err)
			os.Exit(1)
		}
		refused = err
		fmt.Fprintf(os.Stderr, "testbed: NO TEST CLUSTER: %v\n", err)
		if os.Getenv(RequiredEnv) == "1" {
			fmt.Fprintf(os.Stderr, "testbed: %s=1 turns this into a failure\n", RequiredEnv)
			os.Exit(1)
		}
	}
	shared.options = o
	code := m.Run()
	if shared.cluster != nil {
		shared.cluster.Stop()
	}
	os.Exit(code)
}

// Reexec moves a command into the namespaces of a test cluster. Call it at the
// very start of main and do nothing before: the program runs from its beginning
// again inside. In the outer process it returns only with an error.
func Reexec(o Options) error {
	nodelet.PodInit()
	return enter(o)
}

func enter(o Options) error {
	listen := map[string]string{}
	for _, name := range o.Profile.hostPorts() {
		listen[name] = o.HostAddr[name]
	}
	s, err := isolate.Enter(isolate.Options{
		Listen: listen,
		Before: func() error { // here the network is reachable, inside it is not
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			_, err := binaries.Ensure(ctx, os.Stderr, o.programs()...)
			return err
		},
	})
	session = s
	return err
}
