//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/clusternet"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/isolate"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/nodelet"
)

// NodeName is the name of the cluster's only node.
const NodeName = "testbed"

// startDataPlane starts everything that makes traffic flow. The parts do not
// depend on each other, except that Traefik wants its CRDs first.
func (c *Cluster) startDataPlane(ctx, inside context.Context) error {
	c.GatewayURL = "http://" + gatewayAddr.String()
	c.PrometheusURL = "http://" + prometheusAddr.String() + ":" + prometheusPort
	if host := c.forward(inside, HostGateway, gatewayAddr.String()+":80"); host != "" {
		c.HostGatewayURL = "http://" + host
	}
	if host := c.forward(inside, HostPrometheus, prometheusAddr.String()+":"+prometheusPort); host != "" {
		c.HostPrometheusURL = "http://" + host
	}

	c.Node = nodelet.New(nodelet.Config{
		Client:   c.client,
		NodeName: NodeName,
		NodeIP:   isolate.NodeAddr.String(),
		PodCIDR:  podCIDR,
		Dir:      filepath.Join(c.Dir, "node"),
		Programs: c.options.Programs,
		Log:      c.log.With("part", "nodelet"),
	})
	c.background(inside, "nodelet", c.Node.Run)
	c.background(inside, "clusternet", func(ctx context.Context) error {
		return clusternet.Run(ctx, clusternet.Config{
			Client:  c.client,
			DNSAddr: isolate.DNSAddr.String() + ":53",
			Log:     c.log.With("part", "clusternet"),
		})
	})

	var parts sync.WaitGroup
	var traefikErr, prometheusErr, servicesErr error
	parts.Go(func() { traefikErr = c.startTraefik(ctx) })
	parts.Go(func() { prometheusErr = c.startPrometheus(ctx) })
	parts.Go(func() {
		if servicesErr = c.Apply(ctx, "", []byte(localServices())); servicesErr == nil {
			servicesErr = c.letProxy(ctx, "monitoring", "prometheus", prometheusAddr.String(), prometheusPort)
		}
	})
	parts.Wait()
	if err := errors.Join(traefikErr, prometheusErr, servicesErr); err != nil {
		return err
	}
	if err := c.wait(ctx, "the node to be ready", c.nodeReady); err != nil {
		return err
	}
	return c.wait(ctx, "cluster DNS to know the Services", func(ctx context.Context) error {
		return httpOK("http://prometheus.monitoring:9090/-/ready")(ctx)
	})
}

func (c *Cluster) startTraefik(ctx context.Context) error {
	begin := time.Now()
	files, err := c.binaries.CRDs(binaries.Traefik)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, len(files))
	for i, f := range files {
		all.Go(func() {
			text, err := os.ReadFile(f)
			if err == nil {
				err = c.Apply(ctx, "", text)
			}
			errs[i] = err
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("install the CRDs of Traefik: %w", err)
	}
	c.log.Debug("CRDs established", "files", len(files), "after", time.Since(begin).Round(time.Millisecond))
	if err := c.Apply(ctx, "", []byte(gatewayObjects)); err != nil {
		return err
	}
	if err := c.Processes.Run(ctx, traefikSpec(c.binaries, c.creds)); err != nil {
		return err
	}
	return c.wait(ctx, "Traefik to serve the gateway", c.gatewayProgrammed)
}

func (c *Cluster) startPrometheus(ctx context.Context) error {
	spec, err := prometheusSpec(c.binaries, c.creds, c.Dir)
	if err != nil {
		return err
	}
	return c.Processes.Run(ctx, spec)
}

func (c *Cluster) nodeReady(ctx context.Context) error {
	node, err := c.client.CoreV1().Nodes().Get(ctx, NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return fmt.Errorf("node %s is not ready", NodeName)
}

// localServices gives processes that are no pods a name in the cluster: Services
// without selectors, with endpoints that are written by hand.
func localServices() string {
	const one = `
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: v1
kind: Service
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  ports: [{name: http, port: %[4]s}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: %[2]s-testbed
  namespace: %[1]s
  labels: {kubernetes.io/service-name: %[2]s, endpointslice.kubernetes.io/managed-by: testbed}
addressType: IPv4
ports: [{name: http, port: %[4]s, protocol: TCP}]
endpoints: [{addresses: [%[3]s], conditions: {ready: true}}]
---
`
	return fmt.Sprintf(one, "monitoring", "prometheus", prometheusAddr, prometheusPort) +
		fmt.Sprintf(one, "traefik", "traefik", gatewayAddr, "80")
}
