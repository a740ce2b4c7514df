package root

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUsageErrors(t *testing.T) {
	p := newProgram(t)
	for line, want := range map[string]string{
		"lst":                                   `unknown command "lst"; did you mean "list"?`,
		"frobnicate":                            `unknown command "frobnicate". See: kubectl canary --help`,
		"list --frob":                           "unknown flag: --frob; see: kubectl canary list --help",
		"list -o jsonx":                         "there is no such format; use one of json, yaml",
		"list -o jsonpath={.items":              "-o jsonpath={.items:",
		"list -o go-template":                   "the template is missing",
		"list app -A":                           "names cannot be combined with -A or -l",
		"list -l a=b=c":                         "is not a label selector",
		"list deployment/app":                   `"deployment/app" is not a canary`,
		"status":                                "which canary? usage: kubectl canary status NAME",
		"status a b":                            "one canary at a time",
		"status app -o wide":                    "there is no such format",
		"status app --timeout 3s":               "need --watch",
		"status app --watch -o json":            "cannot be combined with -o",
		"abort":                                 "which canary?",
		"abort app --timeout 0s":                "--timeout must be positive",
		"version now":                           `kubectl canary version takes no argument`,
		"create":                                "one name, or deployment/NAME, is needed",
		"create pod/app":                        `"pod/app" cannot be a target`,
		"create App":                            `"App" cannot be the name of a canary`,
		"create app --interval 1500ms":          "--interval must be whole seconds",
		"create app --provider gatewayapi:v1":   "needs --gateway NAMESPACE/NAME",
		"create app --gateway a/b/c":            `--gateway "a/b/c" must be NAMESPACE/NAME`,
		"create app --gateway a/b --provider x": "needs a gatewayapi provider",
		"create app --step-weights 5 --max-weight 50": "cannot be combined",
		"watch app --theme pink":                      `unknown theme "pink"`,
	} {
		r := p.run(line)
		r.want(t, 2, "", want)
		if strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: not one line: %s", line, r.err)
		}
	}
	if requests := p.server.Requests(); len(requests) > 0 {
		t.Errorf("a mistake on the command line asked the cluster: %v", requests)
	}
}

func TestClusterErrors(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, hostile)
	for line, want := range map[string]string{
		"status apq":      `there is no canary "apq" in namespace "test"; did you mean "app"?`,
		"abort evil":      `there is no canary "evil" in namespace "test", but in other: use -n`,
		"promote nothing": `there is no canary "nothing" in namespace "test"; see: kubectl canary list -A`,
		"list app nix":    `there is no canary "nix" in namespace "test"`,
	} {
		p.run(line).want(t, 1, "", want)
	}

	p.server.Deny("list", "canaries")
	p.run("list").want(t, 1, "", `cannot list canaries in namespace "test": User "ada" cannot list resource "canaries"`)
	p.run("list -A").want(t, 1, "", "cannot list canaries in all namespaces")
	p.run("watch app").want(t, 1, "", `cannot watch canary "app" in namespace "test"`)

	p.server.Uninstall("flagger.app/v1beta1")
	for _, line := range []string{"list", "status app", "abort app", "watch app", "create app --service-port 80"} {
		p.run(line).want(t, 1, "", "the Canary API (flagger.app/v1beta1) is not installed in this cluster; install it with: kubectl canary install")
	}
}

// TestSilentServer has an API server that never answers.
func TestSilentServer(t *testing.T) {
	asked := make(chan struct{}, 9)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	p := newProgram(t)
	flag := " --server " + server.URL
	p.run("status app --watch --timeout 50ms"+flag).want(t, 4, "", `canary "app" has not ended within 50ms: nothing was heard of it`)
	p.run("list --request-timeout 50ms"+flag).want(t, 1, "", "cannot be reached (no answer in time)")
	for len(asked) > 0 { // On a busy machine time can run out before the server is asked at all.
		<-asked
	}
	for _, line := range []string{"list", "status app", "status app -w", "abort app", "watch app", "version"} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-asked
			cancel()
		}()
		r := p.runArgs(ctx, strings.Fields(line+flag)...)
		if r.code != 130 || r.err != "" {
			t.Errorf("%s: interrupted, but code %d: %s", line, r.code, r.err)
		}
	}
}

func TestNoCluster(t *testing.T) {
	p := newProgram(t)
	p.config = filepath.Join(t.TempDir(), "missing")
	p.run("list").want(t, 1, "", "no cluster is configured: set KUBECONFIG")
	p.run("list --kubeconfig "+p.config).want(t, 1, "", "cannot use the kubeconfig "+p.config)

	malformed := filepath.Join(t.TempDir(), "malformed")
	if err := os.WriteFile(malformed, []byte("{not yaml\n  at: all"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.run("status app --kubeconfig " + malformed)
	r.want(t, 1, "", "cannot use the kubeconfig "+malformed)
	if strings.Count(r.err, "\n") != 1 {
		t.Errorf("not one line: %s", r.err)
	}
	p.config = malformed
	p.run("list").want(t, 1, "", "cannot use the kubeconfig")

	server := httptest.NewServer(nil)
	server.Close()
	p.run("list --server "+server.URL).want(t, 1, "", "cannot use the kubeconfig")
	p.config = newProgram(t).config
	p.run("list --server "+server.URL).want(t, 1, "", "the API server "+server.URL+" cannot be reached (connect: connection refused)")
	p.run("list --context nowhere").want(t, 1, "", `the kubeconfig has no context "nowhere"; see: kubectl config get-contexts`)
}
