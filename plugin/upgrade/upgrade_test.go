package upgrade

import (
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
	"github.com/kubectl-canary/kubectl-canary/plugin/installer"
	"github.com/kubectl-canary/kubectl-canary/plugin/manifest"
)

func in(namespace string) controllers.Controller {
	return controllers.Controller{Namespace: namespace, Name: manifest.AgentName}
}

// TestChoose finds the agent that is meant, or says why there is none.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name, asked string
		found       installer.Survey
		want        string // the namespace, or a part of the error
	}{
		{"nobody", "", installer.Survey{}, "use kubectl canary install"},
		{"nobody to be seen", "", installer.Survey{Partial: true}, "name the agent's with -n"},
		{"the only one", "", installer.Survey{Agents: []controllers.Controller{in("ops")}}, "ops"},
		{"several", "", installer.Survey{Agents: []controllers.Controller{in("ops"), in("shop")}}, "name one with -n: ops, shop"},
		{"one of several", "shop", installer.Survey{Agents: []controllers.Controller{in("ops"), in("shop")}}, "shop"},
		{"elsewhere", "web", installer.Survey{Agents: []controllers.Controller{in("ops")}}, "but there is one in ops"},
	} {
		d, err := (&Options{Namespace: c.asked}).choose(c.found)
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && d.Namespace != c.want {
			t.Errorf("%s: %v, %v; want %q", c.name, d, err, c.want)
		}
	}
}

// TestImage keeps the repository, and says so when it cannot tell the tag.
func TestImage(t *testing.T) {
	for image, want := range map[string]string{
		"example.com/agent:v1.2.3": "example.com/agent:v1.3.0",
		"example.com/agent:main":   "example.com/agent:main",
		"example.com/agent:v0.9.0": "example.com/agent:v1.3.0",
	} {
		var said strings.Builder
		o := &Options{}
		o.Build.Version = "v1.3.0"
		session := &installer.Session{}
		session.Streams.ErrOut = &said
		settings := manifest.Settings{Image: image}
		if err := o.image(session, &settings); err != nil || settings.Image != want || (said.Len() > 0) != (image == want) {
			t.Errorf("%s became %s, %v, %q", image, settings.Image, err, said.String())
		}
	}
}

const newer = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: canary-agent
  namespace: canary-system
  labels: {app.kubernetes.io/name: canary-agent, app.kubernetes.io/version: v2.0.0}
spec: {replicas: 1, template: {spec: {containers: [{name: agent, image: "example.com/agent:v2.0.0", args: [--port=8080]}]}}}
`

// TestDowngradeIsRefused unless somebody means it.
func TestDowngradeIsRefused(t *testing.T) {
	server := clustertest.New(t)
	server.Put(t, newer)
	t.Setenv("KUBECONFIG", server.Kubeconfig(t))
	for flag, want := range map[string]string{
		"":                  "is of version v2.0.0, and this plugin of v1.2.3, which is older: upgrade the plugin, or pass --allow-downgrade",
		"--allow-downgrade": "you have not got the rights for this", // That comes next.
	} {
		deps := cli.Deps{
			Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &strings.Builder{}, ErrOut: &strings.Builder{}},
			Cluster: &cluster.Access{}, Build: cli.Build{Version: "v1.2.3"},
		}
		cmd := NewUpgradeCmd(deps, nil)
		cmd.SetArgs(strings.Fields(flag))
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", flag, err, want)
		}
	}
	for _, request := range server.Requests() {
		if strings.HasPrefix(request, "PATCH") {
			t.Errorf("request %s", request)
		}
	}
}
