package rollout

import (
	"fmt"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// analyse is a run from the approval of the revision to the decision to promote it.
func (d *decider) analyse() {
	if d.run == nil || d.revisionMoved() {
		return
	}
	d.upkeep()
	if d.Canary.Spec.SkipAnalysis && !d.run.Analysed {
		d.run.PromoteNow = true // Set in mid-run, it cancels the analysis.
	}
	if d.rollbackHooks() {
		return
	}
	if d.st.Phase == v1beta1.PhaseWaiting {
		if !d.run.PromoteNow && !d.run.StepNow && !d.approved(v1beta1.GateRollout) {
			if !d.ended() {
				d.route(d.run.Weight)
			}
			return
		}
		d.beginProgress()
	}
	if !d.serving() {
		return
	}
	switch {
	case d.run.PromoteNow:
		d.beginPromotion()
	case d.run.Step == 0:
		d.prepare()
	default:
		d.holdStep()
	}
}

// revisionMoved deals with a target that is no longer at the run's revision, and says whether it
// has decided everything.
func (d *decider) revisionMoved() bool {
	if !d.Target.Exists || !d.Target.Observed || d.Target.Revision == d.run.Revision {
		return false
	}
	if d.Target.Revision == d.st.LastPromotedSpec {
		d.say(Warning, "RolledBack", "Rolling back "+d.name()+" target went back to the promoted revision")
		d.st.LastAppliedSpec = d.Target.Revision
		d.rollBack(v1beta1.OutcomeAborted, "the target went back to the promoted revision")
		return true
	}
	d.restart()
	return true
}

// serving scales the canary up and says whether its pods can take traffic. While they cannot, the
// primary has it all, and the run's deadline counts.
func (d *decider) serving() bool {
	if d.Target.Exists && d.Target.Observed {
		d.wakeScaler() // Even with pods: somebody else may have scaled the target up.
		if d.Target.Replicas == 0 {
			d.scaleUp()
		}
	}
	ready, why := d.canaryReady()
	if ready {
		d.run.UnreadySince = nil
		return true
	}
	if d.unobserved() && d.canaryServes() {
		// Known in a moment; nothing is decided on what may be out of date.
		d.route(d.run.Weight)
		d.wakeAt(d.Now.Add(patience))
		return false
	}
	d.run.HoldStartTime = nil
	if d.run.UnreadySince == nil {
		now := v1beta1.NewTime(d.Now)
		d.run.UnreadySince = &now
		if d.run.Step > 0 {
			d.say(Warning, "CanaryNotReady", fmt.Sprintf("canary deployment %s not ready: %s%s; its traffic goes to the primary",
				d.target(), why, cause(d.Target)), d.Now.UTC().Format("150405"))
		}
		d.message("%s: waiting for the pods of %s.", d.st.Phase, d.target())
	}
	deadline := d.run.UnreadySince.Add(d.Canary.ProgressDeadline())
	d.st.NextActionTime = timeOf(deadline)
	if !d.Now.Before(deadline) || (d.Target.Observed && d.Target.Replicas > 0 && d.Target.DeadlineExceeded) {
		text := fmt.Sprintf("progress deadline exceeded canary deployment %s not ready: %s%s", d.target(), why, cause(d.Target))
		d.say(Error, "RolledBack", "Rolling back "+d.name()+" "+text)
		d.alert(v1beta1.SeverityError, "Rolling back: "+text, false)
		d.rollBack(v1beta1.OutcomeRolledBack, text)
		return false
	}
	d.wakeAt(deadline)
	d.route(d.run.Weight)
	return false
}

// prepare calls the pre-rollout hooks, each until it passes, and then takes the first step.
func (d *decider) prepare() {
	d.route(d.run.Weight)
	if !d.run.StepNow {
		for _, hook := range d.Canary.HooksOf(v1beta1.HookPreRollout) {
			if !d.prepared(hook) {
				return
			}
		}
	}
	if d.run.Paused && !d.run.StepNow {
		d.message("Paused before the first step.")
		d.st.NextActionTime = nil
		return
	}
	if !d.run.StepNow && d.firstTraffic() && !d.approved(v1beta1.GateTraffic) {
		return
	}
	d.say(Info, "Started", "Starting canary analysis for "+d.target())
	d.advance()
}

// prepared says whether a pre-rollout hook has passed. Each failure is a failed check; the hook is
// called again one interval later, under a new id.
func (d *decider) prepared(hook v1beta1.CanaryWebhook) bool {
	name := hookName(v1beta1.HookPreRollout, hook.Name)
	state := d.hook(name)
	attempt := int32(0)
	if state != nil {
		if state.State == v1beta1.HookPassed {
			return true
		}
		attempt = state.Attempts
		if again := state.LastTime.Add(d.interval()); d.Now.Before(again) {
			d.wakeAt(again)
			d.st.NextActionTime = timeOf(again)
			return false
		}
	}
	id := fmt.Sprintf("%s/%s/%d", d.run.ID, name, attempt)
	result, known := d.Hooks[id]
	if !known {
		d.do(CallHook{ID: id, Name: hook.Name, Type: v1beta1.HookPreRollout, Phase: v1beta1.PhaseProgressing})
		d.message("Progressing: calling pre-rollout hook %s.", hook.Name)
		d.st.NextActionTime = nil
		return false
	}
	if !result.Done {
		return false
	}
	if result.Err == "" {
		d.setHook(name, v1beta1.HookPassed, "")
		d.say(Info, "PreRolloutHookPassed", "Pre-rollout check "+hook.Name+" passed", hook.Name)
		return true
	}
	d.setHook(name, v1beta1.HookFailed, result.Err).Attempts = attempt + 1
	text := fmt.Sprintf("Halt %s advancement pre-rollout check %s failed %s", d.name(), hook.Name, result.Err)
	d.say(Warning, "PreRolloutHookFailed", text, hook.Name, fmt.Sprint(attempt))
	d.alert(v1beta1.SeverityWarn, text, false)
	d.message("%s.", text)
	if d.failCheck() {
		return false
	}
	again := d.Now.Add(d.interval())
	d.wakeAt(again)
	d.st.NextActionTime = timeOf(again)
	return false
}

// holdStep holds the weight of the current step for one interval, has it judged, and goes on.
func (d *decider) holdStep() {
	weight := d.run.Weight
	if d.onlyCopy() {
		weight = 100
	}
	if !d.route(weight) {
		if d.st.CanaryWeight != d.run.Weight {
			d.run.HoldStartTime = nil
			d.stall(Problem{
				Reason:  "PrimaryNotServing",
				Message: "The primary " + d.primary() + " has no ready pod; the canary serves all traffic, and the run goes on when the primary is back.",
			})
		}
		if d.routeRefused() {
			text := "progress deadline exceeded route not accepted: " + d.Route.Message
			d.say(Error, "RolledBack", "Rolling back "+d.name()+" "+text)
			d.alert(v1beta1.SeverityError, "Rolling back: "+text, false)
			d.rollBack(v1beta1.OutcomeRolledBack, text)
		}
		return
	}
	if d.run.StepNow {
		d.run.StepNow = false
		d.leaveStep(v1beta1.StepSkipped)
		return
	}
	if d.run.StepPassed && !d.run.Paused {
		switch open := d.approved(v1beta1.GateTraffic); {
		case d.ended():
			return
		case open:
			d.leaveStep(v1beta1.StepPassed)
			return
		}
	}
	if d.run.Analysed && !d.run.Paused {
		switch open := d.approved(v1beta1.GatePromotion); {
		case d.ended():
			return
		case open:
			d.beginPromotion()
			return
		}
	}
	if d.run.HoldStartTime == nil {
		d.hold()
	}
	hooks := d.rolloutHooks()
	since := d.run.HoldStartTime.Time
	if !d.Route.Found && d.Route.Since.After(since) {
		since = d.Route.Since
	}
	if due := since.Add(d.interval()); d.Now.Before(due) {
		d.wakeAt(due)
		if d.st.NextActionTime == nil {
			d.st.NextActionTime = timeOf(due)
		}
		return
	}
	id := fmt.Sprintf("%s/check-%d", d.run.ID, d.holdNumber())
	if d.Check == nil || d.Check.ID != id {
		d.do(RunCheck{ID: id})
		return
	}
	if !hooks.done {
		return
	}
	d.judge(*d.Check, hooks)
}

// hookAnswers is what the rollout hooks of one check say.
type hookAnswers struct {
	done     bool
	failures []string
}

// rolloutHooks calls the rollout hooks at the beginning of the hold, so that a load test runs
// while the step is held, and collects the answers, which are part of the check at its end.
func (d *decider) rolloutHooks() hookAnswers {
	answers := hookAnswers{done: true}
	for _, hook := range d.Canary.HooksOf(v1beta1.HookRollout) {
		id := fmt.Sprintf("%s/%s/%d", d.run.ID, hookName(v1beta1.HookRollout, hook.Name), d.holdNumber())
		result, known := d.Hooks[id]
		switch {
		case !known:
			d.do(CallHook{ID: id, Name: hook.Name, Type: v1beta1.HookRollout, Phase: v1beta1.PhaseProgressing})
			answers.done = false
		case !result.Done:
			answers.done = false
		case result.Err != "":
			answers.failures = append(answers.failures,
				fmt.Sprintf("Halt %s advancement external check %s failed %s", d.name(), hook.Name, result.Err))
		}
	}
	return answers
}

// judge draws the conclusion from one check.
func (d *decider) judge(check CheckResult, hooks hookAnswers) {
	d.record(check.Measurements)
	d.run.Checks++
	n := fmt.Sprint(d.run.Checks)
	failures := append(hooks.failures, check.Failures...)
	for i, text := range failures {
		d.say(Warning, "CheckFailed", text, n, fmt.Sprint(i))
	}
	for i, text := range check.Errors {
		d.say(Warning, "CheckErrored", text, n, fmt.Sprint(i))
	}
	switch {
	case len(failures) > 0:
		if step := d.step(); step != nil {
			step.FailedChecks++
		}
		d.run.ErroredChecks = 0
		d.message("%s.", failures[0])
		if !d.failCheck() {
			d.hold()
		}
	case len(check.Errors) > 0:
		d.run.ErroredChecks++
		d.message("%s.", check.Errors[0])
		if !d.thresholdReached() {
			d.hold()
		}
	case len(check.Held) > 0:
		d.run.ErroredChecks = 0
		d.message("%s; holding the weight.", check.Held[0])
		d.hold()
	default:
		d.run.ErroredChecks = 0
		d.passed()
	}
}

// passed leaves the step, unless somebody holds it.
func (d *decider) passed() {
	switch {
	case d.run.Paused:
		d.message("Paused at %d%%; the last check passed.", d.run.Weight)
		d.hold()
	case d.run.Analysed, d.run.StepPassed:
		d.hold() // Waiting for a gate; checks go on.
	default:
		d.leaveStep(v1beta1.StepPassed)
	}
}

// firstTraffic says whether the first step gives the canary traffic of its own, in steps that somebody
// may want to approve one by one.
func (d *decider) firstTraffic() bool {
	return d.strategy() == v1beta1.StrategyCanary && !d.run.Repair && len(d.st.Steps) > 0 && d.st.Steps[0].Weight > 0
}

// moreTraffic says whether the step after the present one gives the canary more of its own traffic
// than it has, in steps that somebody may want to approve one by one.
func (d *decider) moreTraffic() bool {
	return d.strategy() == v1beta1.StrategyCanary && int(d.run.Step) < len(d.st.Steps) && !d.run.Repair
}

// leaveStep goes to the next step, or towards promotion after the last.
func (d *decider) leaveStep(as v1beta1.StepState) {
	if !d.run.Repair {
		d.planSteps() // The spec may have been edited since the last step began.
	}
	if as == v1beta1.StepPassed && d.moreTraffic() && d.held(v1beta1.GateTraffic) {
		d.run.StepPassed = true
		open := d.approved(v1beta1.GateTraffic)
		if d.ended() {
			return
		}
		if !open {
			d.hold()
			return
		}
	}
	if step := d.step(); step != nil && step.State == v1beta1.StepActive {
		step.State = as
		step.EndTime = timeOf(d.Now)
	}
	if !d.run.Analysed && int(d.run.Step) < len(d.st.Steps) {
		d.advance()
		return
	}
	d.run.Analysed = true
	open := as == v1beta1.StepSkipped || d.approved(v1beta1.GatePromotion)
	switch {
	case d.ended():
	case open:
		d.beginPromotion()
	default:
		d.hold()
	}
}

// advance takes the next step.
func (d *decider) advance() {
	if !d.run.Repair { // Which has one step of its own: see startRun.
		d.planSteps()
	}
	if int(d.run.Step) >= len(d.st.Steps) {
		// The steps were cut down to what is already done.
		d.run.Analysed = true
		d.beginPromotion()
		return
	}
	d.run.StepNow = false
	d.forgetTraffic()
	d.run.Step++
	step := d.step()
	step.State = v1beta1.StepActive
	step.StartTime = timeOf(d.Now)
	d.run.Weight = step.Weight
	d.hold()
	d.announce(step)
	d.route(d.run.Weight)
}

// hold starts the clock of the current step anew.
func (d *decider) hold() {
	now := v1beta1.NewMicroTime(d.Now)
	d.run.HoldStartTime = &now
	due := d.Now.Add(d.interval())
	d.st.NextActionTime = timeOf(due)
	d.wakeAt(due)
}

// holdNumber names the check and the hooks of the hold under way. A hold that had to begin anew so
// is not judged by what was measured before; the numbers of a run increase.
func (d *decider) holdNumber() int64 { return d.run.HoldStartTime.UnixMicro() }

// failCheck counts a failed check and says whether it ended the run.
func (d *decider) failCheck() bool {
	d.st.FailedChecks++
	return d.thresholdReached()
}

func (d *decider) thresholdReached() bool {
	count := d.st.FailedChecks + d.run.ErroredChecks
	if count < d.Canary.Threshold() {
		return false
	}
	d.say(Error, "RolledBack", fmt.Sprintf("Rolling back %s failed checks threshold reached %d", d.name(), count))
	d.alert(v1beta1.SeverityError, fmt.Sprintf("Failed checks threshold reached %d", count), false)
	d.rollBack(v1beta1.OutcomeRolledBack, fmt.Sprintf("failed checks threshold reached %d", count))
	return true
}

// maxSamples is how many samples of a metric the status keeps.
const maxSamples = 60

func (d *decider) record(measurements []Measurement) {
	for _, m := range measurements {
		series := d.series(m.Metric)
		series.Unit, series.Min, series.Max = m.Unit, m.Min, m.Max
		sample := m.Sample
		sample.Weight = d.st.CanaryWeight
		series.Samples = append(series.Samples, sample)
		if n := len(series.Samples); n > maxSamples {
			series.Samples = series.Samples[n-maxSamples:]
		}
	}
}

func (d *decider) series(metric string) *v1beta1.MetricMeasurements {
	for i := range d.st.Measurements {
		if d.st.Measurements[i].Metric == metric {
			return &d.st.Measurements[i]
		}
	}
	d.st.Measurements = append(d.st.Measurements, v1beta1.MetricMeasurements{Metric: metric})
	return &d.st.Measurements[len(d.st.Measurements)-1]
}

// interval is how long the current step is held before it is judged.
func (d *decider) interval() time.Duration {
	if step := d.step(); step != nil && step.Hold != "" {
		if hold, err := time.ParseDuration(step.Hold); err == nil && hold > 0 {
			return max(hold, v1beta1.MinAnalysisInterval)
		}
	}
	return d.Canary.AnalysisInterval()
}

func timeOf(t time.Time) *v1beta1.Time {
	at := v1beta1.NewTime(t)
	return &at
}
