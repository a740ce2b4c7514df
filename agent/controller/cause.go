package controller

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	// causeDelay is how long pods may take to become ready before anybody asks why they do not: a
	// usual start costs no request.
	causeDelay = 4 * time.Second
	// causeAge is how long an answer is believed.
	causeAge = 30 * time.Second
)

// causeAnswer is why pods are not ready; empty when they do not say.
type causeAnswer struct{ text string }

// observeCause finds out why the pods that are waited for do not become ready, so that a rollback
// can say it. Pods are not watched: they are listed once in a while, outside of the queue, and only
// when something takes longer than it should.
func (c *Controller) observeCause(w *world) {
	status := &w.canary.Status
	switch {
	case w.target == nil || len(w.Problems) > 0 || !w.kind.Traits().Pods:
	case status.Phase == v1beta1.PhaseInitializing:
		c.askCause(w, &w.Primary, w.selector.PrimaryValue(), "why-primary", status.LastTransitionTime.Time)
	case status.Run == nil:
	case status.Phase == v1beta1.PhasePromoting:
		c.askCause(w, &w.Primary, w.selector.PrimaryValue(), status.Run.ID+"/why-primary", status.Run.PhaseStartTime.Time)
	case status.Phase == v1beta1.PhaseProgressing && status.Run.UnreadySince != nil:
		c.askCause(w, &w.Target, w.selector.Value, status.Run.ID+"/why-canary", status.Run.UnreadySince.Time)
	}
}

func (c *Controller) askCause(w *world, of *rollout.Workload, label, id string, since time.Time) {
	if !of.Exists || of.Replicas == 0 || (of.Observed && of.Updated == of.Replicas && of.Available >= of.Replicas) {
		return
	}
	delay := min(causeDelay, w.canary.ProgressDeadline()/2) // The answer has to be there by the deadline.
	if early := since.Add(delay).Sub(w.Now); early > 0 {
		c.queue.AddAfter(canaryName(w.canary), early)
		return
	}
	known := c.jobs.of(w.canary.UID)[id]
	if answer, ok := known.result.(causeAnswer); ok {
		of.Cause = answer.text
		if w.Now.Sub(known.finishedAt) < causeAge {
			return
		}
	}
	namespace, selector := w.canary.Namespace, w.selector.Key+"="+label
	canary := w.canary
	c.jobs.start(canary.UID, id, true, func(ctx context.Context) any {
		pods, err := c.core.Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 50})
		if err != nil {
			return causeAnswer{text: "the pods cannot be listed: " + err.Error()}
		}
		return causeAnswer{text: workload.CauseOf(pods.Items)}
	}, func() { c.queueCanary(canary) })
}
