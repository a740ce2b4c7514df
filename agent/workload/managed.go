package workload

import (
	"encoding/json"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ScaledByOthers says whether somebody sets the replicas of a live object through its scale
// subresource, as autoscalers and kubectl scale do (A17). A copy to such a primary leaves the
// number alone: the two would take turns. Caches have no managed fields, so live must come straight
// from the API server.
func ScaledByOthers(live metav1.Object) bool {
	for _, entry := range live.GetManagedFields() {
		if entry.Subresource == "scale" && fieldsAt(entry, "spec", "replicas") != nil {
			return true
		}
	}
	return false
}

// applied lists the keys below a path that the agent has set by server-side apply, which applying
// the object without them would remove.
func applied(live metav1.Object, path ...string) []string {
	var keys []string
	for _, entry := range live.GetManagedFields() {
		if entry.Manager != FieldManager || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" {
			continue
		}
		for key := range fieldsAt(entry, path...) {
			if name, ok := strings.CutPrefix(key, "f:"); ok {
				keys = append(keys, name)
			} else if strings.HasPrefix(key, "k:") {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// fieldsAt are the fields below a path that an entry owns; nil when it does not own the path.
func fieldsAt(entry metav1.ManagedFieldsEntry, path ...string) map[string]any {
	if entry.FieldsV1 == nil {
		return nil
	}
	var fields map[string]any
	if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
		return nil // Not for what an API server sends; then nobody is known to own anything.
	}
	for _, name := range path {
		below, ok := fields["f:"+name].(map[string]any)
		if !ok {
			return nil
		}
		fields = below
	}
	return fields
}
