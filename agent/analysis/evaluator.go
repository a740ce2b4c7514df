package analysis

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// DefaultParallel is how many queries an Evaluator has under way at most.
const DefaultParallel = 8

// retryWait is how long a metrics server that did not answer gets before it is asked again.
const retryWait = 300 * time.Millisecond

// HTTP makes the clients that requests to metric providers go through; *egress.Guard does.
type HTTP interface {
	Client(insecureSkipVerify bool) *http.Client
}

var _ HTTP = (*egress.Guard)(nil)

// Objects reads what a metric refers to.
type Objects interface {
	// GetTemplate returns a MetricTemplate, which is not changed.
	GetTemplate(ctx context.Context, namespace, name string) (*v1beta1.MetricTemplate, error)
	// GetSecret returns the data of a Secret, which is not changed.
	GetSecret(ctx context.Context, namespace, name string) (map[string][]byte, error)
}

// Inputs are what an evaluation needs besides the Canary.
type Inputs struct {
	// Provider is the traffic provider the agent was started with.
	Provider string
	// MetricsServer is the URL of the Prometheus for builtin metrics and inline queries, unless
	// the canary names its own.
	MetricsServer string
	// Objects reads templates and secrets.
	Objects Objects
	// NoCrossNamespaceRefs refuses templates of other namespaces. It is checked here, at use, so
	// that no edit of a canary gets around it.
	NoCrossNamespaceRefs bool
}

// Evaluator asks metric providers. It is safe for concurrent use; one serves all canaries, so that
// its limit holds for all of them together.
type Evaluator struct {
	http  HTTP
	slots chan struct{}
}

// NewEvaluator makes an Evaluator with at most so many queries under way, DefaultParallel for 0.
func NewEvaluator(h HTTP, parallel int) *Evaluator {
	if parallel <= 0 {
		parallel = DefaultParallel
	}
	return &Evaluator{http: h, slots: make(chan struct{}, parallel)}
}

// Check evaluates every metric of the canary. The results are in the order of the spec. When the
// context ends, the metrics not evaluated by then have the verdict Error.
func (e *Evaluator) Check(ctx context.Context, c *v1beta1.Canary, in Inputs) Result {
	metrics := c.GetAnalysis().Metrics
	result := Result{Metrics: make([]Metric, len(metrics))}
	var wg sync.WaitGroup
	for i, m := range metrics {
		wg.Go(func() {
			// One metric that brings the code down must not take the other canaries with it.
			defer func() {
				if r := recover(); r != nil {
					result.Metrics[i] = newMetric(c, m).failed(fmt.Sprintf("Metric %s could not be evaluated: %v", m.Name, r))
				}
			}()
			result.Metrics[i] = e.metric(ctx, c, m, in)
		})
	}
	wg.Wait()
	return result
}

// acquire waits for a slot and returns what gives it back.
func (e *Evaluator) acquire(ctx context.Context) (release func(), err error) {
	select {
	case e.slots <- struct{}{}:
		return func() { <-e.slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("the check ended before its turn: %w", context.Cause(ctx))
	}
}
