package create_test

import (
	"testing"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
	"github.com/kubectl-canary/kubectl-canary/plugin/create"
)

const workloads = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: test}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-primary, namespace: test}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: not-a-primary, namespace: test}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: test}`

func TestCompletion(t *testing.T) {
	p := clitest.New(t, func(d cli.Deps) *cobra.Command { return create.NewCreateCmd(d, nil) })
	p.Server.Put(t, workloads)
	for _, c := range []struct{ line, want string }{
		{"d", "deployment/app\ndeployment/not-a-primary\ndaemonset/agent\n:4\n"},
		{"a", "app\n:4\n"},
		{"deploy/a", "deploy/app\n:4\n"},
		{"ds/", "ds/agent\n:4\n"},
		{"pod/", ":4\n"},
		{"app x", ":4\n"},
		{"app --target dae", "daemonset/agent\n:4\n"},
	} {
		if r := p.Run("__complete " + c.line); r.Out != c.want {
			t.Errorf("create %s: %q, want %q", c.line, r.Out, c.want)
		}
	}
	p.Server.Deny("list", "deployments")
	if r := p.Run("__complete d"); r.Out != "daemonset/agent\n:4\n" {
		t.Errorf("without the right to list: %q", r.Out)
	}
}
