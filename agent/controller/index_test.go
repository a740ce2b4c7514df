package controller

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// canaryObject is a Canary of the Deployment app, as the cache has it.
func canaryObject(name string, edit func(spec map[string]any)) *unstructured.Unstructured {
	spec := map[string]any{
		"provider":  "traefik",
		"targetRef": map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
		"service":   map[string]any{"port": int64(80)},
		"analysis":  map[string]any{"interval": "1s", "threshold": int64(1), "stepWeight": int64(10)},
	}
	if edit != nil {
		edit(spec)
	}
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "flagger.app/v1beta1", "kind": "Canary",
		"metadata": map[string]any{"name": name, "namespace": "test", "uid": "uid-" + name},
		"spec":     spec,
	}}
	return u
}

func nameOf(name string) cache.ObjectName {
	return cache.ObjectName{Namespace: "test", Name: name}
}

var targetKey = objectKey{deploymentsResource, "test", "app"}

// TestIndexUndecodable proves that an object that cannot be decoded, which an older CRD may have
// let in, is kept with the reason and hides no other.
func TestIndexUndecodable(t *testing.T) {
	x := newIndex(v1beta1.ProviderTraefik)
	x.put(canaryObject("good", nil))
	x.put(canaryObject("fraction", func(spec map[string]any) {
		spec["analysis"] = map[string]any{"interval": "1s", "stepWeight": 2.5}
	}))
	x.put(canaryObject("text", func(spec map[string]any) { spec["analysis"] = "soon" }))
	x.put(canaryObject("later", func(spec map[string]any) {
		spec["targetRef"] = map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}
	}))
	for _, name := range []string{"good", "later"} {
		if e, ok := x.get(nameOf(name)); !ok || e.err != nil || e.canary == nil || e.provider == nil {
			t.Errorf("%s: %+v, found %t", name, e, ok)
		}
	}
	for _, name := range []string{"fraction", "text"} {
		e, ok := x.get(nameOf(name))
		if !ok || e.err == nil || e.canary != nil || e.raw == nil {
			t.Fatalf("%s: %+v, found %t", name, e, ok)
		}
		if !strings.Contains(e.err.Error(), "analysis") {
			t.Errorf("%s: the error does not name the field: %v", name, e.err)
		}
	}
	if got := x.of(targetKey); len(got) != 1 || got[0] != nameOf("good") {
		t.Errorf("canaries of deployment app: %v, want good only", got)
	}

	// Repaired and broken again, it is found and lost again.
	x.put(canaryObject("fraction", nil))
	if e, _ := x.get(nameOf("fraction")); e.err != nil || len(x.of(targetKey)) != 2 {
		t.Errorf("repaired: %v, %v", e.err, x.of(targetKey))
	}
	x.put(canaryObject("fraction", func(spec map[string]any) { spec["service"] = []any{} }))
	if e, _ := x.get(nameOf("fraction")); e.err == nil || len(x.of(targetKey)) != 1 {
		t.Errorf("broken again: %v, %v", e.err, x.of(targetKey))
	}
}

// TestIndexUnknownProvider proves that a provider that is not carried out is an error of this
// canary, and no other provider in its place.
func TestIndexUnknownProvider(t *testing.T) {
	x := newIndex(v1beta1.ProviderTraefik)
	for _, provider := range []string{"istio", "gatewayapi", "traefiq"} {
		x.put(canaryObject("c", func(spec map[string]any) { spec["provider"] = provider }))
		if e, _ := x.get(nameOf("c")); e.err != nil || e.providerErr == nil || e.provider != nil || len(e.refs) != 0 {
			t.Errorf("%s: %+v", provider, e)
		}
	}
}

// TestIndexFollowsChanges proves that an object belongs to the canaries that name it now, and that
// nothing is left of one that is gone.
func TestIndexFollowsChanges(t *testing.T) {
	x := newIndex(v1beta1.ProviderTraefik)
	x.put(canaryObject("a", nil))
	x.put(canaryObject("b", nil))
	x.put(canaryObject("b", nil))
	if got := x.of(targetKey); len(got) != 2 {
		t.Errorf("canaries of deployment app: %v, want a and b once each", got)
	}
	x.put(canaryObject("a", func(spec map[string]any) {
		spec["targetRef"] = map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}
	}))
	if got := x.of(targetKey); len(got) != 1 || got[0] != nameOf("b") {
		t.Errorf("canaries of deployment app: %v, want b", got)
	}
	if got := x.of(objectKey{deploymentsResource, "test", "other-primary"}); len(got) != 1 || got[0] != nameOf("a") {
		t.Errorf("canaries of deployment other-primary: %v, want a", got)
	}
	x.remove(nameOf("a"))
	x.remove(nameOf("b"))
	x.remove(nameOf("b"))
	if len(x.entries) != 0 || len(x.byObject) != 0 || len(x.objects) != 0 {
		t.Errorf("left behind: %v, %v, %v", x.entries, x.byObject, x.objects)
	}
}

// TestIndexOlder proves that of two canaries of one target exactly one is refused.
func TestIndexOlder(t *testing.T) {
	x := newIndex(v1beta1.ProviderTraefik)
	first := metav1.NewTime(time.Unix(1000, 0))
	for name, age := range map[string]time.Duration{"young": time.Hour, "old": 0, "twin": 0} {
		u := canaryObject(name, nil)
		u.SetCreationTimestamp(metav1.NewTime(first.Add(age)))
		x.put(u)
	}
	for name, want := range map[string]string{"old": "", "twin": "old"} {
		e, _ := x.get(nameOf(name))
		if got, _ := x.older(e.canary); got != want {
			t.Errorf("%s: older is %q, want %q", name, got, want)
		}
	}
	e, _ := x.get(nameOf("young"))
	if got, ok := x.older(e.canary); !ok || got == "young" {
		t.Errorf("young: older is %q", got)
	}
	// The same canary, made anew under its name, does not stand in its own way.
	again := e.canary.DeepCopy()
	again.UID = types.UID("another")
	if got, _ := x.older(again); got == "" {
		t.Error("a canary with older siblings is not refused")
	}
}

// TestIndexConcurrently is for the race detector.
func TestIndexConcurrently(t *testing.T) {
	x := newIndex(v1beta1.ProviderTraefik)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				name := fmt.Sprintf("c%d", (i+n)%4)
				x.put(canaryObject(name, nil))
				if e, ok := x.get(nameOf(name)); ok {
					x.older(e.canary)
				}
				x.of(targetKey)
				x.remove(nameOf(name))
			}
		})
	}
	all.Wait()
}
