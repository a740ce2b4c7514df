package gatewayapi

import (
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// rule is one rule of the route. The strategies differ in how many there are and in what they
// match; all are written by the same code.
type rule struct {
	matches  []any
	filters  []any
	backends []any
	timeouts map[string]any
}

func (r rule) render() map[string]any {
	out := map[string]any{"matches": r.matches, "backendRefs": r.backends}
	if len(r.filters) > 0 {
		out["filters"] = r.filters
	}
	if len(r.timeouts) > 0 {
		out["timeouts"] = r.timeouts
	}
	return out
}

// renderSpec maps the canary to the spec of its route and collects everything that cannot be
// mapped. The spec is of use only when there are no errors.
func renderSpec(c *v1beta1.Canary, split routing.Split) (map[string]any, field.ErrorList) {
	errs := routing.CheckPort(c)
	parents, found := parentRefs(c)
	errs = append(errs, found...)
	rules, found := renderRules(c, split)
	errs = append(errs, found...)

	spec := map[string]any{"parentRefs": parents}
	if hosts := c.Spec.Service.Hosts; len(hosts) > 0 {
		spec["hostnames"] = stringList(hosts)
	}
	rendered := make([]any, 0, len(rules))
	for _, r := range rules {
		rendered = append(rendered, r.render())
	}
	spec["rules"] = rendered
	return spec, errs
}

// renderRules gives the rules in order of precedence. Weighted steps and Blue/Green need one.
func renderRules(c *v1beta1.Canary, split routing.Split) ([]rule, field.ErrorList) {
	service := field.NewPath("spec", "service")
	matches, errs := mapMatches(service.Child("match"), c.Spec.Service.Match)
	filters, found := mapFilters(service, &c.Spec.Service, matches)
	errs = append(errs, found...)
	timeouts, found := mapTimeouts(service, &c.Spec.Service)
	errs = append(errs, found...)

	return []rule{{
		matches:  matches,
		filters:  filters,
		timeouts: timeouts,
		backends: []any{
			backend(c, c.PrimaryServiceName(), split.Primary),
			backend(c, c.CanaryServiceName(), split.Canary),
		},
	}}, errs
}

func backend(c *v1beta1.Canary, name string, weight int32) map[string]any {
	return map[string]any{
		"group":  "",
		"kind":   kindService,
		"name":   name,
		"port":   int64(c.Spec.Service.Port),
		"weight": int64(weight),
	}
}

// parentRefs are the gatewayRefs as they are. A route without any would attach to nothing.
func parentRefs(c *v1beta1.Canary) ([]any, field.ErrorList) {
	refs := c.Spec.Service.GatewayRefs
	if len(refs) == 0 {
		return nil, field.ErrorList{field.Required(field.NewPath("spec", "service", "gatewayRefs"),
			"name the Gateway, or for a mesh the Service, that the HTTPRoute attaches to, such as [{name: my-gateway, namespace: gateways}]")}
	}
	out := make([]any, 0, len(refs))
	for _, ref := range refs {
		key := keyOfRef(ref)
		parent := map[string]any{"group": key.group, "kind": key.kind, "name": key.name}
		if ref.Namespace != "" {
			parent["namespace"] = ref.Namespace
		}
		if ref.SectionName != "" {
			parent["sectionName"] = ref.SectionName
		}
		if ref.Port != 0 {
			parent["port"] = int64(ref.Port)
		}
		out = append(out, parent)
	}
	return out, nil
}

// duration is the form that the Gateway API accepts (GEP-2257), a subset of Go's.
var duration = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)

func mapTimeouts(path *field.Path, service *v1beta1.CanaryService) (map[string]any, field.ErrorList) {
	var errs field.ErrorList
	out := map[string]any{}
	parsed := map[string]time.Duration{}
	for _, timeout := range []struct{ from, to, value string }{
		{"timeout", "request", service.Timeout},
		{"backendTimeout", "backendRequest", service.BackendTimeout},
	} {
		if timeout.value == "" {
			continue
		}
		value, err := time.ParseDuration(timeout.value)
		if err != nil || !duration.MatchString(timeout.value) {
			errs = append(errs, field.Invalid(path.Child(timeout.from), timeout.value,
				"must be hours, minutes, seconds and milliseconds without fractions, such as 15s or 1m30s"))
			continue
		}
		out[timeout.to] = timeout.value
		parsed[timeout.from] = value
	}
	// 0s is no limit.
	if limit := parsed["timeout"]; limit > 0 && parsed["backendTimeout"] > limit {
		errs = append(errs, field.Invalid(path.Child("backendTimeout"), service.BackendTimeout,
			"must not be longer than spec.service.timeout, "+service.Timeout))
	}
	return out, errs
}

func stringList(in []string) []any {
	out := make([]any, 0, len(in))
	for _, s := range in {
		out = append(out, s)
	}
	return out
}
