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

// Split is a distribution of traffic in percent; the two add up to 100.
type Split struct {
	Primary, Canary int32
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
	// Split in force, as far as the object tells.
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
	// Observe reads the split from the live objects. It fails when they do not make sense, for
	// instance because somebody removed a backend.
	Observe(c *v1beta1.Canary, live Objects) (Observation, error)
}
