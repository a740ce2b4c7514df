package workload

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
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
	source, err := os.ReadFile(filepath.Join("testdata", "target.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	target := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(source, &target.Object); err != nil {
		t.Fatal(err)
	}
	before := target.DeepCopy()
	primary, err := RenderPrimary(canary(), target, Copy{
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
	if _, err := RenderPrimary(canary(), target, Copy{}); err == nil || !strings.Contains(err.Error(), "shop/app") {
		t.Errorf("error %v, want one that names the deployment", err)
	}
}

func TestRenderServices(t *testing.T) {
	c := canary()
	c.Spec.Service.PortDiscovery = true
	c.Spec.Service.AppProtocol = "http"
	c.Spec.Service.Apex = &v1beta1.CustomMetadata{Labels: map[string]string{"team": "shop", "app": "no"}, Annotations: map[string]string{"note": "apex"}}
	target := &appsv1.Deployment{}
	target.Spec.Template.Spec.Containers = []corev1.Container{
		{Name: "app", Ports: []corev1.ContainerPort{
			{ContainerPort: 8080}, {Name: "grpc", ContainerPort: 9000}, {ContainerPort: 53, Protocol: corev1.ProtocolUDP},
		}},
		{Name: "istio-proxy", Ports: []corev1.ContainerPort{{ContainerPort: 15001}}},
	}
	s := Selector{Key: "app", Value: "app"}
	var all []any
	for _, role := range []Role{Apex, Primary, Canary} {
		svc := RenderService(c, role, s, target, nil)
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
	want := RenderService(canary(), Apex, Selector{Key: "app", Value: "app"}, nil, live)
	if len(want.Labels) > 0 {
		t.Errorf("labels %v of a foreign Service are changed", want.Labels)
	}
	if want.Spec.Selector["app"] != "app-primary" {
		t.Errorf("selector %v, want app-primary", want.Spec.Selector)
	}
}

func TestRevisionOf(t *testing.T) {
	set := func(owner types.UID, number, hash string) *metav1.PartialObjectMetadata {
		yes := true
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			OwnerReferences: []metav1.OwnerReference{{UID: owner, Controller: &yes}},
			Annotations:     map[string]string{revisionNumber: number},
			Labels:          map[string]string{podTemplateHash: hash},
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
			if got := RevisionOf(d, sets); got != tt.want {
				t.Errorf("RevisionOf() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFactsAndTrim(t *testing.T) {
	if w := Facts(nil, ""); w.Exists {
		t.Error("a missing Deployment exists")
	}
	three := int32(3)
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
		Generation: 7, Annotations: map[string]string{SourceAnnotation: "rs:a", lastApplied: "{}"},
		ManagedFields: []metav1.ManagedFieldsEntry{{}},
	}}
	d.Spec.Replicas = &three
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "big", Ports: []corev1.ContainerPort{{ContainerPort: 1}}}}
	d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "v"}}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 7, Replicas: 4, UpdatedReplicas: 2, AvailableReplicas: 1,
		Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Reason: "ProgressDeadlineExceeded"}}}
	w := Facts(d, "rs:b")
	if !w.Observed || w.Source != "rs:a" || w.Replicas != 3 || w.Total != 4 || w.Updated != 2 || w.Available != 1 || !w.DeadlineExceeded || w.Generation != 7 {
		t.Errorf("Facts() = %+v", w)
	}
	Trim(d)
	if len(d.ManagedFields) > 0 || d.Annotations[lastApplied] != "" || len(d.Spec.Template.Spec.Volumes) > 0 || d.Spec.Template.Spec.Containers[0].Image != "" {
		t.Errorf("Trim leaves %+v", d)
	}
	if len(d.Spec.Template.Spec.Containers[0].Ports) != 1 || d.Annotations[SourceAnnotation] == "" {
		t.Error("Trim takes what is needed")
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

func TestTrimReplicaSet(t *testing.T) {
	m := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Labels:      map[string]string{podTemplateHash: "a", "app": "x"},
		Annotations: map[string]string{revisionNumber: "1", "deployment.kubernetes.io/desired-replicas": "3"},
	}}
	same := m.DeepCopy()
	TrimReplicaSet(m)
	if len(m.Labels) != 1 || len(m.Annotations) != 1 || !SameRevision(m, same) {
		t.Errorf("left: %v %v", m.Labels, m.Annotations)
	}
	same.Annotations[revisionNumber] = "2"
	if SameRevision(m, same) {
		t.Error("another number is the same revision")
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
