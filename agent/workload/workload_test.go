package workload

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func canary() *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "shop", UID: "canary-uid"},
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.TargetReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"},
			Service:   v1beta1.CanaryService{Port: 80, TargetPort: intstr.FromInt32(8080)},
		},
	}
}

func deploymentOf(containers ...corev1.Container) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "shop"}}
	d.Spec.Template.Spec.Containers = containers
	return d
}

// object reads a file of testdata.
func object(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(source))
}

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	content, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	// As the client decodes it: whole numbers are integers.
	if err := utiljson.Unmarshal(content, &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func golden(t *testing.T, name string, object any) {
	t.Helper()
	got, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs (-update rewrites it):\n%s", path, got)
	}
}

// TestRenderPrimary copies a template with everything that has to be renamed, and a field that
// no client library knows.
func TestRenderPrimary(t *testing.T) {
	target := object(t, "target.yaml")
	before := target.DeepCopy()
	primary, err := Deployments.RenderPrimary(canary(), target, Copy{
		Selector: Selector{Key: "app", Value: "app"},
		Prefixes: Prefixes{"team"},
		Revision: "rs:abc",
		RunID:    "abc-1",
		Replicas: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "primary.yaml", primary.Object)
	if a, b := mustYAML(t, before.Object), mustYAML(t, target.Object); a != b {
		t.Errorf("the target was changed:\n%s", b)
	}
}

func TestRenderPrimaryWithoutTemplate(t *testing.T) {
	target := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "app", "namespace": "shop"}, "spec": map[string]any{},
	}}
	if _, err := Deployments.RenderPrimary(canary(), target, Copy{}); err == nil || !strings.Contains(err.Error(), "shop/app") {
		t.Errorf("error %v, want one that names the deployment", err)
	}
}

func TestRenderServices(t *testing.T) {
	c := canary()
	c.Spec.Service.PortDiscovery = true
	c.Spec.Service.AppProtocol = "http"
	c.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "shop", "app": "no"}, Annotations: map[string]string{"note": "apex"}}
	target := deploymentOf(
		corev1.Container{Name: "app", Ports: []corev1.ContainerPort{
			{ContainerPort: 8080}, {Name: "grpc", ContainerPort: 9000}, {ContainerPort: 53, Protocol: corev1.ProtocolUDP},
		}},
		corev1.Container{Name: "istio-proxy", Ports: []corev1.ContainerPort{{ContainerPort: 15001}}},
	)
	s := Selector{Key: "app", Value: "app"}
	var all []any
	for _, role := range []Role{Apex, Primary, Canary} {
		svc := Deployments.Service(c, role, s, target, nil)
		object, err := ServiceObject(c, svc, true)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object.Object)
		live := svc.DeepCopy()
		live.Labels["else"] = "kept"
		live.Spec.Ports = append(live.Spec.Ports, corev1.ServicePort{Name: "extra", Port: 1})
		if !ServiceCurrent(svc, live) {
			t.Errorf("%s: what others added makes it out of date", svc.Name)
		}
		for what, spoil := range map[string]func(*corev1.Service){
			"selector": func(s *corev1.Service) { s.Spec.Selector["app"] = "other" },
			"port":     func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromInt32(1) },
			"label":    func(s *corev1.Service) { delete(s.Labels, "app") },
		} {
			bad := svc.DeepCopy()
			spoil(bad)
			if ServiceCurrent(svc, bad) {
				t.Errorf("%s: a wrong %s is not noticed", svc.Name, what)
			}
		}
	}
	golden(t, "services.yaml", all)
}

// TestForeignApex leaves labels and owner of a Service alone that somebody else made.
func TestForeignApex(t *testing.T) {
	live := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "shop", Labels: map[string]string{"app": "mine"}}}
	want := Deployments.Service(canary(), Apex, Selector{Key: "app", Value: "app"}, deploymentOf(), live)
	if len(want.Labels) > 0 {
		t.Errorf("labels %v of a foreign Service are changed", want.Labels)
	}
	if want.Spec.Selector["app"] != "app-primary" {
		t.Errorf("selector %v, want app-primary", want.Spec.Selector)
	}
}

func TestDeploymentRevision(t *testing.T) {
	born := map[string]time.Time{"old": time.Unix(100, 0), "new": time.Unix(200, 0)}
	set := func(owner types.UID, number, hash string) *metav1.PartialObjectMetadata {
		yes := true
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			OwnerReferences: []metav1.OwnerReference{{UID: owner, Controller: &yes}},
			Annotations:     map[string]string{revisionNumber: number},
			Labels:          map[string]string{podTemplateHash: hash},

			CreationTimestamp: metav1.NewTime(born[hash]),
		}}
	}
	sets := []*metav1.PartialObjectMetadata{set("d", "1", "old"), set("other", "2", "foreign"), set("d", "2", "new")}
	tests := []struct {
		name                 string
		number               string
		generation, observed int64
		want                 string
	}{
		{"newest", "2", 3, 3, "rs:new"},
		{"gone back, the old set has the newest number", "1", 4, 4, "rs:old"},
		{"not observed", "2", 4, 3, ""},
		{"its set has not been seen", "3", 3, 3, ""},
		{"nothing yet", "", 1, 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{UID: "d", Generation: tt.generation}}
			d.Annotations = map[string]string{revisionNumber: tt.number}
			d.Status.ObservedGeneration = tt.observed
			w := Deployments.Target(d, sets)
			if w.Revision != tt.want || w.Observed != (tt.want != "") {
				t.Errorf("revision %q, observed %t; want %q", w.Revision, w.Observed, tt.want)
			}
			if !w.Since.Equal(born[strings.TrimPrefix(tt.want, "rs:")]) {
				t.Errorf("since %v", w.Since)
			}
		})
	}
}

