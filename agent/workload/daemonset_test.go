package workload

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// idleSet is an idle DaemonSet as the API server has it.
func idleSet(t *testing.T) *unstructured.Unstructured { return object(t, "daemonset.yaml") }

// revisionAt is a ControllerRevision of it, with a pod's node selector in JSON.
func revisionAt(t *testing.T, number, nodeSelector, image string) *metav1.PartialObjectMetadata {
	t.Helper()
	u := parse(t, `
apiVersion: apps/v1
kind: ControllerRevision
metadata:
  name: app-`+number+`
  namespace: shop
  uid: cr-`+number+`
  creationTimestamp: "2026-01-0`+number+`T00:00:00Z"
  annotations: {kubectl-canary/source-revision: "cr:s`+number+`", deprecated.daemonset.template.generation: "1"}
  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: app, uid: set-uid, controller: true}]
revision: `+number+`
data:
  spec:
    template:
      $patch: replace
      metadata: {creationTimestamp: null, labels: {app: app}}
      spec: {containers: [{name: app, image: "`+image+`"}], nodeSelector: `+nodeSelector+`, terminationGracePeriodSeconds: 30}`)
	m, ok := controllerRevisions.Cached(u).(*metav1.PartialObjectMetadata)
	if !ok {
		t.Fatal("not reduced to metadata")
	}
	if again := controllerRevisions.Cached(m); again != any(m) {
		t.Error("reduced twice, it is another")
	}
	return m
}

// TestDaemonSetRevision proves that the marker, which makes ControllerRevisions of its own, makes
// no revision, and that the template does.
func TestDaemonSetRevision(t *testing.T) {
	k := daemonSet{}
	cached, err := k.Cached(idleSet(t))
	if err != nil {
		t.Fatal(err)
	}
	idle, busy := `{flagger.app/scale-to-zero: "true"}`, `null`
	first := []*metav1.PartialObjectMetadata{revisionAt(t, "1", busy, "app:1")}
	want := k.Target(cached, first)
	if !strings.HasPrefix(want.Revision, "cr:") || len(want.Revision) != len("cr:")+10 || !want.Observed {
		t.Fatalf("facts %+v", want)
	}
	if want.Revision != "cr:57567aeb08" {
		t.Errorf("revision %s: released programs call it cr:57567aeb08, and would start a run (S5)", want.Revision)
	}
	for name, tt := range map[string]struct {
		nodeSelector, image string
		same                bool
	}{
		"marked":                  {idle, "app:1", true},
		"an empty field":          {`{}`, "app:1", true},
		"new image":               {busy, "app:2", false},
		"a node selector as well": {`{flagger.app/scale-to-zero: "true", disk: ssd}`, "app:1", false},
	} {
		got := k.Target(cached, append(first, revisionAt(t, "2", tt.nodeSelector, tt.image)))
		if (got.Revision == want.Revision) != tt.same {
			t.Errorf("%s: revision %s, the first one is %s", name, got.Revision, want.Revision)
		}
		if since := got.Since.Day(); since != map[bool]int{true: 1, false: 2}[tt.same] {
			t.Errorf("%s: since %v", name, got.Since)
		}
	}
	// Gone back: the old entry got the highest number.
	back := revisionAt(t, "3", busy, "app:1")
	if got := k.Target(cached, []*metav1.PartialObjectMetadata{revisionAt(t, "2", busy, "app:2"), back}); got.Revision != want.Revision {
		t.Errorf("gone back: %s, want %s", got.Revision, want.Revision)
	}
	if got := k.Target(cached, nil); got.Observed || !got.Exists {
		t.Errorf("without history: %+v", got)
	}
	foreign := revisionAt(t, "9", busy, "app:9")
	foreign.OwnerReferences[0].UID = "other"
	if got := k.Target(cached, append(first, foreign)); got.Revision != want.Revision {
		t.Errorf("with another's history: %s", got.Revision)
	}
	late := idleSet(t)
	late.SetGeneration(99)
	cached, _ = k.Cached(late)
	if got := k.Target(cached, first); got.Observed {
		t.Errorf("before its controller has seen it: %+v", got)
	}
}

// TestControllerRevisionOfOthers keeps of a StatefulSet's history just the name.
func TestControllerRevisionOfOthers(t *testing.T) {
	u := parse(t, `{metadata: {name: db, uid: u, ownerReferences: [{kind: StatefulSet, uid: s, controller: true}]}, revision: 1, data: {spec: {}}}`)
	m, ok := controllerRevisions.Cached(u).(*metav1.PartialObjectMetadata)
	if !ok || len(m.Annotations) > 0 || m.Name != "db" || m.UID != "u" {
		t.Errorf("cached %+v", m)
	}
}

