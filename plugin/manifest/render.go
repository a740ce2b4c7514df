package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubectl-canary/kubectl-canary/manifests"
)

// Render makes the objects of an installation, in the order in which they can be applied.
func Render(s Settings) ([]*unstructured.Unstructured, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.Namespace == "" {
		s.Namespace = DefaultNamespace
	}
	var all []*unstructured.Unstructured
	if s.CRDs {
		crds, err := CRDs()
		if err != nil {
			return nil, err
		}
		for _, crd := range crds {
			stamp(crd, s.Version)
		}
		all = append(all, crds...)
	}
	objects, err := agent()
	if err != nil {
		return nil, err
	}
	if s.Scoped {
		objects = scoped(objects, s)
	} else {
		objects = slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool {
			return o.GetKind() == "ClusterRole" && !s.wants(o.GetName())
		})
	}
	for _, o := range objects {
		if err := place(o, s); err != nil {
			return nil, err
		}
	}
	all = append(all, objects...)
	for _, part := range []struct {
		feature string
		read    func() ([][]byte, error)
	}{{FeatureRoles, manifests.Roles}, {FeaturePolicy, manifests.Policies}} {
		if s.Scoped || !s.has(part.feature) {
			continue
		}
		extra, err := labelled(part.read())
		if err != nil {
			return nil, err
		}
		all = append(all, extra...)
	}
	slices.SortStableFunc(all, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	return all, nil
}

// CRDs are the CustomResourceDefinitions.
func CRDs() ([]*unstructured.Unstructured, error) { return labelled(manifests.CRDs()) }

// labelled parses manifests and marks what is in them as ours.
func labelled(documents [][]byte, err error) ([]*unstructured.Unstructured, error) {
	if err != nil {
		return nil, err
	}
	objects, err := parse(documents)
	for _, o := range objects {
		label(o, PartOfLabel, PartOf)
	}
	return objects, err
}

// order of the kinds: what others need comes first, and the agent last, so that it finds everything.
var order = []string{
	"CustomResourceDefinition", "Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding",
	"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "Deployment",
}

func rank(o *unstructured.Unstructured) int { return slices.Index(order, o.GetKind()) }

// place puts an object of the agent where the settings want it.
func place(o *unstructured.Unstructured, s Settings) error {
	label(o, NameLabel, AgentName)
	label(o, PartOfLabel, PartOf)
	if o.GetNamespace() != "" {
		o.SetNamespace(s.Namespace)
	}
	switch o.GetKind() {
	case "Namespace":
		o.SetName(s.Namespace)
	case "ClusterRoleBinding", "RoleBinding":
		subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
		for _, subject := range subjects {
			if to, ok := subject.(map[string]any); ok {
				to["namespace"] = s.Namespace
			}
		}
		return unstructured.SetNestedSlice(o.Object, subjects, "subjects")
	case "Deployment":
		return deployment(o, s)
	}
	return nil
}

// deployment sets the agent up.
func deployment(o *unstructured.Unstructured, s Settings) error {
	stamp(o, s.Version)
	if s.Replicas != nil {
		if err := unstructured.SetNestedField(o.Object, *s.Replicas, "spec", "replicas"); err != nil {
			return err
		}
	}
	container, err := containerOf(o)
	if err != nil {
		return err
	}
	args, _, err := unstructured.NestedStringSlice(container, "args")
	if err != nil {
		return fmt.Errorf("embedded manifest of the agent: %w", err)
	}
	args = Overlay(args, s.Args)
	if s.Scoped {
		args = append(args, "--"+flagNamespace+"="+s.Namespace)
	}
	if !s.has(FeatureConfigTracking) {
		args = append(args, "--"+flagConfigTracking+"=false")
	}
	if err := unstructured.SetNestedStringSlice(container, args, "args"); err != nil {
		return err
	}
	if s.Image != "" {
		container["image"] = s.Image
	}
	if s.Resources != nil {
		container["resources"] = s.Resources
	}
	return nil
}

// containerOf is the agent's container, to be read and changed in place.
func containerOf(d *unstructured.Unstructured) (map[string]any, error) {
	list, _, _ := unstructured.NestedFieldNoCopy(d.Object, "spec", "template", "spec", "containers")
	containers, _ := list.([]any)
	for _, c := range containers {
		// The agent's is called agent; others may have been added.
		if container, ok := c.(map[string]any); ok && (container["name"] == "agent" || len(containers) == 1) {
			return container, nil
		}
	}
	return nil, fmt.Errorf("deployment %s/%s has no container called agent", d.GetNamespace(), d.GetName())
}

// stamp labels an object with the version that it is of. Build metadata begins with a plus sign, which
// labels cannot have.
func stamp(o *unstructured.Unstructured, version string) {
	if version != "" {
		label(o, VersionLabel, strings.ReplaceAll(version, "+", "_"))
	}
}

func label(o *unstructured.Unstructured, key, value string) {
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	o.SetLabels(labels)
}

// parse splits YAML texts into objects.
func parse(documents [][]byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, document := range documents {
		decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(document), 4096)
		for {
			o := &unstructured.Unstructured{}
			err := decoder.Decode(&o.Object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("embedded manifest: %w", err)
			}
			if len(o.Object) > 0 {
				objects = append(objects, o)
			}
		}
	}
	return objects, nil
}
