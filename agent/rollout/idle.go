package rollout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// idle is what happens between runs: a new revision starts one; otherwise the Services and the
// route are kept as they are and the target is kept at zero.
func (d *decider) idle() {
	d.refuseIntent("no run is in progress")
	d.adopt()
	if d.Target.Exists && d.Target.Observed && (d.retry || d.newRevision()) {
		if d.scalerMissing() {
			d.stallScaler()
		} else {
			d.postRollout() // Of the run that has just ended, if it ended in this very decision.
			d.startRun()
			return
		}
	}
	if d.routeInForce() {
		// Before anything that can fail: the call is noted in the status of this very plan.
		d.postRollout()
	}
	d.upkeep()
	d.recovered()
	d.restorePrimary()
	settled := d.route(d.idleWeight())
	if d.Route.Err != "" && d.st.CanaryWeight == 0 && d.Target.Exists && d.Target.Replicas == 0 {
		d.bindProvider() // The route in use is beyond repair; the other one may work.
	}
	if !d.Target.Exists {
		d.stallTargetMissing()
		return
	}
	if !settled || d.idleWeight() != 0 || !d.Target.Observed {
		return
	}
	if d.Target.Replicas > 0 && d.drained() && d.primaryServes() {
		d.scaleDown()
	}
	if d.Target.Replicas == 0 || d.Target.Fixed {
		d.bindProvider()
	}
}

// bindProvider moves on to the provider that the spec asks for, now that nothing goes to the canary
// through the one in use. The old route stays behind with all traffic on the primary.
func (d *decider) bindProvider() {
	if d.Provider == "" || d.st.Bound == nil || d.st.Bound.Provider == d.Provider {
		return
	}
	d.say(Info, "ProviderChanged", fmt.Sprintf("Routing of %s goes on with provider %s; the objects of provider %s are left as they are", d.name(), d.Provider, d.st.Bound.Provider))
	d.st.Bound.Provider = d.Provider
}

// idleWeight is the canary's share between runs: nothing, unless a failed promotion, of the last run
// or of one before it, left the canary as the only healthy copy and the primary still is not well.
func (d *decider) idleWeight() int32 {
	if d.run == nil || (d.run.Outcome != v1beta1.OutcomePromotionFailed && !d.run.Repair) {
		return 0
	}
	if d.run.Rollback && !d.run.Repair {
		return 0 // The canary is what the rollback was to get rid of, or has no pods.
	}
	if ok, _ := d.Primary.Ready(d.Canary.PrimaryReadyThreshold()); ok {
		return 0
	}
	return 100
}

// recovered takes note of a primary that has become ready after all, with the revision whose promotion
// had failed. It was analysed and it serves, so it is what going back means from now on.
func (d *decider) recovered() {
	if !d.Primary.Exists || d.Primary.Unmarked || d.Primary.Source == "" || d.Primary.Source == d.st.LastPromotedSpec ||
		foreign(d.st.LastPromotedSpec) {
		return
	}
	if ok, _ := d.Primary.Ready(d.Canary.PrimaryReadyThreshold()); !ok {
		return
	}
	if d.st.LastAppliedSpec == d.st.LastPromotedSpec {
		d.st.LastAppliedSpec = d.Primary.Source // The target has gone back meanwhile: that is a release now.
	}
	d.st.LastPromotedSpec = d.Primary.Source
	d.say(Info, "PrimaryRecovered", d.primary()+" is ready with revision "+d.Primary.Source+" after all; it serves all traffic", d.Primary.Source)
	if d.run != nil && d.run.Revision == d.Primary.Source {
		d.message("Failed: the promotion of revision %s took longer than its deadline; the primary is ready by now and serves all traffic.", d.run.Revision)
	}
}

// newRevision says whether the target has a revision that no run has dealt with. Going back to the
// promoted revision is none, but it is remembered, so that the failed one can be tried again.
func (d *decider) newRevision() bool {
	switch d.Target.Revision {
	case d.st.LastAppliedSpec:
		return false
	case d.st.LastPromotedSpec:
		d.st.LastAppliedSpec = d.Target.Revision
		return false
	}
	return true
}

// upkeep repairs Services that somebody has changed.
func (d *decider) upkeep() {
	if !d.Services.Sides {
		d.do(EnsureServices{})
	}
	if !d.Services.Apex {
		d.do(EnsureApex{})
	}
	d.upkeepScaler()
}

// restorePrimary makes the primary anew when somebody has deleted it, as long as the target still
// has what was promoted. From a failed revision no primary is made.
func (d *decider) restorePrimary() {
	if !d.Target.Exists || !d.Target.Observed {
		return
	}
	if d.Primary.Exists {
		d.mendPrimary()
		return
	}
	if d.Target.Revision != d.st.LastPromotedSpec {
		d.stall(Problem{
			Reason: "PrimaryNotFound",
			Message: "The primary " + d.primary() + " was deleted, and the target is at revision " + d.Target.Revision +
				", not at the promoted " + d.st.LastPromotedSpec + "; go back to that one.",
		})
		return
	}
	d.say(Warning, "PrimaryRestored", "The primary "+d.primary()+" was deleted; making it anew from "+d.target(), d.Now.UTC().Format("1504"))
	d.do(d.copyToPrimary("restored"))
}

