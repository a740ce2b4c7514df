package queries

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Side is one of the two versions that serve traffic.
type Side int

const (
	// Canary is the version under test.
	Canary Side = iota
	// Primary is the version that is trusted.
	Primary
)

func (s Side) String() string {
	if s == Primary {
		return "primary"
	}
	return "canary"
}

// The units of the builtin metrics.
const (
	Percent      = "percent"
	Milliseconds = "milliseconds"
)

// Statistic says what a duration is.
type Statistic string

const (
	// P99 is the 99th percentile.
	P99 Statistic = "p99"
	// Mean is the average, for observers whose metrics have no usable histogram in the contract.
	Mean Statistic = "mean"
)

// Builtin is the query for one builtin metric of one observer.
type Builtin struct {
	// Metric is its name in spec.analysis.metrics.
	Metric string
	// Observer it belongs to.
	Observer string
	// Unit of the value after scaling.
	Unit string
	// Scale is what the answer must be multiplied by to be in Unit.
	Scale float64
	// Statistic of a duration; empty for other metrics.
	Statistic Statistic

	shape shape
	text  func(shape, string) string
}

// Requests is the metric name under which Lookup finds the number of requests within the interval.
const Requests = "requests"

// Lookup finds the query of an observer for request-success-rate, request-duration or Requests.
func Lookup(observer, metric string) (Builtin, error) {
	s, ok := shapes[observer]
	if !ok {
		return Builtin{}, fmt.Errorf("observer %q has no builtin queries", observer)
	}
	b := Builtin{Metric: metric, Observer: observer, Scale: 1, shape: s}
	switch metric {
	case v1beta1.MetricSuccessRate:
		b.Unit, b.text = Percent, shape.successRate
	case v1beta1.MetricDuration:
		b.Unit, b.text, b.Statistic = Milliseconds, shape.duration, P99
		if s.bucket == "" {
			b.Statistic = Mean
		}
		if s.scale != 0 {
			b.Scale = s.scale
		}
	case Requests:
		b.text = shape.requests
	default:
		return Builtin{}, fmt.Errorf("metric %q is not a builtin one", metric)
	}
	return b, nil
}

// interval is what Prometheus takes as a duration.
var interval = regexp.MustCompile(`^([0-9]+(ms|s|m|h|d|w|y))+$`)

// Render gives the query for one side. The text is empty when the observer's metrics do not know
// that side. It fails when something that the query needs is missing.
func (b Builtin) Render(c *v1beta1.Canary, m v1beta1.CanaryMetric, side Side, revs Revisions) (string, error) {
	v := ValuesOf(c, m, revs)
	if !interval.MatchString(v.Interval) {
		return "", fmt.Errorf("interval %q of metric %s is not a duration such as 30s or 1m", v.Interval, m.Name)
	}
	selector := b.shape.canary
	if side == Primary {
		if selector = b.shape.primary; selector == "" {
			return "", nil
		}
	}
	if b.Observer == Knative {
		v.Route = revs.Canary
		if side == Primary {
			v.Route = revs.Primary
		}
		if v.Route == "" {
			return "", fmt.Errorf("the name of the %s revision of the Knative Service %s/%s is not known yet: its status must name it",
				side, v.Namespace, v.Target)
		}
	}
	return render(b.text(b.shape, selector), b.funcs(c, v, side))
}

// funcs are the functions of users' queries and those that the table needs besides.
func (b Builtin) funcs(c *v1beta1.Canary, v Values, side Side) map[string]any {
	workload, service := v.Target, v.Service+"-canary"
	if side == Primary {
		workload, service = v.Target+"-primary", v.Service+"-primary"
	}
	daemonset := c.Spec.TargetRef.Kind == v1beta1.TargetDaemonSet
	funcs := map[string]any(v.funcs())
	funcs["workload"] = func() string { return workload }
	funcs["backend"] = func() string { return service }
	funcs["kind"] = func() string { return c.Spec.TargetRef.Kind }
	funcs["lower"] = strings.ToLower
	// A pod of a Deployment is <name>-<hash>-<random>, one of a DaemonSet <name>-<random>. Taking
	// one for the other finds the primary's pods instead of the canary's.
	funcs["pods"] = func() string {
		if daemonset {
			return "-[0-9a-zA-Z]+"
		}
		return "-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"
	}
	funcs["re"] = func(s string) string { return escape(regexp.QuoteMeta(s)) }
	funcs["str"] = escape
	funcs["dashed"] = dashed
	funcs["underscored"] = underscored
	return funcs
}

// escape writes a string so that it can stand between the quotes of PromQL.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}

// dashed is how Traefik makes one name of several: whatever is neither letter nor number separates
// parts, and one dash joins them.
func dashed(parts ...string) string {
	return strings.Join(strings.FieldsFunc(strings.Join(parts, "-"), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r)
	}), "-")
}

var nonWord = regexp.MustCompile(`\W`)

// underscored is how Skipper writes names into the ids of routes.
func underscored(s string) string {
	return nonWord.ReplaceAllString(s, "_")
}
