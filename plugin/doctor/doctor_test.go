package doctor

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/manifests"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// front is a clustertest.Server with what that does not have: paths that are no objects of a namespace.
type front struct {
	*clustertest.Server
	// answers by path; a string is a body, an int a code, a function writes the answer.
	answers map[string]any
	// rules of the user.
	rules []any
	// agentMay is what SubjectAccessReviews say; nil forbids to ask.
	agentMay *bool
	mu       sync.Mutex
	paths    []string
	config   string
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{Server: clustertest.New(t), rules: []any{map[string]any{"verbs": []string{"*"}, "apiGroups": []string{"*"}, "resources": []string{"*"}}}}
	yes := true
	f.agentMay = &yes
	f.answers = map[string]any{
		"/version":                             `{"gitVersion": "v1.36.1"}`,
		"/openapi/v3/apis/flagger.app/v1beta1": openAPI(t, nil),
		"/apis/gateway.networking.k8s.io/v1":   `{"kind": "APIResourceList", "resources": [{"name": "httproutes"}]}`,
		"/apis/traefik.io/v1alpha1":            `{"kind": "APIResourceList", "resources": [{"name": "traefikservices"}]}`,
		"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/" + policyName:       `{"kind": "ValidatingAdmissionPolicy", "apiVersion": "admissionregistration.k8s.io/v1"}`,
		"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/" + policyName: `{"kind": "ValidatingAdmissionPolicyBinding", "apiVersion": "admissionregistration.k8s.io/v1", "spec": {"validationActions": ["Deny"]}}`,
		"/api/v1/namespaces/monitoring/services/http:prometheus:9090/proxy/api/v1/query":        `{"status": "success"}`,
	}
	behind, err := url.Parse(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.paths = append(f.paths, r.Method+" "+r.URL.Path)
		f.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/selfsubjectrulesreviews"):
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(map[string]any{"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "status": map[string]any{"resourceRules": f.rules}})
			return
		case strings.HasSuffix(r.URL.Path, "/subjectaccessreviews") && f.agentMay != nil:
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(map[string]any{"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "status": map[string]any{"allowed": *f.agentMay}})
			return
		case strings.HasSuffix(r.URL.Path, "/subjectaccessreviews"):
			status(w, http.StatusForbidden, "Forbidden", "no", "")
			return
		}
		switch answer := f.answers[r.URL.Path].(type) {
		case string:
			_, _ = w.Write([]byte(answer))
		case func(http.ResponseWriter):
			answer(w)
		case int:
			status(w, answer, http.StatusText(answer), fmt.Sprintf("answer %d", answer), "")
		default:
			w.Header().Del("Content-Type")
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	f.config = filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: ada, namespace: shop}}]
clusters: [{name: here, cluster: {server: %q}}]
users: [{name: ada, user: {token: secret}}]
`, server.URL)
	if err := os.WriteFile(f.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func status(w http.ResponseWriter, code int, reason, message, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": strings.ReplaceAll(reason, " ", ""), "message": message,
		"details": map[string]any{"kind": kind},
	})
}

// openAPI is what the API server would say of the embedded CRDs, after a change.
func openAPI(t *testing.T, change func(kind string, schema map[string]any)) string {
	t.Helper()
	schemas, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	for kind, schema := range schemas {
		schema = maps.Clone(schema)
		schema["x-kubernetes-group-version-kind"] = []any{map[string]any{"group": "flagger.app", "version": "v1beta1", "kind": kind}}
		if change != nil {
			change(kind, schema)
		}
		out["app.flagger.v1beta1."+kind] = schema
	}
	data, err := json.Marshal(map[string]any{"components": map[string]any{"schemas": out}})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var now = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

type result struct {
	out, err string
	code     int
}

func (f *front) run(t *testing.T, args ...string) result {
	t.Helper()
	return run(t, f.config, cli.Terminal{}, args...)
}

func run(t *testing.T, config string, terminal cli.Terminal, args ...string) result {
	t.Helper()
	t.Setenv("KUBECONFIG", config)
	var out, errOut bytes.Buffer
	deps := cli.Deps{
		Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut},
		Cluster: &cluster.Access{}, Now: func() time.Time { return now }, Build: cli.Build{Version: "v1.2.3"}, Terminal: terminal,
	}
	root := &cobra.Command{Use: "kubectl-canary", SilenceErrors: true, SilenceUsage: true}
	deps.Cluster.AddFlags(root.PersistentFlags())
	root.AddCommand(NewDoctorCmd(deps, nil))
	root.SetArgs(append([]string{"doctor"}, args...))
	err := root.ExecuteContext(t.Context())
	if err != nil {
		errOut.WriteString(cli.Message(err))
	}
	return result{out.String(), errOut.String(), cli.CodeOf(err)}
}

// golden compares an output in which the address of the server is replaced.
func golden(t *testing.T, name, have string) {
	t.Helper()
	have = address.ReplaceAllString(have, "http://SERVER")
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(have), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if have != string(want) {
		t.Errorf("%s differs; rewrite with -update\nhave:\n%s\nwant:\n%s", path, have, want)
	}
}

// TestPolicyName sees to it that the policy that is looked for is the one that is installed.
func TestPolicyName(t *testing.T) {
	docs, err := manifests.Policies()
	if err != nil || len(docs) != 1 || strings.Count(string(docs[0]), "\n  name: "+policyName+"\n") != 2 {
		t.Errorf("%v: %d documents without policy and binding %s", err, len(docs), policyName)
	}
}

// TestRoles sees to it that the roles that are recommended give what is asked for.
func TestRoles(t *testing.T) {
	docs, err := manifests.Roles()
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, doc := range docs {
		all.Write(doc)
	}
	for _, n := range needs() {
		if !strings.Contains(all.String(), "\n  name: "+n.role+"\n") {
			t.Errorf("there is no role %s", n.role)
		}
		for _, r := range n.rights {
			if !strings.Contains(all.String(), r.verb) {
				t.Errorf("no role has %s", r)
			}
		}
	}
}
