package rollout

import (
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// effectsOf makes a fault of a change of each effect; nil leaves it out.
func effectsOf(change func(World, Effect) Effect) func(World) Plan {
	return func(w World) Plan {
		p := Decide(w)
		var effects []Effect
		for _, e := range p.Effects {
			if e = change(w, e); e != nil {
				effects = append(effects, e)
			}
		}
		p.Effects = effects
		return p
	}
}

// statusOf makes a fault of a change of the status that Decide sees.
func statusOf(change func(*World, *v1beta1.CanaryStatus)) func(World) Plan {
	return func(w World) Plan {
		c := *w.Canary
		c.Status = *w.Canary.Status.DeepCopy()
		w.Canary = &c
		change(&w, &c.Status)
		return Decide(w)
	}
}

// strategyMutants are faults in strategies, gates and hooks.
func strategyMutants() []mutant {
	return []mutant{
		{name: "everyone in an A/B test", config: "A/B test", caughtBy: "S1", decide: effectsOf(func(_ World, e Effect) Effect {
			if r, ok := e.(SetRoute); ok && r.Canary > 0 {
				r.Everyone = true
				return r
			}
			return e
		})},
		{name: "copies to a canary that is not ready", config: "mirroring before the weights", caughtBy: "S1", decide: effectsOf(func(w World, e Effect) Effect {
			if r, ok := e.(SetRoute); ok && r.Canary == 0 && w.Canary.Status.Run != nil && w.Canary.Status.Run.Step == 1 {
				r.Mirror = true
				return r
			}
			return e
		})},
		{name: "a Service that is to split", config: "Blue/Green with Services only", caughtBy: "S1", decide: func(w World) Plan {
			p := Decide(w)
			for i, e := range p.Effects {
				if r, ok := e.(SetRoute); ok && r.Canary == 100 {
					p.Effects[i], p.Status.CanaryWeight = SetRoute{Canary: 50}, 50
				}
			}
			return p
		}},
		{name: "another provider at once", config: "another provider", caughtBy: "S2", decide: statusOf(func(w *World, st *v1beta1.CanaryStatus) {
			if st.Bound != nil {
				st.Bound.Provider = w.Provider
			}
		})},
		{name: "cookies that the route never gets", config: "session affinity", caughtBy: "L2", decide: func(w World) Plan {
			w.Route.Current = true
			p := Decide(w)
			if w.Route.Exists && w.Route.Canary == p.Status.CanaryWeight {
				p.Effects = slices.DeleteFunc(p.Effects, func(e Effect) bool { _, ok := e.(SetRoute); return ok })
			}
			return p
		}},
		{name: "gates that nobody has opened", config: "gates that wait for ever", caughtBy: "S4", decide: statusOf(func(_ *World, st *v1beta1.CanaryStatus) {
			if st.Run != nil {
				for i := range st.Run.Gates {
					st.Run.Gates[i].State = v1beta1.GateApproved
				}
			}
		})},
		{name: "gates that time out at once", config: "gates that abort", caughtBy: "S4", decide: statusOf(func(_ *World, st *v1beta1.CanaryStatus) {
			if st.Run != nil {
				for i := range st.Run.Gates {
					st.Run.Gates[i].Since = v1beta1.NewTime(st.Run.Gates[i].Since.Add(-time.Hour))
				}
			}
		})},
		{name: "one approval for all steps", config: "gates that go on, and their hooks", caughtBy: "S4", decide: func(w World) Plan {
			p := Decide(w)
			if run := p.Status.Run; run != nil && run.Step == 1 && run.Outcome == "" {
				run.Gates = append(slices.Clip(run.Gates), v1beta1.GateStatus{
					Name: string(v1beta1.GateTraffic), State: v1beta1.GateApproved,
				})
			}
			return p
		}},
		{name: "a rollback hook that nobody hears", config: "a hook that ends runs", caughtBy: "S4", decide: func(w World) Plan {
			for id, r := range w.Hooks {
				if v1beta1.HookType(jobType(id)) == v1beta1.HookRollback {
					r.Err = "not heard"
					w.Hooks[id] = r
				}
			}
			return Decide(w)
		}},
		{name: "a rollback to what the target has", config: "back to the revision before", caughtBy: "S6", decide: effectsOf(func(w World, e Effect) Effect {
			if r, ok := e.(RestorePrimary); ok {
				return CopyToPrimary{Revision: w.Target.Revision, Generation: w.Target.Generation, RunID: r.RunID, Replicas: 1}
			}
			return e
		})},
	}
}

// lifeMutants are faults in deletion, suspension, autoscaling, upgrade and take-over.
func lifeMutants() []mutant {
	return []mutant{
		{name: "a deletion that waits for nothing", config: "deletion", caughtBy: "S7", decide: func(w World) Plan {
			p := Decide(w)
			if w.Canary.DeletionTimestamp != nil {
				p.Effects = []Effect{SetFinalizer{}}
			}
			return p
		}},
		{name: "a deletion that is held up", config: "deletion", caughtBy: "S7", decide: effectsOf(func(w World, e Effect) Effect {
			if _, ok := e.(SetFinalizer); ok && !w.Canary.Spec.RevertOnDeletion {
				return nil
			}
			return e
		})},
		{name: "a deletion without drain delay", config: "deletion", caughtBy: "S7", decide: func(w World) Plan {
			if w.Canary.DeletionTimestamp != nil {
				w.DrainDelay = 0
			}
			return Decide(w)
		}},
		{name: "a deletion that leaves the route", config: "deletion", caughtBy: "S7", decide: func(w World) Plan {
			w.Route.Released = w.Route.Released || w.Canary.DeletionTimestamp != nil
			w.Services.Released = w.Route.Released
			return Decide(w)
		}},
		{name: "a suspension that nobody minds", config: "suspended, and specs that are refused", caughtBy: "S4", decide: func(w World) Plan {
			c := *w.Canary
			c.Spec.Suspend = false
			w.Canary = &c
			return Decide(w)
		}},
		{name: "a target that is gone is thought to be there", config: "objects deleted by somebody", caughtBy: "S1", decide: func(w World) Plan {
			if !w.Target.Exists && w.Canary.Status.Run != nil {
				w.Target = Workload{
					Exists: true, Observed: true, Revision: w.Canary.Status.Run.Revision, Replicas: 1, Total: 1, Updated: 1, Available: 1,
				}
			}
			return Decide(w)
		}},
		{name: "a primary that may shrink", config: "an autoscaler", caughtBy: "S1", decide: effectsOf(func(_ World, e Effect) Effect {
			if _, ok := e.(EnsureScaler); ok {
				return EnsureScaler{}
			}
			return e
		})},
		{name: "an autoscaler that stays paused", config: "an autoscaler that has to be paused", caughtBy: "S2", decide: effectsOf(func(_ World, e Effect) Effect {
			if p, ok := e.(PauseScaler); ok && !p.Pause {
				return nil
			}
			return e
		})},
		{name: "a primary that has what is there now", config: "configs that were not tracked before", caughtBy: "S6", decide: func(w World) Plan {
			if template(w.Primary.Source) == template(w.Target.Revision) {
				w.Primary.Source = w.Target.Revision
			}
			return Decide(w)
		}},
		{name: "config tracking that is news", config: "other versions of the agent", caughtBy: "S5", decide: func(w World) Plan {
			// With another separator, Decide sees no fingerprint.
			ours, theirs := strings.NewReplacer("+", "#"), strings.NewReplacer("#", "+")
			c := *w.Canary
			c.Status = *w.Canary.Status.DeepCopy()
			w.Canary = &c
			replace := func(r *strings.Replacer, st *v1beta1.CanaryStatus) {
				st.LastAppliedSpec, st.LastPromotedSpec = r.Replace(st.LastAppliedSpec), r.Replace(st.LastPromotedSpec)
				if st.Run != nil {
					st.Run.Revision = r.Replace(st.Run.Revision)
				}
			}
			replace(ours, &c.Status)
			for _, revision := range []*string{&w.Target.Revision, &w.Primary.Source, &w.Primary.Previous} {
				*revision = ours.Replace(*revision)
			}
			p := Decide(w)
			replace(theirs, &p.Status)
			for i, e := range p.Effects {
				if f, ok := e.(CopyToPrimary); ok {
					f.Revision = theirs.Replace(f.Revision)
					p.Effects[i] = f
				}
			}
			return p
		}},
		{name: "a primary of another controller is unknown", config: "taken over from another controller", caughtBy: "S5", decide: func(w World) Plan {
			if w.Primary.Unmarked {
				w.Primary.Source = "primary/rs:unknown"
			}
			return Decide(w)
		}},
		{name: "a run of another controller begins anew", config: "taken over from another controller", caughtBy: "S5", decide: func(w World) Plan {
			if w.Canary.Status.Run == nil {
				w.Route.Canary = 0
			}
			return Decide(w)
		}},
		{name: "a wake time for ever", config: "deletion with a router that confirms", caughtBy: "L2", decide: func(w World) Plan {
			p := Decide(w)
			if w.Canary.DeletionTimestamp != nil && w.Route.Released {
				p.WakeAt = w.Route.Since.Add(w.DrainDelay)
			}
			return p
		}},
	}
}
