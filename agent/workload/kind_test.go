package workload

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func kindOf(t *testing.T, apiVersion, kind string) Kind {
	t.Helper()
	k, err := KindOf(v1beta1.TargetReference{APIVersion: apiVersion, Kind: kind, Name: "app"})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKindOf finds every kind of the contract, also under the apiVersions that old manifests have.
func TestKindOf(t *testing.T) {
	for _, tt := range []struct{ apiVersion, kind, want string }{
		{"apps/v1", "Deployment", "apps/v1, Resource=deployments"},
		{"apps/v1beta2", "Deployment", "apps/v1, Resource=deployments"},
		{"apps/v1", "DaemonSet", "apps/v1, Resource=daemonsets"},
		{"v1", "Service", "/v1, Resource=services"},
		{"core/v1", "Service", "/v1, Resource=services"},
		{"serving.knative.dev/v1", "Service", "serving.knative.dev/v1, Resource=services"},
	} {
		if got := kindOf(t, tt.apiVersion, tt.kind).Resource().String(); got != tt.want {
			t.Errorf("%s %s: %s, want %s", tt.apiVersion, tt.kind, got, tt.want)
		}
	}
	for _, ref := range []v1beta1.TargetReference{
		{APIVersion: "apps/v1", Kind: "StatefulSet"},
		{APIVersion: "serving.knative.dev/v1alpha1", Kind: "Service"},
		{},
	} {
		k, err := KindOf(ref)
		var unsupported *UnsupportedKindError
		if !errors.As(err, &unsupported) || k != nil {
			t.Fatalf("%v: %v, %v", ref, k, err)
		}
		for _, accepted := range []string{"Deployment", "DaemonSet", "Service of v1", v1beta1.KnativeServiceAPIVersion} {
			if !strings.Contains(err.Error(), accepted) {
				t.Errorf("%v: %q does not name %s", ref, err, accepted)
			}
		}
	}
}

// TestKindsWithoutObject asks every kind about nothing.
func TestKindsWithoutObject(t *testing.T) {
	for _, ref := range [][2]string{{"apps/v1", "Deployment"}, {"apps/v1", "DaemonSet"}, {"v1", "Service"}, {v1beta1.KnativeServiceAPIVersion, "Service"}} {
		k := kindOf(t, ref[0], ref[1])
		if k.Target(nil, nil).Exists || k.Primary(nil, nil).Exists || k.Primary(nil, nil).Unmarked {
			t.Errorf("%v: nothing exists", ref)
		}
		if len(k.Check(nil)) > 0 || len(k.Pods(nil).Containers) > 0 {
			t.Errorf("%v: nothing has something", ref)
		}
		for _, role := range []Role{Apex, Primary, Canary} {
			if svc := k.Service(canary(), role, Selector{Key: "app", Value: "app"}, nil, nil); svc != nil {
				t.Errorf("%v: a Service without a target: %v", ref, svc)
			}
		}
		if _, err := k.Cached(&corev1.Pod{}); err == nil {
			t.Errorf("%v: a Pod is one", ref)
		}
	}
}
