package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func revert(c *v1beta1.Canary) { c.Spec.RevertOnDeletion = true }

// gone lets everything happen until the finalizer is off.
func (s *stage) gone() {
	s.t.Helper()
	s.when("the end of the deletion", func() bool { return !slices.Contains(s.w.Canary.Finalizers, v1beta1.Finalizer) })
}

// order makes sure that the effects that begin with these texts happened, each for the first time, in
// this order.
func (s *stage) order(effects ...string) {
	s.t.Helper()
	last := -1
	for _, effect := range effects {
		i := slices.IndexFunc(s.effects, func(e string) bool { return strings.HasPrefix(e, effect) })
		if i <= last {
			s.t.Errorf("%s is not after the one before it in %v", effect, s.effects)
			return
		}
		last = i
	}
}

// The target serves before the primary goes: scale up, pods ready, route, release, drain, and only
// then the finalizer (S7).
func TestDeletionOrder(t *testing.T) {
	for name, tt := range map[string]struct {
		configure func(*v1beta1.Canary)
		before    func(*stage)
	}{
		"initialized": {steps(20), func(*stage) {}},
		"succeeded":   {steps(20), func(s *stage) { s.ship("rs:r2"); s.finish(v1beta1.PhaseSucceeded) }},
		"failed": {steps(20), func(s *stage) {
			s.checks = []CheckResult{failed(), failed()}
			s.ship("rs:r2")
			s.finish(v1beta1.PhaseFailed)
		}},
		"Services":   {with(provider(v1beta1.ProviderKubernetes), steps(20)), func(*stage) {}},
		"A/B":        {iterations(3, false, insiders), func(*stage) {}},
		"Blue/Green": {iterations(3, true), func(*stage) {}},
	} {
		t.Run(name, func(t *testing.T) {
			s := initializedStage(t, tt.configure, revert)
			tt.before(s)
			s.w.Primary.Replicas, s.w.Primary.Total, s.w.Primary.Updated, s.w.Primary.Available = 3, 3, 3, 3
			s.forget()
			s.deleted()
			s.targetStuck = true
			s.pass(20 * time.Second)
			equal(t, "effects before the target is ready", s.effects, []string{"ScaleTarget(3)"})
			equal(t, "route before the target is ready", s.w.Route.Canary, int32(0))
			s.targetStuck = false
			s.settle()
			equal(t, "released", s.w.Services.Released && s.w.Route.Released, true)
			released := s.w.Now
			equal(t, "finalizer before the primary is drained", s.did("SetFinalizer"), 0)
			s.gone()
			if took := s.w.Now.Sub(released); took < drainDelay {
				t.Errorf("the primary was drained for %s", took)
			}
			s.order("ScaleTarget(3)", "SetRoute(100", "Release", "SetFinalizer(false)")
			equal(t, "phase", s.phase(), v1beta1.PhaseTerminating)
			s.wantSaid("Terminating canary app.test", "Terminated canary app.test")
		})
	}
}

// A run that is under way ends, without a rollback: the canary's pods are what is kept.
func TestDeletionDuringRun(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40), revert)
	s.forget()
	s.deleted()
	s.gone()
	s.wantOutcome(v1beta1.OutcomeAborted)
	equal(t, "effects", s.effects, []string{"SetRoute(100)", "Release", "SetFinalizer(false)"})
	equal(t, "warnings of what takes over", s.count("app.test is at revision rs:r2, which was never promoted"), 1)
}

// The autoscaler goes on before the target is scaled up.
func TestDeletionResumesAutoscaler(t *testing.T) {
	s := initializedStage(t, steps(20), revert, func(c *v1beta1.Canary) {
		c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{Kind: v1beta1.AutoscalerScaledObject, Name: "app"}
	})
	s.w.Scaler = Scaler{Wanted: true, Pausable: true, Paused: true, Current: true, FromZero: 1}
	s.settle()
	s.forget()
	s.deleted()
	s.gone()
	s.order("PauseScaler(false)", "ScaleTarget(2)", "SetRoute(100)", "Release", "SetFinalizer(false)")
}

// A target that does not become ready keeps the canary, says what can be done, and goes on by itself.
func TestDeletionWaitsForTarget(t *testing.T) {
	s := initializedStage(t, steps(20), revert)
	s.targetStuck = true
	s.deleted()
	s.pass(time.Hour)
	equal(t, "finalizers", s.w.Canary.Finalizers, []string{v1beta1.Finalizer})
	equal(t, "route", s.w.Route.Canary, int32(0))
	equal(t, "Stalled", s.condition(v1beta1.ConditionStalled).Reason, "TargetNotReady")
	if !strings.Contains(s.status().Message, "set spec.revertOnDeletion to false to give it up") {
		t.Errorf("message %q", s.status().Message)
	}
	s.targetStuck = false
	s.gone()
}

func TestDeletionGivenUp(t *testing.T) {
	s := initializedStage(t, steps(20), revert)
	s.targetStuck = true
	s.deleted()
	s.pass(time.Minute)
	s.w.Canary.Spec.RevertOnDeletion = false
	s.gone()
	equal(t, "released", s.w.Services.Released, false)
}

// Whatever the others do meanwhile, the deletion gets to its end, and the traffic stays where it is
// served.
func TestDeletionDisturbed(t *testing.T) {
	for name, disturb := range map[string]func(*stage){
		"crash":                   func(s *stage) { s.crash() },
		"primary lost":            func(s *stage) { s.w.Primary = Workload{} },
		"another revision":        func(s *stage) { s.ship("rs:r9") },
		"scaled to zero":          func(s *stage) { s.scaled(0) },
		"route written by others": func(s *stage) { r := s.w.Route; r.Canary, r.Manager = 7, "kubectl"; s.routes[r.Provider] = r },
		"apex taken back":         func(s *stage) { s.w.Services.Released = false },
		"verb":                    func(s *stage) { s.ask(v1beta1.Intent{Verb: v1beta1.VerbPromote}) },
	} {
		t.Run(name, func(t *testing.T) {
			for moment := range 12 {
				s := initializedStage(t, steps(20), revert)
				s.deleted()
				for range moment {
					_ = s.decide() || s.environment()
				}
				if len(s.w.Canary.Finalizers) == 0 {
					break
				}
				disturb(s)
				s.gone()
				if name == "verb" {
					s.wantAnswer(v1beta1.IntentRefused, "the canary is being deleted")
				}
				equal(t, "target's pods", s.w.Target.Available > 0, true)
			}
		})
	}
}

// Without revertOnDeletion the owned objects go with the Canary: the agent does nothing at all.
func TestDeletionWithoutRevert(t *testing.T) {
	s := runningStage(t, 20, steps(20, 40))
	s.forget()
	s.deleted()
	s.pass(time.Hour)
	equal(t, "effects", s.effects, nil)
	equal(t, "writes of the status", s.statusWrites, 0)
}

// The finalizer is set as soon as it is wanted, also on a canary that is suspended.
func TestFinalizerFollowsSpec(t *testing.T) {
	s := initializedStage(t, steps(20))
	s.w.Canary.Spec.Suspend = true
	revert(s.w.Canary)
	s.settle()
	equal(t, "finalizers", s.w.Canary.Finalizers, []string{v1beta1.Finalizer})
	s.w.Canary.Spec.RevertOnDeletion = false
	s.settle()
	equal(t, "finalizers", len(s.w.Canary.Finalizers), 0)
}
