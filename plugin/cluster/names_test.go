package cluster_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
)

// TestNames reads tables as the API server makes them, with and without metadata, and lists where it
// makes none.
func TestNames(t *testing.T) {
	answers := map[string]string{
		"/apis/g/v1/namespaces/test/things": `{"kind":"Table","apiVersion":"meta.k8s.io/v1",
			"columnDefinitions":[{"name":"Name","type":"string","format":"name"},{"name":"Status","type":"string"},{"name":"Weight","type":"string"}],
			"rows":[{"cells":["a","Progressing",20],"object":null},{"cells":["b",null,null,"more"]},{"cells":[]}]}`,
		"/api/v1/things": `{"kind":"Table","columnDefinitions":[{"name":"Name","format":"name"}],
			"rows":[{"cells":["a"],"object":{"metadata":{"name":"a","namespace":"x"}}}]}`,
		"/apis/g/v1/things": `{"kind":"ThingList","items":[{"metadata":{"name":"a","namespace":"x"},"status":{"phase":"Failed"}},{"metadata":{"name":"b"},"status":{"phase":7}}]}`,
		"/apis/g/v2/things": `nonsense`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer, ok := answers[r.URL.Path]
		if !ok || r.URL.Query().Get("limit") != "500" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	config := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: b, contexts: [{name: b, context: {cluster: c, user: u}}, {name: a, context: {cluster: c}}],
clusters: [{name: c, cluster: {server: %q}}], users: [{name: u, user: {token: t}}]}`, server.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", config)
	a := &cluster.Access{}
	for _, c := range []struct {
		group, version, namespace string
		want                      []cluster.Named
	}{
		{"g", "v1", "test", []cluster.Named{{Name: "a", Status: "Progressing"}, {Name: "b"}, {}}},
		{"", "v1", "", []cluster.Named{{Namespace: "x", Name: "a"}}},
		{"g", "v1", "", []cluster.Named{{Namespace: "x", Name: "a", Status: "Failed"}, {Name: "b"}}},
	} {
		have, err := a.Names(t.Context(), schema.GroupVersionResource{Group: c.group, Version: c.version, Resource: "things"}, c.namespace)
		if err != nil || !slices.Equal(have, c.want) {
			t.Errorf("%s/%s %s: %+v %v, want %+v", c.group, c.version, c.namespace, have, err, c.want)
		}
	}
	for _, version := range []string{"v2", "v3"} {
		if _, err := a.Names(t.Context(), schema.GroupVersionResource{Group: "g", Version: version, Resource: "things"}, ""); err == nil {
			t.Errorf("%s: no error", version)
		}
	}
	if have := fmt.Sprint(a.Contexts(), a.Clusters(), a.Users()); have != "[a b] [c] [u]" {
		t.Errorf("kubeconfig: %s", have)
	}
}
