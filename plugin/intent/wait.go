package intent

import (
	"cmp"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Answer is what became of a verb.
type Answer struct {
	Accepted bool
	// Message is the agent's; when Overtaken, it says by what.
	Message string
	// Overtaken is set when a later verb took the place of ours before the agent answered it.
	Overtaken bool
	// Lost is why the API server cannot be reached when the context ends; nil when it can.
	Lost error
}

const (
	firstDelay = 200 * time.Millisecond
	maxDelay   = 3 * time.Second
)

// Wait returns the agent's answer to a verb that has been sent. It ends with the context. It watches
// from the write on, so it sees every state of the canary after it: who wrote the next verb, and
// whether ours was answered before that. While the API server cannot be reached it goes on trying.
func (s Sender) Wait(ctx context.Context, sent Sent) (Answer, error) {
	w := waiter{
		client:  s.Client.Resource(v1beta1.CanaryResource).Namespace(sent.canary.Namespace),
		sent:    sent,
		version: sent.version,
	}
	delay := firstDelay
	for {
		answer, err := w.look(ctx, func() { delay = firstDelay })
		switch {
		case answer != nil:
			return *answer, nil
		case ctx.Err() != nil:
			return Answer{Lost: w.lost}, ctx.Err()
		case err == nil:
			continue // The server ends every watch after some minutes.
		case apierrors.IsResourceExpired(err) || apierrors.IsGone(err):
			w.version = ""
			continue
		case final(err):
			return Answer{}, err
		}
		if w.lost = err; s.Lost != nil {
			s.Lost(err)
		}
		select {
		case <-ctx.Done():
			return Answer{Lost: w.lost}, ctx.Err()
		case <-time.After(delay):
		}
		delay = min(2*delay, maxDelay)
	}
}

// final errors do not go away by themselves.
func final(err error) bool {
	_, gone := err.(goneError) //nolint:errorlint // It is ours, and never wrapped.
	return gone || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) || apierrors.IsBadRequest(err)
}

// goneError says that there is nothing left to wait for.
type goneError string

// Error implements error.
func (e goneError) Error() string {
	return fmt.Sprintf("canary %q was deleted before an agent answered", string(e))
}

// waiter follows one canary.
type waiter struct {
	client dynamic.ResourceInterface
	sent   Sent
	// version to watch from; empty when the canary has to be read first.
	version string
	lost    error
}

// look watches until an answer is seen or the watch ends. Alive is called when the server answers.
func (w *waiter) look(ctx context.Context, alive func()) (*Answer, error) {
	if w.version == "" {
		object, err := w.client.Get(ctx, w.sent.canary.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, goneError(w.sent.canary.Name)
		}
		if err != nil {
			return nil, err
		}
		if answer, err := w.sent.judge(object); answer != nil || err != nil {
			return answer, err
		}
		w.version = object.GetResourceVersion()
	}
	watcher, err := w.client.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", w.sent.canary.Name).String(),
		ResourceVersion: w.version,
	})
	if err != nil {
		return nil, err
	}
	defer watcher.Stop()
	w.lost = nil
	alive()
	begun := time.Now()
	for event := range watcher.ResultChan() {
		switch event.Type {
		case watch.Error:
			return nil, apierrors.FromObject(event.Object)
		case watch.Deleted:
			return nil, goneError(w.sent.canary.Name)
		case watch.Added, watch.Modified, watch.Bookmark:
		}
		object, ok := event.Object.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		w.version = object.GetResourceVersion()
		if event.Type == watch.Bookmark {
			continue
		}
		if answer, err := w.sent.judge(object); answer != nil || err != nil {
			return answer, err
		}
	}
	if ctx.Err() == nil && time.Since(begun) < time.Second {
		return nil, fmt.Errorf("the API server ended the watch at once")
	}
	return nil, ctx.Err()
}

// judge finds the answer in a state of the canary; nil when there is none yet.
func (s Sent) judge(object *unstructured.Unstructured) (*Answer, error) {
	if s.canary.UID != "" && string(object.GetUID()) != s.canary.UID {
		return nil, goneError(s.canary.Name)
	}
	c, _ := view.Decode(object.Object)
	last := c.Status.LastIntent
	if last != nil && last.ID == s.ID {
		return &Answer{Accepted: last.Outcome == v1beta1.IntentAccepted, Message: last.Message}, nil
	}
	switch now, ok := v1beta1.IntentOf(c); {
	case !ok:
		return &Answer{Overtaken: true, Message: "its annotations were taken away before the agent answered"}, nil
	case now.ID != s.ID:
		return &Answer{Overtaken: true, Message: fmt.Sprintf("the later verb %s by %s took its place before the agent answered",
			cmp.Or(string(now.Verb), "(none)"), cmp.Or(now.By, "an unnamed user"))}, nil
	}
	return nil, nil //nolint:nilnil // Neither an answer nor an error: not yet.
}
