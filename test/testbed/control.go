//go:build linux

package testbed

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/isolate"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

// Where things are inside the namespace. Fixed addresses keep kubeconfigs,
// manifests and messages the same from run to run; each run has its own network.
var (
	apiServerAddr  = isolate.NodeAddr
	gatewayAddr    = netip.MustParseAddr("10.244.255.10")
	prometheusAddr = netip.MustParseAddr("10.244.255.11")
	podCIDR        = netip.MustParsePrefix("10.244.0.0/17")
)

const (
	apiServerURL = "https://10.244.255.1:6443"
	etcdURL      = "http://127.0.0.1:2379"
	etcdPeerURL  = "http://127.0.0.1:2380"
)

func etcdSpec(set binaries.Set, dir string) supervise.Spec {
	return supervise.Spec{
		Name: binaries.Etcd,
		Path: set.Path(binaries.Etcd),
		Args: []string{
			"--data-dir=" + filepath.Join(dir, "etcd"),
			"--listen-client-urls=" + etcdURL,
			"--advertise-client-urls=" + etcdURL,
			"--listen-peer-urls=" + etcdPeerURL,
			"--initial-advertise-peer-urls=" + etcdPeerURL,
			"--name=testbed",
			"--initial-cluster=testbed=" + etcdPeerURL,
			"--unsafe-no-fsync", // nobody needs this data after a power cut
			"--log-level=warn",
		},
		Ready: httpOK(etcdURL + "/health"),
	}
}

func apiServerSpec(set binaries.Set, c *credentials, dir string, extra []string) supervise.Spec {
	return supervise.Spec{
		Name: binaries.APIServer,
		Path: set.Path(binaries.APIServer),
		Args: append([]string{
			"--etcd-servers=" + etcdURL,
			"--bind-address=0.0.0.0",
			"--secure-port=6443",
			// A loopback address would be refused as an endpoint of the Service "kubernetes".
			"--advertise-address=" + apiServerAddr.String(),
			"--service-cluster-ip-range=" + isolate.ServiceNetwork.String(),
			"--cert-dir=" + dir,
			"--tls-cert-file=" + c.file(fileServerCert),
			"--tls-private-key-file=" + c.file(fileServerKey),
			"--client-ca-file=" + c.file(fileCA),
			"--token-auth-file=" + c.file(fileTokens),
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-signing-key-file=" + c.file(fileSAKey),
			"--service-account-key-file=" + c.file(fileSAPub),
			"--authorization-mode=RBAC",
			"--kubelet-preferred-address-types=InternalIP",
			"--profiling=false",
		}, extra...),
		Ready: apiServerReady,
		// Long-lived watches make a graceful stop slow, and nobody needs it.
		StopGrace: 2 * time.Second,
	}
}

func controllerManagerSpec(set binaries.Set, c *credentials) supervise.Spec {
	return supervise.Spec{
		Name: binaries.ControllerManager,
		Path: set.Path(binaries.ControllerManager),
		Args: []string{
			"--kubeconfig=" + c.file(fileKCMConfig),
			"--leader-elect=false",
			"--secure-port=0",
			"--use-service-account-credentials=true",
			"--service-account-private-key-file=" + c.file(fileSAKey),
			"--root-ca-file=" + c.file(fileCA),
			"--kube-api-qps=500",
			"--kube-api-burst=1000",
			"--concurrent-deployment-syncs=20",
			"--concurrent-replicaset-syncs=20",
			"--concurrent-service-endpoint-syncs=20",
			"--concurrent-namespace-syncs=20",
			"--concurrent-gc-syncs=20",
			"--horizontal-pod-autoscaler-sync-period=2s",
		},
		StopGrace: 2 * time.Second,
	}
}

// insecure asks processes whose certificate is of no interest, because the only
// question is whether they answer.
var insecure = &http.Client{
	Timeout:   2 * time.Second,
	Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
}

// apiServerReady asks for readiness. The handler is open to anonymous callers
// only once the API server has created its own RBAC objects, so a 200 also means
// that permissions work.
func apiServerReady(ctx context.Context) error { return httpOK(apiServerURL + "/readyz")(ctx) }

func httpOK(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := insecure.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, resp.Status)
		}
		return nil
	}
}

// tcpReady reports whether something listens.
func tcpReady(addr string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
