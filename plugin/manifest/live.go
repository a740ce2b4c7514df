package manifest

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// Live is an installation as it is in a cluster.
type Live struct {
	// Deployment of the agent.
	Deployment *unstructured.Unstructured
	// Roles are the ClusterRoles of the agent and of people or, for an agent of one namespace, the
	// Role.
	Roles []*unstructured.Unstructured
	// Policy is true when the admission policy is there.
	Policy bool
}

// Scope is the namespace that the agent of a Deployment keeps to; empty for the whole cluster.
func Scope(deployment *unstructured.Unstructured) string {
	container, err := containerOf(deployment)
	if err != nil {
		return ""
	}
	args, _, _ := unstructured.NestedStringSlice(container, "args")
	scope, _ := value(args, flagNamespace)
	if scope == "$(POD_NAMESPACE)" {
		return deployment.GetNamespace()
	}
	return scope
}

// Image of the agent of a Deployment.
func Image(deployment *unstructured.Unstructured) string {
	container, err := containerOf(deployment)
	if err != nil {
		return ""
	}
	image, _ := container["image"].(string)
	return image
}

// Version that an object is of, the agent's Deployment or a CustomResourceDefinition, as its label
// says; empty when it has none.
func Version(o *unstructured.Unstructured) string {
	return strings.ReplaceAll(o.GetLabels()[VersionLabel], "_", "+")
}

// Settings that made the installation what it is.
func (l Live) Settings() (Settings, error) {
	container, err := containerOf(l.Deployment)
	if err != nil {
		return Settings{}, err
	}
	args, _, err := unstructured.NestedStringSlice(container, "args")
	if err != nil {
		return Settings{}, err
	}
	s := Settings{
		Namespace: l.Deployment.GetNamespace(),
		Scoped:    Scope(l.Deployment) != "",
		CRDs:      true,
		Image:     Image(l.Deployment),
		Args:      without(args, flagNamespace, flagLeaseNamespace, flagConfigTracking),
		Version:   Version(l.Deployment),
	}
	if replicas, found, _ := unstructured.NestedInt64(l.Deployment.Object, "spec", "replicas"); found {
		s.Replicas = &replicas
	}
	s.Resources, _, _ = unstructured.NestedMap(container, "resources")
	tracking, given := value(args, flagConfigTracking)
	err = l.parts(&s, !given || tracking != "false")
	return s, err
}

// parts finds out which providers and features the agent has the rights for.
func (l Live) parts(s *Settings, tracking bool) error {
	objects, err := agent()
	if err != nil {
		return err
	}
	s.Providers = []string{providerKubernetes}
	for _, o := range objects {
		name := o.GetName()
		if o.GetKind() != "ClusterRole" || !l.grants(o, s.Scoped) {
			continue
		}
		if provider, found := strings.CutPrefix(name, providerPrefix); found {
			s.Providers = append(s.Providers, provider)
			continue
		}
		feature := strings.TrimPrefix(name, AgentName+"-")
		if feature == FeatureAutoscaling || feature == FeatureConfigTracking && tracking {
			s.Features = append(s.Features, feature)
		}
	}
	slices.Sort(s.Providers)
	if s.Scoped {
		return nil
	}
	if l.Policy {
		s.Features = append(s.Features, FeaturePolicy)
	}
	if slices.ContainsFunc(l.Roles, func(o *unstructured.Unstructured) bool { return IsForPeople(o.GetName()) }) {
		s.Features = append(s.Features, FeatureRoles)
	}
	return nil
}

// IsForPeople says whether a ClusterRole of an installation is for people, and not for the agent.
func IsForPeople(role string) bool {
	return strings.HasPrefix(role, "canary-") && role != AgentName && !strings.HasPrefix(role, AgentName+"-")
}

// grants says whether the rights of one of the ClusterRoles in the binary are given: by a ClusterRole
// of that name or, in a single namespace, by the rules of the Role.
func (l Live) grants(role *unstructured.Unstructured, scoped bool) bool {
	if !scoped {
		return slices.ContainsFunc(l.Roles, func(o *unstructured.Unstructured) bool { return o.GetName() == role.GetName() })
	}
	var given []any
	for _, o := range l.Roles {
		given = append(given, rulesOf(o)...)
	}
	for wanted := range granted(namespaced(rulesOf(role))) {
		if !granted(given)[wanted] {
			return false
		}
	}
	return len(rulesOf(role)) > 0
}

// right is a verb on a resource.
type right struct{ group, resource, verb string }

// granted are the rights that rules give.
func granted(rules []any) map[right]bool {
	out := map[right]bool{}
	for _, r := range rules {
		rule, ok := r.(map[string]any)
		if !ok {
			continue
		}
		groups, _, _ := unstructured.NestedStringSlice(rule, "apiGroups")
		resources, _, _ := unstructured.NestedStringSlice(rule, "resources")
		verbs, _, _ := unstructured.NestedStringSlice(rule, "verbs")
		for _, group := range groups {
			for _, resource := range resources {
				for _, verb := range verbs {
					out[right{group, resource, verb}] = true
				}
			}
		}
	}
	return out
}

// Aggregated says whether a ClusterRole that is summed up by the cluster gives all that those do which
// its rule selects.
func Aggregated(sum *unstructured.Unstructured, of []*unstructured.Unstructured) bool {
	given := granted(rulesOf(sum))
	selectors, _, _ := unstructured.NestedSlice(sum.Object, "aggregationRule", "clusterRoleSelectors")
	for _, s := range selectors {
		selector, _ := s.(map[string]any)
		wanted, _, _ := unstructured.NestedStringMap(selector, "matchLabels")
		for _, role := range of {
			if role.GetKind() != "ClusterRole" || !labels.SelectorFromSet(wanted).Matches(labels.Set(role.GetLabels())) {
				continue
			}
			for r := range granted(rulesOf(role)) {
				if !given[r] {
					return false
				}
			}
		}
	}
	return true
}
