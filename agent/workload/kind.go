package workload

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Object is a target or a primary in the form that its Kind caches.
type Object interface {
	metav1.Object
	runtime.Object
}

// Kind knows how one kind of target is told, copied, scaled and judged. The Objects that it takes
// are those that its Cached returned; a nil one stands for an object that does not exist. They are
// read and never changed.
type Kind interface {
	// Resource of targets and primaries.
	Resource() schema.GroupVersionResource
	// Traits tell the kinds apart where that cannot be left to a method.
	Traits() Traits
	// History is where Kubernetes keeps the past templates of the objects, from which revisions
	// are told; nil when the objects tell their own.
	History() *History
	// Cached turns an object as the API server sent it, typed or unstructured, into the form in
	// which it is cached: with what somebody looks at and no more. It may change what it is
	// given, and gives back what it has made itself. It fails for an object of another kind.
	Cached(o any) (Object, error)
	// PrimaryName is the name of the primary, in the namespace of the canary.
	PrimaryName(c *v1beta1.Canary) string
	// Check says what keeps the target from being one, by the path of the field in the target.
	Check(target Object) field.ErrorList
	// Pods of a target; zero for a kind that has none of its own.
	Pods(target Object) Pods
	// Target gives the facts about a target. The history is that of the object, in any order.
	Target(target Object, history []*metav1.PartialObjectMetadata) rollout.Workload
	// Primary gives the facts about a primary.
	Primary(primary Object, history []*metav1.PartialObjectMetadata) rollout.Workload
	// Service renders the Service in a role as it ought to be, or nil when this kind leaves the
	// role alone or the target is missing. live is the present one, nil when there is none.
	Service(c *v1beta1.Canary, role Role, s Selector, target Object, live *corev1.Service) *corev1.Service
	// RenderPrimary makes the primary out of a live target, complete, for server-side apply; for
	// a kind whose primary is in place it is a patch that is merged into the target.
	RenderPrimary(c *v1beta1.Canary, target *unstructured.Unstructured, how Copy) (*unstructured.Unstructured, error)
	// Scale is the merge patch that gives a target so many replicas, as far as the kind counts
	// them, or takes its pods away when they are 0. It is nil when there is nothing to be done.
	Scale(target Object, replicas int32) ([]byte, error)
}

// Traits of a kind.
type Traits struct {
	// Pods: targets and primaries have pods of their own. They are told apart by the selector
	// label, stand behind the three Services of the canary, may use ConfigMaps and Secrets, and
	// are scaled to zero when idle. A kind without counts as one pod that is always there.
	Pods bool
	// Replicas: the pods are counted by spec.replicas, which an autoscaler may set.
	Replicas bool
	// InPlace: the primary is no object of its own but a mark on the target.
	InPlace bool
}

// Pods is what Services need to know about the pods of a target.
type Pods struct {
	// Labels are the matchLabels that select them.
	Labels map[string]string
	// Containers with their names and ports.
	Containers []corev1.Container
}

// Copy says how a primary is made from its target.
type Copy struct {
	// Selector tells the target's pods; zero for a kind without.
	Selector Selector
	// Prefixes of the labels and annotations that are copied.
	Prefixes Prefixes
	// Revision of the target.
	Revision string
	// RunID rolls the pods when it changes.
	RunID string
	// Replicas of the primary.
	Replicas int32
	// KeepReplicas leaves the number to whoever sets it: see ScaledByOthers.
	KeepReplicas bool
	// Live is the present primary; nil when there is none.
	Live Object
}

// Deployments is the kind that most targets are of.
var Deployments Kind = deployment{}

// UnsupportedKindError is a target of a kind that this version cannot release.
type UnsupportedKindError struct {
	APIVersion, Kind string
}

func (e *UnsupportedKindError) Error() string {
	return fmt.Sprintf("%s of %s cannot be a target; use a Deployment or a DaemonSet of apps/v1, a Service of v1, or a Service of %s",
		e.Kind, e.APIVersion, v1beta1.KnativeServiceAPIVersion)
}

// KindOf finds the kind of a target. The apiVersion decides between the two kinds of Services
// only, as it always has: manifests with an apps/v1beta2 of old go on working. The error is an
// *UnsupportedKindError.
func KindOf(ref v1beta1.TargetReference) (Kind, error) {
	group, _, _ := strings.Cut(ref.APIVersion, "/")
	knativeGroup, _, _ := strings.Cut(v1beta1.KnativeServiceAPIVersion, "/")
	switch {
	case ref.Kind == v1beta1.TargetDeployment:
		return Deployments, nil
	case ref.Kind == v1beta1.TargetDaemonSet:
		return daemonSet{}, nil
	case ref.Kind == v1beta1.TargetService && ref.APIVersion == v1beta1.KnativeServiceAPIVersion:
		return knativeService{}, nil
	case ref.Kind == v1beta1.TargetService && group != knativeGroup:
		return coreService{}, nil
	}
	return nil, &UnsupportedKindError{APIVersion: ref.APIVersion, Kind: ref.Kind}
}

// cachedAs brings an object into its Go type.
func cachedAs[T any, P interface {
	*T
	Object
}](o any) (P, error) {
	switch o := o.(type) {
	case P:
		return o, nil
	case *unstructured.Unstructured:
		typed := P(new(T))
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, typed); err != nil {
			return nil, fmt.Errorf("read %s %s/%s: %w", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
		return typed, nil
	}
	return nil, fmt.Errorf("read a %T: not a %T", o, P(nil))
}

// podKind is what the kinds with a pod template have in common.
type podKind struct{}

func (podKind) PrimaryName(c *v1beta1.Canary) string { return c.PrimaryName() }

// primaryFacts adds to the facts of an object what is known of it as a primary.
func primaryFacts(primary Object, w rollout.Workload, history []*metav1.PartialObjectMetadata) rollout.Workload {
	w.Source = primary.GetAnnotations()[SourceAnnotation]
	w.Unmarked = w.Source == ""
	if past := PreviousOf(primary, history); past != nil {
		w.Previous = past.Annotations[SourceAnnotation]
	}
	return w
}
