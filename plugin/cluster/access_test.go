package cluster

import (
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/pflag"
)

// A Service behind the API server's proxy can answer with a redirect to anywhere; the credentials of
// the user must not go there.
func TestCredentialsStayWithTheAPIServer(t *testing.T) {
	stolen := make(chan string, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen <- r.Header.Get("Authorization")
	}))
	defer elsewhere.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("the API server got %q", r.Header.Get("Authorization"))
		}
		http.Redirect(w, r, elsewhere.URL, http.StatusFound)
	}))
	defer server.Close()
	authority := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	path := filepath.Join(t.TempDir(), "kubeconfig")
	config := `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
		"clusters": [{"name": "c", "cluster": {"server": "` + server.URL + `", "certificate-authority-data": "` + authority + `"}}],
		"users": [{"name": "u", "user": {"token": "secret"}}]}`
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &Access{}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	a.AddFlags(flags)
	if err := flags.Parse([]string{"--kubeconfig", path}); err != nil {
		t.Fatal(err)
	}
	client, err := a.REST()
	if err != nil {
		t.Fatal(err)
	}
	if body, err := client.Get().AbsPath("/api/v1/namespaces/x/services/http:y:80/proxy/").DoRaw(t.Context()); err == nil {
		t.Errorf("a redirect is an answer: %q", body)
	}
	select {
	case have := <-stolen:
		t.Errorf("another server was asked, with %q", have)
	default:
	}
}
