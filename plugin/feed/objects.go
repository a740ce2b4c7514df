package feed

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Change of a collection of objects, as Objects reports it. One of the fields is set.
type Change struct {
	// All there is: the first list, or a list after the connection was lost.
	All []unstructured.Unstructured
	// Listed is set with All, which may be empty.
	Listed bool
	// Put was added or changed.
	Put *unstructured.Unstructured
	// Removed was removed.
	Removed *unstructured.Unstructured
	// Broken is why the connection was lost; it is tried again.
	Broken error
	// Denied is why nothing more will come: it is not allowed, or there is no such kind.
	Denied error
}

// Objects lists a collection, then reports its changes until ctx ends, send returns false, or the
// collection may not be read. It is for what is not a canary; those have Start.
func Objects(ctx context.Context, client dynamic.ResourceInterface, options metav1.ListOptions, send func(Change) bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &source{kind: kindEvent, client: client, options: options}
	s.run(ctx, func(msg message) bool {
		c := Change{}
		switch msg.op {
		case opReplace:
			c.All, c.Listed = msg.items, true
		case opPut:
			c.Put = msg.object
		case opDelete:
			c.Removed = msg.object
		case opBroken:
			c.Broken = msg.err
		case opDenied:
			c.Denied = msg.err
		case opFresh, opAlive, opPage, opListed:
			return true
		}
		if !send(c) {
			cancel()
			return false
		}
		return true
	})
}

// List reads a collection once, in chunks.
func List(ctx context.Context, client dynamic.ResourceInterface, options metav1.ListOptions) ([]unstructured.Unstructured, error) {
	s := &source{client: client, options: options}
	return s.list(ctx)
}

// Workload is one side of a canary: the Deployment or DaemonSet that its pods belong to.
type Workload struct {
	Side     view.Side
	Resource schema.GroupVersionResource
	// Kind and Name of the object.
	Kind, Name string
}

// Workloads are both sides of a canary; none for a target without pods of its own.
func Workloads(c *v1beta1.Canary) []Workload {
	gvr := deploymentResource
	switch c.Spec.TargetRef.Kind {
	case v1beta1.TargetDeployment:
	case v1beta1.TargetDaemonSet:
		gvr = daemonSetResource
	default:
		return nil // A Service has no pods of its own.
	}
	kind := c.Spec.TargetRef.Kind
	return []Workload{
		{Side: view.SideCanary, Resource: gvr, Kind: kind, Name: c.Spec.TargetRef.Name},
		{Side: view.SidePrimary, Resource: gvr, Kind: kind, Name: c.PrimaryName()},
	}
}

// PodSelector is the label selector of a workload's pods; empty when it selects none, or all.
func PodSelector(object *unstructured.Unstructured) string {
	w, err := readWorkload(object)
	if err != nil {
		return ""
	}
	selector, err := metav1.LabelSelectorAsSelector(w.Spec.Selector)
	if err != nil || selector.Empty() {
		return ""
	}
	return selector.String()
}
