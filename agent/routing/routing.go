// Package routing turns a wanted traffic split into the objects of a traffic provider, and reads
// the split that is in force from them.
//
// A provider is pure: it renders complete objects and interprets live ones. The agent's executor
// applies what it renders by server-side apply and watches what it names, so a provider can
// neither forget a field manager nor do I/O in the queue. Each provider has a package of its own
// below this one; package routing/registry knows them all.
package routing

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Split is a distribution of traffic.
//
// Of an A/B route, which sends the requests that match spec.analysis.match another way than the
// rest, it is the distribution of the matching requests; all others go to the primary.
type Split struct {
	// Primary and Canary are in percent; the two add up to 100.
	Primary, Canary int32
	// Mirror sends a copy of each of the primary's requests to the canary; the answers are
	// dropped. It is used while the canary has no weight.
	Mirror bool
	// Everyone makes the split of an A/B route hold for all requests, not only for those that
	// match: used when only one side can serve. It means nothing to other routes.
	Everyone bool
}

// ToPrimary is the split of an idle canary.
var ToPrimary = Split{Primary: 100}

// CanaryShare is the split that gives the canary the weight and the primary the rest.
func CanaryShare(weight int32) Split {
	return Split{Primary: 100 - weight, Canary: weight}
}

// Ref names one object that a provider reads or writes.
type Ref struct {
	GVR       schema.GroupVersionResource
	Namespace string
	Name      string
}

// Objects holds the live objects of a canary; an object that does not exist is absent. They come
// from a shared cache and must not be changed.
type Objects map[Ref]*unstructured.Unstructured

// Observation is what the live objects say.
type Observation struct {
	// Exists is false while the routing object has not been created.
	Exists bool
	// Split in force, as far as the object tells, with Mirror and for A/B routes Everyone.
	Split Split
	// Reports is true when the router writes back what it has taken over (Gateway API does).
	Reports bool
	// Confirmed is true when the router has taken over the object's present generation. It means
	// nothing when Reports is false.
	Confirmed bool
	// Message is the router's own word on why it has not, for people.
	Message string
}

// Provider is one way of splitting traffic.
type Provider interface {
	// Name is the value of spec.provider that selects the provider.
	Name() string
	// Check refuses what the provider cannot do for this canary, with the path of the field and
	// what would be accepted. A canary that fails is not routed at all.
	Check(c *v1beta1.Canary) field.ErrorList
	// Refs lists the objects that Render and Observe need. The first one holds the weights.
	Refs(c *v1beta1.Canary) []Ref
	// Render gives the objects as they ought to be, complete, without owner references and
	// managed fields. Live objects are inputs only where the contract says that something of
	// them is kept. It fails when an object that it needs is missing; the message names it.
	Render(c *v1beta1.Canary, split Split, live Objects) ([]*unstructured.Unstructured, error)
	// Release gives the objects as they are left behind when the Canary is deleted and its target
	// serves again: all requests go to the apex Service, and nothing of the canary is left. Which
	// metadata and owners the objects keep is the caller's business, save for the annotations
	// that keep GitOps tools away, which are gone. A provider that has no object gives none.
	Release(c *v1beta1.Canary, live Objects) ([]*unstructured.Unstructured, error)
	// Observe reads the split from the live objects. It fails when they do not make sense, for
	// instance because somebody removed a backend.
	Observe(c *v1beta1.Canary, live Objects) (Observation, error)
}

// ClusterChecker is what a Provider is as well if it depends on the cluster whether a canary can be
// routed: a route that asks its gateway for something unknown to it may lose all its traffic.
type ClusterChecker interface {
	// ClusterRefs lists the objects that CheckCluster looks at. Some are known only when others
	// have been read, so it is asked again with these in live until it names nothing new. It is
	// empty for a canary that needs nothing special, which then costs no request and no right.
	ClusterRefs(c *v1beta1.Canary, live Objects) []Ref
	// CheckCluster refuses what the cluster cannot do, like Check. An object that is absent from
	// live, because it does not exist or may not be read, is no ground for refusal.
	CheckCluster(c *v1beta1.Canary, live Objects) field.ErrorList
}
