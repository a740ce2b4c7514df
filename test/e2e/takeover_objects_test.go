//go:build linux

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// foreignManager is the field manager of the other controller, which writes by create and update.
const foreignManager = "flagger"

var foreign = metav1.CreateOptions{FieldManager: foreignManager}

// left is how another controller, which serves the same API, has left a canary behind.
type left struct {
	app stage.App
	// primary and target are the versions they have, and next is what the target gets after the
	// other controller has written its status; empty for nothing.
	primary, target, next string
	// replicas of the target.
	replicas int32
	// weight of the canary in the route.
	weight int64
	phase  v1beta1.CanaryPhase
	// rich canaries have configs and an autoscaler besides.
	rich bool
}

// Names of the other controller for the revisions of target and primary: hashes of its own.
const (
	foreignTarget  = "5d8f6c7b9c"
	foreignPrimary = "7c548cbb77"
)

// status as the other controller writes it.
func (l left) status() map[string]any {
	now := time.Now().UTC().Format(time.RFC3339)
	condition := map[v1beta1.CanaryPhase]string{v1beta1.PhaseSucceeded: "True", v1beta1.PhaseFailed: "False"}[l.phase]
	if condition == "" {
		condition = "Unknown"
	}
	applied := foreignTarget
	if l.target == l.primary {
		applied = foreignPrimary
	}
	status := map[string]any{
		"phase": string(l.phase), "canaryWeight": l.weight, "failedChecks": int64(0), "iterations": int64(0),
		"lastAppliedSpec": applied, "lastPromotedSpec": foreignPrimary, "lastTransitionTime": now,
		"conditions": []any{map[string]any{
			"type": "Promoted", "status": condition, "reason": string(l.phase), "message": "As the other controller left it.",
			"lastUpdateTime": now, "lastTransitionTime": now,
		}},
		// Of a session affinity that the spec does not have any more.
		"previousSessionAffinityCookie": "side=abcdefghij",
	}
	if l.rich {
		status["trackedConfigs"] = map[string]any{
			"configmap/app-config": foreignDigest(map[string]any{"version": "python-1"}),
			"secret/app-secret":    foreignDigest(map[string]any{"PASSWORD": []byte("first")}),
		}
	}
	return status
}

// foreignDigest is how the other controller tells the data of a config.
func foreignDigest(data map[string]any) string {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// leave puts the objects of a canary into a namespace as the other controller leaves them.
func (l left) leave(t *testing.T, s *scene) {
	t.Helper()
	if l.rich {
		s.apply(richObjects)
	}
	if err := s.app.ApplyWorkload(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	s.release(l.target)
	canary, err := s.app.Canary()
	if err != nil {
		t.Fatal(err)
	}
	s.apply(string(canary))
	s.eventually("the target to run", func() error {
		d := s.deployment("app")
		if d.Status.UpdatedReplicas != *d.Spec.Replicas || d.Status.AvailableReplicas != *d.Spec.Replicas || d.Status.Replicas != *d.Spec.Replicas {
			return fmt.Errorf("%+v", d.Status)
		}
		return nil
	})
	owner := s.canaryOwner()
	if l.rich {
		leaveRich(s, owner)
	}
	l.leavePrimary(s, owner)
	for name, selects := range map[string]string{"app": "app-primary", "app-primary": "app-primary", "app-canary": "app"} {
		leaveService(s, name, selects, owner)
	}
	l.leaveRoute(s, owner)
	s.eventually("the primary to run", func() error { return wantReplicas(s.deployment("app-primary"), 3) })
	s.patchTarget(map[string]any{"spec": map[string]any{"replicas": l.replicas}})
	s.eventually("the target to be scaled", func() error { return wantReplicas(s.deployment("app"), l.replicas) })

	client := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace)
	u, err := client.Get(s.ctx, "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	u.Object["status"] = l.status()
	if _, err := client.UpdateStatus(s.ctx, u, metav1.UpdateOptions{FieldManager: foreignManager}); err != nil {
		t.Fatal(err)
	}
	if l.next != "" {
		s.pass(1100 * time.Millisecond) // Times of objects are in seconds.
		s.release(l.next)
	}
}

func (s *scene) canaryOwner() []metav1.OwnerReference {
	s.Helper()
	u, err := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return []metav1.OwnerReference{*metav1.NewControllerRef(u, v1beta1.SchemeGroupVersion.WithKind(v1beta1.CanaryKind))}
}

// leavePrimary copies the target as the other controller does.
func (l left) leavePrimary(s *scene, owner []metav1.OwnerReference) {
	s.Helper()
	target := s.deployment("app")
	primary := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: "app-primary", Labels: map[string]string{"app": "app-primary"}, OwnerReferences: owner,
		},
		Spec: *target.Spec.DeepCopy(),
	}
	primary.Spec.Replicas = new(int32(3))
	primary.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "app-primary"}}
	template := &primary.Spec.Template
	template.Labels["app"] = "app-primary"
	if template.Annotations == nil {
		template.Annotations = map[string]string{}
	}
	template.Annotations["flagger-id"] = "f7b6c6a2-6d0e-4a55-9d0c-0d6ef5b0c0de"
	template.Spec.Containers[0].Image = stage.Image(l.primary)
	if l.rich {
		// What is optional and not there keeps its name, as does what is not tracked.
		template.Spec.Containers[0].Env[1].ValueFrom.ConfigMapKeyRef.Name += "-primary"
		template.Spec.Containers[0].EnvFrom[0].SecretRef.Name += "-primary"
	}
	if _, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Create(s.ctx, primary, foreign); err != nil {
		s.Fatal(err)
	}
}