// TestDaemonSetFacts maps nodes onto replicas.
func TestDaemonSetFacts(t *testing.T) {
	set := func(edit func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
		d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "app", UID: "set-uid", Generation: 2}}
		d.Status = appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 4, CurrentNumberScheduled: 4, UpdatedNumberScheduled: 4, NumberAvailable: 4}
		edit(d)
		return d
	}
	history := []*metav1.PartialObjectMetadata{revisionAt(t, "1", "null", "app:1")}
	for _, tt := range []struct {
		name      string
		set       *appsv1.DaemonSet
		threshold int32
		ready     bool
		why       string
	}{
		{"ready", set(func(*appsv1.DaemonSet) {}), 100, true, ""},
		{"rolling", set(func(d *appsv1.DaemonSet) { d.Status.UpdatedNumberScheduled = 1 }), 100, false, "1 out of 4 new replicas have been updated"},
		{"unavailable", set(func(d *appsv1.DaemonSet) { d.Status.NumberAvailable = 3 }), 100, false, "3 of 4 (readyThreshold 100%)"},
		{"enough", set(func(d *appsv1.DaemonSet) { d.Status.NumberAvailable = 3 }), 75, true, ""},
		{"not observed", set(func(d *appsv1.DaemonSet) { d.Generation = 3 }), 100, false, "observed"},
		{"no node", set(func(d *appsv1.DaemonSet) { d.Status = appsv1.DaemonSetStatus{ObservedGeneration: 2} }), 100, false, "0 out of 1"},
	} {
		w := daemonSet{}.Target(tt.set, history)
		if ready, why := w.Ready(tt.threshold); ready != tt.ready || !strings.Contains(why, tt.why) {
			t.Errorf("%s: %t %q, want %t %q", tt.name, ready, why, tt.ready, tt.why)
		}
		if w.Replicas == 0 || w.Fixed {
			t.Errorf("%s: %+v", tt.name, w)
		}
	}
	marked := set(func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.NodeSelector = map[string]string{marker: "true"} })
	if w := (daemonSet{}).Target(marked, history); w.Replicas != 0 {
		t.Errorf("an idle one wants %d", w.Replicas)
	}
	marked.Annotations = map[string]string{SourceAnnotation: "cr:x"}
	if w := (daemonSet{}).Primary(marked, history); w.Source != "cr:x" || w.Previous != "cr:s1" {
		t.Errorf("primary %+v", w)
	}
}

// TestGotchaA9NoDeadlineOfItsOwn proves that a DaemonSet with an unavailable pod, however long it has
// been one, is waited for: the deadline of the run is the state machine's.
func TestGotchaA9NoDeadlineOfItsOwn(t *testing.T) {
	d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{
		Name: "app", UID: "set-uid", CreationTimestamp: metav1.NewTime(time.Unix(0, 0)),
	}}
	d.Status = appsv1.DaemonSetStatus{
		DesiredNumberScheduled: 2, CurrentNumberScheduled: 2, UpdatedNumberScheduled: 2, NumberAvailable: 1, NumberUnavailable: 1,
		Conditions: []appsv1.DaemonSetCondition{{Type: "Progressing", Status: "False", Reason: "ProgressDeadlineExceeded"}},
	}
	w := daemonSet{}.Target(d, []*metav1.PartialObjectMetadata{revisionAt(t, "1", "null", "app:1")})
	if ready, _ := w.Ready(100); ready || w.DeadlineExceeded || !w.Observed {
		t.Errorf("facts %+v", w)
	}
}

// TestDaemonSetScale puts the marker on and takes it off, and writes nothing that is there already.
func TestDaemonSetScale(t *testing.T) {
	k := daemonSet{}
	idle, err := k.Cached(idleSet(t))
	if err != nil {
		t.Fatal(err)
	}
	busy := &appsv1.DaemonSet{}
	const patch = `{"spec":{"template":{"spec":{"nodeSelector":{"flagger.app/scale-to-zero":%}}}}}`
	for _, tt := range []struct {
		name     string
		target   Object
		replicas int32
		want     string
	}{
		{"idle to zero", idle, 0, ""},
		{"idle to three", idle, 3, strings.Replace(patch, "%", "null", 1)},
		{"busy to zero", busy, 0, strings.Replace(patch, "%", `"true"`, 1)},
		{"busy to three", busy, 3, ""},
	} {
		got, err := k.Scale(tt.target, tt.replicas)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
	if got, err := Deployments.Scale(nil, 2); err != nil || string(got) != `{"spec":{"replicas":2}}` {
		t.Errorf("a Deployment: %s, %v", got, err)
	}
}

// TestDaemonSetPrimary copies an idle target: without the marker.
func TestDaemonSetPrimary(t *testing.T) {
	primary, err := daemonSet{}.RenderPrimary(canary(), idleSet(t), Copy{
		Selector: Selector{Key: "app", Value: "app"}, Prefixes: Prefixes{"*"}, Revision: "cr:a", RunID: "a-1", Replicas: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "daemonset-primary.yaml", primary.Object)
}

// TestDaemonSetUpdateStrategy refuses the one under which nothing would ever be released.
func TestDaemonSetUpdateStrategy(t *testing.T) {
	for strategy, ok := range map[appsv1.DaemonSetUpdateStrategyType]bool{"": true, "RollingUpdate": true, "OnDelete": false} {
		d := &appsv1.DaemonSet{}
		d.Spec.UpdateStrategy.Type = strategy
		errs := daemonSet{}.Check(d)
		if (len(errs) == 0) != ok {
			t.Errorf("%q: %v", strategy, errs)
		}
		if !ok && !strings.Contains(errs[0].Error(), "spec.updateStrategy.type") {
			t.Errorf("%q: %v lacks the path", strategy, errs[0])
		}
	}
}

// TestRestoreDaemonSet renders a primary from one of its own ControllerRevisions.
func TestRestoreDaemonSet(t *testing.T) {
	past := parse(t, `
apiVersion: apps/v1
kind: ControllerRevision
metadata:
  name: app-primary-1
  namespace: shop
  annotations: {kubectl-canary/source-revision: "cr:old"}
  ownerReferences: [{kind: DaemonSet, uid: set-uid, controller: true}]
revision: 1
data: {spec: {template: {$patch: replace, metadata: {creationTimestamp: null, labels: {app: app-primary}}, spec: {containers: [{name: app, image: "app:1"}]}}}}`)
	live := idleSet(t)
	live.SetName("app-primary")
	restored, err := RestorePrimary(canary(), live, past, Copy{Selector: Selector{Key: "app", Value: "app"}, Revision: "cr:old", RunID: "back-1", Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "daemonset-restored.yaml", restored.Object)
}
