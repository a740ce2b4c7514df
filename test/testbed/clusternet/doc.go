// Package clusternet gives a test cluster what kube-proxy and CoreDNS give a real
// one: Service addresses that lead to pods, and names for them.
//
// Every address of the service range is local in the testbed's network namespace,
// so a Service is served by listening on its ClusterIP and passing connections
// on to its ready endpoints. A port listens only while it has an endpoint;
// without one the kernel refuses the connection, as kube-proxy does.
//
// Differences from kube-proxy: TCP only, no node ports, no session affinity, and
// pods see connections come from this machine and not from the client's pod.
// As with kube-proxy, a connection lives on when its endpoint leaves the Service.
//
// The name server knows the cluster's names and nothing else; there is no
// upstream, so that a test can never depend on the world outside.
package clusternet
