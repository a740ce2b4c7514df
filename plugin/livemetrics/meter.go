package livemetrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

const (
	// patience is how long one query may take.
	patience = 3 * time.Second
	// roundPatience is how long the queries of one round may take together.
	roundPatience = 10 * time.Second
	// lanes is how many queries of one round are under way at once.
	lanes = 4
)

// Options of a Meter.
type Options struct {
	// Config is that of the user, as cluster.Access has it. Required.
	Config *rest.Config
	// Client of the same user, for canaries, templates and the Deployment of the agent. Required.
	Client dynamic.Interface
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Meter measures. Its methods may be called at the same time.
type Meter struct {
	client  dynamic.Interface
	proxied rest.Interface
	now     func() time.Time
}

// New makes a Meter. It does not connect; the error is that of an unusable configuration.
func New(o Options) (*Meter, error) {
	client, err := newClient(o.Config)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Meter{client: o.Client, proxied: client, now: o.Now}, nil
}

// Measure asks once for all metrics of a canary, as the agent would. What cannot be measured is left
// out of the values, and Note says why; a metric without data is among them, without a number.
func (m *Meter) Measure(ctx context.Context, c *v1beta1.Canary) source.Live {
	return m.round(ctx, c, m.plan(ctx, c)).live
}

// outcome of a round of questions.
type outcome struct {
	live source.Live
	// answered is set when at least one question was.
	answered bool
	// refused is set when the API server let none of them pass.
	refused bool
}

// reply to one question for one side.
type reply struct {
	value *float64
	// err is nil for a value, and for no data.
	err error
}

// round asks all questions of a plan.
func (m *Meter) round(ctx context.Context, c *v1beta1.Canary, p plan) outcome {
	ctx, cancel := context.WithTimeout(ctx, roundPatience)
	defer cancel()
	out := outcome{live: source.Live{Namespace: c.Namespace, Name: c.Name, At: m.now()}}
	canary, primary := m.askAll(ctx, p)
	asked, refused := 0, 0
	count := func(r reply) {
		asked++
		out.answered = out.answered || r.err == nil
		if _, ok := errors.AsType[*refusedError](r.err); ok {
			refused++
		}
	}
	said := p.notes.clone()
	for i, metric := range p.metrics {
		for j := range metric.questions {
			count(canary[i][j])
			if metric.questions[j].primary != "" {
				count(primary[i][j])
			}
		}
		at := metric.worst(canary[i])
		if err := canary[i][at].err; err != nil {
			said.add(metric.name, err)
			continue
		}
		if err := primary[i][at].err; err != nil {
			said.add(metric.name, fmt.Errorf("the primary: %w", err))
		}
		out.live.Values = append(out.live.Values, source.Value{Metric: metric.name, Canary: canary[i][at].value, Primary: primary[i][at].value})
	}
	out.refused = asked > 0 && refused == asked
	out.live.Note = said.line(len(c.GetAnalysis().Metrics))
	return out
}

// askAll asks for both sides, some at once; the replies are by metric and question.
func (m *Meter) askAll(ctx context.Context, p plan) (canary, primary [][]reply) {
	var asking sync.WaitGroup
	slots := make(chan struct{}, lanes)
	ask := func(into *reply, q question, text string) {
		if text == "" {
			return
		}
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			*into = m.reply(ctx, q, text)
		})
	}
	canary, primary = make([][]reply, len(p.metrics)), make([][]reply, len(p.metrics))
	for i, metric := range p.metrics {
		canary[i], primary[i] = make([]reply, len(metric.questions)), make([]reply, len(metric.questions))
		for j, q := range metric.questions {
			ask(&canary[i][j], q, q.canary)
			ask(&primary[i][j], q, q.primary)
		}
	}
	asking.Wait()
	return canary, primary
}

func (m *Meter) reply(ctx context.Context, q question, text string) reply {
	value, err := m.ask(ctx, q.server, text)
	if value *= q.scale; err == nil && math.IsInf(value, 0) {
		err = &queries.InfiniteError{Negative: value < 0}
	}
	switch {
	case errors.Is(err, queries.ErrNoValues):
		return reply{}
	case err != nil:
		return reply{err: err}
	}
	return reply{value: &value}
}

// worst finds the reply that stands for a metric of several parts, as in a check of the agent: one
// outside of the bounds before an error, that before no data, and that before a good value; the first
// of equals.
func (m metric) worst(replies []reply) int {
	rank := func(r reply) int {
		switch {
		case r.err != nil:
			return 2
		case r.value == nil:
			return 1
		case m.min != nil && *r.value < *m.min, m.max != nil && *r.value > *m.max:
			return 3
		}
		return 0
	}
	at := 0
	for i := range replies {
		if rank(replies[i]) > rank(replies[at]) {
			at = i
		}
	}
	return at
}
