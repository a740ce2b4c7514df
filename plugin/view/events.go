package view

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// events lists the latest events, oldest first.
func events(in []corev1.Event) []Event {
	order := make([]*corev1.Event, len(in))
	for i := range in {
		order[i] = &in[i]
	}
	slices.SortStableFunc(order, inOrder)
	order = order[max(0, len(order)-maxEvents):]
	var out []Event
	for _, e := range order {
		count := max(1, e.Count)
		if e.Series != nil {
			count = max(count, e.Series.Count)
		}
		out = append(out, Event{
			Type: e.Type, Reason: e.Reason, Message: strings.TrimSpace(e.Message), Count: count, Time: eventTime(e),
		})
	}
	return out
}

// EventTime is the last time an event happened; old and new recorders fill different fields.
func EventTime(e *corev1.Event) time.Time { return eventTime(e) }

// CompareEvents orders events by time, and those of the same second as they were written.
func CompareEvents(a, b *corev1.Event) int { return inOrder(a, b) }

// inOrder sorts events by time. Most are stamped to the second, in which several happen at the
// beginning and at the end of a run; the order in which they were written tells those apart.
func inOrder(a, b *corev1.Event) int {
	if c := eventTime(a).Compare(eventTime(b)); c != 0 {
		return c
	}
	if c, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion); err == nil && c != 0 {
		return c
	}
	return strings.Compare(a.Message, b.Message)
}

// eventTime is the last time an event happened. Old and new recorders fill different fields.
func eventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	case !e.FirstTimestamp.IsZero():
		return e.FirstTimestamp.Time
	}
	return e.CreationTimestamp.Time
}
