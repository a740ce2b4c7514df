//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

var knativeServices = schema.GroupVersionResource{Group: "serving.knative.dev", Version: "v1", Resource: "services"}

// primaryRevision is the annotation of a Knative Service that names its primary.
const primaryRevision = "flagger.app/primary-revision"

// brokenVersion never becomes ready.
const brokenVersion = "broken"

// knative plays the controller of Knative for the Knative Service app: each new template is a new
// Revision, which is ready a moment later, and the traffic goes where the spec says. As in Knative,
// an entry for the newest Revision means the newest one that is ready.
type knative struct {
	*scene
	services dynamic.ResourceInterface

	template       any
	made           int
	created, ready string
}

// playKnative begins with the first look at the Knative Service, and ends with the test.
func (s *scene) playKnative() *knative {
	s.Helper()
	k := &knative{scene: s, services: s.dynamic().Resource(knativeServices).Namespace(s.app.Namespace)}
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	s.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			// Whatever changed meanwhile, or is not there yet, is looked at the next time.
			err := k.reconcile(ctx)
			if err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
				s.Errorf("play Knative: %v", err)
				return
			}
		}
	}()
	return k
}

// reconcile writes the status that Knative would write for the present spec.
func (k *knative) reconcile(ctx context.Context) error {
	u, err := k.services.Get(ctx, "app", metav1.GetOptions{})
	if err != nil {
		return err
	}
	template, _, _ := unstructured.NestedFieldCopy(u.Object, "spec", "template")
	if !reflect.DeepEqual(template, k.template) {
		k.made++
		k.template, k.created = template, fmt.Sprintf("app-%05d", k.made)
	} else if imageOf(u) != stage.Image(brokenVersion) {
		k.ready = k.created // Not at the first look at it.
	}
	entries, _, err := unstructured.NestedSlice(u.Object, "spec", "traffic")
	if err != nil {
		return err
	}
	for i, item := range entries {
		entry, ok := item.(map[string]any)
		if !ok {
			return fmt.Errorf("spec.traffic[%d] is %v", i, item)
		}
		if latest, _ := entry["latestRevision"].(bool); latest {
			entry["revisionName"] = k.ready
		}
	}
	unready, routed := "True", "True"
	if k.ready != k.created {
		unready = "Unknown"
	}
	if k.ready == "" {
		routed = "Unknown"
	}
	status := map[string]any{
		"observedGeneration":        u.GetGeneration(),
		"latestCreatedRevisionName": k.created,
		"latestReadyRevisionName":   k.ready,
		"traffic":                   entries,
		"conditions": []any{
			map[string]any{"type": "ConfigurationsReady", "status": unready},
			map[string]any{"type": "RoutesReady", "status": routed},
			map[string]any{"type": "Ready", "status": unready},
		},
	}
	if reflect.DeepEqual(u.Object["status"], status) {
		return nil
	}
	u.Object["status"] = status
	_, err = k.services.UpdateStatus(ctx, u, metav1.UpdateOptions{FieldManager: "knative"})
	return err
}

func imageOf(u *unstructured.Unstructured) string {
	containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
	if len(containers) == 0 {
		return ""
	}
	container, _ := containers[0].(map[string]any)
	image, _ := container["image"].(string)
	return image
}

// patch merges a patch into the Knative Service, as a user would.
func (k *knative) patch(patch map[string]any) {
	k.Helper()
	content, err := json.Marshal(patch)
	if err != nil {
		k.Fatal(err)
	}
	if _, err := k.services.Patch(k.ctx, "app", types.MergePatchType, content, metav1.PatchOptions{FieldManager: "e2e"}); err != nil {
		k.Fatal(err)
	}
}

func (k *knative) release(version string) {
	k.Helper()
	k.patch(map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"image": stage.Image(version)}},
	}}}})
}