func TestDeploymentFacts(t *testing.T) {
	if w := Deployments.Target(nil, nil); w.Exists {
		t.Error("a missing Deployment exists")
	}
	if w := Deployments.Primary(nil, nil); w.Exists || w.Unmarked {
		t.Error("a missing primary exists")
	}
	yes, three := true, int32(3)
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		UID: "d", Generation: 7, Annotations: map[string]string{SourceAnnotation: "rs:a", lastApplied: "{}", revisionNumber: "5"},
		ManagedFields: []metav1.ManagedFieldsEntry{{}},
	}}
	d.Spec.Replicas = &three
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "big", Ports: []corev1.ContainerPort{{ContainerPort: 1}}}}
	d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "v"}}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 7, Replicas: 4, UpdatedReplicas: 2, AvailableReplicas: 1,
		Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Reason: "ProgressDeadlineExceeded"}}}
	history := []*metav1.PartialObjectMetadata{{ObjectMeta: metav1.ObjectMeta{
		OwnerReferences: []metav1.OwnerReference{{UID: "d", Controller: &yes}},
		Labels:          map[string]string{podTemplateHash: "b"}, Annotations: map[string]string{revisionNumber: "5"},
	}}}
	w := Deployments.Primary(d, history)
	if !w.Observed || w.Revision != "rs:b" || w.Source != "rs:a" || w.Replicas != 3 || w.Total != 4 || w.Updated != 2 || w.Available != 1 ||
		!w.DeadlineExceeded || w.Generation != 7 || w.Unmarked || w.Fixed {
		t.Errorf("Primary() = %+v", w)
	}
	if w := Deployments.Target(d, history); w.Source != "" || w.Unmarked {
		t.Errorf("Target() = %+v, with what only a primary has", w)
	}
	cached, err := Deployments.Cached(d)
	if err != nil || cached != Object(d) {
		t.Fatalf("Cached() = %v, %v", cached, err)
	}
	if len(d.ManagedFields) > 0 || d.Annotations[lastApplied] != "" || len(d.Spec.Template.Spec.Volumes) > 0 || d.Spec.Template.Spec.Containers[0].Image != "" {
		t.Errorf("Cached leaves %+v", d)
	}
	if len(d.Spec.Template.Spec.Containers[0].Ports) != 1 || d.Annotations[SourceAnnotation] == "" {
		t.Error("Cached takes what is needed")
	}
	if again := Deployments.Primary(cached, history); !reflect.DeepEqual(again, w) {
		t.Errorf("cached, it says %+v", again)
	}
	if _, err := Deployments.Cached(&corev1.Service{}); err == nil {
		t.Error("a Service is a Deployment")
	}
}

func TestSelectorOf(t *testing.T) {
	keys := []string{"app", "app.kubernetes.io/name"}
	s, err := SelectorOf(map[string]string{"x": "y", "app.kubernetes.io/name": "web"}, keys, "deployment shop/web")
	if err != nil || s.Key != "app.kubernetes.io/name" || s.PrimaryValue() != "web-primary" {
		t.Errorf("SelectorOf() = %+v, %v", s, err)
	}
	if _, err := SelectorOf(map[string]string{"x": "y"}, keys, "deployment shop/web"); err == nil || !strings.Contains(err.Error(), "app, app.kubernetes.io/name") {
		t.Errorf("error %v, want one that lists the labels", err)
	}
}

func TestPrefixes(t *testing.T) {
	in := map[string]string{
		"team": "a", "team/x": "b", "other": "c", lastApplied: "{}", "kustomize.toolkit.fluxcd.io/name": "d", revisionNumber: "3",
	}
	for _, tt := range []struct {
		prefixes Prefixes
		want     int
	}{{nil, 0}, {Prefixes{""}, 0}, {Prefixes{"team"}, 2}, {Prefixes{"*"}, 3}} {
		if got := tt.prefixes.Filter(in); len(got) != tt.want {
			t.Errorf("%v keeps %v, want %d", tt.prefixes, got, tt.want)
		}
	}
}

func TestReplicaSetEntry(t *testing.T) {
	m := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		CreationTimestamp: metav1.NewTime(time.Unix(5, 0)),
		Labels:            map[string]string{podTemplateHash: "a", "app": "x"},
		Annotations:       map[string]string{revisionNumber: "1", "deployment.kubernetes.io/desired-replicas": "3", SourceAnnotation: "rs:x"},
	}}
	same := m.DeepCopy()
	m, _ = Deployments.History().Cached(m).(*metav1.PartialObjectMetadata)
	if len(m.Labels) != 1 || len(m.Annotations) != 2 || m.CreationTimestamp.IsZero() || !SameEntry(m, same) {
		t.Errorf("left: %+v", m)
	}
	for _, key := range []string{revisionNumber, SourceAnnotation} {
		other := same.DeepCopy()
		other.Annotations[key] = "2"
		if SameEntry(m, other) {
			t.Errorf("another %s is the same", key)
		}
	}
}

func mustYAML(t *testing.T, v any) string {
	t.Helper()
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
