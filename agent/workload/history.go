package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// History is the resource in which Kubernetes keeps the past templates of the objects of a kind.
type History struct {
	// Resource of the entries.
	Resource schema.GroupVersionResource
	// OwnerKind is the kind of the objects that entries belong to.
	OwnerKind string
	// Named: an object names its newest entry, so that a cache that has not seen it yet is
	// noticed. Without, a revision that something irrevocable depends on is to be told from
	// entries that were read after the object.
	Named bool
	// Cached reduces an entry as the API server sent it, its body or just its metadata, to what
	// tells revisions: there can be ten entries for each workload of the cluster. What it
	// cannot read it gives back as it is.
	Cached func(o any) any
}

// revisionNumber counts the templates of an object; the newest entry of its history has the
// highest. ReplicaSets have it, and cached ControllerRevisions are given it.
const revisionNumber = "deployment.kubernetes.io/revision"

// numberOf an entry of a history.
func numberOf(entry *metav1.PartialObjectMetadata) int64 {
	n, err := strconv.ParseInt(entry.Annotations[revisionNumber], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func belongs(entry *metav1.PartialObjectMetadata, to metav1.Object) bool {
	owner := metav1.GetControllerOf(entry)
	return owner != nil && owner.UID == to.GetUID()
}

// SameEntry says whether two versions of an entry of a history tell the same.
func SameEntry(a, b *metav1.PartialObjectMetadata) bool {
	if a.UID != b.UID || a.Labels[podTemplateHash] != b.Labels[podTemplateHash] {
		return false
	}
	for _, key := range []string{revisionNumber, templateDigest, SourceAnnotation} {
		if a.Annotations[key] != b.Annotations[key] {
			return false
		}
	}
	return true
}

// PreviousOf picks from the history of a primary the newest entry that was copied from another
// revision than the present one, which is what a rollback goes back to. It is nil when the history
// has none any more. What it was copied from is in its SourceAnnotation: the controllers of
// Kubernetes copy the annotations of a workload to each new entry.
func PreviousOf(primary Object, history []*metav1.PartialObjectMetadata) *metav1.PartialObjectMetadata {
	present := primary.GetAnnotations()[SourceAnnotation]
	var newest *metav1.PartialObjectMetadata
	for _, entry := range history {
		source := entry.Annotations[SourceAnnotation]
		if source == "" || source == present || !belongs(entry, primary) {
			continue
		}
		if newest == nil || numberOf(entry) > numberOf(newest) {
			newest = entry
		}
	}
	return newest
}

// digest of a value in JSON, short enough for names. Keys are sorted, and null is as good as
// absent, so that it does not depend on who encoded the value.
func digest(value any) string {
	text, err := json.Marshal(withoutNulls(value))
	if err != nil {
		return "" // Not for what came as JSON.
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:5])
}

func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, item := range value {
			if item != nil {
				out[key] = withoutNulls(item)
			}
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = withoutNulls(item)
		}
		return out
	}
	return value
}

func only(pairs map[string]string, keys ...string) map[string]string {
	var out map[string]string
	for _, key := range keys {
		if value, ok := pairs[key]; ok {
			if out == nil {
				out = map[string]string{}
			}
			out[key] = value
		}
	}
	return out
}
