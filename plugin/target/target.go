package target

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Revision is what a target is at.
type Revision struct {
	// ID in the form of status.lastAppliedSpec, without the fingerprint of tracked configs.
	ID string
	// Since is when Kubernetes first saw the template; zero when that is not known. A template that
	// came back keeps the time of its first appearance.
	Since time.Time
}

// ErrUnsettled means that the cluster has not dealt with the latest change of the target yet, so
// that its revision is not known. It will be in a moment.
var ErrUnsettled = errors.New("the latest change of the target has not been observed yet")

// ErrNoRevision means that objects of this kind tell no revision.
var ErrNoRevision = errors.New("targets of this kind tell no revision")

var (
	deployments         = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	replicaSets         = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	daemonSets          = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	controllerRevisions = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "controllerrevisions"}
	services            = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	knativeServices     = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}
)

// Read tells the revision of a target: one request for the target, and one for its history where
// Kubernetes keeps one. Errors of requests come as they are, ErrUnsettled and ErrNoRevision wrapped.
func Read(ctx context.Context, client dynamic.Interface, namespace string, ref view.Ref) (Revision, error) {
	group, _ := schema.ParseGroupVersion(ref.APIVersion)
	switch {
	case ref.Kind == "Deployment":
		return ofDeployment(ctx, client, namespace, ref.Name)
	case ref.Kind == "DaemonSet":
		return ofDaemonSet(ctx, client, namespace, ref.Name)
	case ref.Kind == "Service" && group.Group == knativeServices.Group:
		return ofKnative(ctx, client, namespace, ref.Name)
	case ref.Kind == "Service":
		return ofService(ctx, client, namespace, ref.Name)
	}
	return Revision{}, fmt.Errorf("%s %s: %w", ref.Kind, ref.Name, ErrNoRevision)
}

// ofDeployment finds the ReplicaSet that Kubernetes made for the present template. The selector of
// the Deployment keeps the list to its own.
func ofDeployment(ctx context.Context, client dynamic.Interface, namespace, name string) (Revision, error) {
	d, err := client.Resource(deployments).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return Revision{}, err
	}
	const number, hash = "deployment.kubernetes.io/revision", "pod-template-hash"
	present := d.GetAnnotations()[number]
	if present == "" || !observed(d) {
		return Revision{}, fmt.Errorf("deployment %s: %w", name, ErrUnsettled)
	}
	history, err := historyOf(ctx, client.Resource(replicaSets).Namespace(namespace), d)
	if err != nil {
		return Revision{}, err
	}
	for _, rs := range history {
		if rs.GetAnnotations()[number] == present && rs.GetLabels()[hash] != "" {
			return Revision{ID: "rs:" + rs.GetLabels()[hash], Since: rs.GetCreationTimestamp().Time}, nil
		}
	}
	return Revision{}, fmt.Errorf("deployment %s: %w", name, ErrUnsettled)
}

func observed(o *unstructured.Unstructured) bool {
	seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	return seen >= o.GetGeneration()
}

// historyOf lists what belongs to a workload of the objects in which Kubernetes keeps its past
// templates. They have the labels that the workload selects.
func historyOf(ctx context.Context, client dynamic.ResourceInterface, owner *unstructured.Unstructured) ([]unstructured.Unstructured, error) {
	labels := ""
	if raw, ok, _ := unstructured.NestedMap(owner.Object, "spec", "selector"); ok {
		selector, err := selectorOf(raw)
		if err != nil {
			return nil, fmt.Errorf("cannot read the selector of %s %s: %w", owner.GetKind(), owner.GetName(), err)
		}
		labels = selector
	}
	list, err := client.List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		return nil, err
	}
	var own []unstructured.Unstructured
	for _, item := range list.Items {
		if controller := metav1.GetControllerOf(&item); controller != nil && controller.UID == owner.GetUID() {
			own = append(own, item)
		}
	}
	return own, nil
}

// ofKnative takes the name of the newest Revision.
func ofKnative(ctx context.Context, client dynamic.Interface, namespace, name string) (Revision, error) {
	s, err := client.Resource(knativeServices).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return Revision{}, err
	}
	created, _, _ := unstructured.NestedString(s.Object, "status", "latestCreatedRevisionName")
	if created == "" || !observed(s) || outOfDate(s) {
		return Revision{}, fmt.Errorf("service %s of Knative: %w", name, ErrUnsettled)
	}
	return Revision{ID: "kn:" + created}, nil
}

// outOfDate is true while Knative has yet to make the Revision of the present spec.
func outOfDate(s *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(s.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == "ConfigurationsReady" && c["reason"] == "OutOfDate" {
			return true
		}
	}
	return false
}
