package workload

import (
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var appSelector = Selector{Key: "app", Value: "web"}

// rendered is the pod spec of the primary of a Deployment named app whose selector label has the
// value web.
func rendered(t *testing.T, podSpec string) map[string]any {
	t.Helper()
	target := parse(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: shop}
spec: {paused: true, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}}}`)
	if err := unstructured.SetNestedMap(target.Object, parse(t, podSpec).Object, "spec", "template", "spec"); err != nil {
		t.Fatal(err)
	}
	primary, err := Deployments.RenderPrimary(canary(), target, Copy{Selector: appSelector, Revision: "rs:a", RunID: "a-1", Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := unstructured.NestedBool(primary.Object, "spec", "paused"); ok {
		t.Error("the primary is paused like its target, and never rolls out")
	}
	spec, _, _ := unstructured.NestedMap(primary.Object, "spec", "template", "spec")
	return spec
}

// TestGotchaH7AffinityFollowsLabelValue proves that the rules about the target's own pods become
// rules about the primary's, by the value of the label and not by the target's name, in affinity
// as in anti-affinity, and that no other rule is touched.
func TestGotchaH7AffinityFollowsLabelValue(t *testing.T) {
	const rules = `
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
    - {topologyKey: zone, labelSelector: {matchLabels: {app: OWN}}}
    - {topologyKey: zone, labelSelector: {matchLabels: {app: redis}}}
    - {topologyKey: zone, labelSelector: {matchLabels: {app: app}}}
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 3
      podAffinityTerm: {topologyKey: zone, namespaces: [shop], labelSelector: {matchExpressions: [{key: app, operator: In, values: [redis, OWN]}]}}
  podAntiAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
    - {topologyKey: host, matchLabelKeys: [pod-template-hash], mismatchLabelKeys: [tenant], labelSelector: {matchLabels: {app: OWN}}}
    - {topologyKey: host, namespaces: [other], labelSelector: {matchLabels: {app: web}}}
    - {topologyKey: host, namespaceSelector: {}, labelSelector: {matchLabels: {app: web}}}
    - {topologyKey: host, labelSelector: {matchLabels: {tier: web}}}
    - {topologyKey: host, labelSelector: {matchExpressions: [{key: app, operator: NotIn, values: [NOTOWN]}, {key: app, operator: Exists}]}}
