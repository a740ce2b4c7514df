package rollout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// TestModelCatchesFaults builds faults into Decide and expects the model to find each: a model that
// finds nothing proves nothing.
func TestModelCatchesFaults(t *testing.T) {
	faults := []struct {
		name, config, caughtBy string
		decide                 func(World) Plan
	}{
		{"the run's weight whatever the pods say", "two steps, the last passes maxWeight", "S1", func(w World) Plan {
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
		{"drift is not repaired", "a router that confirms", "S1", func(w World) Plan {
			w.Route.Canary = w.Canary.Status.CanaryWeight
			return Decide(w)
		}},
		{"traffic to a revision that was shipped during the promotion", "steps back to the primary", "S1", func(w World) Plan {
			if w.Canary.Status.Phase == v1beta1.PhasePromoting && w.Primary.Source == w.Canary.Status.Run.Revision {
				w.Target.Revision = w.Canary.Status.Run.Revision
			}
			return Decide(w)
		}},
		{"no drain delay", "steps back to the primary", "S2", func(w World) Plan {
			w.DrainDelay = 0
			return Decide(w)
		}},
		{"the router is not asked", "a router that confirms", "S1 S2", func(w World) Plan {
			w.Route.Confirmed = true
			return Decide(w)
		}},
		{"a crash makes the route look old", "two steps, the last passes maxWeight", "S2", func(w World) Plan {
			if w.Route.Found {
				w.Route.Since = w.Route.Since.Add(-drainDelay)
			}
			return Decide(w)
		}},
		{"what is there is taken for what was run", "steps back to the primary", "S3", func(w World) Plan {
			if w.Canary.Status.Phase == v1beta1.PhaseFailed && w.Target.Observed {
				w.Canary.Status.LastAppliedSpec = w.Target.Revision
			}
			return Decide(w)
		}},
		{"an outcome is recorded twice", "no analysis", "S3", func(w World) Plan {
			p := Decide(w)
			if len(p.Status.History) > len(w.Canary.Status.History) {
				p.Status.History = slices.Insert(p.Status.History, 0, p.Status.History[0])
			}
			return p
		}},
		{"a failed check counts twice", "two steps, the last passes maxWeight", "S4", func(w World) Plan {
			p := Decide(w)
			if p.Status.FailedChecks > w.Canary.Status.FailedChecks {
				p.Status.FailedChecks++
			}
			return p
		}},
		{"a step is skipped", "two steps, the last passes maxWeight", "S4", func(w World) Plan {
			p := Decide(w)
			if run := p.Status.Run; run != nil && run.Outcome == "" && run.Step == 1 {
				run.Step, run.Weight = 2, p.Status.Steps[1].Weight
			}
			return p
		}},
		{"an old result judges the next step", "two steps, the last passes maxWeight", "S4", func(w World) Plan {
			if run := w.Canary.Status.Run; run != nil && w.Check == nil && run.Checks == 1 {
				w.Check = &CheckResult{ID: checkID(run)}
			}
			return Decide(w)
		}},
		{"a post-rollout hook is called before that is noted", "hooks from the first step on", "S4", func(w World) Plan {
			p := Decide(w)
			if run := p.Status.Run; run != nil {
				run.Hooks = slices.DeleteFunc(run.Hooks, func(h v1beta1.HookStatus) bool {
					return strings.HasPrefix(h.Name, string(v1beta1.HookPostRollout)) && h.State == v1beta1.HookStarted
				})
			}
			return p
		}},
		{"whatever the target has is promoted", "steps back to the primary", "S1 S6", func(w World) Plan {
			if run := w.Canary.Status.Run; run != nil && w.Canary.Status.Phase == v1beta1.PhasePromoting {
				w.Target.Revision = run.Revision
			}
			return Decide(w)
		}},
		{"the primary is copied again", "two steps, the last passes maxWeight", "S6", func(w World) Plan {
			p := Decide(w)
			if w.Canary.Status.Phase == v1beta1.PhaseFinalising {
				p.Effects = append(p.Effects, CopyToPrimary{Revision: w.Target.Revision, Generation: w.Target.Generation, RunID: "again", Replicas: 1})
			}
			return p
		}},
		{"an event at every look", "no analysis", "L1", func(w World) Plan {
			p := Decide(w)
			p.Messages = append(p.Messages, Message{Text: "still here"})
			return p
		}},
		{"no clock", "two steps, the last passes maxWeight", "L", func(w World) Plan {
			p := Decide(w)
			p.WakeAt = time.Time{}
			return p
		}},
	}
	configs := map[string]modelConfig{}
	for _, c := range modelConfigs() {
		configs[c.name] = c
	}
	t.Run("an executor that forgets its own write of the route", func(t *testing.T) {
		m := newModelRun(configs["a lagging cache"], budget{budgetShip: 1, budgetIntent: 1, budgetStale: 1}, Decide)
		m.forgetful = true
		if r := m.explore(1_000_000); r.err == nil || !strings.HasPrefix(r.err.Error(), "S2") {
			t.Fatalf("in %d states: found %v, want S2", r.states, r.err)
		}
	})
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			c, ok := configs[f.config]
			if !ok {
				t.Fatalf("no configuration %q", f.config)
			}
			r := newModelRun(c, c.full, f.decide).explore(1_000_000)
			if r.err == nil {
				t.Fatalf("not found in %d states", r.states)
			}
			t.Logf("found after %d states: %v", r.states, strings.SplitN(r.err.Error(), "\n", 2)[0])
			if !slices.ContainsFunc(strings.Fields(f.caughtBy), func(id string) bool { return strings.HasPrefix(r.err.Error(), id) }) {
				t.Errorf("found by %v, want %s", r.err, f.caughtBy)
			}
		})
	}
}
