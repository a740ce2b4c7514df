package events

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
)

// Creator creates an event in its namespace.
type Creator interface {
	Create(ctx context.Context, event *corev1.Event) error
}

// ToCluster creates events through a client.
func ToCluster(client corev1client.EventsGetter) Creator { return clusterCreator{client} }

type clusterCreator struct{ client corev1client.EventsGetter }

func (c clusterCreator) Create(ctx context.Context, event *corev1.Event) error {
	_, err := c.client.Events(event.Namespace).Create(ctx, event, metav1.CreateOptions{})
	return err
}

// What becomes of an event.
const (
	// ResultWritten: the event is in the cluster.
	ResultWritten = "written"
	// ResultRepeated: it was already there, from before a restart.
	ResultRepeated = "repeated"
	// ResultDropped: the queue was full, or the time to flush it over.
	ResultDropped = "dropped"
	// ResultFailed: the cluster refused it, or every attempt failed.
	ResultFailed = "failed"
)

// Options of a Recorder. All have usable zero values.
type Options struct {
	// Instance names this process, such as the pod's name.
	Instance string
	// Queue is how many events may wait, 1000 by default.
	Queue int
	// Attempts to write one event, 5 by default.
	Attempts int
	// Backoff before the second attempt, doubled before each further one up to MaxBackoff; 200 ms
	// and 5 s by default.
	Backoff, MaxBackoff time.Duration
	// Timeout of one attempt, 10 s by default.
	Timeout time.Duration
	// FlushTimeout is how long Run goes on writing after its context has ended, 3 s by default.
	FlushTimeout time.Duration
	// OnResult is told what became of each event, by one of the Result constants.
	OnResult func(result string)
	// Log for one line per event; slog.Default() when nil.
	Log *slog.Logger
}

// Recorder writes events in the order in which they are recorded.
type Recorder struct {
	creator Creator
	options Options
	queue   chan Event

	// mu orders Record before the end of Run: nothing may enter a queue that is no longer read.
	mu     sync.Mutex
	closed bool
}

// NewRecorder makes a recorder; Run has to be called for its events to be written.
func NewRecorder(creator Creator, options Options) *Recorder {
	setDefault(&options.Queue, 1000)
	setDefault(&options.Attempts, 5)
	setDefault(&options.Backoff, 200*time.Millisecond)
	setDefault(&options.MaxBackoff, 5*time.Second)
	setDefault(&options.Timeout, 10*time.Second)
	setDefault(&options.FlushTimeout, 3*time.Second)
	if options.OnResult == nil {
		options.OnResult = func(string) {}
	}
	if options.Log == nil {
		options.Log = slog.Default()
	}
	return &Recorder{creator: creator, options: options, queue: make(chan Event, options.Queue)}
}

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// Record logs the event and queues it for writing. It never blocks.
func (r *Recorder) Record(e Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	r.log(e)
	if !r.enqueue(e) {
		r.options.OnResult(ResultDropped)
		r.options.Log.Warn("event dropped: too many wait to be written, or the agent is stopping", "canary", canary(e), "reason", e.Reason)
	}
}

func (r *Recorder) enqueue(e Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	select {
	case r.queue <- e:
		return true
	default:
		return false
	}
}

// Run writes events until the context ends and then, for the flush timeout at most, what is still
// queued. It must be called once.
func (r *Recorder) Run(ctx context.Context) {
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	// The deadline counts from the end of the context also for an attempt that is under way then.
	release := context.AfterFunc(ctx, func() {
		r.close()
		time.AfterFunc(r.options.FlushTimeout, stop)
	})
	defer release()
	for e := range r.queue {
		if writing.Err() != nil {
			r.options.OnResult(ResultDropped)
			continue
		}
		r.options.OnResult(r.write(writing, e))
	}
}

// close ends Run once the queue is empty.
func (r *Recorder) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
}

// write tries until the event is there, the cluster refuses it or the attempts are used up.
func (r *Recorder) write(ctx context.Context, e Event) string {
	object := e.object(r.options.Instance)
	backoff := r.options.Backoff
	for attempt := 1; ; attempt++ {
		err := r.create(ctx, object)
		switch {
		case err == nil:
			return ResultWritten
		case apierrors.IsAlreadyExists(err):
			return ResultRepeated
		case attempt >= r.options.Attempts, isFinal(err):
			r.options.Log.Warn("event could not be written", "canary", canary(e), "reason", e.Reason,
				"event", object.Name, "attempts", attempt, "error", err)
			return ResultFailed
		}
		if seconds, ok := apierrors.SuggestsClientDelay(err); ok {
			backoff = max(backoff, time.Duration(seconds)*time.Second)
		}
		backoff = min(backoff, r.options.MaxBackoff)
		timer := time.NewTimer(backoff)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ResultDropped
		}
		backoff *= 2
	}
}

func (r *Recorder) create(ctx context.Context, object *corev1.Event) error {
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	return r.creator.Create(ctx, object)
}

// isFinal tells that trying again cannot help. A namespace that is being deleted answers Forbidden.
func isFinal(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsNotFound(err) ||
		apierrors.IsBadRequest(err) || apierrors.IsMethodNotSupported(err) || errors.Is(err, context.Canceled)
}

func (r *Recorder) log(e Event) {
	level := slog.LevelInfo
	if e.Severity == Error {
		level = slog.LevelError
	}
	r.options.Log.Log(context.Background(), level, clean(e.Message), "canary", canary(e), "reason", clean(e.Reason))
}

// canary is how the log names a canary.
func canary(e Event) string {
	return e.Object.Name + "." + e.Object.Namespace
}
