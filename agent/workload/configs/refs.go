package configs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The kinds of a Ref, as they are written in status.trackedConfigs.
const (
	// KindConfigMap is a ConfigMap.
	KindConfigMap = "configmap"
	// KindSecret is a Secret.
	KindSecret = "secret"
)

// primarySuffix ends the names of the primary's copies.
const primarySuffix = "-primary"

// Ref is a ConfigMap or a Secret that a pod template mentions, in the namespace of the workload.
type Ref struct {
	// Kind is KindConfigMap or KindSecret.
	Kind string
	// Name of the object.
	Name string
	// Optional: the pods start without it. One mandatory mention makes it mandatory.
	Optional bool
}

// Key is the name of the object in status.trackedConfigs: configmap/<name> or secret/<name>.
func (r Ref) Key() string { return r.Kind + "/" + r.Name }

// CopyName is the name of the primary's copy.
func (r Ref) CopyName() string { return r.Name + primarySuffix }

// Resource is what the objects of the Ref's kind are served as.
func (r Ref) Resource() schema.GroupVersionResource {
	if r.Kind == KindSecret {
		return schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	}
	return schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
}

// Refs lists the ConfigMaps and Secrets that a pod template mentions, each once, by kind and name.
// They are looked for in volumes, projected ones included, and in env and envFrom of containers
// and init containers. Image pull secrets and the secrets of volume drivers are not among them:
// the kubelet uses those, not the application.
//
// The template is the one of the API server. What does not have the form of a pod template is
// passed over.
func Refs(podTemplate map[string]any) []Ref {
	found := map[string]Ref{}
	walk(podTemplate, func(m mention) {
		ref := m.ref()
		if earlier, ok := found[ref.Key()]; ok {
			ref.Optional = ref.Optional && earlier.Optional
		}
		found[ref.Key()] = ref
	})
	return slices.SortedFunc(maps.Values(found), func(a, b Ref) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
}

// CheckNames refuses a template that mentions both an object and one that is named as its copy,
// which would be overwritten.
func CheckNames(refs []Ref) error {
	for _, ref := range refs {
		taken := func(other Ref) bool { return other.Kind == ref.Kind && other.Name == ref.CopyName() }
		if i := slices.IndexFunc(refs, taken); i >= 0 {
			return fmt.Errorf("the pod template mentions %s and %s: the primary's copy of the first would overwrite the second; give the second another name",
				ref.Key(), refs[i].Key())
		}
	}
	return nil
}

// Rename returns a deep copy of a pod template in which the references that tracked says yes to
// mention the primary's copies. It is asked once for each of Refs.
func Rename(podTemplate map[string]any, tracked func(Ref) bool) map[string]any {
	renamed := map[string]string{}
	for _, ref := range Refs(podTemplate) {
		if tracked(ref) {
			renamed[ref.Key()] = ref.CopyName()
		}
	}
	out := runtime.DeepCopyJSON(podTemplate)
	walk(out, func(m mention) {
		if name, ok := renamed[m.ref().Key()]; ok {
			m.source[m.nameField] = name
		}
	})
	return out
}

// mention is a place in a template that names a ConfigMap or a Secret.
type mention struct {
	kind      string
	source    map[string]any
	nameField string
}

func (m mention) ref() Ref {
	name, _ := m.source[m.nameField].(string)
	optional, _ := m.source["optional"].(bool)
	return Ref{Kind: m.kind, Name: name, Optional: optional}
}

// walk visits all mentions of a template.
func walk(podTemplate map[string]any, visit func(mention)) {
	at := func(holder map[string]any, field, kind, nameField string) {
		source, _ := holder[field].(map[string]any)
		if name, _ := source[nameField].(string); name != "" {
			visit(mention{kind: kind, source: source, nameField: nameField})
		}
	}
	pod, _ := podTemplate["spec"].(map[string]any)
	for _, volume := range elements(pod["volumes"]) {
		at(volume, "configMap", KindConfigMap, "name")
		at(volume, "secret", KindSecret, "secretName")
		projected, _ := volume["projected"].(map[string]any)
		for _, source := range elements(projected["sources"]) {
			at(source, "configMap", KindConfigMap, "name")
			at(source, "secret", KindSecret, "name")
		}
	}
	for _, list := range []string{"initContainers", "containers"} {
		for _, container := range elements(pod[list]) {
			for _, env := range elements(container["env"]) {
				from, _ := env["valueFrom"].(map[string]any)
				at(from, "configMapKeyRef", KindConfigMap, "name")
				at(from, "secretKeyRef", KindSecret, "name")
			}
			for _, from := range elements(container["envFrom"]) {
				at(from, "configMapRef", KindConfigMap, "name")
				at(from, "secretRef", KindSecret, "name")
			}
		}
	}
}

// elements returns the elements of a list that are maps.
func elements(list any) []map[string]any {
	items, _ := list.([]any)
	out := make([]map[string]any, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}
