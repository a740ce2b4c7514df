package scene

import (
	"fmt"
	"math"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Run is a made-up run that goes on with the time: ten steps of ten seconds, a failed check in the
// second one, then promotion.
type Run struct {
	c    view.Canary
	last time.Time // the run has been carried on to here
	next time.Time // the current step is judged then
}

// hold is how long a step of a Run takes.
const hold = 10 * time.Second

// NewRun begins a run.
func NewRun(now time.Time) *Run {
	c := base()
	c.Phase, c.Health, c.Interval = "Progressing", view.HealthProgressing, view.Duration{Duration: hold}
	c.Run = &view.Run{ID: "r1", Revision: c.Revision, Start: now}
	c.Verbs = verbs("")
	c.Hooks[0].State, c.Hooks[1].State = "Passed", "Passed"
	r := &Run{c: c, last: now}
	r.event(now, "Normal", "New revision detected! Scaling up app.test")
	r.advance(now)
	return r
}

func (r *Run) event(at time.Time, kind, text string) {
	r.c.Events = append(r.c.Events, view.Event{Type: kind, Message: text, Count: 1, Time: at})
}

// advance begins the next step, or the promotion after the last.
func (r *Run) advance(now time.Time) {
	c := &r.c
	if c.CurrentStep > 0 {
		c.Steps[c.CurrentStep-1].State = "Passed"
	}
	if c.CurrentStep == len(c.Steps) {
		r.end(now, "Succeeded", "Promoted", "Promotion completed! Scaling down app.test")
		return
	}
	step := &c.Steps[c.CurrentStep]
	c.CurrentStep++
	step.State, step.Start, c.Weight = "Active", now, step.Weight
	r.event(now, "Normal", fmt.Sprintf("Advance app.test canary weight %d", c.Weight))
	r.hold(now)
}

func (r *Run) hold(now time.Time) {
	c := &r.c
	r.next = now.Add(hold)
	c.HoldStart, c.JudgeTime, c.NextActionTime = now, r.next, r.next
	c.NextAction = "the last step is judged, then the promotion begins"
	if c.CurrentStep < len(c.Steps) {
		c.NextAction = fmt.Sprintf("%d%% is judged, then the canary gets %d%%", c.Weight, c.Steps[c.CurrentStep].Weight)
	}
	c.Message = fmt.Sprintf("Step %d of %d: holding %d%% for %s", c.CurrentStep, len(c.Steps), c.Weight, hold)
}

func (r *Run) end(now time.Time, phase, outcome, text string) {
	c := &r.c
	c.Phase, c.Run.Outcome, c.Run.End, c.Weight = phase, outcome, now, 0
	c.HoldStart, c.NextActionTime, c.JudgeTime = time.Time{}, time.Time{}, time.Time{}
	c.Message, c.NextAction = text, "a run begins with another revision of Deployment app"
	c.Verbs = verbs("no run is under way")
	r.event(now, "Normal", text)
}

// At carries the run on to a time and returns its state.
func (r *Run) At(now time.Time, speed float64) view.Canary {
	c := &r.c
	if step := time.Duration(float64(2*time.Second) / speed); c.Active() && now.Sub(r.last) >= step {
		r.last = now
		i := float64(len(c.Metrics[0].Samples))
		rate, verdict := round(99.6+0.25*math.Sin(i/2.1)), "Pass"
		if i == 8 {
			rate, verdict = 98.41, "Fail"
			c.FailedChecks++
			r.event(now, "Warning", "Halt app.test advancement success rate 98.41% < 99%")
		}
		add := func(m *view.Metric, v, primary float64, verdict string) {
			m.Samples = append(m.Samples, view.Sample{Time: now, Value: &v, Primary: &primary, Weight: c.Weight, Verdict: verdict})
			m.Samples = m.Samples[max(0, len(m.Samples)-60):]
		}
		add(&c.Metrics[0], rate, round(99.8+0.1*math.Sin(i/3)), verdict)
		add(&c.Metrics[1], math.Round(240+60*math.Sin(i/2.7)), math.Round(205+15*math.Sin(i/4)), "Pass")
		newest(c)
	}
	if c.Active() && !c.Paused() && !now.Before(r.next) {
		c.Run.Checks++
		r.advance(now)
	}
	return c.Cleaned() // a copy: the screen draws it while the run goes on
}

// Do carries out an operator verb.
func (r *Run) Do(verb string, now time.Time) (message string, ok bool) {
	if !r.c.Active() {
		return "no run is under way", false
	}
	switch verb {
	case "promote":
		r.end(now, "Succeeded", "Promoted", "Promoted at the request of an operator")
	case "promote-step":
		r.advance(now)
	case "abort":
		r.end(now, "Failed", "Aborted", "Aborted: all traffic is on the primary")
	case "pause":
		r.c.Run.Paused, r.c.NextActionTime, r.c.HoldStart = true, time.Time{}, time.Time{}
		r.c.NextAction = fmt.Sprintf("%d%% is held until somebody resumes the run", r.c.Weight)
		for i, v := range r.c.Verbs {
			r.c.Verbs[i].Enabled = v.Name != "pause"
			r.c.Verbs[i].Reason = ""
		}
	case "resume":
		r.c.Run.Paused = false
		r.hold(now)
	}
	r.c.LastIntent = &view.Intent{Verb: verb, By: "you", Outcome: "Accepted", Time: now}
	return "done", true
}
