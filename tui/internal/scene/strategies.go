package scene

import (
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// matching makes an A/B run of a run with weights.
func matching(c *view.Canary) {
	c.Strategy, c.Provider, c.Weight = "ab-testing", "gatewayapi:v1", 100
	for i := range c.Steps {
		c.Steps[i].Weight = 100
	}
	c.Message = "step 4 of 10, the requests that match go to the canary."
	c.NextAction = "iteration 4 of 10 is judged, then the next begins"
}

// mirrored makes a Blue/Green run with copies of the requests.
func mirrored(c *view.Canary) {
	c.Strategy, c.Provider, c.Weight = "blue-green", "gatewayapi:v1", 0
	for i := range c.Steps {
		c.Steps[i].Weight, c.Steps[i].Mirror = 0, true
	}
	c.Steps = append(c.Steps, view.Step{Weight: 100, State: "Pending"})
	c.TotalSteps = len(c.Steps)
	c.Message = "step 4 of 11, copies of the requests go to the canary."
	c.NextAction = "iteration 4 of 10 is judged, then the next begins"
}

// gated waits for an approval before the promotion.
func gated(c *view.Canary) {
	since := Epoch.Add(-2 * time.Minute)
	c.Phase, c.Health = "WaitingPromotion", view.HealthWaiting
	finishSteps(c, "Passed")
	c.Gates = []view.Gate{
		{Name: "go", At: "rollout", State: "Approved", Since: since.Add(-time.Hour), By: "alice"},
		{Name: "qa", At: "promotion", State: "Waiting", Since: since, Deadline: since.Add(30 * time.Minute), OnTimeout: "abort"},
	}
	c.Message = "waiting for kubectl canary approve app --gate qa."
	c.NextAction, c.NextActionTime = "the run is aborted unless gate qa is approved", c.Gates[1].Deadline
	c.HoldStart, c.JudgeTime = Epoch.Add(-5*time.Second), Epoch.Add(interval)
	c.Verbs = verbs("")
	for i, v := range c.Verbs {
		if v.Name == "approve" || v.Name == "reject" {
			c.Verbs[i] = view.Verb{Name: v.Name, Enabled: true}
		}
	}
}

// rollback brings the revision back that the promoted one has replaced.
func rollback(c *view.Canary) {
	c.Phase, c.Health = "Promoting", view.HealthProgressing
	c.Run = &view.Run{ID: "r2", Revision: oldRev, Start: Epoch.Add(-4 * time.Second), Rollback: true}
	c.Steps, c.CurrentStep, c.TotalSteps, c.FailedChecks = nil, 0, 0, 0
	for i := range c.Metrics {
		m := &c.Metrics[i]
		m.Samples, m.Value, m.Primary, m.Verdict = nil, nil, nil, ""
	}
	c.Events[len(c.Events)-1].Time = c.Run.Start.Add(-time.Minute) // the end of the promotion
	c.Message = "bringing revision " + oldRev + " back to app-primary.test."
	c.NextAction = "once app-primary runs revision " + oldRev + " again, the rollback is complete"
	c.Verbs = verbs("a rollback is under way")
	c.LastIntent = &view.Intent{
		Verb: "rollback", By: "alice", Outcome: "Accepted", Time: c.Run.Start,
		Message: "bringing revision " + oldRev + " back to the primary",
	}
	c.Events = append(c.Events, view.Event{
		Type: "Warning", Message: "Rolling back app-primary.test to revision " + oldRev + " requested by alice", Count: 1, Time: c.Run.Start,
	})
}

// restored is the end of a rollback.
func restored(c *view.Canary) {
	c.Phase, c.Health, c.PromotedRevision = "Failed", view.HealthDegraded, oldRev
	c.Images.Primary = slices.Clone(base().Images.Primary)
	c.Run.Outcome, c.Run.End, c.Run.By = "Restored", Epoch, "alice"
	c.Run.Message = "revision " + oldRev + " was brought back"
	c.Message = c.Run.Message + "; revision " + newRev + " is rejected."
	c.NextAction = "a run begins with another revision of Deployment app, or with retry; until then the primary serves the promoted one"
	c.Verbs = verbs("no run is under way")
}
