package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	podTemplateHash = appsv1.DefaultDeploymentUniqueLabelKey
	// replicaSetPrefix marks a revision that is told by a ReplicaSet's pod-template-hash.
	replicaSetPrefix = "rs:"
)

// replicaSets are the history of Deployments. Their metadata are enough.
var replicaSets = &History{
	Resource:  appsv1.SchemeGroupVersion.WithResource("replicasets"),
	OwnerKind: "Deployment",
	Named:     true,
	Cached: func(o any) any {
		if m, ok := o.(*metav1.PartialObjectMetadata); ok {
			m.ManagedFields = nil
			m.Labels = only(m.Labels, podTemplateHash)
			m.Annotations = only(m.Annotations, revisionNumber, SourceAnnotation)
			m.Finalizers = nil
		}
		return o
	},
}

// newestReplicaSet is the one that Kubernetes made for a Deployment's present template. Its
// pod-template-hash changes with the template and with nothing else; hashing the template here
// would make every new field of a newer client library a new revision. It is nil while the
// ReplicaSet has not been seen.
func newestReplicaSet(d *appsv1.Deployment, history []*metav1.PartialObjectMetadata) *metav1.PartialObjectMetadata {
	number := d.Annotations[revisionNumber]
	if number == "" || d.Status.ObservedGeneration < d.Generation {
		return nil
	}
	for _, rs := range history {
		if rs.Annotations[revisionNumber] == number && rs.Labels[podTemplateHash] != "" && belongs(rs, d) {
			return rs
		}
	}
	return nil
}
