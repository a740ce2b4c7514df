package controller

import (
	"context"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Alerter tells the alert providers of a canary. It ends by itself within seconds.
type Alerter interface {
	// Alert returns what could not be delivered, in words that hold no secrets.
	Alert(ctx context.Context, canary *v1beta1.Canary, alert rollout.Alert) []error
}

// alert sends an alert without anybody waiting for the answer, after the alerts of the same canary
// that came before it.
func (c *Controller) alert(canary *v1beta1.Canary, a rollout.Alert) {
	c.outcall.send(canary, "alert", func(ctx context.Context) {
		for _, err := range c.alerter.Alert(ctx, canary, a) {
			c.log.Warn("alert not delivered", "canary", canary.Name+"."+canary.Namespace, "error", err)
		}
	})
}
