package controller

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	discoveryfake "k8s.io/client-go/discovery/fake"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var (
	daemonSetsGVR = appsv1.SchemeGroupVersion.WithResource("daemonsets")
	revisionsGVR  = appsv1.SchemeGroupVersion.WithResource("controllerrevisions")
)

// cluster is a controller over a fake API server, without anything that runs by itself.
type cluster struct {
	*Controller
	dynamic *dynamicfake.FakeDynamicClient
}

func newCluster(t *testing.T, objects ...runtime.Object) *cluster {
	t.Helper()
	fake := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		daemonSetsGVR: "DaemonSetList", revisionsGVR: "ControllerRevisionList", deploymentsGVR: "DeploymentList",
	}, objects...)
	// It does not know how to begin a watch with what there is, as a real API server does.
	fake.PrependWatchReactor("*", func(a clienttesting.Action) (bool, watch.Interface, error) {
		if begin := a.(clienttesting.WatchActionImpl).ListOptions.SendInitialEvents; begin != nil && *begin {
			return true, nil, apierrors.NewMethodNotSupported(a.GetResource().GroupResource(), "watch-list")
		}
		return false, nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	c := &Controller{
		config:  Config{SelectorLabels: []string{"app"}},
		dynamic: fake,
		discovery: &discoveryfake.FakeDiscovery{Fake: &clienttesting.Fake{Resources: []*metav1.APIResourceList{{
			GroupVersion: "apps/v1", APIResources: []metav1.APIResource{{Name: "daemonsets"}, {Name: "controllerrevisions"}},
		}}}},
		log: slog.New(slog.DiscardHandler),
		now: time.Now,
		onDemand: onDemand{
			informers: map[schema.GroupVersionResource]cache.SharedIndexInformer{},
			missing:   map[schema.GroupVersionResource]time.Time{},
		},
		index: newIndex(v1beta1.ProviderTraefik),
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]()),
	}
	c.runCtx = ctx
	c.recent = newRecent(c.now)
	for informer, example := range map[*cache.SharedIndexInformer]runtime.Object{&c.deployments: &appsv1.Deployment{}, &c.replicaSets: &metav1.PartialObjectMetadata{}} {
		*informer = cache.NewSharedIndexInformer(&cache.ListWatch{}, example, 0, byOwner)
	}
	t.Cleanup(func() {
		cancel()
		c.queue.ShutDown()
		c.background.Wait()
	})
	return &cluster{Controller: c, dynamic: fake}
}

// next is the canary that is put into the queue; the test fails when none is.
func (c *cluster) next(t *testing.T) cache.ObjectName {
	t.Helper()
	got := make(chan cache.ObjectName, 1)
	go func() {
		name, _ := c.queue.Get()
		c.queue.Done(name)
		got <- name
	}()
	select {
	case name := <-got:
		return name
	case <-time.After(10 * time.Second):
		t.Fatal("no canary was put into the queue")
		return cache.ObjectName{}
	}
}

func fromJSON(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return u
}

func setObject(t *testing.T, name, strategy string) *unstructured.Unstructured {
	return fromJSON(t, `{"apiVersion": "apps/v1", "kind": "DaemonSet",
		"metadata": {"name": "`+name+`", "namespace": "test", "uid": "uid-`+name+`", "generation": 1, "resourceVersion": "1", "managedFields": [{"manager": "x"}]},
		"spec": {"updateStrategy": {"type": "`+strategy+`"}, "selector": {"matchLabels": {"app": "app"}},
			"template": {"metadata": {"labels": {"app": "app"}}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}},
		"status": {"observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}}`)
}

func revisionObject(t *testing.T, owner, number, image string) *unstructured.Unstructured {
	return fromJSON(t, `{"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": `+number+`,
		"metadata": {"name": "`+owner+`-`+number+`", "namespace": "test", "uid": "uid-`+owner+number+`", "labels": {"app": "app"},
			"ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "`+owner+`", "uid": "uid-`+owner+`", "controller": true}]},
		"data": {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "`+image+`"}]}}}}}`)
}

func daemonSetCanary(name string) *unstructured.Unstructured {
	return canaryObject(name, func(spec map[string]any) {
		spec["targetRef"] = map[string]any{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "app"}
	})
}

