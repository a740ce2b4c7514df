package rollout

import (
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// stage plays one story in a world that is a World: effects change the very facts that Decide looks
// at. The world of the model (scenario) has only what is explored; stories about verbs, autoscalers,
// mirrors, deletion and take-over need all of it.
type stage struct {
	t testing.TB
	w World
	// routes by provider; the one of the status' provider is in w.Route.
	routes map[string]Route
	// said, effects and alerts in order; calls of hooks by name.
	messages []Message
	effects  []string
	calls    map[string]int
	// statusWrites counts the writes of the status.
	statusWrites int
	plan         Plan
	// checks are the results of the next checks; when there are none left, checks pass.
	checks []CheckResult
	// closed hooks, by name, answer with failure; silent ones not at all.
	closed, silent map[string]bool
	running        string
	intents        int
	// stuck workloads get no new pod ready; a stuck router confirms nothing.
	targetStuck, primaryStuck, routerStuck bool
	// beforeCopy happens in the moment before the next copy to the primary.
	beforeCopy func()
	mark       string
	// keys of the messages: a story without disturbance says nothing twice. With repeats set it may.
	keys    map[string]bool
	repeats bool
}

// newStage is a Canary of provider traefik that has just been created, for a target with two pods.
func newStage(t testing.TB, configure ...func(*v1beta1.Canary)) *stage {
	t.Helper()
	c := modelCanary(with(configure...))
	c.UID = "7e1a"
	provider := c.Spec.Provider
	if provider == "" {
		provider = v1beta1.ProviderTraefik
	}
	pods := Workload{
		Exists: true, Observed: true, Revision: "rs:r1", Generation: 1,
		Replicas: 2, Total: 2, Updated: 2, Available: 2,
	}
	return &stage{
		t:      t,
		w:      World{Now: epoch.Add(fraction), Canary: c, DrainDelay: drainDelay, Provider: provider, Target: pods, Hooks: map[string]HookResult{}},
		routes: map[string]Route{}, calls: map[string]int{}, keys: map[string]bool{},
		closed: map[string]bool{}, silent: map[string]bool{},
	}
}

// initializedStage is one whose primary serves revision r1, with an empty record.
func initializedStage(t testing.TB, configure ...func(*v1beta1.Canary)) *stage {
	t.Helper()
	s := newStage(t, configure...)
	s.finish(v1beta1.PhaseInitialized)
	s.forget()
	return s
}

// runningStage holds a weight with revision r2.
func runningStage(t testing.TB, weight int32, configure ...func(*v1beta1.Canary)) *stage {
	t.Helper()
	s := initializedStage(t, configure...)
	s.ship("rs:r2")
	s.untilWeight(weight)
	return s
}

// forget empties the record.
func (s *stage) forget() {
	s.messages, s.effects, s.calls, s.statusWrites = nil, nil, map[string]int{}, 0
}

func (s *stage) status() *v1beta1.CanaryStatus { return &s.w.Canary.Status }
func (s *stage) run() *v1beta1.RunStatus       { return s.w.Canary.Status.Run }
func (s *stage) phase() v1beta1.CanaryPhase    { return s.w.Canary.Status.Phase }

// view is what the agent observes.
func (s *stage) view() World {
	w := s.w
	w.Canary = s.w.Canary.DeepCopy()
	provider := s.w.Provider
	if b := s.status().Bound; b != nil && s.phase() != v1beta1.PhaseInitializing { // As the controller does it.
		provider = b.Provider
	}
	w.Route = s.routes[provider]
	w.Route.Provider = provider
	s.w.Route = w.Route
	w.Hooks = maps.Clone(s.w.Hooks)
	return w
}

// decide decides once, makes sure of what holds for every decision, and carries the plan out. It
// says whether anything has changed.
func (s *stage) decide() bool {
	s.t.Helper()
	w := s.view()
	p := Decide(w)
	if again := Decide(s.view()); !reflect.DeepEqual(p, again) {
		s.t.Fatalf("Decide is not deterministic:\n%+v\n%+v", p, again)
	}
	if !p.WakeAt.IsZero() && !p.WakeAt.After(w.Now) {
		s.t.Fatalf("the wake time is %s in the past: %s", w.Now.Sub(p.WakeAt), s)
	}
	s.plan = p
	status := throughJSON(s.t, p.Status)
	changed := jsonOf(s.t, status) != jsonOf(s.t, throughJSON(s.t, *s.status()))
	if changed {
		s.statusWrites++
		s.w.Canary.Status = status
	}
	for _, m := range p.Messages {
		if s.keys[m.Key] && !s.repeats {
			s.t.Errorf("%q is said with the key %s, which was used before", m.Text, m.Key)
		}
		s.keys[m.Key] = true
		s.messages = append(s.messages, m)
	}
	for _, e := range p.Effects {
		did, ok := s.carryOut(e)
		if did {
			s.effects = append(s.effects, e.String())
			changed = true
		}
		if !ok {
			break
		}
	}
	if len(p.Messages) > 0 && !changed {
		s.t.Fatalf("%q is said although nothing is done", p.Messages[0].Text)
	}
	return changed
}

// settle lets everything happen that needs no time.
func (s *stage) settle() {
	s.t.Helper()
	for range 300 {
		if !s.decide() && !s.environment() {
			return
		}
	}
	s.t.Fatalf("no rest: %s, plan %v", s, s.plan.Effects)
}

// tick settles, and then goes to the next wake time; it returns false when there is none.
func (s *stage) tick() bool {
	s.t.Helper()
	s.settle()
	if s.plan.WakeAt.IsZero() {
		return false
	}
	s.w.Now = s.plan.WakeAt
	return true
}

// when goes on until something holds.
func (s *stage) when(what string, done func() bool) {
	s.t.Helper()
	for range 300 {
		for range 300 {
			if done() {
				return
			}
			if !s.decide() && !s.environment() {
				break
			}
		}
		if !s.tick() {
			break
		}
	}
	s.t.Fatalf("%s was not reached: %s\nsaid %q", what, s, s.said())
}

func (s *stage) until(phase v1beta1.CanaryPhase) {
	s.t.Helper()
	s.when(string(phase), func() bool { return s.phase() == phase })
}

func (s *stage) untilWeight(weight int32) {
	s.t.Helper()
	s.when(fmt.Sprintf("weight %d", weight), func() bool {
		return s.phase() == v1beta1.PhaseProgressing && s.w.Route.Canary == weight && s.run().Weight == weight && s.run().Step > 0
	})
}

// pass lets time pass.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	end := s.w.Now.Add(d)
	for s.settle(); !s.plan.WakeAt.IsZero() && s.plan.WakeAt.Before(end); s.settle() {
		s.w.Now = s.plan.WakeAt
	}
	s.w.Now = end
	s.settle()
}

