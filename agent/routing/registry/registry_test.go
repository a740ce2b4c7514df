package registry_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/agent/routing/registry"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const manifests = "../../../manifests"

func TestFor(t *testing.T) {
	for _, name := range []string{"gatewayapi:v1", "gatewayapi:v1beta1", "kubernetes", "traefik"} {
		provider, err := registry.For(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if provider.Name() != name {
			t.Errorf("%s is called %s", name, provider.Name())
		}
	}
}

func TestForUnsupported(t *testing.T) {
	for _, name := range []string{"istio", "nginx", "smi:v1alpha1"} {
		provider, err := registry.For(name)
		var unsupported *registry.UnsupportedError
		if provider != nil || !errors.As(err, &unsupported) {
			t.Fatalf("%s: got %v, %v; want an UnsupportedError", name, provider, err)
		}
		want := "provider " + name + " is not supported by this version; supported: gatewayapi:v1, gatewayapi:v1beta1, knative, kubernetes, traefik"
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

// None of these may end up with a provider, least of all silently with Istio.
func TestGotchaD16UnknownNamesAreRefused(t *testing.T) {
	for _, name := range []string{"", "gatewayapi", "smi", "Traefik", "traefik ", "gatewayapi:v2", "gatewayapi:v1x", "isto"} {
		provider, err := registry.For(name)
		var unknown *registry.UnknownError
		if provider != nil || !errors.As(err, &unknown) {
			t.Fatalf("%q: got %v, %v; want an UnknownError", name, provider, err)
		}
		if !strings.Contains(err.Error(), "istio") || !strings.Contains(err.Error(), "spec.provider") {
			t.Errorf("%q: %q does not say what is accepted", name, err)
		}
	}
}

// Every name that the API server admits is known here, and no other.
func TestNamesAreThoseOfTheCRD(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(manifests, "crd", "flagger.app_canaries.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	type property struct {
		Properties map[string]struct {
			Enum []any `json:"enum"`
		} `json:"properties"`
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema struct {
						Properties map[string]property `json:"properties"`
					} `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	names := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["provider"].Enum
	if len(names) == 0 {
		t.Fatal("the CRD lists no providers")
	}
	for _, name := range names {
		_, err := registry.For(name.(string))
		if _, ok := errors.AsType[*registry.UnknownError](err); ok {
			t.Errorf("the CRD admits %s, the registry does not know it", name)
		}
		if !slices.Contains(registry.Accepted(), name.(string)) {
			t.Errorf("the CRD admits %s, messages do not say so", name)
		}
	}
	if len(names) != len(registry.Accepted()) {
		t.Errorf("the CRD admits %d providers, the registry knows %d", len(names), len(registry.Accepted()))
	}
}

// The agent must be allowed to do with every provider's objects what it does.
func TestEveryProviderHasItsRights(t *testing.T) {
	allowed := map[schema.GroupResource][]string{}
	files, err := filepath.Glob(filepath.Join(manifests, "agent", "providers", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict(text, &role); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if role.Labels["kubectl-canary/aggregate-to-agent"] != "true" {
			t.Errorf("%s is not aggregated to the agent", file)
		}
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					allowed[schema.GroupResource{Group: group, Resource: resource}] = rule.Verbs
				}
			}
		}
	}
	for _, name := range registry.Supported() {
		provider, err := registry.For(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range provider.Refs(&v1beta1.Canary{}) {
			verbs := []string{"get", "list", "watch", "patch"}
			if name != v1beta1.ProviderKnative { // Whose object is the target, which users create.
				verbs = append(verbs, "create")
			}
			for _, verb := range verbs {
				if !slices.Contains(allowed[ref.GVR.GroupResource()], verb) {
					t.Errorf("provider %s: nothing in manifests/agent/providers allows to %s %s", name, verb, ref.GVR.GroupResource())
				}
			}
		}
	}
}
