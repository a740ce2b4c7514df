//go:build linux

package testbed

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// standIn is a pod that nobody schedules, and Endpoints that point at it.
const standIn = `
apiVersion: v1
kind: Pod
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  schedulingGates: [{name: testbed/runs-without-a-node}]
  automountServiceAccountToken: false
  containers: [{name: %[2]s, image: "%[2]s:testbed"}]
---
apiVersion: v1
kind: Endpoints
metadata:
  name: %[2]s
  namespace: %[1]s
  labels: {endpointslice.kubernetes.io/skip-mirror: "true"}
subsets:
- addresses: [{ip: %[3]s, targetRef: {kind: Pod, name: %[2]s, namespace: %[1]s}}]
  ports: [{name: http, port: %[4]s, protocol: TCP}]
`

// letProxy lets the API server's proxy reach a local Service. It goes by Endpoints, not by
// EndpointSlices, and passes on to pods only: so a pod stands in for the process, and has its address.
func (c *Cluster) letProxy(ctx context.Context, namespace, name, address, port string) error {
	err := c.wait(ctx, "the service account of namespace "+namespace, func(ctx context.Context) error {
		_, err := c.client.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	if err != nil {
		return err
	}
	if err := c.Apply(ctx, "", fmt.Appendf(nil, standIn, namespace, name, address, port)); err != nil {
		return err
	}
	patch := fmt.Appendf(nil, `{"status":{"podIP":%[1]q,"podIPs":[{"ip":%[1]q}]}}`, address)
	_, err = c.client.CoreV1().Pods(namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("give the pod %s/%s its address: %w", namespace, name, err)
	}
	return nil
}
