package routing

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// InvalidSplitError is a split that is not a distribution of all traffic, or that mirrors to a canary
// which has weight where the provider has one or the other.
type InvalidSplitError struct {
	Split Split
}

func (e *InvalidSplitError) Error() string {
	if e.Split.Mirror && e.Split.Canary > 0 {
		return fmt.Sprintf("cannot mirror to a canary that gets %d %% of the requests itself: this is a fault of the agent, please report it", e.Split.Canary)
	}
	return fmt.Sprintf("split primary %d %%, canary %d %% is not a distribution of 100 %%: this is a fault of the agent, please report it",
		e.Split.Primary, e.Split.Canary)
}

// RefusedError is returned by Render for a canary that Check refuses.
type RefusedError struct {
	Provider  string
	Namespace string
	Name      string
	Reasons   field.ErrorList
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("provider %s cannot route canary %s/%s: %v", e.Provider, e.Namespace, e.Name, e.Reasons.ToAggregate())
}

// Refuse makes a RefusedError of what Check found, and nil of nothing.
func Refuse(provider string, c *v1beta1.Canary, reasons field.ErrorList) error {
	if len(reasons) == 0 {
		return nil
	}
	return &RefusedError{Provider: provider, Namespace: c.Namespace, Name: c.Name, Reasons: reasons}
}

// MalformedError is a live routing object that does not make sense to the provider.
type MalformedError struct {
	Kind      string
	Namespace string
	Name      string
	// Problem names the field and what is wrong with it.
	Problem string
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("cannot read the weights of %s %s/%s: %s; the agent restores the object when it next sets the route, or delete it and it is created anew",
		e.Kind, e.Namespace, e.Name, e.Problem)
}
