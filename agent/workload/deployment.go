package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
)

// Facts are what the decision needs to know of a Deployment; d is nil when there is none. The
// revision comes from RevisionOf.
func Facts(d *appsv1.Deployment, revision string) rollout.Workload {
	if d == nil {
		return rollout.Workload{}
	}
	w := rollout.Workload{
		Exists:     true,
		Observed:   revision != "" && d.Status.ObservedGeneration >= d.Generation,
		Revision:   revision,
		Source:     d.Annotations[SourceAnnotation],
		Generation: d.Generation,
		Replicas:   1,
		Total:      d.Status.Replicas,
		Updated:    d.Status.UpdatedReplicas,
		Available:  d.Status.AvailableReplicas,
	}
	if d.Spec.Replicas != nil {
		w.Replicas = *d.Spec.Replicas
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
			w.DeadlineExceeded = true
		}
	}
	return w
}

// Trim removes from a Deployment what nobody looks at, before it is cached: all of the pod template
// but the container ports, and the managed fields, which are the bulk of it.
func Trim(d *appsv1.Deployment) {
	d.ManagedFields = nil
	delete(d.Annotations, lastApplied)
	containers := make([]corev1.Container, 0, len(d.Spec.Template.Spec.Containers))
	for _, c := range d.Spec.Template.Spec.Containers {
		containers = append(containers, corev1.Container{Name: c.Name, Ports: c.Ports})
	}
	d.Spec.Template = corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: containers}}
}
