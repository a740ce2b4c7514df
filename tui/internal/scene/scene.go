package scene

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Epoch is the time at which every scene is seen.
var Epoch = time.Date(2026, 3, 14, 12, 5, 0, 0, time.UTC)

// States lists the names [Of] knows.
func States() []string {
	return []string{
		"progressing", "paused", "failed", "waiting", "promoting", "succeeded", "nodata", "foreign", "many",
		"abtesting", "bluegreen", "gated", "rollback", "restored", "initializing", "halted", "suspended", "nometrics",
	}
}

const (
	interval = 30 * time.Second
	newRev   = "rs:6d4cf56db6"
	oldRev   = "rs:7c9f8d5b4f"
)

// Of makes the canary of a state; an unknown state gives a canary that no controller has seen.
func Of(state string) view.Canary {
	c := base()
	switch state {
	case "progressing":
		run(&c, 4, 18*time.Second)
	case "many":
		run(&c, 4, 18*time.Second)
		many(&c)
	case "paused":
		run(&c, 4, 18*time.Second)
		c.Run.Paused = true
		c.Message = "Paused by alice at 40%: waiting for the ticket"
		c.NextAction, c.NextActionTime, c.JudgeTime = "40% is held until somebody resumes the run", time.Time{}, time.Time{}
		c.LastIntent = &view.Intent{Verb: "pause", By: "alice", Outcome: "Accepted", Message: "held at 40%", Time: Epoch.Add(-12 * time.Second)}
	case "failed":
		failed(&c)
	case "waiting":
		run(&c, 0, 0)
		c.Phase, c.Health, c.Weight, c.Metrics = "Waiting", view.HealthWaiting, 0, base().Metrics
		c.FailedChecks, c.Run.FailedChecks = 0, 0
		c.Hooks[0].State = "Started"
		c.Message = "Waiting for the confirm-rollout hook gate, asked 4 times"
		c.NextAction, c.NextActionTime = "the run begins once confirm-rollout hook gate passes", Epoch.Add(9*time.Second)
	case "promoting":
		run(&c, 10, 0)
		c.Phase, c.Message = "Promoting", "Rolling app-primary to the new revision: 1 of 2 pods are updated"
		finishSteps(&c, "Passed")
		c.NextAction, c.NextActionTime, c.HoldStart = "once app-primary runs the new revision, all traffic goes back to it", time.Time{}, time.Time{}
		c.Pods[1].Ready, c.Pods[1].ReadyContainers, c.Pods[1].Reason = false, 0, "ContainerCreating"
	case "succeeded":
		succeeded(&c)
	case "nodata":
		run(&c, 4, 18*time.Second)
		noData(&c)
	case "foreign":
		c.Foreign, c.Phase, c.Health, c.Weight = true, "Progressing", view.HealthProgressing, 30
		c.FailedChecks = 1
		c.Revision, c.PromotedRevision = "5978589476", ""
		c.Verbs = verbs("another controller runs this canary, and does not read operator verbs")
		c.NextAction = "30% is judged, then the canary gets 40%"
	case "abtesting":
		run(&c, 4, 18*time.Second)
		matching(&c)
	case "bluegreen":
		run(&c, 4, 18*time.Second)
		mirrored(&c)
	case "gated":
		run(&c, 10, interval)
		gated(&c)
	case "initializing":
		c.Phase, c.Health, c.PromotedRevision, c.Images.Primary = "Initializing", view.HealthProgressing, "", nil
		c.Message = "Waiting for app-primary: 0 of 2 pods are ready"
		c.NextAction = "once app-primary is ready it gets all traffic"
		for i := range c.Pods {
			c.Pods[i].Ready, c.Pods[i].ReadyContainers, c.Pods[i].Reason = false, 0, "ContainerCreating"
		}
		c.Verbs = verbs("no run is under way")
	case "halted":
		run(&c, 4, 18*time.Second)
		halted(&c)
	case "suspended":
		run(&c, 4, 18*time.Second)
		c.Suspended, c.Health = true, view.HealthSuspended
		c.NextAction, c.NextActionTime, c.JudgeTime = "nothing happens while spec.suspend is true", time.Time{}, time.Time{}
		c.Verbs = verbs("the canary is suspended (spec.suspend)")
	case "nometrics":
		run(&c, 4, 18*time.Second)
		c.Metrics = nil
	case "rollback":
		succeeded(&c)
		rollback(&c)
	case "restored":
		succeeded(&c)
		rollback(&c)
		restored(&c)
	}
	return c
}