// look observes the workloads of a canary.
func (c *cluster) look(t *testing.T, u *unstructured.Unstructured) *world {
	t.Helper()
	c.index.put(u)
	e, ok := c.index.get(cache.ObjectName{Namespace: u.GetNamespace(), Name: u.GetName()})
	if !ok || e.err != nil {
		t.Fatalf("%+v", e)
	}
	w := &world{World: &rollout.World{Canary: e.canary}, entry: e, canary: e.canary, kind: e.kind}
	c.observeWorkloads(t.Context(), w)
	return w
}

// TestDaemonSetObserved proves that a DaemonSet and its history are watched from the first canary on
// that needs them, and that a new revision wakes it.
func TestDaemonSetObserved(t *testing.T) {
	c := newCluster(t, setObject(t, "app", "RollingUpdate"), revisionObject(t, "app", "1", "app:1"))
	w := c.look(t, daemonSetCanary("c"))
	if len(w.Problems) > 0 || !w.Target.Observed || w.Target.Available != 2 || w.selector.Value != "app" || w.Primary.Exists {
		t.Fatalf("problems %v, target %+v, primary %+v", w.Problems, w.Target, w.Primary)
	}
	if len(w.target.GetManagedFields()) > 0 {
		t.Error("cached whole")
	}
	before := w.Target.Revision
	for c.queue.Len() > 0 { // What the first lists brought.
		c.next(t)
	}
	if _, err := c.dynamic.Resource(revisionsGVR).Namespace("test").Create(t.Context(), revisionObject(t, "app", "2", "app:2"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if name := c.next(t); name != nameOf("c") {
		t.Errorf("%s was woken", name)
	}
	if after := c.look(t, daemonSetCanary("c")).Target.Revision; after == before || !strings.HasPrefix(after, "cr:") {
		t.Errorf("revision %q, before %q", after, before)
	}
}

// TestDeploymentsCostNothingMore proves that a cluster of Deployments asks for nothing but what runs
// always.
func TestDeploymentsCostNothingMore(t *testing.T) {
	c := newCluster(t)
	yes := true
	if err := c.deployments.GetStore().Add(&appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "test", UID: "d", Annotations: map[string]string{"deployment.kubernetes.io/revision": "1"}},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "app"}}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.replicaSets.GetStore().Add(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: "app-1", Namespace: "test", Labels: map[string]string{"pod-template-hash": "1"},
		Annotations:     map[string]string{"deployment.kubernetes.io/revision": "1"},
		OwnerReferences: []metav1.OwnerReference{{UID: "d", Controller: &yes}},
	}}); err != nil {
		t.Fatal(err)
	}
	w := c.look(t, canaryObject("c", nil))
	if w.Target.Revision != "rs:1" || len(w.Problems) > 0 {
		t.Errorf("target %+v, problems %v", w.Target, w.Problems)
	}
	if err := c.stillAnalysed(t.Context(), w, &unstructured.Unstructured{}, "rs:1"); err != nil {
		t.Error(err)
	}
	if actions := c.dynamic.Actions(); len(actions) > 0 || len(c.onDemand.informers) > 0 {
		t.Errorf("requests %v, informers %v", actions, c.onDemand.informers)
	}
}

