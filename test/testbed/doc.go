// Package testbed is a Kubernetes cluster for tests and demonstrations that
// needs only Linux and Go: no Docker, no virtual machine, no root.
//
// # What runs
//
// Real etcd, kube-apiserver and kube-controller-manager, with RBAC and service
// account admission as in production; a node that runs pods as local processes
// with real probes, restarts and grace periods (package nodelet); Services and
// cluster DNS (package clusternet); Traefik as the data plane for Gateway API, its own
// CRDs, Ingress, and nginx canary annotations; Prometheus with a one-second
// scrape. All programs are built from pinned Go modules the first time (package
// binaries) and start in seconds after that.
//
// # Use in tests
//
//	func TestMain(m *testing.M) {
//		testbed.Main(m, testbed.Options{Programs: map[string]nodelet.Program{
//			"example/app:*": {Path: appBinary},
//		}})
//	}
//
//	func TestSomething(t *testing.T) {
//		cluster := testbed.Shared(t)       // one per test binary, started on first use
//		namespace := cluster.Namespace(t)  // one per test
//		...
//	}
//
// Main runs the test binary again inside namespaces of its own (package
// isolate), so several packages can have a cluster at the same time, every
// cluster has the same addresses, and nothing is left when the binary ends, not
// even after kill -9. All flags of go test work. When a test fails, the cluster's
// objects and logs are copied to a directory that the test's log names.
//
// Where namespaces are forbidden, tests that ask for the cluster are skipped with
// the reason. TESTBED_REQUIRED=1 turns this into a failure, for CI.
//
// # Use in programs
//
// Call Reexec first thing in main, then Start. Cluster.HostKubeconfig,
// HostGatewayURL and HostPrometheusURL are for programs outside the namespaces,
// such as the user's kubectl and browser. Command testbed, in cmd/testbed, is the
// smallest such program.
//
// # Addresses inside
//
//	10.244.0.0/17    pods
//	10.244.255.1     node, API server (:6443), source of connections
//	10.244.255.10    Traefik: traffic :80, metrics :9100, its own API :8080
//	10.244.255.11    Prometheus :9090
//	10.96.0.0/16     Services; 10.96.0.1 kubernetes, 10.96.0.10 DNS
//
// Names such as prometheus.monitoring:9090 and traefik.traefik:80 work as in a
// real cluster. The Gateway to attach routes to is testbed/gateway; the ingress
// classes are traefik and nginx.
//
// # Breaking things
//
// Cluster.Processes stops, kills and starts etcd, the API server, the controller
// manager, Traefik and Prometheus by name, with their data kept; Cluster.Restart
// does so in one call, with signal 9. Cluster.Node signals the processes of pods.
package testbed
