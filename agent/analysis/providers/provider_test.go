package providers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// script answers with one error after the other, then with 7.
type script struct {
	errs  []error
	calls int
}

func (s *script) Query(context.Context, string) (float64, error) {
	s.calls++
	if s.calls <= len(s.errs) {
		return 0, s.errs[s.calls-1]
	}
	return 7, nil
}

func (s *script) Ping(ctx context.Context) error {
	_, err := s.Query(ctx, "")
	return err
}

func TestWithRetry(t *testing.T) {
	down := &UnavailableError{Err: errors.New("connection refused")}
	slow := &UnavailableError{Err: fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)}
	tests := []struct {
		name  string
		errs  []error
		calls int
		wait  time.Duration
		ok    bool
	}{
		{"answers", nil, 1, 0, true},
		{"blip", []error{down}, 2, 250 * time.Millisecond, true},
		{"down", []error{down, down}, 2, 250 * time.Millisecond, false},
		{"no values", []error{ErrNoValues}, 1, 0, false},
		{"bad query", []error{errors.New("parse error")}, 1, 0, false},
		{"timeout", []error{slow}, 1, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{errs: tt.errs}
				start := time.Now()
				value, err := WithRetry(s, 250*time.Millisecond).Query(t.Context(), "up")
				if (err == nil) != tt.ok || s.calls != tt.calls || time.Since(start) != tt.wait {
					t.Errorf("value %v, error %v, %d calls, %v", value, err, s.calls, time.Since(start))
				}
				if tt.ok && value != 7 {
					t.Errorf("value is %v", value)
				}
				p := &script{errs: tt.errs}
				if err := WithRetry(p, time.Second).Ping(t.Context()); (err == nil) != tt.ok {
					t.Errorf("ping: %v", err)
				}
			})
		})
	}
}

func TestRetryEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := &script{errs: []error{&UnavailableError{Err: errors.New("down")}}}
		if _, err := WithRetry(s, time.Hour).Query(ctx, "up"); err == nil || err.Error() != "down" || s.calls != 1 {
			t.Errorf("%v after %d calls", err, s.calls)
		}
	})
}
