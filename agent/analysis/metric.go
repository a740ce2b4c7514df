package analysis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/providers"
	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// question is one part of a metric, ready to be asked.
type question struct {
	provider       providers.Provider
	query, primary string
	unit           string
	scale          float64
	// noValues and failure are the beginnings of the messages for these outcomes.
	noValues, failure string
	// bare leaves the cause out of the message about missing values.
	bare bool
}

// metric evaluates all parts of one entry.
func (e *Evaluator) metric(ctx context.Context, c *v1beta1.Canary, m v1beta1.CanaryMetric, in Inputs) Metric {
	var prepare []func() (question, error)
	if m.IsBuiltin() {
		prepare = append(prepare, func() (question, error) { return e.builtin(c, m, in) })
	}
	if m.Query != "" {
		prepare = append(prepare, func() (question, error) { return e.inline(c, m, in) })
	}
	if m.TemplateRef != nil {
		prepare = append(prepare, func() (question, error) { return e.template(ctx, c, m, in) })
	}
	if len(prepare) == 0 {
		return newMetric(c, m).failed(fmt.Sprintf("Metric query failed for no usable metrics template and query were configured: metric %s is not builtin, set its templateRef", m.Name))
	}
	parts := make([]Metric, len(prepare))
	for i, p := range prepare {
		q, err := p()
		if err != nil {
			parts[i] = newMetric(c, m).failed(err.Error())
			continue
		}
		parts[i] = e.ask(ctx, c, m, in, q)
	}
	return worst(parts)
}

// answer to one query.
type answer struct {
	value float64
	err   error
}

func (a answer) pointer() *float64 {
	if a.err != nil {
		return nil
	}
	return &a.value
}

// ask sends the queries of one part, all at once so that the sides are compared at the same time,
// and judges the answers.
func (e *Evaluator) ask(ctx context.Context, c *v1beta1.Canary, m v1beta1.CanaryMetric, in Inputs, q question) Metric {
	out := newMetric(c, m)
	out.Unit, out.Query = q.unit, q.query
	var canary, primary, requests answer
	var wg sync.WaitGroup
	wg.Go(func() { canary = e.query(ctx, q.provider, q.query, q.scale) })
	if q.primary != "" {
		wg.Go(func() { primary = e.query(ctx, q.provider, q.primary, q.scale) })
	} else {
		primary.err = errNoPrimaryQuery
	}
	if m.MinRequests > 0 {
		wg.Go(func() { requests = e.requests(ctx, c, m, in) })
	}
	wg.Wait()
	out.Value, out.PrimaryValue = canary.pointer(), primary.pointer()

	var infinite *providers.InfiniteError
	switch {
	case requests.err != nil:
		return out.failed(fmt.Sprintf("Counting the requests for metric %s failed: %v", m.Name, requests.err))
	case m.MinRequests > 0 && math.Round(requests.value) < float64(m.MinRequests):
		return out.noData(fmt.Sprintf("too few requests to judge metric %s of %s.%s: %.0f of at least %d within %s",
			m.Name, c.Name, c.Namespace, requests.value, m.MinRequests, queries.ValuesOf(c, m, queries.RevisionsOf(c)).Interval))
	case errors.Is(canary.err, providers.ErrNoValues):
		if q.bare {
			return out.noData(q.noValues)
		}
		return out.noData(q.noValues + ": " + canary.err.Error())
	case errors.As(canary.err, &infinite):
		return out.infinite(c, m, infinite, q)
	case canary.err != nil:
		return out.failed(q.failure + ": " + canary.err.Error())
	}
	return out.judge(c, m, canary.value, primary)
}

var errNoPrimaryQuery = errors.New("the query does not say how to ask for the primary: use {{ target }} or {{ service }}-canary in it")

// query asks one provider one question, as soon as there is a slot.
func (e *Evaluator) query(ctx context.Context, p providers.Provider, text string, scale float64) (a answer) {
	// This is a goroutine of its own, see Check.
	defer func() {
		if r := recover(); r != nil {
			a = answer{err: fmt.Errorf("the provider broke down: %v", r)}
		}
	}()
	release, err := e.acquire(ctx)
	if err != nil {
		return answer{err: err}
	}
	defer release()
	v, err := providers.WithRetry(p, retryWait).Query(ctx, text)
	if v *= scale; err == nil && math.IsInf(v, 0) {
		err = &providers.InfiniteError{Negative: v < 0}
	}
	return answer{value: v, err: err}
}

// requests counts what the canary was sent within the interval of the metric.
func (e *Evaluator) requests(ctx context.Context, c *v1beta1.Canary, m v1beta1.CanaryMetric, in Inputs) answer {
	q, err := e.observed(c, m, in, queries.Requests)
	if err != nil {
		return answer{err: err}
	}
	a := e.query(ctx, q.provider, q.query, 1)
	if errors.Is(a.err, providers.ErrNoValues) {
		return answer{} // no series, no requests
	}
	return a
}