// hasReady waits until a Revision is the newest one that is ready.
func (k *knative) hasReady(revision string) {
	k.Helper()
	k.eventually(revision+" to be ready", func() error {
		u, err := k.services.Get(k.ctx, "app", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if ready, _, _ := unstructured.NestedString(u.Object, "status", "latestReadyRevisionName"); ready != revision {
			return fmt.Errorf("%q is", ready)
		}
		return nil
	})
}

// target is one entry of spec.traffic, written as "latest 30 % #tag".
func target(entry map[string]any) string {
	name, _ := entry["revisionName"].(string)
	if latest, _ := entry["latestRevision"].(bool); latest {
		name = strings.TrimSpace("latest " + name)
	}
	percent, _ := entry["percent"].(int64)
	text := fmt.Sprintf("%s %d %%", name, percent)
	if tag, _ := entry["tag"].(string); tag != "" {
		text += " #" + tag
	}
	return text
}

// routes waits until the primary and the traffic are these.
func (k *knative) routes(primary string, traffic ...string) {
	k.Helper()
	k.eventually("the traffic to be "+strings.Join(traffic, ", "), func() error {
		u, err := k.services.Get(k.ctx, "app", metav1.GetOptions{})
		if err != nil {
			return err
		}
		entries, _, err := unstructured.NestedSlice(u.Object, "spec", "traffic")
		if err != nil {
			return err
		}
		var got []string
		for _, item := range entries {
			entry, _ := item.(map[string]any)
			got = append(got, target(entry))
		}
		if named := u.GetAnnotations()[primaryRevision]; named != primary || !slices.Equal(got, traffic) {
			return fmt.Errorf("the primary is %s, want %s; the traffic is %s", named, primary, strings.Join(got, ", "))
		}
		return nil
	})
}

// rehearseKnative has two Revisions, of which the first has a tag only, and initializes the Canary.
func rehearseKnative(t *testing.T) *knative {
	t.Helper()
	s := begin(t, stage.App{Interval: "2s", Provider: v1beta1.ProviderKnative, Edit: edits(steps(int64(30), int64(60)), func(spec map[string]any) {
		delete(spec, "service")
		spec["targetRef"] = map[string]any{"apiVersion": v1beta1.KnativeServiceAPIVersion, "kind": "Service", "name": "app"}
		spec["progressDeadlineSeconds"] = int64(4)
	})})
	const service = `
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: app, annotations: {example.com/owner: shop}}
spec:
  template: {spec: {containers: [{image: %q}]}}
  traffic: [%s]
`
	k := s.playKnative()
	s.apply(fmt.Sprintf(service, stage.Image("python-0"), "{latestRevision: true, percent: 100}"))
	k.hasReady("app-00001")
	s.apply(fmt.Sprintf(service, stage.Image("python-1"),
		"{latestRevision: true, percent: 100, tag: newest}, {latestRevision: false, revisionName: app-00001, percent: 0, tag: old}"))
	k.hasReady("app-00002")
	canary, err := s.app.Canary()
	if err != nil {
		t.Fatal(err)
	}
	s.apply(string(canary))
	s.until("Initialized", stage.InPhase(v1beta1.PhaseInitialized))
	return k
}

// TestKnative releases a Knative Service: the primary is the Revision that an annotation names, the
// traffic is split by the spec, the tags of the user stay where they are, and a Revision that never
// becomes ready gets none and is given up at the deadline.
func TestKnative(t *testing.T) {
	t.Parallel()
	k := rehearseKnative(t)
	k.routes("app-00002", "latest 0 % #newest", "app-00002 100 %", "app-00001 0 % #old")
	for _, seen := range k.record.All() {
		if c := conditionOf(seen.Canary, v1beta1.ConditionRouteDrift); c != nil {
			t.Errorf("the traffic as its user wrote it before there was a canary is called a drift: %s", c.Message)
		}
	}

	k.release("python-2")
	k.until("30 %", atWeight(30))
	k.routes("app-00002", "latest 30 % #newest", "app-00002 70 %", "app-00001 0 % #old")
	k.until("60 %", atWeight(60))
	k.routes("app-00002", "latest 60 % #newest", "app-00002 40 %", "app-00001 0 % #old")
	k.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	k.routes("app-00003", "latest 0 % #newest", "app-00003 100 %", "app-00001 0 % #old")
	k.oneRun()
	if st := k.record.Last().Status; st.LastPromotedSpec != "kn:app-00003" || st.Run.Outcome != v1beta1.OutcomePromoted || st.Run.Checks != 2 {
		t.Errorf("promoted %s, outcome %s, %d checks; want kn:app-00003 after two", st.LastPromotedSpec, st.Run.Outcome, st.Run.Checks)
	}
	k.ownsNothing()

	// A tag that is given between two runs stays as well.
	u, err := k.services.Get(k.ctx, "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	entries, _, _ := unstructured.NestedSlice(u.Object, "spec", "traffic")
	k.patch(map[string]any{"spec": map[string]any{"traffic": append(entries,
		map[string]any{"latestRevision": false, "revisionName": "app-00002", "percent": 0, "tag": "before"})}})
	tagged := []string{"latest 0 % #newest", "app-00003 100 %", "app-00001 0 % #old", "app-00002 0 % #before"}
	k.neverReady(tagged)

	// One that works is a release as any other.
	k.release("python-3")
	k.after(k.record.Len()-1, "30 %", atWeight(30))
	k.routes("app-00003", "latest 30 % #newest", "app-00003 70 %", "app-00001 0 % #old", "app-00002 0 % #before")
	k.until("Succeeded again", func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseSucceeded && len(c.Status.History) == 3
	})
	k.routes("app-00005", "latest 0 % #newest", "app-00005 100 %", "app-00001 0 % #old", "app-00002 0 % #before")
	if got, want := k.outcomes(), []v1beta1.RunOutcome{v1beta1.OutcomePromoted, v1beta1.OutcomeRolledBack, v1beta1.OutcomePromoted}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

// TestKnativeCanaryMadeAnew makes a Canary for a Knative Service that an earlier Canary has left its
// mark on. Its user has moved on since: what serves now is the primary, not what was marked then.
func TestKnativeCanaryMadeAnew(t *testing.T) {
	t.Parallel()
	k := rehearseKnative(t)
	k.routes("app-00002", "latest 0 % #newest", "app-00002 100 %", "app-00001 0 % #old")
	k.deleteCanary()
	k.canaryGone()
	k.patch(map[string]any{"spec": map[string]any{"traffic": []any{map[string]any{"latestRevision": true, "percent": 100}}}})
	k.release("python-2")
	k.hasReady("app-00003")
	n := k.record.Len()
	canary, err := k.app.Canary()
	if err != nil {
		t.Fatal(err)
	}
	k.apply(string(canary))
	first := k.after(n, "a primary", func(c *v1beta1.Canary) bool { return c.Status.LastPromotedSpec != "" }).Canary.Status
	if first.LastPromotedSpec != "kn:app-00003" || first.Run != nil {
		t.Errorf("promoted %s, run %+v; want kn:app-00003, which served", first.LastPromotedSpec, first.Run)
	}
	k.routes("app-00003", "latest 0 %", "app-00003 100 %")
}

// neverReady releases a Revision that never becomes ready.
func (k *knative) neverReady(traffic []string) {
	k.Helper()
	n := k.record.Len()
	k.release(brokenVersion)
	k.after(n, "Failed", stage.InPhase(v1beta1.PhaseFailed))
	k.routes("app-00003", traffic...)
	run := k.lastRun()
	// By the times in the status, which are whole seconds.
	if took := run.EndTime.Sub(run.StartTime.Time); took < 3*time.Second {
		k.Errorf("given up after %s, before the deadline", took)
	}
	if run.Outcome != v1beta1.OutcomeRolledBack || run.Revision != "kn:app-00004" || run.MaxWeight != 0 || !containsAll(run.Message, "progress deadline exceeded", "not ready") {
		k.Errorf("run %+v", run)
	}
	for _, seen := range k.record.All()[n:] {
		if seen.Canary.Status.CanaryWeight != 0 {
			k.Fatalf("the canary got traffic:\n%s", k.record)
		}
	}
	k.wantEvent("RolledBack", "progress deadline exceeded")
}

// ownsNothing asserts that the agent has made no Services, and that of the target it has written
// nothing but the traffic and the annotation.
func (k *knative) ownsNothing() {
	k.Helper()
	list, err := k.cluster.Client().CoreV1().Services(k.app.Namespace).List(k.ctx, metav1.ListOptions{})
	if err != nil {
		k.Fatal(err)
	}
	for _, svc := range list.Items {
		k.Errorf("service %s was created", svc.Name)
	}
	u, err := k.services.Get(k.ctx, "app", metav1.GetOptions{})
	if err != nil {
		k.Fatal(err)
	}
	if len(u.GetOwnerReferences()) > 0 || imageOf(u) != stage.Image("python-2") || u.GetAnnotations()["example.com/owner"] != "shop" {
		k.Errorf("the target is %v", u.Object)
	}
	if err := onlyTraffic(u); err != nil {
		k.Error(err)
	}
}

// onlyTraffic says which fields the agent owns besides those that are its own.
func onlyTraffic(u *unstructured.Unstructured) error {
	var all []error
	for _, entry := range u.GetManagedFields() {
		if entry.Manager != "canary-agent" {
			continue
		}
		var fields struct {
			Metadata struct {
				Annotations map[string]any `json:"f:annotations"`
			} `json:"f:metadata"`
			Spec map[string]any `json:"f:spec"`
		}
		if err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields); err != nil {
			return err
		}
		delete(fields.Metadata.Annotations, ".")
		delete(fields.Metadata.Annotations, "f:"+primaryRevision)
		delete(fields.Spec, "f:traffic")
		if len(fields.Metadata.Annotations)+len(fields.Spec) > 0 {
			all = append(all, fmt.Errorf("the agent has written %s", entry.FieldsV1))
		}
	}
	return errors.Join(all...)
}
