package rollout

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var fullModel = flag.Bool("model.full", false, "explore the whole space of the model, not the short one")

var onlyModel = flag.String("model.only", "", "explore only the configurations with this in their names")

// modelRun is one configuration under exploration.
type modelRun struct {
	sim
	pods           int32
	fixed, configs bool
	verbs          []v1beta1.Verb
	edits          []edit
	roots          func(*modelRun) []state
	troubles       budget
	// forgetful: the executor does not remember what it has written to the route.
	forgetful bool
}

func newModelRun(c modelConfig, troubles budget, decide func(World) Plan) *modelRun {
	m := &modelRun{
		sim: sim{
			canary: modelCanary(c.canary), edited: modelCanary(c.edited), reports: c.reports, provider: c.provider,
			scaler: c.scaler, decide: decide,
		},
		pods: c.pods, fixed: c.fixed, configs: c.configs, verbs: c.verbs, edits: c.edits, roots: c.roots, troubles: troubles,
	}
	m.edited.Spec.RevertOnDeletion = m.canary.Spec.RevertOnDeletion
	if m.verbs == nil {
		m.verbs = steering
	}
	return m
}

// fresh is a new Canary for a target that serves.
func (m *modelRun) fresh() state {
	s := state{
		status: &v1beta1.CanaryStatus{},
		target: simWorkload{exists: true, observed: true, fixed: m.fixed, rev: 1, want: m.pods, avail: m.pods, rolled: true, gen: 1},
		spec:   simSpec{revert: m.canary.Spec.RevertOnDeletion},
		left:   m.troubles,
	}
	if m.configs {
		s.target.configs = 1
	}
	if m.provider == v1beta1.ProviderKubernetes {
		s.route = simRoute{exists: true, current: true, canary: 100, found: true} // The user's own Service.
	}
	return s
}

// TestModel explores every order of events, within limits on the number of troubles, and asserts
// the safety invariants in each state.
func TestModel(t *testing.T) {
	began := time.Now()
	states, transitions := 0, 0
	for _, c := range modelConfigs() {
		if !strings.Contains(c.name, *onlyModel) {
			continue
		}
		troubles := c.short
		if *fullModel {
			troubles = c.full
		}
		r := newModelRun(c, troubles, Decide).explore(1 << 30)
		states += r.states
		transitions += r.transitions
		t.Logf("%-45s %8d states %9d transitions, depth %2d, %6d continuations of at most %3d steps, %5.1f s",
			c.name, r.states, r.transitions, r.depth, r.continued, r.longest, r.took.Seconds())
		if r.err != nil {
			t.Errorf("%s: %v\n%s", c.name, r.err, r.trace)
		}
	}
	t.Logf("%-45s %8d states %9d transitions, %d invariants, %.1f s\n  %s", "in all", states, transitions,
		len(invariants), time.Since(began).Seconds(), strings.Join(invariants, "\n  "))
}

// TestMarks makes sure that the keys of the model tell different values apart.
func TestMarks(t *testing.T) {
	for _, names := range [][]string{
		{
			"", string(v1beta1.PhaseInitializing), string(v1beta1.PhaseInitialized), string(v1beta1.PhaseWaiting),
			string(v1beta1.PhaseProgressing), string(v1beta1.PhaseWaitingPromotion), string(v1beta1.PhasePromoting),
			string(v1beta1.PhaseFinalising), string(v1beta1.PhaseSucceeded), string(v1beta1.PhaseFailed),
			string(v1beta1.PhaseTerminating),
		},
		{
			"", string(v1beta1.OutcomePromoted), string(v1beta1.OutcomeRolledBack), string(v1beta1.OutcomeAborted),
			string(v1beta1.OutcomePromotionFailed), string(v1beta1.OutcomeSuperseded), string(v1beta1.OutcomeSkipped),
			string(v1beta1.OutcomeRestored),
		},
		{
			string(v1beta1.HookConfirmRollout), string(v1beta1.HookPreRollout), string(v1beta1.HookRollout),
			string(v1beta1.HookConfirmPromotion), string(v1beta1.HookPostRollout), string(v1beta1.HookConfirmTrafficIncrease),
			string(v1beta1.HookRollback),
		},
		{
			string(v1beta1.StepPending), string(v1beta1.StepActive), string(v1beta1.StepPassed),
			string(v1beta1.StepFailed), string(v1beta1.StepSkipped),
		},
		{string(v1beta1.GateWaiting), string(v1beta1.GateApproved), string(v1beta1.GateRejected), string(v1beta1.GateTimedOut)},
		{string(v1beta1.GateRollout), string(v1beta1.GateTraffic), string(v1beta1.GatePromotion)},
		{string(v1beta1.HookStarted), string(v1beta1.HookPassed), string(v1beta1.HookFailed)},
	} {
		seen := map[byte]string{}
		for _, name := range names {
			if other, ok := seen[mark(name)]; ok {
				t.Errorf("mark(%q) is the same as mark(%q)", name, other)
			}
			seen[mark(name)] = name
		}
	}
}

// String shows a state in a line of a trace.
func (s *state) String() string {
	var b strings.Builder
	st := s.status
	fmt.Fprintf(&b, "t=%-3d %s w=%d", s.now, st.Phase, st.CanaryWeight)
	if run := st.Run; run != nil {
		fmt.Fprintf(&b, " run{%s %s step %d want %d checks %d%s}", tailOf(run.Revision), run.Outcome, run.Step, run.Weight, run.Checks, flagsOf(run))
	}
	fmt.Fprintf(&b, " fails=%d applied=%s promoted=%s | target %s | primary %s | route %d%%", st.FailedChecks,
		tailOf(st.LastAppliedSpec), tailOf(st.LastPromotedSpec), s.target.String(), s.primary.String(), s.route.canary)
	if !s.route.exists {
		b.WriteString(" absent")
	}
	if s.plan.open {
		b.WriteString(" | plan")
		if s.plan.status != nil {
			b.WriteString(" status")
		}
		for _, e := range s.plan.effects {
			b.WriteString(" " + e.String())
		}
	}
	return b.String()
}

func (w *simWorkload) String() string {
	if !w.exists {
		return "absent"
	}
	flags := ""
	if !w.observed {
		flags += " unobserved"
	}
	if !w.rolled {
		flags += " rolling"
	}
	if w.dead {
		flags += " deadline exceeded"
	}
	return fmt.Sprintf("%s %d/%d%s", tailOf(revisions[w.rev]), w.avail, w.want, flags)
}

func tailOf(revision string) string {
	_, hash, _ := strings.Cut(revision, ":")
	return hash
}

func flagsOf(run *v1beta1.RunStatus) (flags string) {
	for _, f := range []struct {
		name string
		set  bool
	}{{" analysed", run.Analysed}, {" paused", run.Paused}, {" promote-now", run.PromoteNow}, {" step-now", run.StepNow}} {
		if f.set {
			flags += f.name
		}
	}
	return flags
}
