package set

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestPatch pins the two forms of patches, word for word.
func TestPatch(t *testing.T) {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(`spec: {template: {spec: {initContainers: [{name: setup, image: a:1}], containers: [{name: x, image: a:1}, {name: web, image: a:2}]}}}`), &object.Object); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ref    v1beta1.TargetReference
		images []Image
		reason string
		kind   types.PatchType
		want   string
	}{
		{
			v1beta1.TargetReference{Kind: "Deployment"}, []Image{{"web", "a:3"}}, "", types.StrategicMergePatchType,
			`{"spec":{"template":{"spec":{"containers":[{"image":"a:3","name":"web"}]}}}}`,
		},
		{
			v1beta1.TargetReference{Kind: "DaemonSet"}, []Image{{"*", "a:1"}}, "why", types.StrategicMergePatchType,
			`{"metadata":{"annotations":{"kubernetes.io/change-cause":"why"}},"spec":{"template":{"spec":{"containers":[{"image":"a:1","name":"web"}]}}}}`,
		},
		{
			v1beta1.TargetReference{APIVersion: v1beta1.KnativeServiceAPIVersion, Kind: "Service"}, []Image{{"web", "a:3"}, {"setup", "b"}}, "why", types.JSONPatchType,
			`[{"op":"test","path":"/spec/template/spec/containers/1/image","value":"a:2"},{"op":"replace","path":"/spec/template/spec/containers/1/image","value":"a:3"},` +
				`{"op":"test","path":"/spec/template/spec/initContainers/0/image","value":"a:1"},{"op":"replace","path":"/spec/template/spec/initContainers/0/image","value":"b"},` +
				`{"op":"add","path":"/metadata/annotations","value":{}},{"op":"add","path":"/metadata/annotations/kubernetes.io~1change-cause","value":"why"}]`,
		},
	} {
		canary := &v1beta1.Canary{}
		canary.Spec.TargetRef = c.ref
		target, err := targetOf(canary)
		if err != nil {
			t.Fatal(err)
		}
		changes, err := target.changes(object, c.images)
		if err != nil {
			t.Fatal(err)
		}
		kind, have, err := target.patch(object, changes, c.reason)
		if err != nil || kind != c.kind || string(have) != c.want {
			t.Errorf("%s: %s %v\nhave %s\nwant %s", c.ref.Kind, kind, err, have, c.want)
		}
	}
}
