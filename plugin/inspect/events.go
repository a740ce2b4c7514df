package inspect

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/events"
	"github.com/kubectl-canary/kubectl-canary/plugin/feed"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

const (
	// mostEvents are shown; the oldest go first.
	mostEvents = 500
	// widestColumn bounds how far one long name moves the columns after it.
	widestColumn = 48
)

var (
	eventResource = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	podResource   = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// happenings are the events of a canary and of what belongs to it.
type happenings struct {
	*reading
	watches sync.WaitGroup

	mu sync.Mutex
	// seen are all by uid, also those that the cluster has let go meanwhile.
	seen  map[string]*corev1.Event
	shown []string
	begun bool
}

// events shows the events until ctx ends.
func (r *reading) events(ctx context.Context, canary *v1beta1.Canary, object *unstructured.Unstructured) {
	h := &happenings{reading: r, seen: map[string]*corev1.Event{}}
	defer h.watches.Wait()
	h.follow(ctx, events.OfCanary(object))
	for _, w := range feed.Workloads(canary) {
		h.follow(ctx, events.OfWorkload(w))
		h.watches.Go(func() { h.side(ctx, w) })
	}
}

// follow watches the events of one object.
func (h *happenings) follow(ctx context.Context, of fields.Set) {
	h.watches.Go(func() {
		options := metav1.ListOptions{FieldSelector: of.AsSelector().String()}
		h.objects(ctx, "events", "watch the events", h.client.Resource(eventResource).Namespace(h.namespace), options, func(c feed.Change) {
			h.take(ctx, c)
		})
	})
}

// side follows the events of the pods of one side, also of those that are still to come.
func (h *happenings) side(ctx context.Context, w feed.Workload) {
	label := string(w.Side)
	selector := ""
	delay := firstDelay
	for selector == "" {
		wait := retryDelay
		object, err := h.client.Resource(w.Resource).Namespace(h.namespace).Get(ctx, w.Name, metav1.GetOptions{})
		switch {
		case ctx.Err() != nil:
			return
		case apierrors.IsNotFound(err):
			h.note(ctx, label, fmt.Sprintf("there is no %s %q", w.Kind, w.Name))
		case err != nil:
			h.note(ctx, label, h.refusal(err, fmt.Sprintf("read %s %q", w.Kind, w.Name)))
			if !apierrors.IsForbidden(err) { // The connection may be back soon.
				wait, delay = delay, min(2*delay, maxDelay)
			}
		default:
			if selector = feed.PodSelector(object); selector != "" {
				continue
			}
			h.note(ctx, label, fmt.Sprintf("%s %q selects no pods by labels", w.Kind, w.Name))
		}
		if !feed.Pause(ctx, wait) {
			return
		}
	}
	pods := map[string]unstructured.Unstructured{}
	watched := map[string]context.CancelFunc{}
	defer func() {
		for _, cancel := range watched {
			cancel()
		}
	}()
	client := h.client.Resource(podResource).Namespace(h.namespace)
	h.objects(ctx, label, "watch the pods", client, metav1.ListOptions{LabelSelector: selector}, func(c feed.Change) {
		switch {
		case c.Listed:
			clear(pods)
			for _, p := range c.All {
				pods[p.GetName()] = p
			}
		case c.Put != nil:
			pods[c.Put.GetName()] = *c.Put
		case c.Removed != nil:
			delete(pods, c.Removed.GetName())
		}
		h.choose(ctx, pods, watched)
	})
}

// choose watches the events of those pods that matter most, and of no others.
func (h *happenings) choose(ctx context.Context, pods map[string]unstructured.Unstructured, watched map[string]context.CancelFunc) {
	var all []unstructured.Unstructured
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		all = append(all, pods[name])
	}
	chosen := map[string]bool{}
	for _, of := range events.OfPods(all) {
		key := of.String()
		chosen[key] = true
		if watched[key] == nil {
			var watching context.Context
			watching, watched[key] = context.WithCancel(ctx)
			h.follow(watching, of)
		}
	}
	for key, cancel := range watched {
		if !chosen[key] {
			cancel()
			delete(watched, key)
		}
	}
}

// take shows what has changed. What is no longer there stays: it has happened.
func (h *happenings) take(ctx context.Context, c feed.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range c.All {
		h.add(&c.All[i])
	}
	if c.Put != nil {
		h.add(c.Put)
	}
	order := slices.SortedStableFunc(maps.Values(h.seen), view.CompareEvents)
	for len(order) > mostEvents {
		delete(h.seen, key(order[0]))
		order = order[1:]
	}
	lines := table(order, h.Now())
	p := post{replace: true, lines: lines}
	if old := len(h.shown); h.begun && old <= len(lines) && slices.Equal(lines[:old], h.shown) {
		p = post{lines: lines[old:]}
	}
	h.shown, h.begun = lines, true
	h.box.put(ctx, p)
}

func (h *happenings) add(raw *unstructured.Unstructured) {
	if e := events.Decode(raw); e != nil {
		h.seen[key(e)] = e
	}
}

func key(e *corev1.Event) string { return string(e.UID) + "/" + e.Name }

// table writes events in columns, two spaces apart: time, type, reason, object and message.
func table(all []*corev1.Event, now time.Time) []string {
	const columns = 4
	rows := make([][columns]string, len(all))
	var widths [columns]int
	for i, e := range all {
		at := view.EventTime(e).In(now.Location())
		stamp := at.Format(time.TimeOnly)
		if at.IsZero() {
			stamp = "-"
		} else if at.YearDay() != now.YearDay() || at.Year() != now.Year() {
			stamp = at.Format("Jan 02 " + time.TimeOnly)
		}
		object := strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
		rows[i] = [columns]string{stamp, cell(e.Type), cell(e.Reason), cell(object)}
		for j, text := range rows[i] {
			widths[j] = max(widths[j], min(len(text), widestColumn))
		}
	}
	out := make([]string, len(all))
	for i, e := range all {
		var b strings.Builder
		for j, text := range rows[i] {
			b.WriteString(text + strings.Repeat(" ", max(0, widths[j]-len(text))) + "  ")
		}
		b.WriteString(strings.TrimSpace(e.Message))
		if n := events.Count(e); n > 1 {
			fmt.Fprintf(&b, " (x%d)", n)
		}
		out[i] = b.String()
	}
	return out
}

// cell is one word, so that columns can be told apart.
func cell(s string) string {
	if s = strings.Join(strings.Fields(s), " "); s == "" {
		return "-"
	}
	return s
}
