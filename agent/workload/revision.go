package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	revisionNumber  = "deployment.kubernetes.io/revision"
	podTemplateHash = "pod-template-hash"
	// replicaSetPrefix marks a revision that is told by a ReplicaSet's pod-template-hash.
	replicaSetPrefix = "rs:"
)

// RevisionOf tells the revision of a Deployment by the pod-template-hash of the ReplicaSet that
// Kubernetes made for its newest template. Kubernetes guarantees that the hash changes with the
// template and with nothing else; hashing the template here would make every new field of a
// newer client library a new revision. It is empty while the ReplicaSet has not been seen.
func RevisionOf(d *appsv1.Deployment, replicaSets []*metav1.PartialObjectMetadata) string {
	number := d.Annotations[revisionNumber]
	if number == "" || d.Status.ObservedGeneration < d.Generation {
		return ""
	}
	for _, rs := range replicaSets {
		if owner := metav1.GetControllerOf(rs); owner == nil || owner.UID != d.UID {
			continue
		}
		if hash := rs.Labels[podTemplateHash]; rs.Annotations[revisionNumber] == number && hash != "" {
			return replicaSetPrefix + hash
		}
	}
	return ""
}

// TrimReplicaSet leaves of a ReplicaSet's metadata what tells revisions, before it is cached:
// there can be ten of them for each Deployment of the cluster.
func TrimReplicaSet(m *metav1.PartialObjectMetadata) {
	m.ManagedFields = nil
	m.Labels = only(m.Labels, podTemplateHash)
	m.Annotations = only(m.Annotations, revisionNumber)
	m.Finalizers = nil
}

// SameRevision says whether two versions of a ReplicaSet's metadata tell the same.
func SameRevision(a, b *metav1.PartialObjectMetadata) bool {
	return a.UID == b.UID && a.Labels[podTemplateHash] == b.Labels[podTemplateHash] &&
		a.Annotations[revisionNumber] == b.Annotations[revisionNumber]
}

func only(pairs map[string]string, key string) map[string]string {
	if value, ok := pairs[key]; ok {
		return map[string]string{key: value}
	}
	return nil
}
