package analysis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/providers"
	"github.com/kubectl-canary/kubectl-canary/agent/analysis/providers/prometheus"
	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// builtin prepares request-success-rate or request-duration.
func (e *Evaluator) builtin(c *v1beta1.Canary, m v1beta1.CanaryMetric, in Inputs) (question, error) {
	q, err := e.observed(c, m, in, m.Name)
	if err != nil {
		return question{}, fmt.Errorf("Prometheus query failed: %w", err) //nolint:staticcheck // The text of an event.
	}
	q.failure = "Prometheus query failed"
	q.noValues = fmt.Sprintf("no values found for %s metric %s probably %s.%s is not receiving traffic",
		queries.Provider(in.Provider, c), m.Name, c.Spec.TargetRef.Name, c.Namespace)
	q.bare = m.Name == v1beta1.MetricDuration
	return q, nil
}

// observed prepares the query of the canary's observer for a builtin metric or queries.Requests.
func (e *Evaluator) observed(c *v1beta1.Canary, m v1beta1.CanaryMetric, in Inputs, metric string) (q question, err error) {
	observer, err := queries.Observer(in.Provider, c)
	if err != nil {
		return q, err
	}
	b, err := queries.Lookup(observer, metric)
	if err != nil {
		return q, err
	}
	q = question{unit: b.Unit, scale: b.Scale}
	if q.query, err = b.Render(c, m, queries.Canary, queries.RevisionsOf(c)); err != nil {
		return q, err
	}
	// The primary's value is for comparison; that it cannot be asked for stops nobody who does
	// not compare.
	if q.primary, err = b.Render(c, m, queries.Primary, queries.RevisionsOf(c)); err != nil {
		q.primary = ""
	}
	q.provider, err = e.metricsServer(c, in)
	return q, err
}

// inline prepares the query in the metric itself.
func (e *Evaluator) inline(c *v1beta1.Canary, m v1beta1.CanaryMetric, in Inputs) (q question, err error) {
	failure := "Prometheus query failed for " + m.Name
	values := queries.ValuesOf(c, m, queries.RevisionsOf(c))
	if q.query, err = queries.Render(m.Query, values); err != nil {
		return q, fmt.Errorf("%s: query render error: %w", failure, err)
	}
	if q.primary, err = queries.RenderPrimary(m.Query, values); err != nil {
		q.primary = ""
	}
	if q.provider, err = e.metricsServer(c, in); err != nil {
		return q, fmt.Errorf("%s: %w", failure, err)
	}
	q.scale, q.failure, q.bare = 1, failure, true
	q.noValues = "no values found for metric: " + m.Name
	return q, nil
}

// template prepares the query of a MetricTemplate.
func (e *Evaluator) template(ctx context.Context, c *v1beta1.Canary, m v1beta1.CanaryMetric, in Inputs) (q question, err error) {
	t, provider, err := e.templateProvider(ctx, c, *m.TemplateRef, in)
	if err != nil {
		return q, err
	}
	values := queries.ValuesOf(c, m, queries.RevisionsOf(c))
	if q.query, err = queries.Render(t.Spec.Query, values); err != nil {
		return q, fmt.Errorf("Metric template %s.%s query render error: %w", t.Name, t.Namespace, err)
	}
	if q.primary, err = queries.RenderPrimary(t.Spec.Query, values); err != nil {
		q.primary = ""
	}
	q.provider, q.scale = provider, 1
	q.failure = "Metric query failed for " + m.Name
	q.noValues = "no values found for custom metric: " + m.Name
	return q, nil
}

// metricsServer is the Prometheus for builtin metrics and inline queries. The agent sends no
// credentials there: the address may come from the manifest.
func (e *Evaluator) metricsServer(c *v1beta1.Canary, in Inputs) (providers.Provider, error) {
	address := c.Spec.MetricsServer
	if address == "" {
		address = in.MetricsServer
	}
	if address == "" {
		return nil, errors.New("there is no metrics server: set spec.metricsServer, or start the agent with the URL of one")
	}
	return prometheus.New(prometheus.Options{Address: address, Client: e.http.Client(false)})
}

// construct makes a provider from a template and the data of its Secret, nil without one.
type construct func(e *Evaluator, p v1beta1.MetricTemplateProvider, secret map[string][]byte) (providers.Provider, error)

// supported are the provider types, and how to make them.
var supported = map[v1beta1.MetricProviderType]construct{
	v1beta1.MetricProviderPrometheus: newPrometheus,
}

// supportedTypes lists them in words.
func supportedTypes() string {
	var names []string
	for t := range supported {
		names = append(names, string(t))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// templateProvider fetches a template and makes its provider. The errors are texts of events.
func (e *Evaluator) templateProvider(ctx context.Context, c *v1beta1.Canary, ref v1beta1.NamespacedReference, in Inputs) (*v1beta1.MetricTemplate, providers.Provider, error) {
	namespace := c.NamespaceOf(ref)
	name := ref.Name + "." + namespace
	if in.NoCrossNamespaceRefs && namespace != c.Namespace {
		return nil, nil, fmt.Errorf("Metric template %s error: can't access metric template %s, cross-namespace references are blocked: copy the template to namespace %s",
			name, name, c.Namespace)
	}
	t, err := in.Objects.GetTemplate(ctx, namespace, ref.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("Metric template %s error: %w", name, err)
	}
	p := t.Spec.Provider
	var secret map[string][]byte
	if p.SecretRef != nil {
		if secret, err = in.Objects.GetSecret(ctx, namespace, p.SecretRef.Name); err != nil {
			return nil, nil, fmt.Errorf("Metric template %s secret %s error: %w", name, p.SecretRef.Name, err)
		}
	}
	build, ok := supported[p.Type]
	if !ok {
		return nil, nil, fmt.Errorf("Metric template %s provider %s error: this type is not supported so far, these are: %s", name, p.Type, supportedTypes())
	}
	provider, err := build(e, p, secret)
	if err != nil {
		return nil, nil, fmt.Errorf("Metric template %s provider %s error: %w", name, p.Type, err)
	}
	return t, provider, nil
}

func newPrometheus(e *Evaluator, p v1beta1.MetricTemplateProvider, secret map[string][]byte) (providers.Provider, error) {
	o := prometheus.Options{
		Address: p.Address,
		Client:  e.http.Client(p.InsecureSkipVerify),
		Header:  p.Headers,
	}
	if p.SecretRef != nil {
		// A line break at the end is what most editors leave behind; no credential has one.
		key := func(name string) string { return strings.TrimRight(string(secret[name]), "\r\n") }
		o.Token, o.User, o.Password = key("token"), key("username"), key("password")
		if o.Token == "" && (o.User == "" || o.Password == "") {
			return nil, fmt.Errorf("secret %s must have the key token, or username and password", p.SecretRef.Name)
		}
	}
	return prometheus.New(o)
}
