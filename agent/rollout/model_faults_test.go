package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// mutant is a fault that is built into Decide.
type mutant struct {
	// config is the configuration in which the model is to find it, by one of the invariants
	// caughtBy.
	name, config, caughtBy string
	decide                 func(World) Plan
	// troubles instead of those of the configuration.
	troubles *budget
	// forgetful: the fault is in the executor.
	forgetful bool
}

// TestModelCatchesFaults builds faults into Decide and expects the model to find each: a model that
// finds nothing proves nothing.
func TestModelCatchesFaults(t *testing.T) {
	configs := map[string]modelConfig{}
	for _, c := range modelConfigs() {
		configs[c.name] = c
	}
	mutants := slices.Concat(basicMutants(), strategyMutants(), lifeMutants())
	caught := 0
	for _, f := range mutants {
		t.Run(f.name, func(t *testing.T) {
			c, ok := configs[f.config]
			if !ok {
				t.Fatalf("no configuration %q", f.config)
			}
			troubles := c.full
			if f.troubles != nil {
				troubles = *f.troubles
			}
			m := newModelRun(c, troubles, f.decide)
			m.forgetful = f.forgetful
			r := m.explore(1_000_000)
			if r.err == nil {
				t.Fatalf("not found in %d states", r.states)
			}
			t.Logf("found after %d states: %v", r.states, strings.SplitN(r.err.Error(), "\n", 2)[0])
			if !slices.ContainsFunc(strings.Fields(f.caughtBy), func(id string) bool { return strings.HasPrefix(r.err.Error(), id) }) {
				t.Fatalf("found by %v, want %s", r.err, f.caughtBy)
			}
			caught++
		})
	}
	t.Logf("mutants caught: %d of %d", caught, len(mutants))
}

// basicMutants are faults in what every run does.
func basicMutants() []mutant {
	forgetful := budget{budgetShip: 1, budgetIntent: 1, budgetStale: 1}
	return []mutant{
		{
			name: "an executor that forgets its own write of the route", config: "a lagging cache", caughtBy: "S2",
			decide: Decide, troubles: &forgetful, forgetful: true,
		},
		{name: "the run's weight whatever the pods say", config: "two steps, the last passes maxWeight", caughtBy: "S1", decide: func(w World) Plan {
			p := Decide(w)
			if run := p.Status.Run; run != nil && p.Status.Phase == v1beta1.PhaseProgressing {
				p.Status.CanaryWeight = run.Weight
				for i, e := range p.Effects {
					if _, ok := e.(SetRoute); ok {
						p.Effects[i] = SetRoute{Canary: run.Weight}
					}
				}
			}
			return p
		}},
		{name: "drift is not repaired", config: "a router that confirms", caughtBy: "S1", decide: func(w World) Plan {
			w.Route.Canary = w.Canary.Status.CanaryWeight
			return Decide(w)
		}},
		{name: "traffic to a revision that was shipped during the promotion", config: "steps back to the primary", caughtBy: "S1", decide: func(w World) Plan {
			if w.Canary.Status.Phase == v1beta1.PhasePromoting && w.Primary.Source == w.Canary.Status.Run.Revision {
				w.Target.Revision = w.Canary.Status.Run.Revision
			}
			return Decide(w)
		}},
		{name: "no drain delay", config: "steps back to the primary", caughtBy: "S2", decide: func(w World) Plan {
			w.DrainDelay = 0
			return Decide(w)
		}},
		{name: "the router is not asked", config: "a router that confirms", caughtBy: "S1 S2", decide: func(w World) Plan {
			w.Route.Confirmed = true
			return Decide(w)
		}},
		{name: "a crash makes the route look old", config: "two steps, the last passes maxWeight", caughtBy: "S2", decide: func(w World) Plan {
			if w.Route.Found {
				w.Route.Since = w.Route.Since.Add(-drainDelay)
			}
			return Decide(w)
		}},
		{name: "what is there is taken for what was run", config: "steps back to the primary", caughtBy: "S3", decide: func(w World) Plan {
			if w.Canary.Status.Phase == v1beta1.PhaseFailed && w.Target.Observed {
				w.Canary.Status.LastAppliedSpec = w.Target.Revision
			}
			return Decide(w)
		}},
		{name: "an outcome is recorded twice", config: "no analysis", caughtBy: "S3", decide: func(w World) Plan {
			p := Decide(w)
			if len(p.Status.History) > len(w.Canary.Status.History) {
				p.Status.History = slices.Insert(p.Status.History, 0, p.Status.History[0])
			}
			return p
		}},
		{name: "a failed check counts twice", config: "two steps, the last passes maxWeight", caughtBy: "S4", decide: func(w World) Plan {
			p := Decide(w)
			if p.Status.FailedChecks > w.Canary.Status.FailedChecks {
				p.Status.FailedChecks++
			}
			return p
		}},
		{name: "a step is skipped", config: "two steps, the last passes maxWeight", caughtBy: "S4", decide: func(w World) Plan {
			p := Decide(w)
			if run := p.Status.Run; run != nil && run.Outcome == "" && run.Step == 1 {
				run.Step, run.Weight = 2, p.Status.Steps[1].Weight
			}
			return p
		}},
		{name: "an old result judges the next step", config: "two steps, the last passes maxWeight", caughtBy: "S4", decide: func(w World) Plan {
			if run := w.Canary.Status.Run; run != nil && w.Check == nil && run.Checks == 1 {
				w.Check = &CheckResult{ID: checkID(run)}
			}
			return Decide(w)
		}},
		{name: "a post-rollout hook is called before that is noted", config: "hooks from the first step on", caughtBy: "S4", decide: func(w World) Plan {
			p := Decide(w)
			if run := p.Status.Run; run != nil {
				run.Hooks = slices.DeleteFunc(run.Hooks, func(h v1beta1.HookStatus) bool {
					return strings.HasPrefix(h.Name, string(v1beta1.HookPostRollout)) && h.State == v1beta1.HookStarted
				})
			}
			return p
		}},
		{name: "whatever the target has is promoted", config: "steps back to the primary", caughtBy: "S1 S6", decide: func(w World) Plan {
			if run := w.Canary.Status.Run; run != nil && w.Canary.Status.Phase == v1beta1.PhasePromoting {
				w.Target.Revision = run.Revision
			}
			return Decide(w)
		}},
		{name: "the primary is copied again", config: "two steps, the last passes maxWeight", caughtBy: "S6", decide: func(w World) Plan {
			p := Decide(w)
			if w.Canary.Status.Phase == v1beta1.PhaseFinalising {
				p.Effects = append(p.Effects, CopyToPrimary{Revision: w.Target.Revision, Generation: w.Target.Generation, RunID: "again", Replicas: 1})
			}
			return p
		}},
		{name: "an event at every look", config: "no analysis", caughtBy: "L1", decide: func(w World) Plan {
			p := Decide(w)
			p.Messages = append(p.Messages, Message{Text: "still here"})
			return p
		}},
		{name: "no clock", config: "two steps, the last passes maxWeight", caughtBy: "L", decide: func(w World) Plan {
			p := Decide(w)
			p.WakeAt = time.Time{}
			return p
		}},
	}
}
