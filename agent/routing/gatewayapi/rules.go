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
func (p Provider) renderSpec(c *v1beta1.Canary, split routing.Split) (map[string]any, field.ErrorList) {
	rules, errs := p.renderRules(c, split)
	return specWith(c, rules, errs)
}

// releasedSpec is one rule with the apex Service as its only backend.
func (p Provider) releasedSpec(c *v1beta1.Canary) (map[string]any, field.ErrorList) {
	matches, errs := mapMatches(servicePath().Child("match"), c.Spec.Service.Match)
	r, found := p.ruleFor(c, matches, false)
	r.backends = []any{backend(c, c.ReleasedServiceName(), 100)}
	return specWith(c, []rule{r}, append(errs, found...))
}

func specWith(c *v1beta1.Canary, rules []rule, found field.ErrorList) (map[string]any, field.ErrorList) {
	errs := routing.CheckPort(c)
	parents, missing := parentRefs(c)
	errs = append(append(errs, missing...), found...)
	rendered := make([]any, 0, len(rules))
	for _, r := range rules {
		rendered = append(rendered, r.render())
	}
	spec := map[string]any{"parentRefs": parents, "rules": rendered}
	if hosts := c.Spec.Service.Hosts; len(hosts) > 0 {
		spec["hostnames"] = stringList(hosts)
	}
	return spec, errs
}

// renderRules gives the rules in order of precedence: the last one is for all requests of the
// service, the ones before it, which ask for more, are for some of them.
func (p Provider) renderRules(c *v1beta1.Canary, split routing.Split) ([]rule, field.ErrorList) {
	matches, errs := mapMatches(servicePath().Child("match"), c.Spec.Service.Match)
	last, found := p.ruleFor(c, matches, split.Mirror)
	errs = append(errs, found...)
	last.backends = bothBackends(c, split)

	switch {
	case p.isABTest(c):
		matching, found := matchesOfBoth(c, matches)
		first, refused := p.ruleFor(c, matching, split.Mirror)
		if len(errs) == 0 {
			// What the two rules have in common has been reported already.
			errs = refused
		}
		errs = append(errs, found...)
		if split.Everyone {
			return []rule{last}, errs
		}
		first.backends = last.backends
		last.backends = []any{backend(c, c.PrimaryServiceName(), 100)}
		return []rule{first, last}, errs
	case c.GetAnalysis().SessionAffinity != nil:
		return p.withAffinity(c, last, split), errs
	default:
		return []rule{last}, errs
	}
}

// ruleFor is a rule for the matches with all that spec.service wants of any rule. It lacks only
// the backends. Its filters are its own: what is added to those of one rule is in no other (D1).
func (p Provider) ruleFor(c *v1beta1.Canary, matches []any, mirror bool) (rule, field.ErrorList) {
	service := &c.Spec.Service
	filters, errs := p.mapFilters(servicePath(), service, matches)
	if mirror {
		filters = append(filters, mirrorToCanary(c))
	}
	r := rule{matches: matches, filters: filters}
	if !p.Beta {
		timeouts, found := mapTimeouts(servicePath(), service)
		r.timeouts = timeouts
		errs = append(errs, found...)
	}
	return r, errs
}

func servicePath() *field.Path { return field.NewPath("spec", "service") }

func bothBackends(c *v1beta1.Canary, split routing.Split) []any {
	return []any{
		backend(c, c.PrimaryServiceName(), split.Primary),
		backend(c, c.CanaryServiceName(), split.Canary),
	}
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
		return nil, field.ErrorList{field.Required(servicePath().Child("gatewayRefs"),
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