func leaveService(s *scene, name, selects string, owner []metav1.OwnerReference) {
	s.Helper()
	_, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).Create(s.ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"app": name}, Annotations: v1beta1.GitOpsOff(), OwnerReferences: owner,
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, Selector: map[string]string{"app": selects},
			Ports: []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, TargetPort: intstr.FromInt32(80)}},
		},
	}, foreign)
	if err != nil {
		s.Fatal(err)
	}
}

// richObjects are the user's configs and autoscaler of a rich canary, which richWorkload uses.
const richObjects = `
apiVersion: v1
kind: ConfigMap
metadata: {name: app-config}
data: {version: python-1}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: app-shared, annotations: {flagger.app/config-tracking: disabled}}
data: {SHARED: a}
---
apiVersion: v1
kind: Secret
metadata: {name: app-secret}
stringData: {PASSWORD: first}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: app}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  minReplicas: 2
  maxReplicas: 5
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}
`

func richWorkload(workload *unstructured.Unstructured) {
	containers, _, _ := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", "containers")
	app, _ := containers[0].(map[string]any)
	env, _ := app["env"].([]any)
	app["env"] = append(env, map[string]any{"name": "VERSION", "valueFrom": map[string]any{
		"configMapKeyRef": map[string]any{"name": "app-config", "key": "version"},
	}})
	app["envFrom"] = []any{
		map[string]any{"secretRef": map[string]any{"name": "app-secret"}},
		map[string]any{"configMapRef": map[string]any{"name": "app-missing", "optional": true}},
		map[string]any{"configMapRef": map[string]any{"name": "app-shared"}},
	}
	_ = unstructured.SetNestedSlice(workload.Object, containers, "spec", "template", "spec", "containers") // The seed's spec has them.
}

// leaveRich makes the primary's copies of the configs and the autoscaler.
func leaveRich(s *scene, owner []metav1.OwnerReference) {
	s.Helper()
	core := s.cluster.Client().CoreV1()
	_, err := core.ConfigMaps(s.app.Namespace).Create(s.ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "app-config-primary", OwnerReferences: owner},
		Data:       map[string]string{"version": "python-1"},
	}, foreign)
	if err == nil {
		_, err = core.Secrets(s.app.Namespace).Create(s.ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: "app-secret-primary", OwnerReferences: owner},
			Type:       corev1.SecretTypeOpaque, Data: map[string][]byte{"PASSWORD": []byte("first")},
		}, foreign)
	}
	if err != nil {
		s.Fatal(err)
	}
	hpa, err := s.hpa("app")
	if err != nil {
		s.Fatal(err)
	}
	copied := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "app-primary", OwnerReferences: owner}, Spec: *hpa.Spec.DeepCopy(),
	}
	copied.Spec.ScaleTargetRef.Name = "app-primary"
	if _, err := s.cluster.Client().AutoscalingV2().HorizontalPodAutoscalers(s.app.Namespace).Create(s.ctx, copied, foreign); err != nil {
		s.Fatal(err)
	}
}

// leaveRoute makes the route of the provider with the weights.
func (l left) leaveRoute(s *scene, owner []metav1.OwnerReference) {
	s.Helper()
	backend := func(name string, weight int64) map[string]any {
		return map[string]any{"name": name, "port": int64(80), "weight": weight}
	}
	gvr, kind, spec := traefikServices, "TraefikService", map[string]any{}
	if s.app.Provider == "traefik" {
		var services []any
		for name, weight := range map[string]int64{"app-primary": 100 - l.weight, "app-canary": l.weight} {
			if weight > 0 {
				service := backend(name, weight)
				service["namespace"] = s.app.Namespace
				services = append(services, service)
			}
		}
		spec["weighted"] = map[string]any{"services": services}
	} else {
		gvr, kind = httpRoutes, "HTTPRoute"
		primary, canary := backend("app-primary", 100-l.weight), backend("app-canary", l.weight)
		for _, ref := range []map[string]any{primary, canary} {
			ref["group"], ref["kind"] = "", "Service"
		}
		spec = map[string]any{
			"parentRefs": []any{map[string]any{"name": "gateway", "namespace": "testbed"}},
			"hostnames":  []any{s.app.Host()},
			"rules": []any{map[string]any{
				"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}},
				"backendRefs": []any{primary, canary},
			}},
		}
	}
	route := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	route.SetAPIVersion(gvr.GroupVersion().String())
	route.SetKind(kind)
	route.SetName("app")
	route.SetAnnotations(v1beta1.GitOpsOff())
	route.SetOwnerReferences(owner)
	if _, err := s.dynamic().Resource(gvr).Namespace(s.app.Namespace).Create(s.ctx, route, foreign); err != nil {
		s.Fatal(err)
	}
}

// otherControllerNamespace is where the other controller runs.
const otherControllerNamespace = "other-controller"

// startOtherController makes the Deployment of the other controller.
func (s *scene) startOtherController() {
	s.Helper()
	s.apply(fmt.Sprintf(`
apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: flagger, namespace: %[1]s, labels: {app.kubernetes.io/name: flagger}}
spec:
  replicas: 1
  selector: {matchLabels: {app.kubernetes.io/name: flagger}}
  template:
    metadata: {labels: {app.kubernetes.io/name: flagger}}
    spec:
      containers: [{name: flagger, image: "%[2]s:1.44.0", command: [./flagger], args: ["--port=8080"]}]
`, otherControllerNamespace, otherController))
}
