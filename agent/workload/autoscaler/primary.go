package autoscaler

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	// pausePrefix begins all annotations by which KEDA is paused, in full or in one direction.
	pausePrefix = "autoscaling.keda.sh/paused"
	// kedaNameLabel is written by KEDA with the name of the ScaledObject that has it. Copied, KEDA
	// and the agent would correct each other for ever.
	kedaNameLabel = "scaledobject.keda.sh/name"
)

// RenderPrimary makes the primary's autoscaler out of the target's live one, complete, for
// server-side apply: the same spec, unknown fields included, for the primary. Of the metadata,
// the labels are copied, and the annotations of a ScaledObject, without those of GitOps tools and
// without those that pause KEDA (gotcha A13).
//
// The queries of a ScaledObject are the ones in spec.autoscalerRef.primaryScalerQueries, by the
// name of the trigger; without any, the name of the target in them becomes that of the primary.
//
// floor is the least number of replicas that the primary must keep, 0 for none: while a canary
// carries traffic the primary must be able to take all of it back, however little of it it has.
// It outweighs spec.autoscalerRef.primaryScalerReplicas.
//
// livePrimary is the primary's autoscaler as it is now, nil when there is none; one that another
// object controls is an error. So is a reference to an autoscaler that scales the primary
// already, and a name in primaryScalerQueries that no trigger has.
func RenderPrimary(c *v1beta1.Canary, target *unstructured.Unstructured, floor int32, livePrimary *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	ref := c.Spec.AutoscalerRef
	if ref == nil {
		return nil, fmt.Errorf("canary %s/%s has no spec.autoscalerRef", c.Namespace, c.Name)
	}
	gvr, err := Resource(ref)
	if err != nil {
		return nil, err
	}
	if target == nil {
		return nil, fmt.Errorf("spec.autoscalerRef: there is no %s %s/%s: create it, or correct the name", ref.Kind, c.Namespace, ref.Name)
	}
	what := fmt.Sprintf("%s %s/%s", ref.Kind, target.GetNamespace(), target.GetName())
	if got, want := target.GetAPIVersion(), gvr.GroupVersion().String(); target.GetKind() != ref.Kind || got != want {
		return nil, fmt.Errorf("copy %s: expected it in %s, got kind %q in %q", what, want, target.GetKind(), got)
	}
	live, ok := target.Object["spec"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("copy %s: it has no spec", what)
	}
	if ScalesPrimary(c, target) {
		return nil, fmt.Errorf("spec.autoscalerRef: %s scales the primary, %s: name the autoscaler of the target, or remove autoscalerRef to keep your own for the primary",
			what, c.PrimaryName())
	}
	if err := ours(c, livePrimary); err != nil {
		return nil, err
	}

	spec := runtime.DeepCopyJSON(live)
	scaled, _ := spec["scaleTargetRef"].(map[string]any)
	if scaled == nil {
		return nil, fmt.Errorf("copy %s: it has no spec.scaleTargetRef", what)
	}
	scaled["name"] = c.PrimaryName()
	if err := limitsOf(target).bound(spec, ref.PrimaryScalerReplicas, floor, what); err != nil {
		return nil, err
	}

	all := workload.Prefixes{"*"}
	labels := all.Filter(target.GetLabels())
	delete(labels, kedaNameLabel)
	metadata := map[string]any{
		"name":            PrimaryName(ref),
		"namespace":       c.Namespace,
		"ownerReferences": []any{workload.OwnerOf(c)},
	}
	put(metadata, "labels", labels)
	if isKEDA(target) {
		annotations := all.Filter(target.GetAnnotations())
		maps.DeleteFunc(annotations, func(key, _ string) bool { return strings.HasPrefix(key, pausePrefix) })
		put(metadata, "annotations", annotations)
		if err := adaptTriggers(c, spec, what); err != nil {
			return nil, err
		}
		if config, ok := field(spec, "advanced", "horizontalPodAutoscalerConfig").(map[string]any); ok {
			if name, _ := config["name"].(string); name != "" {
				config["name"] = name + primarySuffix
			}
		}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": gvr.GroupVersion().String(),
		"kind":       ref.Kind,
		"metadata":   metadata,
		"spec":       spec,
	}}, nil
}

// ours refuses a live autoscaler of the primary that another object controls.
func ours(c *v1beta1.Canary, livePrimary *unstructured.Unstructured) error {
	if livePrimary == nil {
		return nil
	}
	if owner := metav1.GetControllerOf(livePrimary); owner != nil && owner.UID != c.UID {
		return fmt.Errorf("%s %s/%s belongs to %s %s (uid %s) and not to canary %s: delete it, or give every canary an autoscaler of its own",
			livePrimary.GetKind(), livePrimary.GetNamespace(), livePrimary.GetName(), owner.Kind, owner.Name, owner.UID, c.Name)
	}
	return nil
}

// adaptTriggers makes the triggers ask for the primary.
func adaptTriggers(c *v1beta1.Canary, spec map[string]any, what string) error {
	queries := c.Spec.AutoscalerRef.PrimaryScalerQueries
	used := map[string]bool{}
	triggers, _ := spec["triggers"].([]any)
	for _, item := range triggers {
		trigger, ok := item.(map[string]any)
		if !ok {
			continue
		}
		metadata, _ := trigger["metadata"].(map[string]any)
		if len(queries) == 0 {
			if query, ok := metadata["query"].(string); ok {
				kind, _ := trigger["type"].(string)
				metadata["query"] = forPrimary(c, kind, query)
			}
			continue
		}
		name, _ := trigger["name"].(string)
		if query, ok := queries[name]; ok && name != "" {
			used[name] = true
			if metadata == nil {
				metadata = map[string]any{}
				trigger["metadata"] = metadata
			}
			metadata["query"] = query
		}
	}
	for _, name := range slices.Sorted(maps.Keys(queries)) {
		if !used[name] {
			return fmt.Errorf("spec.autoscalerRef.primaryScalerQueries[%s]: %s has no trigger of this name: give the trigger the name, or remove the query", name, what)
		}
	}
	return nil
}

// put sets metadata that is not empty.
func put(metadata map[string]any, name string, pairs map[string]string) {
	if len(pairs) == 0 {
		return
	}
	values := make(map[string]any, len(pairs))
	for key, value := range pairs {
		values[key] = value
	}
	metadata[name] = values
}
