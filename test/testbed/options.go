//go:build linux

package testbed

import (
	"log/slog"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

// Profile says how much of a cluster is started.
type Profile int

const (
	// Full is everything: control plane, a node that runs pods, Services, DNS,
	// Traefik and Prometheus. It is the default.
	Full Profile = iota
	// ControlPlane is etcd, the API server and the controllers. Objects live,
	// pods do not.
	ControlPlane
)

// The names of the ports that are reachable on 127.0.0.1 outside the namespace.
const (
	HostAPIServer  = "apiserver"
	HostGateway    = "gateway"
	HostPrometheus = "prometheus"
)

// Options says what cluster to start. The zero value is a full cluster whose
// node knows no images.
type Options struct {
	Profile Profile

	// Programs is the node's image table: what to run for an image name.
	Programs map[string]nodelet.Program

	// HostAddr fixes the outside address of a host port (HostAPIServer,
	// HostGateway, HostPrometheus), for example "127.0.0.1:8080". Ports that are
	// not named here are chosen by the system. It has to be the same for Main or
	// Reexec, which open the ports, and Start.
	HostAddr map[string]string

	// APIServerArgs are added to the API server's command line, for example to
	// write an audit log.
	APIServerArgs []string

	// Clients names programs that run beside the cluster and not in it, such as binaries.Kubectl. They
	// are built with the others; Cluster.Program says where they are.
	Clients []string

	// Log gets what the test cluster itself has to say. Nil writes to the file
	// logs/testbed.log in the cluster's directory.
	Log *slog.Logger
}

func (o Options) programs() []string {
	if o.Profile == ControlPlane {
		return append([]string{binaries.Etcd, binaries.APIServer, binaries.ControllerManager}, o.Clients...)
	}
	return append(binaries.Servers(), o.Clients...)
}

func (p Profile) hostPorts() []string {
	if p == ControlPlane {
		return []string{HostAPIServer}
	}
	return []string{HostAPIServer, HostGateway, HostPrometheus}
}
