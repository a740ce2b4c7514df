package telemetry

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// checkTimeout is shorter than the second that kubelet gives a probe by default.
const checkTimeout = 900 * time.Millisecond

// Check is one condition of /healthz or /readyz.
type Check struct {
	// Name is what the answer calls it.
	Name string
	// Probe returns nil while the condition holds. Its error is shown to whoever asks.
	Probe func(context.Context) error
}

// checks answers 200 and OK when all conditions hold, or else 503 and which do not. With the
// parameter verbose it always lists them.
type checks struct {
	log      *slog.Logger
	endpoint string
	list     []Check
}

func (c checks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	var report bytes.Buffer
	healthy := true
	for i, err := range c.run(ctx) {
		if err == nil {
			fmt.Fprintf(&report, "[+] %s\n", c.list[i].Name)
			continue
		}
		healthy = false
		fmt.Fprintf(&report, "[-] %s: %v\n", c.list[i].Name, err)
		c.log.Warn("check failed", "endpoint", c.endpoint, "check", c.list[i].Name, "error", err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if !healthy {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(report.Bytes())
		return
	}
	if _, verbose := r.URL.Query()["verbose"]; verbose {
		_, _ = w.Write(report.Bytes())
	}
	_, _ = w.Write([]byte("OK"))
}

// run runs all checks at once; one that does not return in time counts as failed, since that is
// how a deadlock looks from outside.
func (c checks) run(ctx context.Context) []error {
	type outcome struct {
		index int
		err   error
	}
	outcomes := make(chan outcome, len(c.list))
	for i, check := range c.list {
		go func() { outcomes <- outcome{i, check.Probe(ctx)} }()
	}
	errs := make([]error, len(c.list))
	for i := range errs {
		errs[i] = errNoAnswer
	}
	for range c.list {
		select {
		case o := <-outcomes:
			errs[o.index] = o.err
		case <-ctx.Done():
			return errs
		}
	}
	return errs
}

var errNoAnswer = fmt.Errorf("no answer within %s", checkTimeout)

// Watchdog notices work that does not end. Each worker reports what it takes up and is done with.
type Watchdog struct {
	limit time.Duration

	mu   sync.Mutex
	next int
	busy map[int]task
}

type task struct {
	name  string
	since time.Time
}

// NewWatchdog makes a watchdog for tasks that must not take longer than the limit.
func NewWatchdog(limit time.Duration) *Watchdog {
	return &Watchdog{limit: limit, busy: map[int]task{}}
}

// Start records that a task has begun; the function it returns, that it is over.
func (w *Watchdog) Start(name string) (done func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.next
	w.next++
	w.busy[id] = task{name: name, since: time.Now()}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.busy, id)
	}
}

// Check fails while a task has been going on for longer than the limit.
func (w *Watchdog) Check(name string) Check {
	return Check{Name: name, Probe: func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, t := range w.busy {
			if age := time.Since(t.since); age > w.limit {
				return fmt.Errorf("%s has been at work for %s, longer than %s", t.name, age.Round(time.Second), w.limit)
			}
		}
		return nil
	}}
}
