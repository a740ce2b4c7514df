package lint

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// ability is what a traffic provider can do in this version of the agent. A test compares it with what
// the agent itself refuses.
type ability struct {
	weights, abTests, mirror, affinity bool
}

// abilities of the providers that this version of the agent serves.
var abilities = map[string]ability{
	v1beta1.ProviderGatewayAPIV1:      {weights: true, abTests: true, mirror: true, affinity: true},
	v1beta1.ProviderGatewayAPIV1Beta1: {weights: true, abTests: true, mirror: true, affinity: true},
	v1beta1.ProviderKnative:           {weights: true},
	v1beta1.ProviderKubernetes:        {},
	v1beta1.ProviderTraefik:           {weights: true, mirror: true},
}

// forProvider checks what the traffic provider cannot do.
func (l *linter) forProvider(m *manifest, at string) {
	c, a := m.canary, m.canary.GetAnalysis()
	provider := c.ProviderOr(l.provider)
	if provider == "" || m.known("spec.provider") {
		return
	}
	can, served := abilities[provider]
	if !served {
		l.at(m, ruleProvider, "spec.provider", "%s is not served by this version of the agent, which serves %s; Flagger does",
			provider, strings.Join(sortedKeys(abilities), ", "))
		return
	}
	refuse := func(path, format string, args ...any) {
		if !m.known(path) {
			l.at(m, ruleFeature, path, format, args...)
		}
	}
	if a.Mirror && !can.mirror {
		refuse(at+".mirror", "provider %s cannot mirror requests: remove mirror, or use %s", provider, with(func(a ability) bool { return a.mirror }))
	}
	switch {
	case a.SessionAffinity != nil && !can.affinity:
		refuse(at+".sessionAffinity", "provider %s has no session affinity: remove it, or use %s", provider, with(func(a ability) bool { return a.affinity }))
	case a.SessionAffinity != nil && c.StrategyFor(provider) == v1beta1.StrategyABTesting:
		refuse(at+".sessionAffinity", "an A/B test decides by each request alone which side serves it: remove sessionAffinity, or match a cookie that the application sets")
	}
	switch {
	case len(a.Match) > 0 && !can.weights:
		l.at(m, ruleIgnored, at+".match", "has no effect: with provider %s all clients are sent to one side at a time", provider)
	case len(a.Match) > 0 && !can.abTests:
		refuse(at+".match", "provider %s has no A/B tests: remove match for Blue/Green, or use %s", provider, with(func(a ability) bool { return a.abTests }))
	}
	if !can.weights {
		for _, name := range []string{"stepWeight", "stepWeights", "steps", "maxWeight"} {
			if m.root.get(append(strings.Split(at, "."), name)...) != nil {
				l.at(m, ruleIgnored, at+"."+name, "has no effect: provider %s has no weights, the run is Blue/Green with %d checks (set iterations)",
					provider, c.IterationsFor(provider))
				break
			}
		}
	}
	if c.Spec.TargetRef.Kind == v1beta1.TargetService && !c.IsKnative() && provider == v1beta1.ProviderKubernetes {
		refuse("spec.targetRef.kind", "a Service cannot be the target with provider kubernetes, which moves clients by the selector of a Service of its own: use gatewayapi:v1 or traefik")
	}
	if strings.HasPrefix(provider, "gatewayapi:") && len(c.Spec.Service.GatewayRefs) == 0 && !m.known("spec.service.gatewayRefs") {
		l.at(m, ruleGateway, "spec.service.gatewayRefs", "is empty: the HTTPRoute is attached to no Gateway and gets no traffic; name one")
	}
	for i, ref := range c.Spec.Service.GatewayRefs {
		if ref.Group != nil && *ref.Group == "" && ref.Kind == v1beta1.TargetService && ref.Port == 0 {
			refuse(fmt.Sprintf("spec.service.gatewayRefs[%d].port", i), "is missing: a Service as parent needs it")
		}
	}
	l.builtin(m, at, provider)
}

// builtin checks that there are queries for the builtin metrics.
func (l *linter) builtin(m *manifest, at, provider string) {
	for i, metric := range m.canary.GetAnalysis().Metrics {
		if !metric.IsBuiltin() && metric.MinRequests == 0 {
			continue
		}
		if _, err := queries.Observer(provider, m.canary); err != nil {
			l.at(m, ruleFeature, fmt.Sprintf("%s.metrics[%d].name", at, i), "%v", err)
		}
	}
}

// with lists the providers that can do something.
func with(can func(ability) bool) string {
	var names []string
	for _, name := range sortedKeys(abilities) {
		if can(abilities[name]) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// flaggerInterval is the shortest that Flagger keeps.
const flaggerInterval = 10 * time.Second

// forFlagger checks values that mean something else to Flagger. The fields that it does not have are
// found by the schema.
func (l *linter) forFlagger(m *manifest, at string) {
	c, a := m.canary, m.canary.GetAnalysis()
	if d, err := time.ParseDuration(a.Interval); err == nil && d > 0 && d < flaggerInterval && !m.known(at+".interval") {
		l.at(m, rulePortability, at+".interval", "is %s: Flagger waits at least %s", a.Interval, flaggerInterval)
	}
	if a.Mirror && a.Iterations == 0 && c.ProviderOr(l.provider) != v1beta1.ProviderIstio && c.ProviderOr(l.provider) != "" {
		l.at(m, rulePortability, at+".mirror", "with weighted steps and provider %s, Flagger stays at weight 0 for ever", c.ProviderOr(l.provider))
	}
	if a.Mirror && c.ProviderOr(l.provider) == v1beta1.ProviderTraefik && a.Iterations > 0 {
		l.at(m, rulePortability, at+".mirror", "Flagger does not mirror with provider traefik")
	}
}
