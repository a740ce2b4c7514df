package rollout

import (
	"maps"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// template is a revision without the fingerprint of its configs.
func template(revision string) string {
	base, _, _ := strings.Cut(revision, "+")
	return base
}

// foreign says whether a revision was written by another controller: ours have a prefix.
func foreign(revision string) bool {
	return revision != "" && !strings.Contains(revision, ":")
}

// alignConfigs makes up for config tracking that was switched on or off since the status was
// written: a revision of the same template that lacks the fingerprint, or has one where none is
// made any more, is the same revision. Otherwise the switch, or an upgrade from an agent that
// tracked none, would start a run of every canary (S5).
func (d *decider) alignConfigs() {
	if !d.Target.Exists || !d.Target.Observed {
		d.alignPrimary("")
		return
	}
	now := d.Target.Revision
	align := func(revision *string) {
		if template(*revision) == template(now) && strings.Contains(*revision, "+") != strings.Contains(now, "+") {
			*revision = now
		}
	}
	align(&d.st.LastAppliedSpec)
	align(&d.st.LastPromotedSpec)
	if d.run != nil && !d.run.Rollback { // Which is about a name in the history.
		align(&d.run.Revision)
	}
	d.alignPrimary(now)
	if strings.Contains(now, "+") && !strings.Contains(d.Primary.Previous, "+") &&
		template(d.Primary.Previous) == template(d.Primary.Source) {
		// The same template with configs that nobody has kept: nothing could be brought back.
		d.Primary.Previous = ""
	}
}

// alignPrimary does so for what the primary says of itself, which stays as it is until the next copy
// while the configs go on changing: it has what was promoted, or what is being promoted, and not what
// is there now.
func (d *decider) alignPrimary(now string) {
	names := []string{d.st.LastPromotedSpec, now}
	if d.run != nil {
		names = []string{d.st.LastPromotedSpec, d.run.Revision, now}
	}
	for _, name := range names {
		if template(name) == template(d.Primary.Source) {
			if strings.Contains(name, "+") != strings.Contains(d.Primary.Source, "+") {
				d.Primary.Source = name
			}
			return
		}
	}
}

// adopt takes over a canary that is at rest and was run by another controller, whose revisions are
// hashes of its own. When primary and target agree there is nothing to do. When they do not, the
// target is either what that controller has rejected, if it is older than its last word, or
// something new, for which a run starts.
func (d *decider) adopt() {
	if !foreign(d.st.LastAppliedSpec) || !d.Target.Exists || !d.Target.Observed || !d.Primary.Exists || d.Primary.Source == "" {
		return
	}
	revision := d.Target.Revision
	switch {
	case d.Primary.Source == revision:
		d.st.LastAppliedSpec, d.st.LastPromotedSpec = revision, revision
	case d.st.Phase == v1beta1.PhaseFailed && !d.Target.Since.IsZero() && !d.Target.Since.After(d.st.LastTransitionTime.Time):
		d.st.LastAppliedSpec, d.st.LastPromotedSpec = revision, d.Primary.Source
	default:
		d.st.LastAppliedSpec, d.st.LastPromotedSpec = d.Primary.Source, d.Primary.Source
	}
	d.say(Info, "TakenOver", "Canary "+d.name()+" was run by another controller; going on with revision "+d.st.LastPromotedSpec)
}

// recognise deals with a primary that does not say what it runs: as long as it was not written by the
// agent, what it agrees with is what was promoted.
func (d *decider) recognise() {
	if !d.Primary.Exists || !d.Primary.Unmarked || d.Primary.Source == "" || !d.Target.Observed {
		return
	}
	switch d.st.Phase {
	case v1beta1.PhasePromoting, v1beta1.PhaseFinalising:
		if d.run == nil || d.Primary.Source == d.run.Revision {
			return // What is being promoted was not promoted before.
		}
	case "", v1beta1.PhaseInitializing:
		return
	default:
	}
	switch {
	case d.Primary.Source == d.Target.Revision:
		d.do(AdoptPrimary{Revision: d.Primary.Source})
		d.st.LastPromotedSpec = d.Primary.Source
	case foreign(d.st.LastPromotedSpec):
		d.st.LastPromotedSpec = d.Primary.Source
	}
}

// tracked notes the configs of the revision that the status now speaks of.
func (d *decider) tracked() {
	if d.Target.Configs == nil {
		d.st.TrackedConfigs = nil
		return
	}
	configs := maps.Clone(d.Target.Configs)
	d.st.TrackedConfigs = &configs
}