// mendPrimary copies the promoted revision once more to a primary that a failed promotion has left
// with another one, when the target has gone back to it and runs.
func (d *decider) mendPrimary() {
	if d.run == nil || d.Primary.Unmarked || d.Primary.Source == d.st.LastPromotedSpec || d.Target.Revision != d.st.LastPromotedSpec {
		return
	}
	if ready, _ := d.canaryReady(); !ready {
		return // What has no pods may not start at all.
	}
	d.do(d.copyToPrimary("mended-" + d.run.ID))
}

// startRun begins with the target's revision.
func (d *decider) startRun() {
	d.retry = false
	revision := d.Target.Revision
	weight := d.idleWeight()
	d.st.Run = &v1beta1.RunStatus{
		ID:             d.runID(revision),
		Revision:       revision,
		StartTime:      v1beta1.NewTime(d.Now),
		PhaseStartTime: v1beta1.NewTime(d.Now),
		Weight:         weight,
		PromoteNow:     d.Canary.Spec.SkipAnalysis,
		Repair:         weight > 0,
		Floor:          d.Primary.Replicas,
	}
	d.run = d.st.Run
	d.st.LastAppliedSpec = revision
	d.st.FailedChecks = 0
	d.st.Iterations = 0
	d.st.Measurements = nil
	d.st.Steps = nil
	d.tracked()
	d.planSteps()
	if d.run.Repair {
		// The canary is the only healthy copy, left by a failed promotion. The fix is rolled out
		// on it under full traffic and judged once; smaller steps would feed the broken primary.
		d.st.Steps = []v1beta1.StepStatus{{Weight: weight, State: v1beta1.StepPending}}
	}
	if d.held(v1beta1.GateRollout) {
		d.enter(v1beta1.PhaseWaiting)
		d.message("Waiting: revision %s needs approval.", revision)
	} else {
		d.beginProgress()
	}
	d.analyse()
}

// beginProgress is the moment at which a run may scale the canary up.
func (d *decider) beginProgress() {
	d.enter(v1beta1.PhaseProgressing)
	d.say(Info, "NewRevision", "New revision detected! Scaling up "+d.target())
	d.alert(v1beta1.SeverityInfo, "New revision detected, progressing canary analysis.", true)
	d.message("Progressing: waiting for the pods of %s.", d.target())
}

// runID is unique among the runs of a canary and the same when the same decision is taken again
// after a crash before the status was written, up to the second.
func (d *decider) runID(revision string) string {
	_, hash, ok := strings.Cut(revision, ":") // "rs:6d4cf56db6+1a2b3c4d"
	if !ok {
		hash = revision
	}
	hash = strings.ReplaceAll(hash, "+", "-")
	first := fmt.Sprintf("%s-%d", hash, d.Now.Unix())
	id := first
	// A revision can come, go and come back within a second.
	for n := 2; slices.ContainsFunc(d.st.History, func(r v1beta1.RunRecord) bool { return r.ID == id }); n++ {
		id = fmt.Sprintf("%s-%d", first, n)
	}
	return id
}

// postRollout calls the hooks of the end of a run, each at most once: the call is noted in the
// status before it is made.
func (d *decider) postRollout() {
	if d.run == nil || d.run.Outcome == "" {
		return
	}
	for _, hook := range d.Canary.HooksOf(v1beta1.HookPostRollout) {
		name := hookName(v1beta1.HookPostRollout, hook.Name)
		id := d.run.ID + "/" + name
		state := d.hook(name)
		switch {
		case state == nil:
			d.setHook(name, v1beta1.HookStarted, "")
			d.do(CallHook{ID: id, Name: hook.Name, Type: v1beta1.HookPostRollout, Phase: d.st.Phase})
		case state.State == v1beta1.HookStarted:
			result, known := d.Hooks[id]
			switch {
			case !known:
				d.setHook(name, v1beta1.HookFailed, "the agent was restarted during the call; the answer is not known")
				d.say(Warning, "PostRolloutHookUnknown", fmt.Sprintf("Post-rollout hook %s was under way when the agent was restarted; it is not called again", hook.Name), hook.Name)
			case result.Done && result.Err == "":
				d.setHook(name, v1beta1.HookPassed, "")
				d.say(Info, "PostRolloutHookPassed", "Post-rollout check "+hook.Name+" passed", hook.Name)
			case result.Done:
				d.setHook(name, v1beta1.HookFailed, result.Err)
				d.say(Warning, "PostRolloutHookFailed", "Post-rollout hook "+hook.Name+" failed "+result.Err, hook.Name)
			}
		}
	}
}
