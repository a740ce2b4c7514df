//go:build linux

package nodelet_test

import (
	"context"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

const deployment = `
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: app:v1
        readinessProbe: {httpGet: {path: /readyz, port: 9898}}`

func TestRollingUpdateLosesNoRequest(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	ctx := t.Context()
	d := &appsv1.Deployment{}
	if err := yaml.UnmarshalStrict([]byte(deployment), d); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	d, err := c.Client().AppsV1().Deployments(ns).Create(ctx, d, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	svc := &v1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: v1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []v1.ServicePort{{Port: 80, TargetPort: intstrOf(9898)}}}}
	if _, err := c.Client().CoreV1().Services(ns).Create(ctx, svc, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitRolledOut(t, c, d)
	t.Logf("three replicas Ready after %v", time.Since(begin).Round(time.Millisecond))
	url := "http://web." + ns + "/"
	awaitHTTP(t, url)
	g, err := load.Start(ctx, load.Config{URL: url, Rate: 200})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Stop()
	if err := g.WaitShare(ctx, "v1", 1, 0, 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	if d, err = c.Client().AppsV1().Deployments(ns).Patch(ctx, "web", strategic, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"app:v2"}]}}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitRolledOut(t, c, d)
	t.Logf("rolled out after %v", time.Since(begin).Round(time.Millisecond))
	waitCtx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := g.WaitShare(waitCtx, "v2", 1, 0, 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	g.Stop()
	if f := g.Failures(); len(f) > 0 {
		t.Errorf("%d requests failed, the first: %v", len(f), f[0])
	}
	t.Log(g.Since(time.Time{}))
}

// TestManyPods prints how the node copes with a crowd; it fails only if it does not.
func TestManyPods(t *testing.T) {
	c := testbed.Shared(t)
	ns := c.Namespace(t)
	d := &appsv1.Deployment{}
	if err := yaml.UnmarshalStrict([]byte(deployment), d); err != nil {
		t.Fatal(err)
	}
	replicas := int32(100)
	d.Spec.Replicas = &replicas
	begin := time.Now()
	d, err := c.Client().AppsV1().Deployments(ns).Create(t.Context(), d, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	awaitRolledOut(t, c, d)
	t.Logf("%d replicas Ready after %v", replicas, time.Since(begin).Round(time.Millisecond))
}