// TestTargetProblems proves that what keeps a target from being one is said with its path.
func TestTargetProblems(t *testing.T) {
	c := newCluster(t, setObject(t, "app", "OnDelete"))
	w := c.look(t, daemonSetCanary("c"))
	if len(w.Problems) != 1 || w.Problems[0].Reason != "UnsupportedTarget" ||
		!strings.Contains(w.Problems[0].Message, "daemonset test/app: spec.updateStrategy.type") {
		t.Errorf("problems %+v", w.Problems)
	}
	knative := canaryObject("k", func(spec map[string]any) {
		spec["targetRef"] = map[string]any{"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "app"}
	})
	if w = c.look(t, knative); len(w.Problems) != 1 || w.Problems[0].Reason != "TargetUnreadable" ||
		!strings.Contains(w.Problems[0].Message, "does not serve serving.knative.dev/v1") {
		t.Errorf("problems %+v", w.Problems)
	}
}

// TestCopyOnlyWhatWasAnalysed proves that a DaemonSet whose newest ControllerRevision the cache has not
// seen yet is not copied under the name of the one that was analysed.
func TestCopyOnlyWhatWasAnalysed(t *testing.T) {
	c := newCluster(t, setObject(t, "app", ""), revisionObject(t, "app", "1", "app:1"))
	w := c.look(t, daemonSetCanary("c"))
	analysed := w.Target.Revision
	target, err := c.live(t.Context(), w, "app")
	if err != nil {
		t.Fatal(err)
	}
	for _, revision := range []string{analysed, analysed + "+configs"} {
		if err := c.stillAnalysed(t.Context(), w, target, revision); err != nil {
			t.Errorf("%s: %v", revision, err)
		}
	}
	// The list that is read past the cache has another one.
	c.dynamic.PrependReactor("list", "controllerrevisions", func(clienttesting.Action) (bool, runtime.Object, error) {
		list := &unstructured.UnstructuredList{Object: map[string]any{"kind": "ControllerRevisionList", "apiVersion": "apps/v1"}}
		list.Items = []unstructured.Unstructured{*revisionObject(t, "app", "1", "app:1"), *revisionObject(t, "app", "2", "app:2")}
		return true, list, nil
	})
	err = c.copyToPrimary(t.Context(), w, rollout.CopyToPrimary{Revision: analysed, Generation: 1, RunID: "r"})
	if _, ok := errors.AsType[*retryError](err); !ok {
		t.Errorf("copied: %v", err)
	}
	for _, action := range c.dynamic.Actions() {
		if action.GetVerb() == "patch" {
			t.Errorf("written: %v", action)
		}
	}
}

// TestScaleDaemonSet proves that one write is made for a change, is remembered, and none is made for
// what is so already.
func TestScaleDaemonSet(t *testing.T) {
	c := newCluster(t, setObject(t, "app", ""), revisionObject(t, "app", "1", "app:1"))
	var patches []string
	c.dynamic.PrependReactor("patch", "daemonsets", func(a clienttesting.Action) (bool, runtime.Object, error) {
		patch := a.(clienttesting.PatchAction)
		patches = append(patches, string(patch.GetPatch()))
		var change map[string]any
		if err := json.Unmarshal(patch.GetPatch(), &change); err != nil {
			return true, nil, err
		}
		u := setObject(t, "app", "")
		u.SetResourceVersion("99")
		u.SetGeneration(2)
		selector, _, _ := unstructured.NestedMap(change, "spec", "template", "spec", "nodeSelector")
		if selector[v1beta1.ScaleToZeroSelector] == nil {
			selector = map[string]any{}
		}
		return true, u, unstructured.SetNestedMap(u.Object, selector, "spec", "template", "spec", "nodeSelector")
	})
	for i, tt := range []struct {
		replicas int32
		patches  int
	}{{2, 0}, {0, 1}, {0, 1}, {5, 2}} {
		w := c.look(t, daemonSetCanary("c"))
		if err := c.scaleTarget(t.Context(), w, rollout.ScaleTarget{Replicas: tt.replicas}); err != nil {
			t.Fatal(err)
		}
		if len(patches) != tt.patches {
			t.Errorf("step %d: patches %v", i, patches)
		}
		if w = c.look(t, daemonSetCanary("c")); (w.Target.Replicas == 0) != (tt.replicas == 0) {
			t.Errorf("step %d: the agent does not see its own write: %+v", i, w.Target)
		}
	}
}

// TestIndexKinds proves that an object wakes the canaries of its own kind, and that a Service that is
// target and apex at once wakes its canary once.
func TestIndexKinds(t *testing.T) {
	x := newIndex(v1beta1.ProviderTraefik)
	x.put(daemonSetCanary("set"))
	x.put(canaryObject("service", func(spec map[string]any) {
		spec["targetRef"] = map[string]any{"apiVersion": "v1", "kind": "Service", "name": "app"}
	}))
	for resource, want := range map[string]string{resourceName(daemonSetsGVR): "set", deploymentsResource: ""} {
		got := x.of(objectKey{resource, "test", "app"})
		if (want == "" && len(got) > 0) || (want != "" && (len(got) != 1 || got[0] != nameOf(want))) {
			t.Errorf("%s: %v, want %q", resource, got, want)
		}
	}
	if got := x.of(objectKey{servicesResource, "test", "app"}); len(got) != 2 {
		t.Errorf("service app wakes %v", got)
	}
	older := daemonSetCanary("older")
	older.SetCreationTimestamp(metav1.NewTime(time.Unix(1, 0)))
	young := daemonSetCanary("young")
	young.SetCreationTimestamp(metav1.NewTime(time.Unix(2, 0)))
	x.put(older)
	x.put(young)
	x.remove(nameOf("set"))
	e, _ := x.get(nameOf("young"))
	if got, _ := x.older(e.canary); got != "older" {
		t.Errorf("older is %q", got)
	}
	if _, err := workload.KindOf(v1beta1.TargetReference{Kind: "StatefulSet"}); err == nil {
		t.Error("a StatefulSet is a target")
	}
}