// base is the canary before its first run.
func base() view.Canary {
	c := view.Canary{
		Name: "app", Namespace: "test", Phase: "", Health: view.HealthUnknown, Provider: "traefik", Strategy: "canary",
		Target:   view.Ref{Kind: "Deployment", Name: "app"},
		Interval: view.Duration{Duration: interval}, Threshold: 5, TotalSteps: 10,
		Revision: newRev, PromotedRevision: oldRev,
		Images: view.Images{
			Target: []string{"ghcr.io/stefanprodan/podinfo:6.1.0"}, Primary: []string{"ghcr.io/stefanprodan/podinfo:6.0.4"},
		},
		Metrics: []view.Metric{
			{Name: "request-success-rate", Unit: "percent", Min: new(99.0)},
			{Name: "request-duration", Unit: "milliseconds", Max: new(500.0)},
		},
		Hooks: []view.Hook{
			{Name: "gate", Type: "confirm-rollout"}, {Name: "smoke", Type: "pre-rollout"}, {Name: "load", Type: "rollout"},
		},
		Verbs: verbs("no run is under way"),
	}
	for i := range 10 {
		c.Steps = append(c.Steps, view.Step{Weight: int32(10 * (i + 1)), State: "Pending"})
	}
	for _, p := range []struct {
		side view.Side
		name string
	}{
		{view.SidePrimary, "app-primary-7c9f8d5b4f-2x7kq"}, {view.SidePrimary, "app-primary-7c9f8d5b4f-h9wlm"},
		{view.SideCanary, "app-6d4cf56db6-4dz8p"}, {view.SideCanary, "app-6d4cf56db6-zq2vn"},
	} {
		c.Pods = append(c.Pods, view.Pod{
			Name: p.name, Side: p.side, Ready: true, ReadyContainers: 1, Containers: 1, Reason: "Running",
		})
	}
	return c
}

func verbs(refusal string) []view.Verb {
	var out []view.Verb
	for _, name := range []string{"promote", "promote-step", "abort", "pause", "resume", "retry", "rollback", "approve", "reject"} {
		out = append(out, view.Verb{Name: name, Enabled: refusal == "", Reason: refusal})
	}
	if refusal == "" {
		out[4] = view.Verb{Name: "resume", Reason: "the run is not paused"}
		out[5] = view.Verb{Name: "retry", Reason: "a run is under way; retry is for a revision that has failed"}
		out[6] = view.Verb{Name: "rollback", Reason: "the primary has not been changed yet; abort ends the run"}
		out[7] = view.Verb{Name: "approve", Reason: "no gate waits for approval"}
		out[8] = view.Verb{Name: "reject", Reason: "no gate waits for approval"}
	}
	return out
}

