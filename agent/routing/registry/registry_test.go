package registry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/agent/routing/registry"
)

func TestFor(t *testing.T) {
	for _, name := range []string{"gatewayapi:v1", "traefik"} {
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
	for _, name := range []string{"istio", "nginx", "gatewayapi:v1beta1", "smi:v1alpha1", "kubernetes"} {
		provider, err := registry.For(name)
		var unsupported *registry.UnsupportedError
		if provider != nil || !errors.As(err, &unsupported) {
			t.Fatalf("%s: got %v, %v; want an UnsupportedError", name, provider, err)
		}
		want := "provider " + name + " is not supported by this version; supported: gatewayapi:v1, traefik"
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

// Gotcha D16: none of these may end up with a provider, least of all silently with Istio.
func TestForUnknown(t *testing.T) {
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
