package rollout

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// fuzzWorld is a World in a form that a fuzzer can write.
type fuzzWorld struct {
	Spec            v1beta1.CanarySpec
	Status          v1beta1.CanaryStatus
	Annotations     map[string]string
	Target, Primary Workload
	Services        Services
	Route           Route
	Check           *CheckResult
	Hooks           map[string]HookResult
	Problems        []Problem
	Seconds         int32
}

func (f fuzzWorld) world() World {
	c := &v1beta1.Canary{Spec: f.Spec, Status: f.Status}
	c.Name, c.Namespace, c.Annotations = "app", "test", f.Annotations
	return World{
		Now: at(f.Seconds), Canary: c, DrainDelay: drainDelay, Problems: f.Problems,
		Target: f.Target, Primary: f.Primary, Services: f.Services, Route: f.Route, Check: f.Check, Hooks: f.Hooks,
	}
}

// FuzzDecide feeds Decide with whatever JSON can express: it must not panic, must end, must not
// change the world, must give no weight that is none, and must decide the same twice.
func FuzzDecide(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		var fw fuzzWorld
		if err := json.Unmarshal(input, &fw); err != nil {
			t.Skip()
		}
		w := fw.world()
		before, err := json.Marshal(w.Canary)
		if err != nil {
			t.Skip() // For instance a time after the year 9999.
		}
		p := Decide(w)
		if after, _ := json.Marshal(w.Canary); string(after) != string(before) {
			t.Errorf("Decide changed the world: %s, was %s", after, before)
		}
		again := Decide(w)
		if a, b := jsonOf(t, p), jsonOf(t, again); a != b {
			t.Errorf("Decide is not deterministic: %s and %s", a, b)
		}
		if len(p.Effects) > 100 || len(p.Status.History) > max(maxHistory, len(fw.Status.History)) {
			t.Errorf("%d effects, %d records", len(p.Effects), len(p.Status.History))
		}
	})
}

// seeds are worlds of all phases, and some that no agent would write.
func seeds(t testing.TB) (all [][]byte) {
	phases := []v1beta1.CanaryPhase{
		"", v1beta1.PhaseInitializing, v1beta1.PhaseInitialized, v1beta1.PhaseWaiting, v1beta1.PhaseProgressing,
		v1beta1.PhaseWaitingPromotion, v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseSucceeded,
		v1beta1.PhaseFailed, v1beta1.PhaseTerminating, v1beta1.PhaseTerminated, "Unknown",
	}
	ready := Workload{Exists: true, Observed: true, Revision: "rs:r2", Source: "rs:r1", Replicas: 1, Total: 1, Updated: 1, Available: 1}
	hold := v1beta1.NewMicroTime(epoch)
	runs := []*v1beta1.RunStatus{
		nil,
		{},
		{ID: "x", Revision: "rs:r2", Step: 1, Weight: 20, HoldStartTime: &hold},
		{ID: "x", Revision: "rs:r2", Step: 9, Weight: 120, StepNow: true, HoldStartTime: &hold},
		{ID: "x", Revision: "rs:r2", Step: -3, Weight: -5, Analysed: true},
		{ID: "x", Revision: "rs:r2", Step: 7, PromoteNow: true},
		{ID: "x", Revision: "rs:r2", Step: 7, Weight: 20, HoldStartTime: &hold},
		{ID: "x", Revision: "rs:r1", Step: 1, Outcome: v1beta1.OutcomePromotionFailed},
	}
	analyses := []*v1beta1.CanaryAnalysis{
		nil, {}, {StepWeights: []int32{20, 40}}, {Iterations: 3}, {StepWeight: -1, MaxWeight: 500, StepWeightPromotion: -7},
		{StepWeight: 20, Webhooks: hooksOf(v1beta1.HookConfirmRollout, v1beta1.HookPreRollout, v1beta1.HookRollout, v1beta1.HookConfirmPromotion, v1beta1.HookPostRollout)},
	}
	for _, phase := range phases {
		for _, run := range runs {
			for _, analysis := range analyses {
				for _, routed := range []int32{0, 20} {
					fw := fuzzWorld{
						Spec:   v1beta1.CanarySpec{Analysis: analysis},
						Status: v1beta1.CanaryStatus{Phase: phase, Run: run, LastPromotedSpec: "rs:r1", Steps: []v1beta1.StepStatus{{Weight: 20}}},
						Target: ready, Primary: ready, Services: Services{Sides: true, Apex: true},
						Route:   Route{Exists: true, Current: true, Canary: routed, Since: epoch},
						Check:   &CheckResult{ID: "x/check-1", Failures: []string{"too slow"}},
						Seconds: 3600,
					}
					fw.Status.CanaryWeight = routed
					b, err := json.Marshal(fw)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, b)
				}
			}
		}
	}
	return all
}

// TestDecideEnds applies Decide to its own output, whatever the state was: it must come to rest,
// or the agent would write the status for ever.
func TestDecideEnds(t *testing.T) {
	for _, seed := range seeds(t) {
		var fw fuzzWorld
		if err := json.Unmarshal(seed, &fw); err != nil {
			t.Fatal(err)
		}
		w := fw.world()
		rested := false
		for range 12 {
			p := Decide(w)
			if p.WakeAt.Before(w.Now) && !p.WakeAt.IsZero() {
				t.Fatalf("wakes in the past: %s", seed)
			}
			p.Status = throughJSON(t, p.Status)
			if rested = jsonOf(t, p.Status) == jsonOf(t, throughJSON(t, w.Canary.Status)); rested {
				break
			}
			w.Canary.Status = p.Status
		}
		if !rested {
			t.Errorf("no rest after 12 decisions: %s", seed)
		}
	}
}

func TestRequired(t *testing.T) {
	for _, tt := range []struct{ pods, threshold, want int32 }{
		{0, 100, 0}, {1, 100, 1}, {10, 100, 10}, {10, 55, 5}, {10, 0, 1}, {1, 50, 1}, {3, 1, 1},
	} {
		if got := required(tt.pods, tt.threshold); got != tt.want {
			t.Errorf("required(%d, %d) = %d, want %d", tt.pods, tt.threshold, got, tt.want)
		}
	}
}

func TestNothingWhileDeleted(t *testing.T) {
	sc := initializedScenario(t, steps(20))
	sc.ship(2)
	sc.untilWeight(20)
	w := sc.view()
	gone := v1beta1.NewTime(w.Now.Add(-time.Second))
	w.Canary.DeletionTimestamp = &gone
	p := Decide(w)
	if len(p.Effects) > 0 || len(p.Messages) > 0 || !p.WakeAt.IsZero() || !sameStatus(&p.Status, &w.Canary.Status) {
		t.Errorf("a canary that is being deleted is acted upon: %+v", p)
	}
}
