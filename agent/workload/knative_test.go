package workload

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestKnativeFacts tells revisions and readiness of a Knative Service.
func TestKnativeFacts(t *testing.T) {
	k := kindOf(t, v1beta1.KnativeServiceAPIVersion, "Service")
	for _, tt := range []struct {
		name, status       string
		observed, ready    bool
		revision, whyNotIn string
	}{
		{"ready", `{observedGeneration: 3, latestCreatedRevisionName: app-3, latestReadyRevisionName: app-3}`, true, true, "kn:app-3", ""},
		{"starting", `{observedGeneration: 3, latestCreatedRevisionName: app-3, latestReadyRevisionName: app-2}`, true, false, "kn:app-3", "0 of 1"},
		{"broken from the start", `{observedGeneration: 3, latestCreatedRevisionName: app-1}`, true, false, "kn:app-1", "0 of 1"},
		{"not observed", `{observedGeneration: 2, latestCreatedRevisionName: app-2, latestReadyRevisionName: app-2}`, false, false, "kn:app-2", "observed"},
		{"revision not made yet", `{observedGeneration: 3, latestCreatedRevisionName: app-2, latestReadyRevisionName: app-2,
			conditions: [{type: ConfigurationsReady, status: Unknown, reason: OutOfDate}]}`, false, false, "kn:app-2", "observed"},
		{"nothing", `{}`, false, false, "", "observed"},
	} {
		u := parse(t, `{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: app, namespace: shop, generation: 3}, status: `+tt.status+`}`)
		w := k.Target(u, nil)
		ready, why := w.Ready(100)
		if w.Observed != tt.observed || ready != tt.ready || w.Revision != tt.revision || !w.Fixed || w.Replicas != 1 || !strings.Contains(why, tt.whyNotIn) {
			t.Errorf("%s: %t %q, %+v", tt.name, ready, why, w)
		}
		if w := k.Primary(u, nil); w.Exists {
			t.Errorf("%s: a primary without its mark: %+v", tt.name, w)
		}
	}
}

// TestKnativePrimary marks a Revision, and says nothing about anything else of the Service.
func TestKnativePrimary(t *testing.T) {
	k := kindOf(t, v1beta1.KnativeServiceAPIVersion, "Service")
	target := parse(t, `{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: app, namespace: shop, annotations: {x: "y"}}, spec: {traffic: []}}`)
	mark, err := k.RenderPrimary(canary(), target, Copy{Revision: "kn:app-3"})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "knative-primary.yaml", mark.Object)
	if err := unstructured.SetNestedField(target.Object, "app-3", "metadata", "annotations", PrimaryRevisionAnnotation); err != nil {
		t.Fatal(err)
	}
	w := k.Primary(target, nil)
	if ready, why := w.Ready(100); !ready || w.Source != "kn:app-3" || w.Unmarked || !w.Fixed {
		t.Errorf("primary %+v: %s", w, why)
	}
	if k.PrimaryName(canary()) != "app" || !k.Traits().InPlace {
		t.Error("the primary is another object")
	}
	for _, revision := range []string{"", "kn:", "rs:abc"} {
		if _, err := k.RenderPrimary(canary(), target, Copy{Revision: revision}); err == nil || !strings.Contains(err.Error(), "shop/app") {
			t.Errorf("%q: error %v, want one that names the Service", revision, err)
		}
	}
}
