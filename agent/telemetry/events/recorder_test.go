package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/agent/telemetry/events"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// cluster keeps events by name; answer may make a write fail.
type cluster struct {
	mu      sync.Mutex
	created []*corev1.Event
	tries   int
	answer  func(ctx context.Context, try int) error
}

func (c *cluster) Create(ctx context.Context, event *corev1.Event) error {
	c.mu.Lock()
	c.tries++
	try := c.tries
	c.mu.Unlock()
	if c.answer != nil {
		if err := c.answer(ctx, try); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.created {
		if e.Name == event.Name {
			return apierrors.NewAlreadyExists(schema.GroupResource{Resource: "events"}, event.Name)
		}
	}
	c.created = append(c.created, event)
	return nil
}

// harness runs a recorder within a synctest bubble and counts results.
type harness struct {
	*events.Recorder
	mu      sync.Mutex
	results map[string]int
	stop    func()
	done    chan struct{}
}

func start(t *testing.T, c *cluster, options events.Options) *harness {
	ctx, cancel := context.WithCancel(t.Context())
	h := &harness{results: map[string]int{}, stop: cancel, done: make(chan struct{})}
	options.OnResult = func(result string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.results[result]++
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	h.Recorder = events.NewRecorder(c, options)
	go func() { defer close(h.done); h.Run(ctx) }()
	return h
}

func (h *harness) finish() {
	h.stop()
	<-h.done
}

func (h *harness) expect(t *testing.T, want map[string]int) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if fmt.Sprint(h.results) != fmt.Sprint(want) {
		t.Errorf("results %v, want %v", h.results, want)
	}
}

func event(key string) events.Event {
	c := &v1beta1.Canary{}
	c.Namespace, c.Name, c.UID = "test", "podinfo", "uid-1"
	return events.Event{Object: events.ReferenceTo(c), Reason: "Synced", Message: "message of " + key, Key: key}
}

func TestWrittenEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		var log bytes.Buffer
		h := start(t, c, events.Options{Instance: "pod-1", Log: slog.New(slog.NewJSONHandler(&log, nil))})
		e := event("a")
		e.Severity = events.Error
		e.Message = "Rolling\x1b[31m back\n\u202epodinfo\t\x00 \xff"
		h.Record(e)
		h.finish()
		if len(c.created) != 1 {
			t.Fatalf("%d events written", len(c.created))
		}
		got := c.created[0]
		if got.Namespace != "test" || !strings.HasPrefix(got.Name, "podinfo.") || len(got.Name) != len("podinfo.")+16 {
			t.Errorf("called %s/%s", got.Namespace, got.Name)
		}
		if got.Message != "Rolling[31m back podinfo  \uFFFD" || got.Type != "Warning" || got.Reason != "Synced" {
			t.Errorf("%s %s %q", got.Type, got.Reason, got.Message)
		}
		object := corev1.ObjectReference{APIVersion: "flagger.app/v1beta1", Kind: "Canary", Namespace: "test", Name: "podinfo", UID: "uid-1"}
		if got.InvolvedObject != object {
			t.Errorf("about %+v", got.InvolvedObject)
		}
		if got.Source.Component != "canary-agent" || got.ReportingController != "canary-agent" || got.ReportingInstance != "pod-1" {
			t.Errorf("from %+v, %s, %s", got.Source, got.ReportingController, got.ReportingInstance)
		}
		if got.FirstTimestamp.IsZero() || got.LastTimestamp != got.FirstTimestamp || got.Count != 1 {
			t.Errorf("at %v to %v, %d times", got.FirstTimestamp, got.LastTimestamp, got.Count)
		}
		var line map[string]any
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || bytes.Count(log.Bytes(), []byte("\n")) != 1 {
			t.Fatalf("want one line of JSON: %v: %s", err, log.String())
		}
		if line["canary"] != "podinfo.test" || line["msg"] != got.Message || line["level"] != "ERROR" {
			t.Errorf("logged %v", line)
		}
	})
}

