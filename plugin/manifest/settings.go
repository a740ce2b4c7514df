package manifest

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/manifests"
)

// Names that all installations have in common.
const (
	// DefaultNamespace of the agent.
	DefaultNamespace = "canary-system"
	// AgentName is the name of the agent's Deployment, ServiceAccount, roles, and of its image in the
	// manifests.
	AgentName = "canary-agent"
	// NameLabel is on everything that belongs to the agent, with AgentName as its value.
	NameLabel = "app.kubernetes.io/name"
	// PartOfLabel is on everything that an installation consists of, with PartOf as its value.
	PartOfLabel = "app.kubernetes.io/part-of"
	// PartOf is the value of PartOfLabel.
	PartOf = "kubectl-canary"
	// VersionLabel is on the Deployment.
	VersionLabel = "app.kubernetes.io/version"

	// providerPrefix begins the names of the ClusterRoles of traffic providers.
	providerPrefix = AgentName + "-provider-"

	rbacGroup = "rbac.authorization.k8s.io"
)

// The features that an installation may go without.
const (
	// FeatureAutoscaling is spec.autoscalerRef.
	FeatureAutoscaling = "autoscaling"
	// FeatureConfigTracking copies ConfigMaps and Secrets for primaries, and makes them part of the
	// revision.
	FeatureConfigTracking = "config-tracking"
	// FeaturePolicy is the admission policy that makes each verb a right of its own.
	FeaturePolicy = "policy"
	// FeatureRoles are the ClusterRoles for people.
	FeatureRoles = "roles"
)

// providerKubernetes needs no rights but those that every installation has.
const providerKubernetes = "kubernetes"

// Settings say how the agent is to be installed. The zero value is the manifests as they are,
// without any provider and feature.
type Settings struct {
	// Namespace of the agent; DefaultNamespace when empty.
	Namespace string
	// Scoped: the agent looks after the canaries of Namespace only, and has rights nowhere else.
	Scoped bool
	// CRDs: the CustomResourceDefinitions belong to the installation.
	CRDs bool
	// Image of the agent; empty for that of the manifests, AgentName.
	Image string
	// Replicas of the Deployment; nil for that of the manifests.
	Replicas *int64
	// Providers and Features to give rights for; see Providers and Features.
	Providers, Features []string
	// Args are flags of the agent that replace those of the same name, or are added.
	Args []string
	// Resources of the agent's container; nil for those of the manifests.
	Resources map[string]any
	// Version for the label of the Deployment; empty for none.
	Version string
}

// Providers are the traffic providers that the agent can be given the rights for.
func Providers() []string {
	names := append(manifests.Providers(), providerKubernetes)
	slices.Sort(names)
	return names
}

// Features are what an installation may have or go without. Those in a single namespace have no
// FeaturePolicy and no FeatureRoles, which concern the whole cluster.
func Features(scoped bool) []string {
	if scoped {
		return []string{FeatureAutoscaling, FeatureConfigTracking}
	}
	return []string{FeatureAutoscaling, FeatureConfigTracking, FeaturePolicy, FeatureRoles}
}

// Default is everything, for the whole cluster or for one namespace.
func Default(namespace string, scoped bool) Settings {
	return Settings{Namespace: namespace, Scoped: scoped, CRDs: true, Providers: Providers(), Features: Features(scoped)}
}

// agent parses the agent's manifests.
func agent() ([]*unstructured.Unstructured, error) {
	documents, err := manifests.Agent()
	if err != nil {
		return nil, err
	}
	return parse(documents)
}

// has says whether the settings include a feature.
func (s Settings) has(feature string) bool { return slices.Contains(s.Features, feature) }

// wants says whether a ClusterRole of the agent is part of the installation.
func (s Settings) wants(role string) bool {
	if provider, found := strings.CutPrefix(role, providerPrefix); found {
		return slices.Contains(s.Providers, provider)
	}
	switch feature, _ := strings.CutPrefix(role, AgentName+"-"); feature {
	case FeatureAutoscaling, FeatureConfigTracking:
		return s.has(feature)
	}
	return true
}

// Validate finds settings that cannot be rendered.
func (s Settings) Validate() error {
	known := Providers()
	for _, p := range s.Providers {
		if !slices.Contains(known, p) {
			return fmt.Errorf("there is no provider %q; use %s", p, strings.Join(known, ", "))
		}
	}
	for _, f := range s.Features {
		if !slices.Contains(Features(s.Scoped), f) {
			if slices.Contains(Features(false), f) {
				return fmt.Errorf("feature %q concerns the whole cluster, and this installation one namespace", f)
			}
			return fmt.Errorf("there is no feature %q; use %s", f, strings.Join(Features(s.Scoped), ", "))
		}
	}
	if s.Replicas != nil && *s.Replicas < 0 {
		return fmt.Errorf("the number of replicas must not be negative, and is %d", *s.Replicas)
	}
	return checkArgs(s.Args)
}
