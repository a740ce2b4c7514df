package livemetrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/controllers"
)

// What a controller does without the flags that say it; the same in both.
const (
	defaultMetricsServer = "http://prometheus:9090"
	defaultProvider      = v1beta1.ProviderIstio
)

// plan is what to ask for one state of a canary.
type plan struct {
	metrics []metric
	// notes say which metrics cannot be asked for, and why.
	notes notes
}

// metric is one entry of spec.analysis.metrics.
type metric struct {
	name string
	// min and max are its bounds; nil where there is none.
	min, max *float64
	// questions are its parts that can be asked: builtin, inline and template. There is mostly one.
	questions []question
}

// question is one query for each side.
type question struct {
	server server
	canary string
	// primary is empty where the query does not say how to ask for it.
	primary string
	// scale is what the answers are multiplied by.
	scale float64
}

// planner makes a plan.
type planner struct {
	*Meter

	ctx    context.Context
	canary *v1beta1.Canary
	// agent looks for the controller of the canary, once, when it is needed.
	agent func() agent
}

func (m *Meter) plan(ctx context.Context, c *v1beta1.Canary) plan {
	p := &planner{Meter: m, ctx: ctx, canary: c}
	p.agent = sync.OnceValue(func() agent { return m.findAgent(ctx, c.Namespace) })
	var out plan
	for _, spec := range c.GetAnalysis().Metrics {
		one := metric{name: spec.Name}
		one.min, one.max = v1beta1.MetricBounds(spec)
		add := func(q question, err error) {
			if err != nil {
				out.notes.add(spec.Name, err)
				return
			}
			one.questions = append(one.questions, q)
		}
		if spec.IsBuiltin() {
			add(p.builtin(spec))
		}
		if spec.Query != "" {
			add(p.inline(spec))
		}
		if spec.TemplateRef != nil {
			add(p.template(spec))
		}
		if !spec.IsBuiltin() && spec.Query == "" && spec.TemplateRef == nil {
			out.notes.add(spec.Name, errors.New("it is not builtin and has neither query nor templateRef"))
		}
		if len(one.questions) > 0 {
			out.metrics = append(out.metrics, one)
		}
	}
	if len(c.GetAnalysis().Metrics) == 0 {
		out.notes.add("", errors.New("the canary has no metrics"))
	}
	return out
}

func (p *planner) builtin(spec v1beta1.CanaryMetric) (q question, err error) {
	a := p.agent()
	if p.canary.Spec.Provider == "" && a.err != nil {
		return q, a.err
	}
	observer, err := queries.Observer(a.provider, p.canary)
	if err != nil {
		return q, err
	}
	b, err := queries.Lookup(observer, spec.Name)
	if err != nil {
		return q, err
	}
	q.scale = b.Scale
	if q.canary, err = b.Render(p.canary, spec, queries.Canary, queries.RevisionsOf(p.canary)); err != nil {
		return q, err
	}
	if q.primary, err = b.Render(p.canary, spec, queries.Primary, queries.RevisionsOf(p.canary)); err != nil {
		q.primary = ""
	}
	q.server, err = p.metricsServer()
	return q, err
}

func (p *planner) inline(spec v1beta1.CanaryMetric) (q question, err error) {
	if q, err = render(p.canary, spec, spec.Query); err != nil {
		return q, err
	}
	q.server, err = p.metricsServer()
	return q, err
}

// render gives the query of a user for both sides.
func render(c *v1beta1.Canary, spec v1beta1.CanaryMetric, text string) (q question, err error) {
	values := queries.ValuesOf(c, spec, queries.RevisionsOf(c))
	q.scale = 1
	if q.canary, err = queries.Render(text, values); err != nil {
		return q, fmt.Errorf("its query cannot be rendered: %w", err)
	}
	if q.primary, err = queries.RenderPrimary(text, values); err != nil {
		q.primary = "" // The agent does without it as well.
	}
	return q, nil
}

// metricsServer is the one for builtin metrics and inline queries.
func (p *planner) metricsServer() (server, error) {
	if address := p.canary.Spec.MetricsServer; address != "" {
		return p.locate(address)
	}
	a := p.agent()
	if a.err != nil {
		return server{}, a.err
	}
	return p.locate(a.metricsServer)
}

// locate asks for the agent only when its namespace is needed.
func (p *planner) locate(address string) (server, error) {
	s, err := locate(address, "")
	if !errors.Is(err, errShort) {
		return s, err
	}
	a := p.agent()
	if a.err != nil {
		return s, a.err
	}
	return locate(address, a.namespace)
}

// template reads the MetricTemplate of a metric. Its address is looked up by the agent, so a short
// name is one in the agent's namespace.
func (p *planner) template(spec v1beta1.CanaryMetric) (q question, err error) {
	ref, namespace := spec.TemplateRef, p.canary.NamespaceOf(*spec.TemplateRef)
	object, err := p.client.Resource(v1beta1.MetricTemplateResource).Namespace(namespace).Get(p.ctx, ref.Name, metav1.GetOptions{})
	what := fmt.Sprintf("MetricTemplate %s in namespace %s", ref.Name, namespace)
	switch {
	case apierrors.IsForbidden(err):
		return q, fmt.Errorf("you may not read %s", what)
	case apierrors.IsNotFound(err):
		return q, fmt.Errorf("there is no %s", what)
	case err != nil:
		return q, fmt.Errorf("cannot read %s: %w", what, err)
	}
	var t v1beta1.MetricTemplate
	raw, err := object.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil {
		return q, fmt.Errorf("cannot read %s: %w", what, err)
	}
	provider := t.Spec.Provider
	switch {
	case provider.Type != v1beta1.MetricProviderPrometheus:
		return q, fmt.Errorf("%s has provider %s; only prometheus is asked live", what, provider.Type)
	case provider.SecretRef != nil, len(provider.Headers) > 0:
		return q, fmt.Errorf("%s needs headers or credentials, which are the agent's", what)
	}
	if q, err = render(p.canary, spec, t.Spec.Query); err != nil {
		return q, err
	}
	q.server, err = p.locate(provider.Address)
	return q, err
}

// agent is what the controller of a canary was started with.
type agent struct {
	namespace, provider, metricsServer string
	// err says why it is not known; the rest is empty then.
	err error
}

func (m *Meter) findAgent(ctx context.Context, namespace string) agent {
	found, partial, err := controllers.Find(ctx, m.client, namespace)
	for _, c := range found {
		if !c.Serves(namespace) {
			continue
		}
		a := agent{namespace: c.Namespace, provider: c.Flag("mesh-provider"), metricsServer: c.Flag("metrics-server")}
		if a.provider == "" {
			a.provider = defaultProvider
		}
		if a.metricsServer == "" {
			a.metricsServer = defaultMetricsServer
		}
		return a
	}
	switch {
	case apierrors.IsForbidden(err), err == nil && partial:
		return agent{err: fmt.Errorf("the flags of the agent say where the metrics server is, and you may not list Deployments in its namespace; "+
			"ClusterRole canary-viewer, bound in namespace %s, gives it", controllers.AgentNamespace)}
	case err != nil:
		return agent{err: fmt.Errorf("cannot look for the agent: %w", err)}
	}
	return agent{err: errors.New("no controller looks after the canary, so nobody says where the metrics server is")}
}