topologySpreadConstraints:
- {maxSkew: 1, topologyKey: zone, matchLabelKeys: [pod-template-hash], labelSelector: {matchLabels: {app: OWN}}}
`
	got := rendered(t, strings.NewReplacer("NOTOWN", "web", "OWN", "web").Replace(rules))
	want := parse(t, strings.NewReplacer("NOTOWN", "web, web-primary", "OWN", "web-primary").Replace(rules)).Object
	if g, w := mustYAML(t, got), mustYAML(t, want); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

// TestGotchaH6OnlyOwnKeysAreWritten proves that what is applied to a primary has no annotation that
// describes another object, and none that somebody else keeps on the primary.
func TestGotchaH6OnlyOwnKeysAreWritten(t *testing.T) {
	target := object(t, "target.yaml")
	target.SetAnnotations(map[string]string{
		lastApplied: "{}", revisionNumber: "4", "deprecated.daemonset.template.generation": "2",
		SourceAnnotation: "rs:other", "team/note": "copied", "kustomize.toolkit.fluxcd.io/ssa": "merge",
	})
	for _, k := range []Kind{Deployments, daemonSet{}} {
		primary, err := k.RenderPrimary(canary(), target, Copy{Selector: appSelector, Prefixes: Prefixes{"*"}, Revision: "rs:a", RunID: "1"})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{SourceAnnotation: "rs:a", "team/note": "copied"}
		if got := primary.GetAnnotations(); !maps.Equal(got, want) {
			t.Errorf("annotations %v, want %v", got, want)
		}
		if fields := slices.Sorted(maps.Keys(primary.Object["metadata"].(map[string]any))); !slices.Equal(fields,
			[]string{"annotations", "labels", "name", "namespace", "ownerReferences"}) {
			t.Errorf("metadata has %v", fields)
		}
	}
}

func managedBy(t *testing.T, entries string) []metav1.ManagedFieldsEntry {
	t.Helper()
	var out []metav1.ManagedFieldsEntry
	if err := yaml.Unmarshal([]byte(entries), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestGotchaA17ReplicasOfAnotherScaler proves that a primary that is scaled through its scale
// subresource is noticed, and that its copy then says nothing about the number.
func TestGotchaA17ReplicasOfAnotherScaler(t *testing.T) {
	for name, tt := range map[string]struct {
		entries string
		want    bool
	}{
		"autoscaler": {`[{manager: kube-controller-manager, operation: Update, subresource: scale, fieldsV1: {"f:spec": {"f:replicas": {}}}}]`, true},
		"agent only": {`[{manager: canary-agent, operation: Apply, fieldsV1: {"f:spec": {"f:replicas": {}}}}]`, false},
		"edited":     {`[{manager: kubectl-edit, operation: Update, fieldsV1: {"f:spec": {"f:replicas": {}}}}]`, false},
		"status":     {`[{manager: kube-controller-manager, operation: Update, subresource: status, fieldsV1: {"f:status": {"f:replicas": {}}}}]`, false},
		"not fields": {`[{manager: x, subresource: scale, fieldsV1: []}, {manager: y, subresource: scale}]`, false},
	} {
		live := &unstructured.Unstructured{Object: map[string]any{}}
		live.SetManagedFields(managedBy(t, tt.entries))
		if got := ScaledByOthers(live); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
	how := Copy{Selector: appSelector, Replicas: 3}
	for _, keep := range []bool{false, true} {
		how.KeepReplicas = keep
		primary, err := Deployments.RenderPrimary(canary(), object(t, "target.yaml"), how)
		if err != nil {
			t.Fatal(err)
		}
		if n, ok, _ := unstructured.NestedInt64(primary.Object, "spec", "replicas"); ok == keep || (ok && n != 3) {
			t.Errorf("keep %t: replicas %d, present %t", keep, n, ok)
		}
	}
}

func entryWith(number, source string) *metav1.PartialObjectMetadata {
	yes := true
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name:            "entry-" + number,
		OwnerReferences: []metav1.OwnerReference{{UID: "primary-uid", Controller: &yes}},
		Labels:          map[string]string{podTemplateHash: "h" + number},
		Annotations:     map[string]string{revisionNumber: number, SourceAnnotation: source},
	}}
}

// TestPreviousOf picks what a rollback goes back to.
func TestPreviousOf(t *testing.T) {
	foreign := entryWith("12", "rs:foreign")
	foreign.OwnerReferences[0].UID = "other"
	unmarked := entryWith("11", "")
	history := []*metav1.PartialObjectMetadata{
		entryWith("2", "rs:two"), entryWith("9", "rs:nine"), entryWith("10", "rs:ten"), foreign, unmarked,
	}
	for present, want := range map[string]string{"rs:ten": "rs:nine", "rs:nine": "rs:ten", "rs:new": "rs:ten", "": "rs:ten"} {
		primary := deploymentOf()
		primary.UID = "primary-uid"
		primary.Annotations = map[string]string{SourceAnnotation: present}
		if got := Deployments.Primary(primary, history).Previous; got != want {
			t.Errorf("at %q: previous %q, want %q", present, got, want)
		}
		if got := Deployments.Primary(primary, history[3:]).Previous; got != "" {
			t.Errorf("at %q: previous %q from a history without any", present, got)
		}
	}
}

// TestRestorePrimary renders a primary from one of its own ReplicaSets, without what is another's.
func TestRestorePrimary(t *testing.T) {
	primary, past := object(t, "primary-live.yaml"), object(t, "replicaset.yaml")
	how := Copy{Selector: Selector{Key: "app", Value: "app"}, Revision: "rs:old", RunID: "rollback-1", Replicas: 4}
	restored, err := RestorePrimary(canary(), primary, past, how)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "restored.yaml", restored.Object)
	if hash, ok, _ := unstructured.NestedString(past.Object, "spec", "template", "metadata", "labels", podTemplateHash); !ok || hash == "" {
		t.Error("the ReplicaSet was changed")
	}
	how.KeepReplicas = true
	if kept, err := RestorePrimary(canary(), primary, past, how); err != nil {
		t.Error(err)
	} else if n, ok, _ := unstructured.NestedInt64(kept.Object, "spec", "replicas"); ok {
		t.Errorf("replicas %d, which are another's", n)
	}
	how.Revision = "rs:else"
	if _, err := RestorePrimary(canary(), primary, past, how); err == nil || !strings.Contains(err.Error(), "rs:old") {
		t.Errorf("error %v, want one that says what the ReplicaSet has", err)
	}
	past.SetOwnerReferences(nil)
	if _, err := RestorePrimary(canary(), primary, past, how); err == nil || !strings.Contains(err.Error(), "history") {
		t.Errorf("error %v, want one about somebody else's ReplicaSet", err)
	}
}