// run puts the canary into step n, held for a time already.
func run(c *view.Canary, n int, held time.Duration) {
	start := Epoch.Add(-held - time.Duration(max(0, n-1))*interval - 8*time.Second)
	c.Phase, c.Health, c.CurrentStep, c.FailedChecks = "Progressing", view.HealthProgressing, n, 1
	c.Run = &view.Run{ID: "r1", Revision: newRev, Start: start, Checks: int32(max(0, n-1)), FailedChecks: 1}
	c.Verbs = verbs("")
	c.Hooks[0].State, c.Hooks[1].State = "Passed", "Passed"
	event := func(at time.Time, kind, text string) {
		c.Events = append(c.Events, view.Event{Type: kind, Reason: "Synced", Message: text, Count: 1, Time: at})
	}
	event(start, "Normal", "New revision detected! Scaling up app.test")
	event(start.Add(5*time.Second), "Normal", "Pre-rollout check smoke passed")
	for i := range min(n, len(c.Steps)) {
		begin := start.Add(8*time.Second + time.Duration(i)*interval)
		c.Steps[i].Start, c.Steps[i].State, c.Weight = begin, "Active", c.Steps[i].Weight
		if i > 0 {
			c.Steps[i-1].End, c.Steps[i-1].State = begin, "Passed"
		}
		event(begin, "Normal", fmt.Sprintf("Advance app.test canary weight %d", c.Steps[i].Weight))
		if i == 1 {
			event(begin.Add(20*time.Second), "Warning", "Halt app.test advancement success rate 98.41% < 99%")
		}
	}
	if n > 0 && n <= len(c.Steps) {
		c.HoldStart = c.Steps[n-1].Start
		c.JudgeTime = c.HoldStart.Add(interval)
		c.NextActionTime = c.JudgeTime
		c.NextAction = fmt.Sprintf("%d%% is judged, then the canary gets %d%%", c.Weight, min(100, c.Weight+10))
		c.Message = fmt.Sprintf("Step %d of %d: holding %d%% for %s", n, len(c.Steps), c.Weight, interval)
	}
	measure(c, start.Add(8*time.Second), Epoch)
}

// measure fills the metrics with made-up samples; the second check of the success rate fails.
func measure(c *view.Canary, from, to time.Time) {
	const every = 5 * time.Second
	rate, latency := &c.Metrics[0], &c.Metrics[1]
	for i := 0; !from.Add(time.Duration(i) * every).After(to); i++ {
		at, x := from.Add(time.Duration(i)*every), float64(i)
		weight := int32(10 * (1 + i/6))
		v := 99.6 + 0.25*math.Sin(x/2.1) + 0.1*math.Sin(x*1.7)
		verdict := "Pass"
		if i == 10 {
			v, verdict = 98.41, "Fail"
		}
		rate.Samples = append(rate.Samples, view.Sample{
			Time: at, Value: new(round(v)), Primary: new(round(99.8 + 0.1*math.Sin(x/3))), Weight: weight, Verdict: verdict,
		})
		latency.Samples = append(latency.Samples, view.Sample{
			Time: at, Value: new(math.Round(240 + 60*math.Sin(x/2.7) + 25*math.Sin(x*1.3))),
			Primary: new(math.Round(205 + 15*math.Sin(x/4))), Weight: weight, Verdict: "Pass",
		})
	}
	newest(c)
}

func round(v float64) float64 { return math.Round(100*v) / 100 }

func newest(c *view.Canary) {
	for i := range c.Metrics {
		m := &c.Metrics[i]
		if n := len(m.Samples); n > 0 {
			s := m.Samples[n-1]
			m.Value, m.Primary, m.Verdict, m.Message = s.Value, s.Primary, s.Verdict, s.Message
		}
	}
}

func finishSteps(c *view.Canary, state string) {
	for i := range c.Steps[:c.CurrentStep] {
		c.Steps[i].State = state
	}
}

func failed(c *view.Canary) {
	run(c, 5, 22*time.Second)
	c.Phase, c.Health, c.Weight, c.FailedChecks = "Failed", view.HealthDegraded, 0, 5
	c.Steps[4].State, c.Steps[4].FailedChecks = "Failed", 4
	c.Message = "Rolled back: request-success-rate 97.2% is below 99% and 5 of 5 allowed checks have failed"
	c.NextAction = "a run begins with another revision of Deployment app; until then the primary serves the promoted one"
	c.NextActionTime, c.HoldStart, c.JudgeTime = time.Time{}, time.Time{}, time.Time{}
	c.Run.End, c.Run.Outcome, c.Run.FailedChecks, c.Run.Checks = Epoch, "RolledBack", 5, 9
	samples := c.Metrics[0].Samples
	for i, v := range []float64{98.6, 98.1, 97.7, 97.2} {
		s := &samples[len(samples)-4+i]
		s.Value, s.Verdict = new(v), "Fail"
	}
	newest(c)
	c.Events = append(c.Events,
		view.Event{Type: "Warning", Message: "Halt app.test advancement success rate 97.20% < 99%", Count: 4, Time: Epoch.Add(-2 * time.Second)},
		view.Event{Type: "Warning", Message: "Rolling back app.test failed checks threshold reached 5", Count: 1, Time: Epoch.Add(-time.Second)},
		view.Event{Type: "Warning", Message: "Canary failed! Scaling down app.test", Count: 1, Time: Epoch})
	c.Verbs = verbs("no run is under way")
	c.Pods = slices.DeleteFunc(c.Pods, func(p view.Pod) bool { return p.Side == view.SideCanary })
}

