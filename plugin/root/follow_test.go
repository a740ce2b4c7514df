package root

import (
	"fmt"
	"testing"
)

// target is a Deployment whose newest ReplicaSet has a hash.
func target(name, hash string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: test, uid: uid-of-%[1]s, generation: 2, annotations: {deployment.kubernetes.io/revision: "2"}}
spec: {selector: {matchLabels: {app: %[1]s}}}
status: {observedGeneration: 2}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: %[1]s-%[2]s
  namespace: test
  labels: {app: %[1]s, pod-template-hash: %[2]s}
  annotations: {deployment.kubernetes.io/revision: "2"}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: %[1]s, uid: uid-of-%[1]s, controller: true}]`, name, hash)
}

// TestFollowAgentIsSlow has a target that was changed, and a status that still says Succeeded of the
// revision before: status --watch and wait must both go on.
func TestFollowAgentIsSlow(t *testing.T) {
	for _, line := range []string{"status app --watch", "wait app --for=succeeded"} {
		t.Run(line, func(t *testing.T) {
			p := newProgram(t)
			p.server.Put(t, running, target("app", "7c548cbb77"))
			p.finish("Succeeded", "Promoted", "done")
			p.run(line).want(t, 0, "app, Succeeded", "")
			p.server.Put(t, target("app", "newer"))
			p.server.Delete("/apis/apps/v1/namespaces/test/replicasets/app-7c548cbb77")
			p.run(line+" --timeout 600ms").want(t, 4, "app, Succeeded", "revision rs:newer of Deployment app has not been taken up yet")
			p.run(line+" --revision any").want(t, 0, "app, Succeeded", "")
		})
	}
}
