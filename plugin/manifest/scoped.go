package manifest

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// clusterWide are resources among the rules that a Role cannot give access to. The agent does
// without them: what it cannot read of GatewayClasses it takes for supported.
var clusterWide = []string{"gatewayclasses"}

// scoped turns the agent's manifests into those for a single namespace: nothing that concerns the
// cluster, and one Role with the sum of the rules, since Roles cannot be aggregated.
func scoped(objects []*unstructured.Unstructured, s Settings) []*unstructured.Unstructured {
	var kept []*unstructured.Unstructured
	var rules []any
	for _, o := range objects {
		switch o.GetKind() {
		case "Namespace", "ClusterRoleBinding":
		case "ClusterRole":
			if s.wants(o.GetName()) {
				rules = append(rules, rulesOf(o)...)
			}
		default:
			kept = append(kept, o)
		}
	}
	return append(kept,
		object("Role", AgentName, map[string]any{"rules": namespaced(rules)}),
		object("RoleBinding", AgentName, map[string]any{
			"roleRef":  map[string]any{"apiGroup": rbacGroup, "kind": "Role", "name": AgentName},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": AgentName, "namespace": DefaultNamespace}},
		}))
}

// object makes one for RBAC. Its namespace is set when it is placed.
func object(kind, name string, content map[string]any) *unstructured.Unstructured {
	content["apiVersion"], content["kind"] = rbacGroup+"/v1", kind
	content["metadata"] = map[string]any{"name": name, "namespace": DefaultNamespace}
	return &unstructured.Unstructured{Object: content}
}

// namespaced leaves out what a Role cannot give.
func namespaced(rules []any) []any {
	var out []any
	for _, r := range rules {
		rule, ok := r.(map[string]any)
		if !ok {
			continue
		}
		resources, _, _ := unstructured.NestedStringSlice(rule, "resources")
		resources = slices.DeleteFunc(resources, func(name string) bool { return slices.Contains(clusterWide, name) })
		if len(resources) == 0 {
			continue
		}
		_ = unstructured.SetNestedStringSlice(rule, resources, "resources")
		out = append(out, rule)
	}
	return out
}

func rulesOf(role *unstructured.Unstructured) []any {
	rules, _, _ := unstructured.NestedSlice(role.Object, "rules")
	return rules
}
