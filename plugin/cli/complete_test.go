package cli_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
)

const (
	canaries = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test}
status: {phase: Progressing}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: api, namespace: test}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: shop, namespace: test}
status: {phase: "Succ\e[31meeded"}
---
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: appendix, namespace: other}`
	noFile = ":4\n"
)

func namesCmd(d cli.Deps) *cobra.Command {
	cmd := &cobra.Command{Use: "names", ValidArgsFunction: d.CompleteNames, Run: func(*cobra.Command, []string) {}}
	cmd.AddCommand(&cobra.Command{Use: "one", ValidArgsFunction: d.CompleteName, Run: func(*cobra.Command, []string) {}})
	return cmd
}

func TestCompleteNames(t *testing.T) {
	p := clitest.New(t, func(d cli.Deps) *cobra.Command {
		return &cobra.Command{Use: "names", ValidArgsFunction: d.CompleteNames, Run: func(*cobra.Command, []string) {}}
	})
	p.Server.Put(t, strings.ReplaceAll(canaries, "\\e", "\\x1b"))
	for _, c := range []struct{ line, want string }{
		{"ap", "api\napp\tProgressing\n" + noFile},
		{"sh", "shop\tSucc^[[31meeded\n" + noFile},
		{"app ap", "api\n" + noFile},
		{"canary/app ap", "api\n" + noFile},
		{"canary/a", "canary/api\ncanary/app\tProgressing\n" + noFile},
		{"canaries.flagger.app/sh", "canaries.flagger.app/shop\tSucc^[[31meeded\n" + noFile},
		{"pod/", noFile},
		{"-n other a", "appendix\n" + noFile},
	} {
		if r := p.Run("__complete " + c.line); r.Out != c.want {
			t.Errorf("%q: %q, want %q", c.line, r.Out, c.want)
		}
	}
	requests := strings.Join(p.Server.Requests(), "\n")
	if strings.Count(requests, "GET /apis/flagger.app/v1beta1/namespaces/test/canaries?includeObject=None&limit=500") != 6 {
		t.Errorf("one request for each completion, and none for a pod: %s", requests)
	}
}

// TestCompleteNothing has a shell stay quiet when there is nothing to say.
func TestCompleteNothing(t *testing.T) {
	p := clitest.New(t, namesCmd)
	p.Server.Uninstall("flagger.app/v1beta1")
	if r := p.Run("__complete one a"); r.Out != noFile || strings.Contains(r.Err, "error") {
		t.Errorf("%+v", r)
	}
	p.Server.Unreachable(true)
	begin := time.Now()
	if r := p.Run("__complete one a"); r.Out != noFile || strings.Contains(r.Err, "error") {
		t.Errorf("%+v", r)
	}
	if took := time.Since(begin); took > cli.CompletionPatience+time.Second {
		t.Errorf("it took %s", took)
	}
	if r := p.Run("__complete one --context nope a"); strings.Contains(r.Out, "app") {
		t.Errorf("%+v", r)
	}
}

// TestCompleteRootFlags completes the values of the flags that every command has.
func TestCompleteRootFlags(t *testing.T) {
	server := clustertest.New(t)
	for _, name := range []string{"shop", "staging", "test"} {
		server.PutObject(clustertest.Object{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}})
	}
	config := server.Kubeconfig(t)
	for _, c := range []struct{ line, want string }{
		{"names -n s", "shop\nstaging\n" + noFile},
		{"names --namespace=t", "test\n" + noFile},
		{"names --context h", "here\n" + noFile},
		{"names --cluster ", "here\n" + noFile},
		{"names --user a", "ada\n" + noFile},
	} {
		if have := complete(t, config, c.line); have != c.want {
			t.Errorf("%q: %q, want %q", c.line, have, c.want)
		}
	}
}

func TestOffer(t *testing.T) {
	have := cli.Offer([]string{"app\tHealthy\tvery", "b\x1b[31m", "apple", "pear"}, "app")
	if strings.Join(have, "|") != "app\tHealthy very|apple" {
		t.Errorf("%q", have)
	}
}

// complete runs a command line of a small program, whose root has the flags.
func complete(t *testing.T, config, line string) string {
	t.Helper()
	var out bytes.Buffer
	access := &cluster.Access{}
	deps := cli.Deps{Streams: genericiooptions.IOStreams{Out: &out}, Cluster: access}
	root := &cobra.Command{Use: "canary"}
	root.SetOut(&out)
	root.SetErr(io.Discard)
	access.AddFlags(root.PersistentFlags())
	deps.RegisterCompletions(root)
	root.AddCommand(&cobra.Command{Use: "names", Run: func(*cobra.Command, []string) {}})
	t.Setenv("KUBECONFIG", config)
	root.SetArgs(append([]string{cobra.ShellCompRequestCmd}, strings.Split(line, " ")...))
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Error(err)
	}
	return out.String()
}
