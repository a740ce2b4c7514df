package controllers

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
)

const deploymentsOfMany = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: canary-agent, namespace: canary-system, labels: {app.kubernetes.io/name: canary-agent}}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: canary-agent}}
  template:
    spec:
      serviceAccountName: canary-agent
      containers:
      - {name: sidecar, image: "proxy:9"}
      - {name: agent, image: "registry:5000/canary-agent:v1.2.3@sha256:abc", args: [--leader-election-namespace=$(POD_NAMESPACE), -namespace, shop, "x", --metrics-server=http://p:9090]}
status: {readyReplicas: 1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: mesh-flagger, namespace: mesh, labels: {app.kubernetes.io/name: flagger, app.kubernetes.io/version: 1.44.0}}
spec:
  replicas: 0
  selector: {matchLabels: {app.kubernetes.io/name: flagger}}
  template: {spec: {containers: [{name: flagger, image: "flagger:1.43.0", command: [./flagger, -mesh-provider=istio]}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: flagger, namespace: old}
spec:
  replicas: 2
  selector: {matchLabels: {app: flagger}}
  template: {spec: {containers: [{name: flagger, image: flagger}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: flagger-loadtester, namespace: test, labels: {app: flagger}}
spec:
  selector: {matchLabels: {app: flagger-loadtester}}
  template: {spec: {containers: [{name: loadtester, image: x}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: shop}
spec:
  selector: {matchLabels: {app: app}}
  template: {spec: {containers: [{name: flagger, image: x}]}}`

func newClient(t *testing.T) (*clustertest.Server, dynamic.Interface) {
	t.Helper()
	server := clustertest.New(t)
	server.Put(t, strings.TrimSpace(deploymentsOfMany))
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return server, client
}

func TestFind(t *testing.T) {
	server, client := newClient(t)
	found, partial, err := Find(t.Context(), client, "shop")
	if err != nil || partial {
		t.Fatalf("%v, %t", err, partial)
	}
	if len(server.Requests()) != 3 {
		t.Errorf("requests: %v", server.Requests())
	}
	var names []string
	for _, c := range found {
		names = append(names, string(c.Kind)+" "+c.String()+" "+c.Version)
	}
	if want := []string{"agent canary-system/canary-agent v1.2.3", "flagger mesh/mesh-flagger 1.44.0", "flagger old/flagger "}; !slices.Equal(names, want) {
		t.Fatalf("%q", names)
	}
	agent, stopped, old := found[0], found[1], found[2]
	if agent.Scope != "shop" || agent.Flag("leader-election-namespace") != "canary-system" || agent.Flag("metrics-server") != "http://p:9090" ||
		agent.Flag("none") != "" || agent.ServiceAccount != "canary-agent" || agent.Replicas != 1 || agent.Ready != 1 ||
		agent.Selector != "app.kubernetes.io/name=canary-agent" {
		t.Errorf("%+v", agent)
	}
	if !agent.Serves("shop") || !agent.Serves("") || agent.Serves("other") || stopped.Serves("") || !old.Serves("other") || stopped.Flag("mesh-provider") != "istio" {
		t.Errorf("%+v", found)
	}
}

func TestFindWithoutRights(t *testing.T) {
	server, client := newClient(t)
	server.Deny("list", "deployments")
	found, partial, err := Find(t.Context(), client, "shop")
	if !apierrors.IsForbidden(err) || found != nil || !partial {
		t.Errorf("%v, %t, %v", found, partial, err)
	}
	// All of the cluster, then one request for each place that may not be read either.
	if have := len(server.Requests()); have != 4 {
		t.Errorf("%d requests: %v", have, server.Requests())
	}
}

// TestFindInNamespaces is about somebody with rights in namespaces, but not in the whole cluster.
func TestFindInNamespaces(t *testing.T) {
	server, _ := newClient(t)
	behind, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/apis/apps/v1/deployments", "/apis/apps/v1/namespaces/canary-system/deployments":
			http.Error(w, "no", http.StatusForbidden)
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	client, err := dynamic.NewForConfig(&rest.Config{Host: front.URL})
	if err != nil {
		t.Fatal(err)
	}
	found, partial, err := Find(t.Context(), client, "old")
	if err != nil || !partial || len(found) != 1 || found[0].String() != "old/flagger" {
		t.Errorf("%+v, %t, %v", found, partial, err)
	}
}