func succeeded(c *view.Canary) {
	run(c, 10, interval)
	c.Phase, c.Health, c.Weight = "Succeeded", view.HealthHealthy, 0
	finishSteps(c, "Passed")
	c.PromotedRevision, c.Images.Primary = c.Revision, c.Images.Target
	c.Message = "Promoted revision 6d4cf56db6 after 10 steps"
	c.NextAction = "a run begins with the next revision of Deployment app"
	c.NextActionTime, c.HoldStart, c.JudgeTime = time.Time{}, time.Time{}, time.Time{}
	c.Run.End, c.Run.Outcome = Epoch, "Promoted"
	c.Verbs = verbs("no run is under way")
	c.Events = append(c.Events, view.Event{Type: "Normal", Message: "Promotion completed! Scaling down app.test", Count: 1, Time: Epoch})
	c.Pods = slices.DeleteFunc(c.Pods, func(p view.Pod) bool { return p.Side == view.SideCanary })
}

// noData leaves a hole in one metric and breaks the query of the other.
func noData(c *view.Canary) {
	rate, latency := c.Metrics[0].Samples, c.Metrics[1].Samples
	for i := len(rate) - 6; i < len(rate); i++ {
		rate[i].Value, rate[i].Verdict, rate[i].Message = nil, "NoData", "no values found for metric request-success-rate"
		latency[i].Value, latency[i].Verdict, latency[i].Message = nil, "Error", "prometheus: connection refused"
	}
	newest(c)
	c.FailedChecks = 3
	c.Message = "No values for request-success-rate: does the canary get traffic?"
}

// many has more metrics, steps and pods than any screen has room for.
func many(c *view.Canary) {
	for i := range 5 {
		m := c.Metrics[i%2]
		m.Name = fmt.Sprintf("custom-metric-%d", i+1)
		c.Metrics = append(c.Metrics, m)
		p := c.Pods[2]
		p.Name = fmt.Sprintf("app-6d4cf56db6-more%d", i)
		p.Ready, p.ReadyContainers, p.Reason, p.Restarts = i%2 == 0, i%2, "CrashLoopBackOff", int32(i)
		c.Pods = append(c.Pods, p)
	}
	c.Steps = nil
	for i := range 50 {
		s := view.Step{Weight: int32(2 * (i + 1)), State: "Pending"}
		switch {
		case i < 19:
			s.State = "Passed"
		case i == 19:
			s.State = "Active"
		}
		c.Steps = append(c.Steps, s)
	}
	c.CurrentStep, c.TotalSteps = 20, 50
}

// halted is a run that does not go on, since its checks fail, and that may still go well.
func halted(c *view.Canary) {
	c.FailedChecks, c.Run.FailedChecks, c.Run.Checks = 3, 3, 6
	c.Message = "Halt app.test advancement request-success-rate 97.4% < 99%"
	c.NextAction = "40% is judged again; two more failed checks and the run is rolled back"
	m := &c.Metrics[0]
	for i := max(0, len(m.Samples)-3); i < len(m.Samples); i++ {
		value := 97.0 + float64(len(m.Samples)-i)/5
		m.Samples[i].Value, m.Samples[i].Verdict = &value, "Fail"
		m.Value, m.Verdict = &value, "Fail"
	}
	c.Events = append(c.Events, view.Event{Type: "Warning", Message: c.Message, Count: 3, Time: Epoch.Add(-12 * time.Second)})
}
