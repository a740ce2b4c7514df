package set

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// changeCause is the annotation in which kubectl keeps why a workload was changed; it is no part of
// the pod template, so it makes no revision of its own.
const changeCause = "kubernetes.io/change-cause"

// target is the workload of a canary that has images.
type target struct {
	resource        schema.GroupVersionResource
	kind            string
	namespace, name string
	// primary is the workload that serves the promoted revision; empty for Knative, which has none.
	primary string
}

func targetOf(c *v1beta1.Canary) (target, error) {
	ref := c.Spec.TargetRef
	t := target{kind: ref.Kind, namespace: c.Namespace, name: ref.Name, primary: c.PrimaryName()}
	switch {
	case ref.Kind == v1beta1.TargetDeployment:
		t.resource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	case ref.Kind == v1beta1.TargetDaemonSet:
		t.resource = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	case c.IsKnative():
		t.resource = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}
		t.primary = ""
	case ref.Kind == v1beta1.TargetService:
		return target{}, fmt.Errorf("the target of canary %q is Service %s, which has no image: set that of the workload behind it, "+
			"such as: kubectl set image deployment/NAME CONTAINER=IMAGE -n %s", c.Name, ref.Name, c.Namespace)
	default:
		return target{}, fmt.Errorf("the target of canary %q is a %q: only a Deployment, a DaemonSet or a Knative Service has images that can be set", c.Name, ref.Kind)
	}
	return t, nil
}

// String names the target as kubectl does.
func (t target) String() string {
	return strings.ToLower(t.kind) + "." + t.resource.Group + "/" + t.name
}

func (t target) get(ctx context.Context, d cli.Deps, client dynamic.Interface, name string) (*unstructured.Unstructured, error) {
	object, err := client.Resource(t.resource).Namespace(t.namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no %s %q in namespace %q, which is to be released", strings.ToLower(t.kind), name, t.namespace)
	}
	if err != nil {
		return nil, d.Cluster.Explain(err, fmt.Sprintf("read %s %q in namespace %q", strings.ToLower(t.kind), name, t.namespace))
	}
	return object, nil
}

// container is one of the pod template. List is containers or initContainers.
type container struct {
	list  string
	index int
	name  string
	image string
}

// knativeName is what Knative calls a container without a name.
const knativeName = "user-container"

func containersOf(object *unstructured.Unstructured) []container {
	var out []container
	for _, list := range []string{"initContainers", "containers"} {
		items, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", list)
		for i, item := range items {
			fields, _ := item.(map[string]any)
			c := container{list: list, index: i}
			c.name, _ = fields["name"].(string)
			c.image, _ = fields["image"].(string)
			out = append(out, c)
		}
	}
	return out
}

// change is a container that gets another image.
type change struct {
	container

	to string
}

// changes are the containers whose images differ from those that are wanted.
func (t target) changes(object *unstructured.Unstructured, images []Image) ([]change, error) {
	containers := containersOf(object)
	var out []change
	for _, image := range images {
		found := false
		for _, c := range containers {
			if image.Container != "*" && image.Container != c.name && (c.name != "" || image.Container != knativeName) {
				continue
			}
			found = true
			if c.image != image.Image {
				out = append(out, change{container: c, to: image.Image})
			}
		}
		if !found {
			var names []string
			for _, c := range containers {
				names = append(names, c.name)
			}
			return nil, fmt.Errorf("%s has no container %q; it has %s", t, image.Container, strings.Join(names, ", "))
		}
	}
	return out, nil
}

// changed is what the object becomes, as far as this side can tell.
func (t target) changed(object *unstructured.Unstructured, changes []change, reason string) (*unstructured.Unstructured, error) {
	out := object.DeepCopy()
	for _, c := range changes {
		path := []string{"spec", "template", "spec", c.list}
		items, _, err := unstructured.NestedSlice(out.Object, path...)
		if err != nil {
			return nil, fmt.Errorf("cannot read the containers of %s: %w", t, err)
		}
		items[c.index].(map[string]any)["image"] = c.to //nolint:forcetypeassert // containersOf has read it
		if err := unstructured.SetNestedSlice(out.Object, items, path...); err != nil {
			return nil, fmt.Errorf("cannot write the containers of %s: %w", t, err)
		}
	}
	if reason != "" {
		annotations := out.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[changeCause] = reason
		out.SetAnnotations(annotations)
	}
	return out, nil
}

// patch names containers by their keys where the API server knows these, so that nothing is lost if
// somebody adds a container meanwhile. It does not for Knative's: there the patch holds only as long
// as the image is the one that was seen.
func (t target) patch(object *unstructured.Unstructured, changes []change, reason string) (types.PatchType, []byte, error) {
	if t.primary == "" {
		return t.jsonPatch(object, changes, reason)
	}
	lists := map[string][]any{}
	for _, c := range changes {
		lists[c.list] = append(lists[c.list], map[string]any{"name": c.name, "image": c.to})
	}
	patch := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": lists}}}
	if reason != "" {
		patch["metadata"] = map[string]any{"annotations": map[string]any{changeCause: reason}}
	}
	data, err := json.Marshal(patch)
	return types.StrategicMergePatchType, data, err
}

func (t target) jsonPatch(object *unstructured.Unstructured, changes []change, reason string) (types.PatchType, []byte, error) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	var patch []operation
	for _, c := range changes {
		path := fmt.Sprintf("/spec/template/spec/%s/%d/image", c.list, c.index)
		patch = append(patch, operation{"test", path, c.image}, operation{"replace", path, c.to})
	}
	if reason != "" {
		if len(object.GetAnnotations()) == 0 {
			patch = append(patch, operation{"add", "/metadata/annotations", map[string]any{}})
		}
		// ~1 is how a JSON pointer writes a slash.
		patch = append(patch, operation{"add", "/metadata/annotations/" + strings.ReplaceAll(changeCause, "/", "~1"), reason})
	}
	data, err := json.Marshal(patch)
	return types.JSONPatchType, data, err
}
