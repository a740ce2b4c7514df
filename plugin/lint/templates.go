package lint

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// needAddress are the types of metric providers that have no address of their own.
var needAddress = []v1beta1.MetricProviderType{
	v1beta1.MetricProviderPrometheus, v1beta1.MetricProviderInfluxDB, v1beta1.MetricProviderGraphite,
	v1beta1.MetricProviderDynatrace, v1beta1.MetricProviderSplunk,
}

// askable are the types that this version of the agent can ask.
var askable = []v1beta1.MetricProviderType{v1beta1.MetricProviderPrometheus}

var variable = regexp.MustCompile(`variables\s*\.\s*([A-Za-z_][A-Za-z0-9_]*)`)

// metricTemplate checks a MetricTemplate.
func (l *linter) metricTemplate(m *manifest) {
	t := m.template
	if t == nil {
		return
	}
	p := t.Spec.Provider
	switch {
	case m.known("spec.provider.type"):
	case p.Type != "" && !slices.Contains(askable, p.Type):
		l.at(m, ruleMetricProvider, "spec.provider.type", "%s is not asked by this version of the agent, which asks prometheus; Flagger does", p.Type)
	case slices.Contains(needAddress, p.Type) && p.Address == "" && !m.known("spec.provider.address"):
		l.at(m, ruleSpec, "spec.provider.address", "is missing: set the URL of the server, such as http://prometheus.monitoring:9090")
	}
	if p.Type == v1beta1.MetricProviderCloudWatch && p.Region == "" && !m.known("spec.provider.region") {
		l.at(m, ruleSpec, "spec.provider.region", "is missing: cloudwatch needs it, such as eu-west-1")
	}
	if p.Address != "" && !m.known("spec.provider.address") {
		l.address(m, "spec.provider.address", p.Address)
	}
	if m.known("spec.query") {
		return
	}
	if strings.TrimSpace(t.Spec.Query) == "" {
		l.at(m, ruleSpec, "spec.query", "is empty: set a query in the language of the provider")
		return
	}
	// Which variables there are is decided by the canaries; that all are set must not be asked here.
	variables := map[string]string{}
	for _, found := range variable.FindAllStringSubmatch(t.Spec.Query, -1) {
		variables[found[1]] = "x"
	}
	values := queries.Values{
		Name: "x", Namespace: "x", Target: "x", Service: "x", Ingress: "x", Route: "x",
		Interval: queries.DefaultInterval, Variables: variables,
	}
	if _, err := queries.Render(t.Spec.Query, values); err != nil {
		l.at(m, ruleTemplate, "spec.query", "cannot be rendered: %v; the functions are name, namespace, target, service, ingress, route, interval, variables", err)
	}
}

// alertProvider checks an AlertProvider.
func (l *linter) alertProvider(m *manifest) {
	spec := m.root.get("spec")
	if spec == nil || spec.kind != object {
		return
	}
	address, secret := spec.get("address"), spec.get("secretRef")
	switch {
	case address == nil && secret == nil:
		l.at(m, ruleSpec, "spec", "has neither address nor secretRef: set one, better secretRef with the key address in the Secret")
	case address != nil && secret != nil:
		l.at(m, rulePortability, "spec.secretRef", "Flagger accepts either address or secretRef, not both")
	}
	for _, name := range []string{"address", "proxy"} {
		if s := spec.text(name); s != "" && !m.known("spec."+name) {
			l.address(m, "spec."+name, s)
		}
	}
}

func (l *linter) address(m *manifest, path, address string) {
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		l.at(m, ruleSpec, path, "is no URL: write it with scheme and host, such as http://host.namespace:9090")
	}
}
