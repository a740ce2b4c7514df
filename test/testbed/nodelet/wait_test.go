//go:build linux

package nodelet_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

const strategic = types.StrategicMergePatchType

func intstrOf(port int) intstr.IntOrString { return intstr.FromInt32(int32(port)) }

// awaitRolledOut waits as "kubectl rollout status" does.
func awaitRolledOut(t *testing.T, c *testbed.Cluster, d *appsv1.Deployment) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	want, generation := *d.Spec.Replicas, d.Generation
	for {
		current, err := c.Client().AppsV1().Deployments(d.Namespace).Get(ctx, d.Name, metav1.GetOptions{})
		if err == nil {
			s := current.Status
			if s.ObservedGeneration >= generation && s.UpdatedReplicas == want && s.Replicas == want && s.AvailableReplicas == want {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("deployment %s/%s is not rolled out: %v, %+v", d.Namespace, d.Name, err, current.Status)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func awaitHTTP(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("GET %s: %v", url, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
