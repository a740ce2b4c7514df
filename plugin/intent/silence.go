package intent

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// inCluster is what is known of the controllers of a cluster.
type inCluster struct {
	found []controllers.Controller
	// sure is false when there may be others, or nothing could be read.
	sure bool
}

// patience bounds the look for controllers, which only serves a message.
const patience = 3 * time.Second

func (o *Options) findControllers(ctx context.Context) inCluster {
	client, err := o.Cluster.Dynamic()
	if err != nil {
		return inCluster{}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, partial, err := controllers.Find(ctx, client, o.Selection.Namespace)
	return inCluster{found: found, sure: err == nil && !partial}
}

// of finds the first controller of a kind that looks after a namespace, or else the first at all.
func (c inCluster) of(kind controllers.Kind, namespace string) (controllers.Controller, bool) {
	other := -1
	for i, have := range c.found {
		switch {
		case have.Kind != kind:
		case have.Serves(namespace):
			return have, true
		case other < 0:
			other = i
		}
	}
	if other < 0 {
		return controllers.Controller{}, false
	}
	return c.found[other], true
}

// onlyFlagger is true when Flagger's controller is the one that will take up a canary.
func (c inCluster) onlyFlagger(namespace string) bool {
	return slices.ContainsFunc(c.found, func(have controllers.Controller) bool {
		return have.Kind == controllers.Flagger && have.Serves(namespace)
	})
}

// silence says why nobody may have answered, and what to do.
func (c inCluster) silence(verb v1beta1.Verb, canary view.Canary) string {
	if c.onlyFlagger(canary.Namespace) {
		flagger, _ := c.of(controllers.Flagger, canary.Namespace)
		return fmt.Sprintf("Flagger (%s) runs, and as long as it does, the agent does nothing. %s", flagger, Instead(verb, canary))
	}
	agent, found := c.of(controllers.Agent, canary.Namespace)
	switch {
	case !found && c.sure:
		return "no agent is installed; see: kubectl canary install --help"
	case !found:
		return "is one running? (kubectl canary version)"
	case !agent.Running():
		return fmt.Sprintf("the agent %s is scaled to 0", agent)
	case !agent.Serves(canary.Namespace):
		return fmt.Sprintf("the agent %s looks after namespace %s only", agent, agent.Scope)
	case agent.Ready == 0:
		return fmt.Sprintf("the agent %s is not ready; see: kubectl get pods -n %s", agent, agent.Namespace)
	}
	return fmt.Sprintf("the agent %s is ready; see: kubectl logs -n %s deployment/%s", agent, agent.Namespace, agent.Name)
}