func TestMessagesAreCutBetweenCharacters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		h := start(t, c, events.Options{})
		e := event("long")
		e.Message = strings.Repeat("é", 2000)
		h.Record(e)
		h.finish()
		got := c.created[0].Message
		if len(got) > events.MaxMessage || len(got) < events.MaxMessage-4 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
		}
	})
}

// The same key is the same event also in another process; another uid makes it another one.
func TestKeysMakeWritesIdempotent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		h := start(t, c, events.Options{})
		h.Record(event("a"))
		h.finish()
		h = start(t, c, events.Options{})
		time.Sleep(time.Hour)
		h.Record(event("a"))
		h.Record(event("b"))
		other := event("a")
		other.Object.UID = "uid-2"
		h.Record(other)
		h.Record(event(""))
		time.Sleep(time.Second)
		h.Record(event(""))
		h.finish()
		h.expect(t, map[string]int{events.ResultRepeated: 1, events.ResultWritten: 4})
	})
}

func TestLongNamesFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		h := start(t, c, events.Options{})
		e := event("a")
		e.Object.Name = strings.Repeat("a", 235) + "." + strings.Repeat("b", 17)
		h.Record(e)
		h.finish()
		if name := c.created[0].Name; len(name) > 253 || strings.Contains(name, "..") {
			t.Errorf("%q has %d characters", name, len(name))
		}
	})
}

func TestRetries(t *testing.T) {
	unavailable := apierrors.NewServiceUnavailable("restarting")
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(_ context.Context, try int) error {
			if try <= 3 {
				return unavailable
			}
			return nil
		}}
		h := start(t, c, events.Options{})
		h.Record(event("a"))
		h.Record(event("b"))
		time.Sleep(time.Minute)
		synctest.Wait()
		h.expect(t, map[string]int{events.ResultWritten: 2})
		if order := []string{c.created[0].Message, c.created[1].Message}; !slices.IsSorted(order) {
			t.Errorf("written in the order %q", order)
		}
		h.finish()
	})
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(context.Context, int) error { return unavailable }}
		h := start(t, c, events.Options{Attempts: 3})
		h.Record(event("a"))
		time.Sleep(time.Minute)
		h.expect(t, map[string]int{events.ResultFailed: 1})
		if c.tries != 3 {
			t.Errorf("%d attempts", c.tries)
		}
		h.finish()
	})
}

func TestNoRetryOfWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(context.Context, int) error {
			return apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, "", errors.New("namespace is being terminated"))
		}}
		h := start(t, c, events.Options{})
		h.Record(event("a"))
		synctest.Wait()
		h.expect(t, map[string]int{events.ResultFailed: 1})
		if c.tries != 1 {
			t.Errorf("%d attempts", c.tries)
		}
		h.finish()
	})
}

func TestAFullQueueDropsAndDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := &cluster{answer: func(context.Context, int) error { <-release; return nil }}
		h := start(t, c, events.Options{Queue: 2})
		h.Record(event("in hand"))
		synctest.Wait()
		for i := range 10 {
			h.Record(event(fmt.Sprint(i)))
		}
		h.expect(t, map[string]int{events.ResultDropped: 8})
		close(release)
		h.finish()
		h.expect(t, map[string]int{events.ResultDropped: 8, events.ResultWritten: 3})
		h.Record(event("too late"))
		h.expect(t, map[string]int{events.ResultDropped: 9, events.ResultWritten: 3})
	})
}

func TestFlushHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{answer: func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }}
		h := start(t, c, events.Options{FlushTimeout: 2 * time.Second})
		for i := range 5 {
			h.Record(event(fmt.Sprint(i)))
		}
		synctest.Wait()
		begin := time.Now()
		h.finish()
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("took %s to give up", took)
		}
		h.expect(t, map[string]int{events.ResultDropped: 4, events.ResultFailed: 1})
	})
}
