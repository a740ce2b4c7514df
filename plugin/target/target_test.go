package target

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: shop, uid: u, generation: 4, annotations: {deployment.kubernetes.io/revision: "12"}}
spec: {selector: {matchLabels: {app: app}}}
status: {observedGeneration: 4}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  {name: app-a, namespace: shop, labels: {app: app, pod-template-hash: a}, annotations: {deployment.kubernetes.io/revision: "11"},
   ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: app, uid: u, controller: true}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  {name: app-b, namespace: shop, labels: {app: app, pod-template-hash: b}, annotations: {deployment.kubernetes.io/revision: "12"},
   creationTimestamp: "2026-08-01T10:00:00Z",
   ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: app, uid: u, controller: true}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  {name: stranger, namespace: shop, labels: {app: app, pod-template-hash: c}, annotations: {deployment.kubernetes.io/revision: "12"},
   ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: app, uid: another, controller: true}]}`

// As in the tests of agent/workload, which pin what the agent calls these.
const daemonSet = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: app, namespace: shop, uid: set-uid, generation: 2}
spec: {selector: {matchLabels: {app: app}}}
status: {observedGeneration: 2}
---
apiVersion: apps/v1
kind: ControllerRevision
metadata:
  name: app-1
  namespace: shop
  labels: {app: app}
  creationTimestamp: "2026-01-01T00:00:00Z"
  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: app, uid: set-uid, controller: true}]
revision: 1
data:
  spec:
    template:
      $patch: replace
      metadata: {creationTimestamp: null, labels: {app: app}}
      spec: {containers: [{name: app, image: "app:1"}], nodeSelector: null, terminationGracePeriodSeconds: 30}
---
apiVersion: apps/v1
kind: ControllerRevision
metadata:
  name: app-2
  namespace: shop
  labels: {app: app}
  creationTimestamp: "2026-01-02T00:00:00Z"
  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: app, uid: set-uid, controller: true}]
revision: 2
data:
  spec:
    template:
      $patch: replace
      metadata: {creationTimestamp: null, labels: {app: app}}
      spec: {containers: [{name: app, image: "app:1"}], nodeSelector: {flagger.app/scale-to-zero: "true"}, terminationGracePeriodSeconds: 30}`

const knative = `apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: app, namespace: shop, generation: 3}
status: {observedGeneration: 3, latestCreatedRevisionName: app-00003}`

func TestRead(t *testing.T) {
	service, err := os.ReadFile("../../agent/workload/testdata/service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		objects string
		ref     view.Ref
		want    string
		err     error
	}{
		"deployment":          {deployment, view.Ref{Kind: "Deployment", Name: "app"}, "rs:b", nil},
		"deployment unseen":   {strings.Replace(deployment, "generation: 4", "generation: 5", 1), view.Ref{Kind: "Deployment", Name: "app"}, "", ErrUnsettled},
		"deployment too fast": {strings.Replace(deployment, `revision: "12"}}`, `revision: "13"}}`, 1), view.Ref{Kind: "Deployment", Name: "app"}, "", ErrUnsettled},
		"daemonset":           {daemonSet, view.Ref{Kind: "DaemonSet", Name: "app"}, "cr:57567aeb08", nil},
		"daemonset unseen":    {strings.Replace(daemonSet, "generation: 2", "generation: 3", 1), view.Ref{Kind: "DaemonSet", Name: "app"}, "", ErrUnsettled},
		"service":             {string(service), view.Ref{APIVersion: "v1", Kind: "Service", Name: "app"}, "svc:a8656557e1", nil},
		"knative":             {knative, view.Ref{APIVersion: "serving.knative.dev/v1", Kind: "Service", Name: "app"}, "kn:app-00003", nil},
		"knative unseen":      {strings.Replace(knative, "generation: 3", "generation: 4", 1), view.Ref{APIVersion: "serving.knative.dev/v1", Kind: "Service", Name: "app"}, "", ErrUnsettled},
		"other":               {knative, view.Ref{Kind: "Job", Name: "app"}, "", ErrNoRevision},
	} {
		t.Run(name, func(t *testing.T) {
			server := clustertest.New(t)
			server.Put(t, c.objects)
			access := &cluster.Access{}
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			access.AddFlags(flags)
			if err := flags.Parse([]string{"--kubeconfig", server.Kubeconfig(t)}); err != nil {
				t.Fatal(err)
			}
			client, err := access.Dynamic()
			if err != nil {
				t.Fatal(err)
			}
			have, err := Read(t.Context(), client, "shop", c.ref)
			if have.ID != c.want || !errors.Is(err, c.err) {
				t.Errorf("%q, %v; want %q, %v", have.ID, err, c.want, c.err)
			}
			if n := len(server.Requests()); n > 2 {
				t.Errorf("%d requests: %v", n, server.Requests())
			}
		})
	}
}
