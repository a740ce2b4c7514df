//go:build linux

package stage

import (
	"testing"

	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m, testbed.Options{Profile: testbed.ControlPlane}) }

// TestInstallKinds creates an object of each kind, with fields that the schemas do not name.
func TestInstallKinds(t *testing.T) {
	c := testbed.Shared(t)
	for range 2 {
		if err := InstallKinds(t.Context(), c, KEDA, Knative); err != nil {
			t.Fatal(err)
		}
	}
	err := c.Apply(t.Context(), c.Namespace(t), []byte(`
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: app}
spec:
  scaleTargetRef: {name: app, envSourceContainerName: app}
  pollingInterval: 5
  minReplicaCount: 1
  advanced: {horizontalPodAutoscalerConfig: {name: app}}
  triggers: [{type: prometheus, name: rps, metadata: {query: "sum(rate(http_requests_total[1m]))"}}]
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: app}
spec:
  template: {spec: {containers: [{image: "server:one"}]}}
  traffic: [{latestRevision: true, percent: 100, tag: current}]
---
apiVersion: serving.knative.dev/v1
kind: Revision
metadata: {name: app-00001}
spec: {containers: [{image: "server:one"}]}
`))
	if err != nil {
		t.Error(err)
	}
	if err := InstallKinds(t.Context(), c, "nobody"); err == nil {
		t.Error("an unknown project was installed")
	}
}
