package providers

import (
	"context"
	"errors"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/analysis/queries"
)

// Provider answers queries.
type Provider interface {
	// Query returns the one value that the query stands for. It fails with ErrNoValues when there
	// is none, with an *InfiniteError when it is not finite, and with an *UnavailableError when
	// asking again may help. It never returns NaN or an infinity.
	Query(ctx context.Context, query string) (float64, error)
	// Ping checks that the provider can be reached and takes the credentials.
	Ping(ctx context.Context) error
}

// ErrNoValues says that the query was answered, and that there is nothing to judge.
var ErrNoValues = queries.ErrNoValues

// InfiniteError says that the answer is not a finite number, usually because of a division by zero.
type InfiniteError = queries.InfiniteError

// UnavailableError says that the provider did not answer, or not for reasons of the query.
type UnavailableError struct {
	// Err is the cause.
	Err error
}

func (e *UnavailableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// WithRetry asks a provider a second time, after the wait, when it was unavailable: a blip of the
// metrics server says nothing about the canary. A provider that took all the time it had is not
// asked again.
func WithRetry(p Provider, wait time.Duration) Provider {
	return &retrying{next: p, wait: wait}
}

type retrying struct {
	next Provider
	wait time.Duration
}

var _ Provider = (*retrying)(nil)

func (r *retrying) Query(ctx context.Context, query string) (value float64, err error) {
	err = r.twice(ctx, func() error {
		value, err = r.next.Query(ctx, query)
		return err
	})
	return value, err
}

func (r *retrying) Ping(ctx context.Context) error {
	return r.twice(ctx, func() error { return r.next.Ping(ctx) })
}

func (r *retrying) twice(ctx context.Context, ask func() error) error {
	err := ask()
	var unavailable *UnavailableError
	if !errors.As(err, &unavailable) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	timer := time.NewTimer(r.wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return err
	case <-timer.C:
		return ask()
	}
}
