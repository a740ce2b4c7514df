package install

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
)

// run runs a command line; a nil runF runs the command.
func run(t *testing.T, runF func(context.Context, *Options) error, line string) (out string, err error) {
	t.Helper()
	var b, words bytes.Buffer
	deps := cli.Deps{
		Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &b, ErrOut: &words},
		Cluster: &cluster.Access{}, Build: cli.Build{Version: "v1.2.3"},
	}
	cmd := NewInstallCmd(deps, runF)
	deps.Cluster.AddFlags(cmd.PersistentFlags())
	cmd.SetArgs(strings.Fields(line))
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err = cmd.ExecuteContext(t.Context())
	return b.String(), err
}

// TestNamespace is that of the context only for an installation of one namespace.
func TestNamespace(t *testing.T) {
	t.Setenv("KUBECONFIG", clustertest.New(t).Kubeconfig(t)) // Its context has namespace test.
	for line, want := range map[string]string{
		"":                           "canary-system",
		"-n ops":                     "ops",
		"--namespace-scoped":         "test",
		"--namespace-scoped -n shop": "shop",
	} {
		_, err := run(t, func(_ context.Context, o *Options) error {
			if o.Namespace != want {
				t.Errorf("%q: namespace %q, want %q", line, o.Namespace, want)
			}
			return nil
		}, line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// TestOfflineNeedsNoCluster prints what can be committed, with the version, and asks nobody.
func TestOfflineNeedsNoCluster(t *testing.T) {
	server := clustertest.New(t)
	t.Setenv("KUBECONFIG", server.Kubeconfig(t))
	out, err := run(t, nil, "--dry-run=client -o yaml --image example.com/agent:v1")
	if err != nil {
		t.Fatal(err)
	}
	documents := strings.Split(out, "\n---\n")
	if len(documents) < 20 || strings.Contains(out, "kind: List") {
		t.Errorf("%d documents", len(documents))
	}
	if !slices.ContainsFunc(documents, func(d string) bool {
		return strings.Contains(d, "kind: Deployment") && strings.Contains(d, "app.kubernetes.io/version: v1.2.3") && strings.Contains(d, "image: example.com/agent:v1")
	}) {
		t.Error("there is no such Deployment")
	}
	if asked := server.Requests(); len(asked) > 0 {
		t.Errorf("requests %v", asked)
	}
}

// TestRightsAreAskedFirst changes nothing when one is missing.
func TestRightsAreAskedFirst(t *testing.T) {
	server := clustertest.New(t)
	t.Setenv("KUBECONFIG", server.Kubeconfig(t))
	_, err := run(t, nil, "") // This server has no answer to SelfSubjectAccessReviews, which means no.
	if cli.CodeOf(err) != cli.CodeError || !strings.Contains(err.Error(), "you have not got the rights for this: create customresourcedefinitions.apiextensions.k8s.io, patch customresourcedefinitions.apiextensions.k8s.io, create namespaces, ") {
		t.Errorf("%v", err)
	}
	for _, request := range server.Requests() {
		if strings.HasPrefix(request, "PATCH") || strings.HasPrefix(request, "DELETE") {
			t.Errorf("request %s", request)
		}
	}
}
