//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/test/testbed/binaries"
	"github.com/kubectl-canary/kubectl-canary/test/testbed/supervise"
)

const (
	traefikMetricsPort = "9100"
	traefikAPIPort     = "8080"
)

// traefikSpec runs Traefik as the data plane for four ways of routing: Gateway
// API, its own CRDs, plain Ingress, and Ingress with nginx canary annotations.
func traefikSpec(set binaries.Set, c *credentials) supervise.Spec {
	addr := gatewayAddr.String()
	args := []string{
		"--global.checknewversion=false",
		"--global.sendanonymoususage=false",
		"--log.level=INFO",
		"--log.nocolor=true",
		"--entrypoints.web.address=" + addr + ":80",
		// Tests close connections at once; waiting for them only delays the end.
		"--entrypoints.web.transport.lifecycle.gracetimeout=1s",
		"--entrypoints.metrics.address=" + addr + ":" + traefikMetricsPort,
		"--entrypoints.traefik.address=" + addr + ":" + traefikAPIPort,
		"--api.insecure=true", // Dump reads the routing table from it
		"--api.dashboard=false",
		"--metrics.prometheus=true",
		"--metrics.prometheus.entrypoint=metrics",
		"--metrics.prometheus.addserviceslabels=true",
		"--metrics.prometheus.buckets=0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10",
		// The default of two seconds would be the slowest part of a weight change.
		"--providers.providersthrottleduration=50ms",
		"--providers.kubernetesgateway.statusaddress.ip=" + addr,
		"--providers.kubernetescrd.allowcrossnamespace=true",
		"--providers.kubernetesingressnginx.httpentrypoint=web",
	}
	for _, provider := range []string{"kubernetesgateway", "kubernetescrd", "kubernetesingress", "kubernetesingressnginx"} {
		flag := "--providers." + provider
		args = append(args, flag+"=true",
			flag+".endpoint="+apiServerURL,
			flag+".token="+c.file(fileProxyToken),
			flag+".certauthfilepath="+c.file(fileCA),
			flag+".throttleduration=50ms")
	}
	return supervise.Spec{
		Name:  binaries.Traefik,
		Path:  set.Path(binaries.Traefik),
		Args:  args,
		Env:   notInCluster,
		Ready: tcpReady(addr + ":80"),
		// After TERM it waits for open connections.
		StopGrace: 2 * time.Second,
	}
}

// notInCluster keeps programs from believing that they run in the cluster that
// the tests themselves may run in.
var notInCluster = []string{"KUBERNETES_SERVICE_HOST=", "KUBERNETES_SERVICE_PORT="}

// gatewayObjects are what a route needs to exist before it can be attached.
const gatewayObjects = `
apiVersion: v1
kind: Namespace
metadata: {name: testbed}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: traefik}
spec: {controllerName: traefik.io/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gateway, namespace: testbed}
spec:
  gatewayClassName: traefik
  listeners:
  - name: http
    protocol: HTTP
    port: 80
    allowedRoutes: {namespaces: {from: All}}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: traefik}
spec: {controller: traefik.io/ingress-controller}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
`

var gatewayResource = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}

// gatewayProgrammed reports whether Traefik serves the gateway.
func (c *Cluster) gatewayProgrammed(ctx context.Context) error {
	o, err := c.objects.client.Resource(gatewayResource).Namespace("testbed").Get(ctx, "gateway", metav1.GetOptions{})
	if err != nil {
		return err
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, each := range conditions {
		if condition, _ := each.(map[string]any); condition["type"] == "Programmed" {
			if condition["status"] == "True" {
				return nil
			}
			return fmt.Errorf("gateway testbed/gateway: %v", condition["message"])
		}
	}
	return errors.New("gateway testbed/gateway has no condition Programmed yet")
}
