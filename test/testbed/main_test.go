//go:build linux

package testbed

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

const (
	// roleEnv makes this test binary play another role than that of a test.
	roleEnv = "TESTBED_TEST_ROLE"
	// roleCluster starts a control plane in namespaces of its own, prints where
	// it is, and waits to be killed.
	roleCluster = "cluster"
	// roleServer is a pod that answers every request with VERSION.
	roleServer = "server"
)

func TestMain(m *testing.M) {
	nodelet.PodInit()
	switch os.Getenv(roleEnv) {
	case roleCluster:
		playCluster()
	case roleServer:
		err := http.ListenAndServe(os.Getenv("POD_IP")+":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, os.Getenv("VERSION"))
		}))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	Main(m, Options{Programs: map[string]nodelet.Program{
		"server:*": {Path: self, Env: map[string]string{roleEnv: roleServer}},
	}})
}

// started is what playCluster prints.
type started struct {
	Dir            string
	HostKubeconfig string
}

func playCluster() {
	fail := func(err error) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	o := Options{Profile: ControlPlane}
	if err := Reexec(o); err != nil {
		fail(err)
	}
	c, err := Start(context.Background(), o)
	if err != nil {
		fail(err)
	}
	json.NewEncoder(os.Stdout).Encode(started{c.Dir, c.HostKubeconfig})
	select {}
}
