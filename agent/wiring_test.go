package agent

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/agent/alert"
	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// From flags to the chat: the provider and its Secret are read by name, once each, and nothing else
// is asked of the API server, so that get is the only right that is needed.
func TestAlertsReadWhatTheyReferTo(t *testing.T) {
	var posted string
	chat := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		posted = r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(b)
	}))
	defer chat.Close()
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/apis/flagger.app/v1beta1/namespaces/test/alertproviders/on-call":
			_, _ = fmt.Fprintf(w, `{"apiVersion":"flagger.app/v1beta1","kind":"AlertProvider","metadata":{"name":"on-call","namespace":"test"},
				"spec":{"type":"slack","channel":"sre","address":%q,"secretRef":{"name":"creds"}}}`, chat.URL+"/hook")
		case "/api/v1/namespaces/test/secrets/creds":
			_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"creds","namespace":"test"},"type":"Opaque","data":{"token":"eG94Yg=="}}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"NotFound","code":404,"message":"it is gone"}`)
		}
	}))
	defer api.Close()
	clients, err := newClients(&rest.Config{Host: api.URL})
	if err != nil {
		t.Fatal(err)
	}
	global := alert.Destination{Type: v1beta1.AlertProviderMSTeams, Address: chat.URL + "/teams"}
	o := Options{Provider: v1beta1.ProviderKubernetes, ClusterName: "blue", NoCrossNamespaceRefs: true, Alerts: &global}
	sender := newAlerts(o, clients, egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}))

	c := &v1beta1.Canary{ObjectMeta: metav1.ObjectMeta{Name: "podinfo", Namespace: "test"}, Spec: v1beta1.CanarySpec{Analysis: &v1beta1.CanaryAnalysis{
		Alerts: []v1beta1.CanaryAlert{{Name: "a", ProviderRef: v1beta1.NamespacedReference{Name: "on-call"}}},
	}}}
	if errs := (alerter{sender}).Alert(t.Context(), c, rollout.Alert{Severity: v1beta1.SeverityError, Text: "hello", Fields: true}); len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, want := range []string{"/hook Bearer xoxb ", `"channel":"sre"`, `"color":"danger"`, `"text":"hello"`, `"title":"Cluster","value":"blue"`, `"value":"Blue/Green"`} {
		if !strings.Contains(posted, want) {
			t.Errorf("%q is not in %s", want, posted)
		}
	}
	want := []string{
		"GET /apis/flagger.app/v1beta1/namespaces/test/alertproviders/on-call",
		"GET /api/v1/namespaces/test/secrets/creds",
	}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %v", asked)
	}

	c.Spec.Analysis.Alerts[0].ProviderRef.Name = "gone"
	if errs := sender.Send(t.Context(), c, alert.Alert{Message: "x"}); len(errs) != 1 || !strings.Contains(errs[0].Error(), "it is gone") {
		t.Errorf("errors %v", errs)
	}
	c.Spec.Analysis.Alerts[0].ProviderRef.Namespace = "other"
	if errs := sender.Send(t.Context(), c, alert.Alert{Message: "x"}); len(errs) != 1 || !strings.Contains(errs[0].Error(), "cross-namespace") {
		t.Errorf("errors %v", errs)
	}
	c.Spec.Analysis.Alerts = nil
	if errs := sender.Send(t.Context(), c, alert.Alert{Message: "x"}); len(errs) > 0 || !strings.HasPrefix(posted, "/teams ") {
		t.Errorf("errors %v, posted %s", errs, posted)
	}
}
