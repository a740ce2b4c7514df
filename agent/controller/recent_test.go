package controller

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func deploymentAt(uid types.UID, resourceVersion string) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "app", UID: uid, ResourceVersion: resourceVersion}}
}

// TestNewest proves which of two states of an object counts: the agent's own write until the cache
// has caught up with it, and never one of an object that has been made anew.
func TestNewest(t *testing.T) {
	own := deploymentAt("a", "10")
	for name, tt := range map[string]struct {
		cached *appsv1.Deployment
		want   string
	}{
		"behind":               {deploymentAt("a", "9"), "10"},
		"behind, fewer digits": {deploymentAt("a", "8"), "10"},
		"caught up":            {deploymentAt("a", "10"), "10"},
		"ahead":                {deploymentAt("a", "11"), "11"},
		"made anew":            {deploymentAt("b", "3"), "3"},
		"not a number":         {deploymentAt("a", "x"), "x"},
	} {
		r := newRecent(time.Now)
		r.wrote(targetKey, own)
		got, found := newest(r, targetKey, tt.cached, true)
		if !found || got.ResourceVersion != tt.want {
			t.Errorf("%s: version %s, want %s", name, got.ResourceVersion, tt.want)
		}
		if _, kept := r.objects[targetKey]; kept != (got == own) {
			t.Errorf("%s: kept %t", name, kept)
		}
	}
}

// TestRecentNotInCache proves that an object that the agent has just made exists for it before the
// cache has it, for a limited time.
func TestRecentNotInCache(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRecent(func() time.Time { return now })
	r.wrote(targetKey, deploymentAt("a", "10"))
	now = now.Add(recentTTL)
	if got, found := newest[*appsv1.Deployment](r, targetKey, nil, false); !found || got.ResourceVersion != "10" {
		t.Errorf("got %v, found %t", got, found)
	}
	now = now.Add(time.Nanosecond)
	if got, found := newest[*appsv1.Deployment](r, targetKey, nil, false); found || got != nil {
		t.Errorf("after %s: got %v, found %t", recentTTL, got, found)
	}
}

// TestRecentDeleted proves that a deletion ends the memory, also when the answer to the agent's own
// write comes after the cache saw the deletion: nothing else would wake the canary again.
func TestRecentDeleted(t *testing.T) {
	now := time.Unix(1000, 0)
	r := newRecent(func() time.Time { return now })
	r.wrote(targetKey, deploymentAt("a", "10"))
	r.forget(targetKey, "a")
	r.wrote(targetKey, deploymentAt("a", "11"))
	if got, found := newest[*appsv1.Deployment](r, targetKey, nil, false); found {
		t.Errorf("a deleted object exists: %v", got)
	}
	r.wrote(targetKey, deploymentAt("b", "12"))
	if got, found := newest[*appsv1.Deployment](r, targetKey, nil, false); !found || got.UID != "b" {
		t.Errorf("one made anew does not: %v", got)
	}
	// What was deleted is not remembered for ever.
	now = now.Add(2 * recentTTL)
	r.forget(targetKey, "")
	if len(r.deleted) != 0 || len(r.objects) != 0 {
		t.Errorf("left behind: %v, %v", r.deleted, r.objects)
	}
}

// TestRecentOtherType proves that a key with an object of an unexpected type breaks nothing.
func TestRecentOtherType(t *testing.T) {
	r := newRecent(time.Now)
	r.wrote(targetKey, &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "99"}})
	if got, found := newest(r, targetKey, deploymentAt("a", "1"), true); !found || got.ResourceVersion != "1" {
		t.Errorf("got %v, found %t", got, found)
	}
}
