package installer

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
)

// Survey is who controls canaries in a cluster.
type Survey struct {
	// Agents are those of this project.
	Agents []controllers.Controller
	// Rivals are other controllers of the same API that are not scaled to zero.
	Rivals []controllers.Controller
	// Partial is true when not all namespaces could be looked at.
	Partial bool
}

// Survey looks for agents and for other controllers: in the whole cluster or, where that is not
// allowed, in one namespace and the usual ones.
func (s *Session) Survey(ctx context.Context, namespace string) (Survey, error) {
	all, partial, err := controllers.Find(ctx, s.Client, namespace)
	found := Survey{Partial: partial}
	if err != nil {
		return found, s.Cluster.Explain(err, "look for agents and other controllers")
	}
	for _, c := range all {
		switch {
		case c.Kind == controllers.Agent:
			found.Agents = append(found.Agents, c)
		case c.Running():
			found.Rivals = append(found.Rivals, c)
		}
	}
	return found, nil
}

// In is the agent of a namespace; nil when there is none.
func (f Survey) In(namespace string) *controllers.Controller {
	return first(f.Agents, func(c controllers.Controller) bool { return c.Namespace == namespace })
}

// For is the agent that is to look after the canaries of a namespace, running or not; nil when there
// is none.
func (f Survey) For(namespace string) *controllers.Controller {
	return first(f.Agents, func(c controllers.Controller) bool { return c.Scope == "" || c.Scope == namespace })
}

func first(all []controllers.Controller, is func(controllers.Controller) bool) *controllers.Controller {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return &all[i]
	}
	return nil
}

// RivalsFor are the other controllers that look after the canaries of a namespace.
func (f Survey) RivalsFor(namespace string) []controllers.Controller {
	var out []controllers.Controller
	for _, c := range f.Rivals {
		if c.Serves(namespace) {
			out = append(out, c)
		}
	}
	return out
}

// ScaleDown is the command that takes a controller out of action.
func ScaleDown(c controllers.Controller) string {
	return fmt.Sprintf("kubectl -n %s scale deployment/%s --replicas=0", c.Namespace, c.Name)
}
