package workload

import (
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	// controllerRevisionPrefix marks a revision that is told by the content of a ControllerRevision.
	controllerRevisionPrefix = "cr:"
	// templateDigest is an annotation of cached ControllerRevisions: the digest of the content.
	templateDigest = "kubectl-canary/template-digest"
)

// controllerRevisions are the history of DaemonSets. What is cached of them is metadata, with what
// the body says as annotations.
var controllerRevisions = &History{
	Resource:  appsv1.SchemeGroupVersion.WithResource("controllerrevisions"),
	OwnerKind: "DaemonSet",
	Cached: func(o any) any {
		u, ok := o.(*unstructured.Unstructured)
		if !ok {
			return o
		}
		m := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Name:              u.GetName(),
			Namespace:         u.GetNamespace(),
			UID:               u.GetUID(),
			ResourceVersion:   u.GetResourceVersion(),
			CreationTimestamp: u.GetCreationTimestamp(),
			OwnerReferences:   u.GetOwnerReferences(),
		}}
		if owner := metav1.GetControllerOf(m); owner == nil || owner.Kind != "DaemonSet" {
			return m // A StatefulSet's.
		}
		m.Annotations = map[string]string{
			revisionNumber: strconv.FormatInt(revisionField(u), 10),
			templateDigest: digestOfRevision(u),
		}
		if source := u.GetAnnotations()[SourceAnnotation]; source != "" {
			m.Annotations[SourceAnnotation] = source
		}
		return m
	},
}

func revisionField(u *unstructured.Unstructured) int64 {
	switch n := u.Object["revision"].(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return -1
}

// digestOfRevision stands for the template without the marker, which the agent itself puts on and
// takes off. The content is Kubernetes' own record of the template: it keeps it the same for as long
// as it keeps the pods running, also across its upgrades.
func digestOfRevision(u *unstructured.Unstructured) string {
	data, ok := u.Object["data"].(map[string]any)
	if !ok {
		return ""
	}
	data = runtime.DeepCopyJSON(data)
	if pod, ok, err := unstructured.NestedFieldNoCopy(data, "spec", "template", "spec"); ok && err == nil {
		if pod, ok := pod.(map[string]any); ok {
			dropMarker(pod)
		}
	}
	return digest(data)
}

// newestControllerRevision tells the revision of a DaemonSet by the entry of its history that
// Kubernetes counts as the last, and since when there is a template like that, with the marker or
// without. It is empty while no entry has been seen.
func newestControllerRevision(d *appsv1.DaemonSet, history []*metav1.PartialObjectMetadata) (revision string, since time.Time) {
	var newest *metav1.PartialObjectMetadata
	for _, entry := range history {
		if belongs(entry, d) && entry.Annotations[templateDigest] != "" && (newest == nil || numberOf(entry) > numberOf(newest)) {
			newest = entry
		}
	}
	if newest == nil {
		return "", time.Time{}
	}
	since = newest.CreationTimestamp.Time
	for _, entry := range history {
		same := belongs(entry, d) && entry.Annotations[templateDigest] == newest.Annotations[templateDigest]
		if at := entry.CreationTimestamp.Time; same && at.Before(since) {
			since = at
		}
	}
	return controllerRevisionPrefix + newest.Annotations[templateDigest], since
}
