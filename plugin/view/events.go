package view

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// events lists the latest events, oldest first.
func events(in []corev1.Event) []Event {
	var out []Event
	for i := range in {
		e := &in[i]
		count := max(1, e.Count)
		if e.Series != nil {
			count = max(count, e.Series.Count)
		}
		out = append(out, Event{
			Type: e.Type, Reason: e.Reason, Message: strings.TrimSpace(e.Message), Count: count, Time: eventTime(e),
		})
	}
	slices.SortStableFunc(out, func(a, b Event) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Message, b.Message)
	})
	return out[max(0, len(out)-maxEvents):]
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
