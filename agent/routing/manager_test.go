package routing_test

import (
	"slices"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
)

const managed = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: app
  labels: {team: web, old: "1"}
  ownerReferences: [{uid: u}]
  managedFields:
  - manager: canary-agent
    operation: Apply
    time: "2026-01-01T10:00:00Z"
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata:
        f:labels: {f:team: {}, f:old: {}}
        f:ownerReferences: {'k:{"uid":"u"}': {}}
      f:spec: {f:rules: {}, f:hostnames: {}}
  - manager: kubectl-edit
    operation: Update
    time: "2026-01-01T11:00:00Z"
    fieldsType: FieldsV1
    fieldsV1: {f:spec: {f:rules: {}}}
  - manager: argocd
    operation: Apply
    time: "2026-01-01T10:30:00Z"
    fieldsType: FieldsV1
    fieldsV1: {f:spec: {f:rules: {}, f:parentRefs: {}}}
  - manager: gateway
    operation: Update
    subresource: status
    time: "2026-01-01T12:00:00Z"
    fieldsType: FieldsV1
    fieldsV1: {f:status: {f:parents: {}}}
  - manager: unreadable
    fieldsV1: 3
spec:
  hostnames: [a.example.com]
  parentRefs: [{name: gw}]
  rules:
  - backendRefs: [{name: p, weight: 1}]
    timeouts: {request: 5s}
`

func TestForeignManager(t *testing.T) {
	live := routingtest.Object(t, managed)
	cases := map[string]struct {
		ours  string
		paths []string
		want  string
	}{
		"newest of the whole spec":   {"canary-agent", nil, "kubectl-edit"},
		"newest of the path":         {"canary-agent", []string{"spec.parentRefs"}, "argocd"},
		"inside of an atomic list":   {"canary-agent", []string{"spec.rules.backendRefs"}, "kubectl-edit"},
		"any of the paths":           {"canary-agent", []string{"spec.parentRefs", "status"}, "gateway"},
		"nobody but us":              {"canary-agent", []string{"spec.hostnames"}, ""},
		"nobody at all":              {"canary-agent", []string{"data"}, ""},
		"ours is one of the foreign": {"kubectl-edit", []string{"spec.rules"}, "argocd"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := routing.ForeignManager(live, tc.ours, tc.paths...); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	if got := routing.ForeignManager(nil, "canary-agent"); got != "" {
		t.Errorf("no object: got %q", got)
	}
}

func TestLeftover(t *testing.T) {
	live := routingtest.Object(t, managed)
	head := "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, "
	cases := map[string]struct {
		rendered string
		want     []string
		// others is what is found when somebody else asks: only what is inside of an atomic list.
		others []string
	}{
		"nothing": {
			head + `metadata: {labels: {team: web, old: "1"}}, spec: {hostnames: [x], rules: [{backendRefs: [{name: p, weight: 2}], timeouts: {request: 5s}}]}}`,
			nil, nil,
		},
		"a label, a list and a field inside of a list": {
			head + `metadata: {labels: {team: web}}, spec: {rules: [{backendRefs: [{name: p, weight: 2}]}]}}`,
			[]string{"metadata.labels.old", "spec.hostnames", "spec.rules[0].timeouts"},
			[]string{"spec.rules[0].timeouts"},
		},
		"a shorter list is for Diff": {
			head + `metadata: {labels: {team: web, old: "1"}}, spec: {hostnames: [x], rules: []}}`,
			nil, nil,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rendered := routingtest.Object(t, tc.rendered)
			if got := routing.Leftover(rendered, live, "canary-agent"); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if got := routing.Leftover(rendered, live, "someone"); !slices.Equal(got, tc.others) {
				t.Errorf("for another manager: got %q, want %q", got, tc.others)
			}
		})
	}
}

// Fields that our name got by plain updates are not removed by an apply: to report them would mean
// to apply for ever.
func TestLeftoverOfUpdates(t *testing.T) {
	live := routingtest.Object(t, `
apiVersion: v1
kind: X
metadata:
  managedFields:
  - {manager: canary-agent, operation: Update, fieldsV1: {f:spec: {f:a: {}}}}
spec: {a: 1}
`)
	rendered := routingtest.Object(t, "{apiVersion: v1, kind: X, spec: {}}")
	if got := routing.Leftover(rendered, live, "canary-agent"); got != nil {
		t.Errorf("got %q", got)
	}
}