// finish goes on until the phase is reached and everything rests.
func (s *stage) finish(phase v1beta1.CanaryPhase) {
	s.t.Helper()
	s.until(phase)
	for range 20 {
		if !s.tick() {
			return
		}
	}
}

// ask is an operator's verb.
func (s *stage) ask(intent v1beta1.Intent) {
	s.intents++
	intent.ID, intent.By = fmt.Sprintf("i%d", s.intents), "jane"
	s.w.Canary.Annotations = intent.Annotations()
}

// crash loses what the agent has in memory.
func (s *stage) crash() {
	s.w.Check, s.running, s.w.Hooks = nil, "", map[string]HookResult{}
	for name, r := range s.routes {
		r.Since, r.Found = s.w.Now, true
		s.routes[name] = r
	}
}

func (s *stage) deleted() {
	now := v1beta1.NewTime(s.w.Now)
	s.w.Canary.DeletionTimestamp = &now
}

// failed is the result of a check that fails.
func failed() CheckResult { return CheckResult{Failures: []string{"Halt app.test advancement"}} }

func provider(name string) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) { c.Spec.Provider = name }
}

func gates(all ...v1beta1.CanaryGate) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.Gates = all }
}

func iterations(n int32, mirror bool, match ...v1beta1.HTTPMatchRequest) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Iterations, c.Spec.Analysis.Mirror, c.Spec.Analysis.Match = n, mirror, match
	}
}

// insiders is a match for A/B tests.
var insiders = v1beta1.HTTPMatchRequest{Headers: map[string]v1beta1.StringMatch{"x-insider": {Exact: "true"}}}

// promotionFailed is a stage whose primary does not start with r2, so that the canary serves alone.
func promotionFailed(t testing.TB, kept int32, configure ...func(*v1beta1.Canary)) *stage {
	t.Helper()
	s := initializedStage(t, configure...)
	s.primaryStuck = true
	s.ship("rs:r2")
	s.when("the copy", func() bool { return s.w.Primary.Source == "rs:r2" })
	s.w.Primary.Available = kept
	s.w.Primary.Observed, s.w.Primary.DeadlineExceeded = true, true
	s.finish(v1beta1.PhaseFailed)
	s.wantOutcome(v1beta1.OutcomePromotionFailed)
	return s
}
