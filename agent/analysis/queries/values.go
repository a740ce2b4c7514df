package queries

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// DefaultInterval is the window of a query when the metric gives none, for templates as well: an
// empty window is not PromQL, and other systems need one to know how far to look back.
const DefaultInterval = "1m"

// MaxQuery is how long a rendered query may be, in bytes. Longer ones do not fit into a request,
// and a template can grow without bounds.
const MaxQuery = 64 << 10

// Values are what a query can refer to.
type Values struct {
	Name      string
	Namespace string
	Target    string
	Service   string
	Ingress   string
	Route     string
	Interval  string
	Variables map[string]string
}

// Revisions are the names of the two revisions of a Knative Service, which cannot be derived from
// the Canary.
type Revisions struct {
	Canary, Primary string
}

// RevisionsOf reads the names from the status of a canary: the Revision that is being rolled out, and
// the one that was promoted. They are empty for targets of another kind, and as long as the status
// does not name them.
func RevisionsOf(c *v1beta1.Canary) Revisions {
	if !c.IsKnative() {
		return Revisions{}
	}
	name := func(revision string) string {
		name, ok := strings.CutPrefix(revision, v1beta1.KnativeRevisionPrefix)
		if !ok {
			return ""
		}
		return name
	}
	revs := Revisions{Canary: name(c.Status.LastAppliedSpec), Primary: name(c.Status.LastPromotedSpec)}
	if run := c.Status.Run; run != nil {
		revs.Canary = name(run.Revision)
	}
	return revs
}

// ValuesOf reads the values from a canary and one of its metrics.
func ValuesOf(c *v1beta1.Canary, m v1beta1.CanaryMetric, revs Revisions) Values {
	v := Values{
		Name:      c.Name,
		Namespace: c.Namespace,
		Target:    c.Spec.TargetRef.Name,
		Service:   c.ApexName(),
		Ingress:   c.Spec.TargetRef.Name,
		Route:     c.Spec.TargetRef.Name,
		Interval:  m.Interval,
		Variables: m.TemplateVariables,
	}
	if c.Spec.IngressRef != nil {
		v.Ingress = c.Spec.IngressRef.Name
	}
	if c.Spec.RouteRef != nil {
		v.Route = c.Spec.RouteRef.Name
	}
	if c.IsKnative() && revs.Canary != "" {
		v.Route = revs.Canary
	}
	if v.Interval == "" {
		v.Interval = DefaultInterval
	}
	return v
}

func (v Values) funcs() template.FuncMap {
	return template.FuncMap{
		"name":      func() string { return v.Name },
		"namespace": func() string { return v.Namespace },
		"target":    func() string { return v.Target },
		"service":   func() string { return v.Service },
		"ingress":   func() string { return v.Ingress },
		"route":     func() string { return v.Route },
		"interval":  func() string { return v.Interval },
		"variables": func() map[string]string { return v.Variables },
	}
}

// Render renders a query written by a user: a Go text/template with the functions name, namespace,
// target, service, ingress, route, interval and variables. A variable that is not set is an error.
func Render(query string, v Values) (string, error) {
	return render(query, v.funcs())
}

// RenderPrimary renders a query written by a user for the primary side, or returns "" when it
// cannot tell how the query tells the sides apart. It knows the two ways that templates use: the
// Service of the canary, {{ service }}-canary, and the workload, {{ target }}.
func RenderPrimary(query string, v Values) (string, error) {
	canary, err := Render(query, v)
	if err != nil {
		return "", err
	}
	primary := canary
	for _, name := range []string{v.Service, v.Target} {
		primary = strings.ReplaceAll(primary, name+"-canary", name+"-primary")
	}
	if primary == canary {
		v.Target += "-primary"
		if primary, err = Render(query, v); err != nil || primary == canary {
			return "", err
		}
	}
	return primary, nil
}

func render(text string, funcs template.FuncMap) (string, error) {
	t, err := template.New("query").Option("missingkey=error").Funcs(funcs).Parse(text)
	if err != nil {
		return "", renderError(err)
	}
	out := limitedBuilder{left: MaxQuery}
	if err := t.Execute(&out, nil); err != nil {
		return "", renderError(err)
	}
	return strings.TrimSpace(out.String()), nil
}

// renderError takes the template engine's own name for the text away; there is only one text.
func renderError(err error) error {
	if errors.Is(err, errTooLong) {
		return errTooLong
	}
	return errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), "query:"))
}

var errTooLong = fmt.Errorf("the rendered query is longer than %d bytes", MaxQuery)

type limitedBuilder struct {
	strings.Builder
	left int
}

var _ io.Writer = (*limitedBuilder)(nil)

func (b *limitedBuilder) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errTooLong
	}
	return b.Builder.Write(p)
}
