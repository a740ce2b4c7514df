package workload

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// renderPods makes the primary of a kind with a pod template: the template, and the fields of the
// spec that are named. Only what is the agent's is in it, so that applying it neither copies nor
// takes away what others keep on the primary.
func renderPods(c *v1beta1.Canary, target *unstructured.Unstructured, how Copy, fields []string) (*unstructured.Unstructured, error) {
	spec, err := mapAt(target, target.Object, "spec")
	if err != nil {
		return nil, err
	}
	template, err := mapAt(target, target.Object, "spec", "template")
	if err != nil {
		return nil, err
	}
	template = runtime.DeepCopyJSON(template)
	podLabels, _, _ := unstructured.NestedStringMap(template, "metadata", "labels")
	podAnnotations, _, _ := unstructured.NestedStringMap(template, "metadata", "annotations")
	podLabels = withoutToolkit(podLabels)
	podLabels[how.Selector.Key] = how.Selector.PrimaryValue()
	podAnnotations = withoutToolkit(podAnnotations)
	podAnnotations[RunAnnotation] = how.RunID
	template["metadata"] = map[string]any{
		"labels":      anyMap(podLabels),
		"annotations": anyMap(podAnnotations),
	}
	if pod, ok := template["spec"].(map[string]any); ok {
		dropMarker(pod)
		spreadPrimary(pod, how.Selector, c.Namespace)
	}
	labels := how.Prefixes.Filter(target.GetLabels())
	labels[how.Selector.Key] = how.Selector.PrimaryValue()
	annotations := how.Prefixes.Filter(target.GetAnnotations())
	annotations[SourceAnnotation] = how.Revision
	primarySpec := map[string]any{
		"selector": map[string]any{"matchLabels": map[string]any{how.Selector.Key: how.Selector.PrimaryValue()}},
		"template": template,
	}
	for _, field := range fields {
		if value, ok := spec[field]; ok {
			primarySpec[field] = runtime.DeepCopyJSONValue(value)
		}
	}
	primary := newObject(c, target.GetAPIVersion(), target.GetKind(), c.PrimaryName(), primarySpec)
	primary.SetLabels(labels)
	primary.SetAnnotations(annotations)
	return primary, nil
}

// newObject starts an object that goes with its Canary.
func newObject(c *v1beta1.Canary, apiVersion, kind, name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": apiVersion,
		"kind":       kind,
		"metadata": map[string]any{
			"name":            name,
			"namespace":       c.Namespace,
			"ownerReferences": []any{OwnerOf(c)},
		},
		"spec": spec,
	}}
}

// RestorePrimary makes a live primary as it was once, out of an entry of its own history: a whole
// ReplicaSet or ControllerRevision, such as PreviousOf picks. The template is that of the entry;
// everything else stays as it is. how.Revision must be what the entry was copied from.
func RestorePrimary(c *v1beta1.Canary, primary, entry *unstructured.Unstructured, how Copy) (*unstructured.Unstructured, error) {
	if !belongsTo(entry, primary) {
		return nil, fmt.Errorf("restore %s from %s: it is no part of its history", describe(primary), describe(entry))
	}
	if source := entry.GetAnnotations()[SourceAnnotation]; source != how.Revision {
		return nil, fmt.Errorf("restore %s from %s: it has revision %q, not %s", describe(primary), describe(entry), source, how.Revision)
	}
	at := []string{"spec", "template"}
	if entry.GetKind() == "ControllerRevision" {
		at = []string{"data", "spec", "template"}
	}
	template, err := mapAt(entry, entry.Object, at...)
	if err != nil {
		return nil, err
	}
	template = runtime.DeepCopyJSON(template)
	delete(template, "$patch") // In a ControllerRevision, which is kept as a patch.
	unstructured.RemoveNestedField(template, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(template, "metadata", "labels", podTemplateHash)
	if err := unstructured.SetNestedField(template, how.RunID, "metadata", "annotations", RunAnnotation); err != nil {
		return nil, fmt.Errorf("restore %s from %s: %w", describe(primary), describe(entry), err)
	}
	live, err := mapAt(primary, primary.Object, "spec")
	if err != nil {
		return nil, err
	}
	spec := map[string]any{"template": template}
	for _, field := range append([]string{"selector", "updateStrategy"}, deploymentFields...) {
		if value, ok := live[field]; ok {
			spec[field] = runtime.DeepCopyJSONValue(value)
		}
	}
	if _, counted := live["replicas"]; counted && !how.KeepReplicas {
		spec["replicas"] = int64(how.Replicas)
	}
	restored := newObject(c, primary.GetAPIVersion(), primary.GetKind(), primary.GetName(), spec)
	labels := only(primary.GetLabels(), applied(primary, "metadata", "labels")...)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[how.Selector.Key] = how.Selector.PrimaryValue()
	restored.SetLabels(labels)
	annotations := only(primary.GetAnnotations(), applied(primary, "metadata", "annotations")...)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[SourceAnnotation] = how.Revision
	restored.SetAnnotations(annotations)
	return restored, nil
}

func belongsTo(entry, primary metav1.Object) bool {
	owner := metav1.GetControllerOf(entry)
	return owner != nil && owner.UID == primary.GetUID()
}

// mapAt is a map inside of an object, which must have it.
func mapAt(of *unstructured.Unstructured, in map[string]any, path ...string) (map[string]any, error) {
	value, ok, err := unstructured.NestedFieldNoCopy(in, path...)
	if err == nil && !ok {
		err = errors.New("the field is missing")
	}
	fields, isMap := value.(map[string]any)
	if err == nil && !isMap {
		err = errors.New("the field is no object")
	}
	if err != nil {
		return nil, fmt.Errorf("read %v of %s: %w", path, describe(of), err)
	}
	return fields, nil
}

func describe(u *unstructured.Unstructured) string {
	return u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName()
}
