package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/gatewayapi"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/knative"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/kubernetes"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/traefik"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// providers are those of this version.
var providers = map[string]routing.Provider{
	v1beta1.ProviderGatewayAPIV1:      gatewayapi.Provider{},
	v1beta1.ProviderGatewayAPIV1Beta1: gatewayapi.Provider{Beta: true},
	v1beta1.ProviderKubernetes:        kubernetes.Provider{},
	v1beta1.ProviderKnative:           knative.Provider{},
	v1beta1.ProviderTraefik:           traefik.Provider{},
}

// accepted are the names that the CRD admits.
var accepted = []string{
	v1beta1.ProviderApisix,
	v1beta1.ProviderAppMesh,
	v1beta1.ProviderAppMeshV1Beta2,
	v1beta1.ProviderContour,
	v1beta1.ProviderGatewayAPIV1,
	v1beta1.ProviderGatewayAPIV1Beta1,
	v1beta1.ProviderGloo,
	v1beta1.ProviderIstio,
	v1beta1.ProviderKnative,
	v1beta1.ProviderKubernetes,
	v1beta1.ProviderKuma,
	v1beta1.ProviderLinkerd,
	v1beta1.ProviderNGINX,
	v1beta1.ProviderOSM,
	v1beta1.ProviderSkipper,
	v1beta1.ProviderSMIV1Alpha1,
	v1beta1.ProviderSMIV1Alpha2,
	v1beta1.ProviderSMIV1Alpha3,
	v1beta1.ProviderTraefik,
}

// UnsupportedError is a provider of the API that this version does not serve.
type UnsupportedError struct {
	Name string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("provider %s is not supported by this version; supported: %s", e.Name, strings.Join(Supported(), ", "))
}

// UnknownError is a name that is no provider at all.
type UnknownError struct {
	Name string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("provider %q is unknown; set spec.provider to one of: %s (supported by this version: %s)",
		e.Name, strings.Join(accepted, ", "), strings.Join(Supported(), ", "))
}

// For finds the provider of the name. Names are exact: neither case nor a missing version is
// guessed at. The error is an *UnsupportedError or an *UnknownError.
func For(name string) (routing.Provider, error) {
	if provider, ok := providers[name]; ok {
		return provider, nil
	}
	if slices.Contains(accepted, name) {
		return nil, &UnsupportedError{Name: name}
	}
	return nil, &UnknownError{Name: name}
}

// Supported lists the names of the providers of this version, sorted.
func Supported() []string {
	names := make([]string, 0, len(providers))
	for name := range providers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Accepted lists the names that the API admits, whether or not this version supports them.
func Accepted() []string {
	return slices.Clone(accepted)
}
