package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// maxBody is how many bytes of an answer are read; one line of it is shown.
const maxBody = 4 << 10

// HTTP makes the clients that calls go through; *egress.Guard does.
type HTTP interface {
	Client(insecureSkipVerify bool) *http.Client
}

var _ HTTP = (*egress.Guard)(nil)

// Caller calls webhooks. It is safe for concurrent use.
type Caller struct {
	// HTTP makes the clients. Required.
	HTTP HTTP
	// Sleep waits between attempts, and fails when the context ends first. Default: by the clock.
	Sleep func(ctx context.Context, d time.Duration) error
	// Now is the time by which a Retry-After with a date is read. Default: time.Now.
	Now func() time.Time
}

// Error is a call that did not succeed.
type Error struct {
	// URL without user, password and query.
	URL string
	// Attempts that were made.
	Attempts int
	// Status of the last answer; 0 when there was none.
	Status int
	// Body is the first line of the last answer, escaped.
	Body string
	// Err is why there was no answer; nil when there was one.
	Err error

	retried bool
}

func (e *Error) Error() string {
	text := "POST " + e.URL
	if e.retried {
		text = fmt.Sprintf("POST %s giving up after %d attempt(s)", e.URL, e.Attempts)
	}
	if e.Err != nil {
		return text + ": " + e.Err.Error()
	}
	text = strings.TrimRight(fmt.Sprintf("%s: %d %s", text, e.Status, http.StatusText(e.Status)), " ")
	if e.Body != "" {
		text += ": " + e.Body
	}
	if e.Status >= 300 && e.Status < 400 {
		text += " (redirects are not followed: set the final address)"
	}
	return text
}

// Unwrap returns the cause of a call without an answer.
func (e *Error) Unwrap() error { return e.Err }

// Call posts the payload to the hook. It returns nil when the hook answered with success and an
// *Error otherwise. It takes up to timeout × (retries+1) and the waits between the attempts; when
// the context ends, so does the call.
func (c *Caller) Call(ctx context.Context, hook v1beta1.CanaryWebhook, payload Payload) error {
	body, err := json.Marshal(payload.with(hook))
	if err != nil {
		return fmt.Errorf("webhook %s: the payload cannot be written: %w", hook.Name, err)
	}
	if u, err := url.Parse(hook.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return &Error{URL: egress.Redact(hook.URL), Err: errors.New("the url must be absolute, such as http://host.namespace/path")}
	}
	for attempt := 1; ; attempt++ {
		failure, wait := c.attempt(ctx, hook, payload.ID, body)
		if failure == nil {
			return nil
		}
		failure.Attempts = attempt
		if wait == never || ctx.Err() != nil {
			return failure
		}
		failure.retried = true
		if attempt > int(hook.Retries) {
			return failure
		}
		if wait == byBackoff {
			wait = backoff(attempt)
		}
		if err := c.sleep(ctx, wait); err != nil {
			return failure
		}
	}
}

// What attempt says about the next one, besides a time to wait.
const (
	byBackoff time.Duration = -1
	never     time.Duration = -2
)

// attempt makes one request. The failure is nil on success; wait says when to try again.
func (c *Caller) attempt(ctx context.Context, hook v1beta1.CanaryWebhook, id string, body []byte) (failure *Error, wait time.Duration) {
	failure = &Error{URL: egress.Redact(hook.URL)}
	timeout := hook.TimeoutOrDefault()
	attemptCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(attemptCtx, http.MethodPost, hook.URL, bytes.NewReader(body))
	if err != nil {
		failure.Err = egress.Cause(err)
		return failure, never
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "canary-agent")
	if id != "" {
		req.Header.Set("Idempotency-Key", id)
	}
	resp, err := c.HTTP.Client(hook.DisableTLS).Do(req)
	if err != nil {
		failure.Err = egress.Cause(err)
		var blocked *egress.BlockedError
		switch {
		case errors.As(err, &blocked):
			return failure, never // it would be refused again
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			failure.Err = fmt.Errorf("no answer within %s: %w", timeout, context.DeadlineExceeded)
		}
		return failure, byBackoff
	}
	defer func() { _ = resp.Body.Close() }()
	// What cannot be read of the body cannot be shown; the status has decided already.
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil, 0
	}
	failure.Status, failure.Body = resp.StatusCode, egress.FirstLine(string(text))
	return failure, c.waitAfter(resp)
}

func (c *Caller) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (c *Caller) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
