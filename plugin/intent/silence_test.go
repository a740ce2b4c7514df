package intent

import (
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

func TestSilence(t *testing.T) {
	agent := controllers.Controller{Kind: controllers.Agent, Namespace: "canary-system", Name: "canary-agent", Replicas: 1, Ready: 1}
	stopped, unready, elsewhere := agent, agent, agent
	stopped.Replicas, unready.Ready, elsewhere.Scope = 0, 0, "prod"
	flagger := controllers.Controller{Kind: controllers.Flagger, Namespace: "flagger-system", Name: "flagger", Replicas: 1}
	asleep := flagger
	asleep.Replicas = 0
	all := func(c ...controllers.Controller) inCluster { return inCluster{found: c, sure: true} }
	for name, c := range map[string]struct {
		in   inCluster
		want string
	}{
		"none":      {all(), "no agent is installed"},
		"not known": {inCluster{}, "is one running? (kubectl canary version)"},
		"ready":     {all(agent), "the agent canary-system/canary-agent is ready; see: kubectl logs -n canary-system deployment/canary-agent"},
		"stopped":   {all(stopped), "is scaled to 0"},
		"not ready": {all(unready), "is not ready; see: kubectl get pods -n canary-system"},
		"elsewhere": {all(elsewhere), "looks after namespace prod only"},
		"both":      {all(agent, flagger), "Flagger (flagger-system/flagger) runs, and as long as it does, the agent does nothing. Flagger's own"},
		"asleep":    {all(agent, asleep), "is ready"},
	} {
		if have := c.in.silence(v1beta1.VerbPause, view.Canary{Name: "app", Namespace: "test"}); !strings.Contains(have, c.want) {
			t.Errorf("%s: %q, want %q", name, have, c.want)
		}
	}
}
