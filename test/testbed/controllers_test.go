//go:build linux

package testbed

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The kinds of targets and autoscalers that a Canary can have need their controllers.

const daemonSet = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-agent}
spec:
  selector: {matchLabels: {app: node-agent}}
  template:
    metadata: {labels: {app: node-agent}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: server
        image: server:%[1]s
        env: [{name: VERSION, value: %[1]s}]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
`

// TestDaemonSet runs one pod on the node, none while the node selector fits no node, and rolls a
// new template out.
func TestDaemonSet(t *testing.T) {
	c := Shared(t)
	ns, ctx := c.Namespace(t), t.Context()
	sets := c.Client().AppsV1().DaemonSets(ns)
	apply := func(version string) {
		t.Helper()
		if err := c.Apply(ctx, ns, fmt.Appendf(nil, daemonSet, version)); err != nil {
			t.Fatal(err)
		}
	}
	patch := func(patch string) {
		t.Helper()
		if _, err := sets.Patch(ctx, "node-agent", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	pods := func(ready int32, version string) {
		t.Helper()
		eventually(t, 30*time.Second, func() error {
			d, err := sets.Get(ctx, "node-agent", metav1.GetOptions{})
			if err != nil {
				return err
			}
			list, err := c.Client().CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: "app=node-agent"})
			if err != nil {
				return err
			}
			s := d.Status
			if s.ObservedGeneration != d.Generation || s.DesiredNumberScheduled != ready || s.NumberReady != ready ||
				s.UpdatedNumberScheduled != ready || len(list.Items) != int(ready) {
				return fmt.Errorf("want %d pods ready; there are %d, status %+v", ready, len(list.Items), s)
			}
			for _, pod := range list.Items {
				if image := pod.Spec.Containers[0].Image; image != "server:"+version || pod.Spec.NodeName != NodeName {
					return fmt.Errorf("pod %s runs %s on node %q", pod.Name, image, pod.Spec.NodeName)
				}
			}
			return nil
		})
	}
	apply("one")
	pods(1, "one")
	patch(`{"spec":{"template":{"spec":{"nodeSelector":{"flagger.app/scale-to-zero":"true"}}}}}`)
	pods(0, "one")
	patch(`{"spec":{"template":{"spec":{"nodeSelector":{"flagger.app/scale-to-zero":null}}}}}`)
	pods(1, "one")
	apply("two")
	pods(1, "two")
	revisions, err := c.Client().AppsV1().ControllerRevisions(ns).List(ctx, metav1.ListOptions{})
	if err != nil || len(revisions.Items) != 3 {
		t.Errorf("%d revisions, %v; want one for each of three templates", len(revisions.Items), err)
	}
}

// TestAutoscalerKeepsBounds has an autoscaler without a metrics server: it cannot measure, and
// still keeps the number of replicas between its bounds, and off a target at zero.
func TestAutoscalerKeepsBounds(t *testing.T) {
	c := Shared(t)
	ns, ctx := c.Namespace(t), t.Context()
	err := c.Apply(ctx, ns, []byte(fmt.Sprintf(twoVersions, "one")+`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: one}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: one}
  minReplicas: 3
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	deployments := c.Client().AppsV1().Deployments(ns)
	scale := func(n int) {
		t.Helper()
		patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, n)
		if _, err := deployments.Patch(ctx, "one", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	replicas := func(d *appsv1.Deployment) int32 { return *d.Spec.Replicas }
	wait := func(want int32) {
		t.Helper()
		eventually(t, 30*time.Second, func() error {
			d, err := deployments.Get(ctx, "one", metav1.GetOptions{})
			if err == nil && replicas(d) != want {
				err = fmt.Errorf("%d replicas, want %d", replicas(d), want)
			}
			return err
		})
	}
	wait(3)
	scale(6)
	wait(4)
	scale(0)
	eventually(t, 30*time.Second, func() error {
		hpa, err := c.Client().AutoscalingV2().HorizontalPodAutoscalers(ns).Get(ctx, "one", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range hpa.Status.Conditions {
			if condition.Reason == "ScalingDisabled" && condition.Status == corev1.ConditionFalse {
				return nil
			}
		}
		return fmt.Errorf("the autoscaler does not say that it is off: %+v", hpa.Status.Conditions)
	})
	wait(0)
}

// TestGarbageCollector deletes an owner: what it owns goes too.
func TestGarbageCollector(t *testing.T) {
	c := Shared(t)
	ns, ctx := c.Namespace(t), t.Context()
	configs := c.Client().CoreV1().ConfigMaps(ns)
	owner, err := configs.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = configs.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name:            "owned",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := configs.Delete(ctx, owner.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, func() error {
		if _, err := configs.Get(ctx, "owned", metav1.GetOptions{}); err == nil {
			return fmt.Errorf("the object is still there")
		}
		return nil
	})
}
