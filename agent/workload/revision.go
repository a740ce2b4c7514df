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
