package rollout

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// dice turn the bytes of a fuzzer into choices; when they are used up, each choice is the first one.
type dice struct{ bytes []byte }

func (d *dice) n(sides int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % sides
}

func (d *dice) yes() bool { return d.n(2) == 1 }

func pick[T any](d *dice, of ...T) T { return of[d.n(len(of))] }

// throws are seeds for the fuzzers that take dice: the same in each run of the tests.
func throws(f *testing.F, n int) {
	f.Add([]byte{})
	random := rand.New(rand.NewPCG(1, 2))
	for range n {
		b := make([]byte, 40+random.IntN(160))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		f.Add(b)
	}
}

func (d *dice) workload() Workload {
	revisions := []string{"rs:r2", "rs:r1", "rs:r2+cafe", "ds:x"}
	return Workload{
		Exists: d.n(8) > 0, Observed: d.n(4) > 0, Revision: pick(d, revisions...), Source: pick(d, append(revisions, "")...),
		Unmarked: d.yes(), Previous: pick(d, "", "rs:r1", "rs:r2"), Generation: int64(d.n(3)), Fixed: d.n(8) == 1,
		Replicas: int32(d.n(3)), Total: int32(d.n(3)), Updated: int32(d.n(3)), Available: int32(d.n(3)),
		DeadlineExceeded: d.n(8) == 1,
	}
}

func (d *dice) spec(c *v1beta1.Canary) {
	a := &v1beta1.CanaryAnalysis{Interval: pick(d, "10s", "1h", "soon"), Threshold: int32(d.n(4))}
	switch d.n(7) {
	case 0:
		a.StepWeights = []int32{20, 40}
	case 1:
		a.Iterations = int32(1 + d.n(3))
	case 2:
		a.Iterations, a.Match = int32(1+d.n(3)), []v1beta1.HTTPMatchRequest{insiders}
	case 3:
		a.StepWeight, a.MaxWeight = int32(d.n(90)), int32(d.n(100))
	case 4:
		a.Steps = []v1beta1.AnalysisStep{{Weight: 10, Hold: "1m"}, {Weight: 100}}
	case 5:
		a.StepWeights = []int32{100}
	}
	a.Mirror, a.StepWeightPromotion = d.n(4) == 1, pick[int32](d, 0, 0, 30)
	for _, t := range v1beta1.HookTypes() {
		if d.n(4) == 1 {
			a.Webhooks = append(a.Webhooks, v1beta1.CanaryWebhook{Type: t, Name: string(t), URL: "http://hooks.test/"})
		}
	}
	for i, at := range []v1beta1.GatePoint{v1beta1.GateRollout, v1beta1.GateTraffic, v1beta1.GatePromotion} {
		if d.n(4) == 1 {
			a.Gates = append(a.Gates, v1beta1.CanaryGate{
				Name: fmt.Sprint(i), At: at, Timeout: pick(d, "", "1m"), OnTimeout: pick(d, "", v1beta1.GateContinue),
			})
		}
	}
	if d.n(4) == 1 {
		a.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "canary", PrimaryCookieName: pick(d, "", "primary")}
	}
	c.Spec.Analysis = a
	c.Spec.SkipAnalysis, c.Spec.RevertOnDeletion = d.n(8) == 1, d.yes()
}

func (d *dice) status(st *v1beta1.CanaryStatus) {
	revisions := []string{"rs:r2", "rs:r1", "", "rs:r2+cafe", "6b4c5d99c8"}
	hour := v1beta1.NewTime(epoch.Add(-time.Hour))
	st.Phase = pick(d,
		v1beta1.PhaseProgressing, "", v1beta1.PhaseInitializing, v1beta1.PhaseInitialized, v1beta1.PhaseWaiting,
		v1beta1.PhaseWaitingPromotion, v1beta1.PhasePromoting, v1beta1.PhaseFinalising, v1beta1.PhaseSucceeded,
		v1beta1.PhaseFailed, v1beta1.PhaseTerminating, v1beta1.PhaseTerminated, "Newer")
	st.LastAppliedSpec, st.LastPromotedSpec = pick(d, revisions...), pick(d, revisions...)
	st.CanaryWeight, st.FailedChecks, st.Iterations = pick[int32](d, 0, 20, 40, 100), int32(d.n(3)), int32(d.n(5)-1)
	if d.yes() {
		st.LastTransitionTime = hour
	}
	if d.yes() {
		st.Bound = &v1beta1.BindingStatus{Target: pick(d, "Deployment/app", "Deployment/b"), Service: "app", Provider: v1beta1.ProviderTraefik}
	}
	for range d.n(4) {
		st.Steps = append(st.Steps, v1beta1.StepStatus{
			Weight: pick[int32](d, 0, 20, 40, 100), Mirror: d.n(4) == 1,
			State: pick(d, v1beta1.StepPending, v1beta1.StepActive, v1beta1.StepPassed, v1beta1.StepFailed),
		})
	}
	if d.n(4) == 1 {
		return
	}
	run := &v1beta1.RunStatus{
		ID: "x", Revision: pick(d, revisions...), StartTime: hour, PhaseStartTime: pick(d, hour, v1beta1.NewTime(epoch)),
		Step: int32(d.n(5) - 1), Weight: pick[int32](d, 0, 20, 40, 100), ErroredChecks: int32(d.n(3)),
		Outcome: pick(d, "", "", "", v1beta1.OutcomePromoted, v1beta1.OutcomeRolledBack, v1beta1.OutcomePromotionFailed, v1beta1.OutcomeRestored),
		Floor:   int32(d.n(3)),
	}
	for _, flag := range []*bool{&run.Analysed, &run.Paused, &run.PromoteNow, &run.StepNow, &run.StepPassed, &run.Repair, &run.Rollback} {
		*flag = d.n(5) == 1
	}
	if d.yes() {
		hold := v1beta1.NewMicroTime(epoch)
		run.HoldStartTime = &hold
	}
	if d.n(4) == 1 {
		run.UnreadySince = &hour
	}
	for _, name := range []string{"0", "1", "2"} {
		if d.n(4) == 1 {
			run.Gates = append(run.Gates, v1beta1.GateStatus{Name: name, Since: hour, State: pick(d, v1beta1.GateWaiting, v1beta1.GateApproved, v1beta1.GateTimedOut, v1beta1.GateRejected)})
		}
	}
	for _, t := range v1beta1.HookTypes() {
		if d.n(6) == 1 {
			run.Hooks = append(run.Hooks, v1beta1.HookStatus{
				Name: hookName(t, string(t)), LastTime: hour, Attempts: int32(d.n(2)),
				State: pick(d, v1beta1.HookStarted, v1beta1.HookPassed, v1beta1.HookFailed),
			})
		}
	}
	st.Run = run
}

// world is any world that the schemas admit, whether or not an agent could come into it.
func (d *dice) world(t testing.TB) World {
	c := modelCanary(nil)
	d.spec(c)
	d.status(&c.Status)
	c.Status = throughJSON(t, c.Status)
	if d.n(4) == 1 {
		c.Annotations = v1beta1.Intent{ID: "i", Verb: pick(d, append(v1beta1.Verbs(), "dance")...), Revision: pick(d, "", "rs:r2"), Gate: pick(d, "", "1")}.Annotations()
	}
	if d.yes() {
		c.Finalizers = []string{v1beta1.Finalizer}
	}
	if d.n(6) == 1 {
		now := v1beta1.NewTime(epoch)
		c.DeletionTimestamp = &now
	}
	c.Spec.Suspend = d.n(12) == 1
	w := World{
		Now: epoch.Add(time.Duration(d.n(3))*15*time.Second + fraction), Canary: c, DrainDelay: drainDelay,
		Provider: pick(d, v1beta1.ProviderTraefik, v1beta1.ProviderKubernetes, ""), Target: d.workload(), Primary: d.workload(),
		Services: Services{Sides: d.n(4) > 0, Apex: d.n(4) > 0, Released: d.yes()},
		Route: Route{
			Exists: d.n(6) > 0, Canary: pick[int32](d, 0, 20, 40, 100, -1), Mirror: d.n(4) == 1, Everyone: d.n(4) == 1, Released: d.yes(),
			Current: d.n(4) > 0, Since: epoch.Add(time.Duration(d.n(2)) * -time.Hour), Found: d.yes(), Reports: d.yes(), Confirmed: d.yes(),
			Err: pick(d, "", "", "", "", "no such kind"), Manager: pick(d, "", "kubectl"), Provider: pick(d, v1beta1.ProviderTraefik, v1beta1.ProviderKubernetes),
		},
		Hooks: map[string]HookResult{},
	}
	if d.n(4) == 1 {
		c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{Kind: v1beta1.AutoscalerScaledObject, Name: "app"}
		w.Scaler = Scaler{Wanted: true, Err: pick(d, "", "not found"), Pausable: d.yes(), Paused: d.yes(), Current: d.yes(), FromZero: int32(d.n(3))}
	}
	if d.n(10) == 1 {
		w.Problems = []Problem{{Reason: "Invalid", Message: "spec.provider: unknown"}}
	}
	hold := epoch.UnixMicro()
	if d.yes() {
		w.Check = &CheckResult{ID: fmt.Sprintf("x/check-%d", hold)}
		switch d.n(4) {
		case 1:
			w.Check.Failures = []string{"too slow"}
		case 2:
			w.Check.Errors = []string{"no answer"}
		case 3:
			w.Check.Held = []string{"no data"}
		}
	}
	for _, t := range v1beta1.HookTypes() {
		for _, suffix := range []string{"", "/0", "/1", fmt.Sprintf("/%d", hold)} {
			if d.yes() {
				w.Hooks["x/"+hookName(t, string(t))+suffix] = HookResult{Done: d.yes(), Err: pick(d, "", "403"), FinishedAt: epoch}
			}
		}
	}
	return w
}

// maxRounds is how many decisions on an unchanged world may change the status before it rests.
const maxRounds = 12

// FuzzDecideRests decides again and again about one world, of which only the status changes, as with
// an API server that takes the status and nothing else. Each decision must say where it stands, give
// no impossible weight, and wake in the future; and soon the status must change no more, and nothing
// must be said any more, or the agent would write and speak for ever.
func FuzzDecideRests(f *testing.F) {
	throws(f, 300)
	f.Fuzz(func(t *testing.T, input []byte) {
		d := &dice{input}
		w := d.world(t)
		var trace []string
		for round := range maxRounds {
			p := Decide(w)
			if err := checkDecision(&w, &p); err != nil {
				t.Fatalf("round %d: %v\nstatus %s\nplan %v, wakes %s", round, err, jsonOf(t, w.Canary.Status), p.Effects, p.WakeAt)
			}
			p.Status = throughJSON(t, p.Status)
			if jsonOf(t, p.Status) == jsonOf(t, w.Canary.Status) {
				if len(p.Messages) > 0 && len(p.Effects) == 0 {
					t.Fatalf("at rest %q is said\nstatus %s", p.Messages[0].Text, jsonOf(t, p.Status))
				}
				return
			}
			w.Canary.Status = p.Status
			trace = append(trace, fmt.Sprintf("%s %q %v", p.Status.Phase, p.Status.Message, p.Effects))
		}
		t.Fatalf("no rest after %d decisions: %q\nstatus %s\ntarget %+v\nprimary %+v\nroute %+v", maxRounds, trace, jsonOf(t, w.Canary.Status), w.Target, w.Primary, w.Route)
	})
}

// checkDecision is for every decision about every world.
func checkDecision(w *World, p *Plan) error {
	if !p.WakeAt.IsZero() && !p.WakeAt.After(w.Now) {
		return fmt.Errorf("it wakes %s in the past", w.Now.Sub(p.WakeAt))
	}
	for _, e := range p.Effects {
		switch e := e.(type) {
		case SetRoute:
			if e.Canary < 0 || e.Canary > 100 {
				return fmt.Errorf("it gives the canary %d%%", e.Canary)
			}
			if e.Mirror && e.Canary > 0 {
				return fmt.Errorf("it mirrors besides %d%%", e.Canary)
			}
		case CopyToPrimary:
			if e.Replicas < 1 || e.Revision == "" {
				return fmt.Errorf("it promotes %d replicas of %q", e.Replicas, e.Revision)
			}
		case ScaleTarget:
			if e.Replicas == 0 && (w.Route.Canary != 0 || !w.Route.Exists) {
				return fmt.Errorf("it scales down a target with traffic")
			}
		}
	}
	if w.Canary.DeletionTimestamp != nil {
		return nil
	}
	ready := slices.ContainsFunc(p.Status.Conditions, func(c v1beta1.CanaryCondition) bool {
		return c.Type == v1beta1.ConditionReady && c.Reason != ""
	})
	if !ready {
		return fmt.Errorf("there is no condition Ready with a reason: %+v", p.Status.Conditions)
	}
	return nil
}

// FuzzStory lets a stage go through events in any order, under the watch of its own rules (S1, S2, S6,
// nothing said for nothing, rest), and then makes everything good again: every story has to come to an
// end, with the pods and the traffic where they belong.
func FuzzStory(f *testing.F) {
	throws(f, 60)
	f.Fuzz(func(t *testing.T, input []byte) {
		d := &dice{input}
		configured := func(c *v1beta1.Canary) {
			d.spec(c)
			c.Spec.Analysis.Interval = "10s"
			if c.Spec.Analysis.StepWeight < 1 && c.Spec.Analysis.Iterations < 1 {
				c.Spec.Analysis.StepWeights, c.Spec.Analysis.Steps = []int32{20, 60}, nil
			} else {
				c.Spec.Analysis.StepWeights, c.Spec.Analysis.Steps = nil, nil
			}
		}
		s := newStage(t, configured)
		s.repeats = true
		if d.n(3) > 0 {
			s.settle()
		}
		for range 40 {
			d.event(s)
			for range d.n(6) {
				_ = s.decide() || s.environment()
			}
		}
		s.makeGood()
		for range 400 {
			s.helpOn()
			if !s.tick() && s.settled() {
				s.wantTidy()
				return
			}
		}
		t.Fatalf("the story has no end: %s\nstatus %s", s, jsonOf(t, s.status()))
	})
}

// event lets something happen that nobody has asked for.
func (d *dice) event(s *stage) {
	c := s.w.Canary
	switch d.n(22) {
	case 0, 1, 2:
		s.tick()
	case 3, 4:
		s.ship(pick(d, "rs:r1", "rs:r2", "rs:r3"))
	case 5:
		s.scaled(int32(d.n(3)))
	case 6:
		w := pick(d, &s.w.Target, &s.w.Primary)
		w.Available = max(w.Available-1, 0)
	case 7:
		s.targetStuck = d.yes()
	case 8:
		s.primaryStuck = d.yes()
	case 9:
		s.crash()
	case 10, 11:
		s.ask(v1beta1.Intent{Verb: pick(d, v1beta1.Verbs()...), Gate: pick(d, "", "1")})
	case 12:
		c.Spec.Suspend = d.yes()
		c.Generation++
	case 13:
		s.checks = append(s.checks, pick(d, failed(), CheckResult{Errors: []string{"no answer"}}, CheckResult{Held: []string{"no data"}}))
	case 14:
		s.closed[string(pick(d, v1beta1.HookTypes()...))] = d.yes()
	case 15:
		r := s.w.Route
		if r.Exists {
			r.Canary, r.Manager, r.Since = pick[int32](d, 0, 30, 100), "kubectl", s.w.Now
			s.routes[r.Provider], s.w.Route = r, r
		}
	case 16:
		s.w.Provider = pick(d, v1beta1.ProviderTraefik, v1beta1.ProviderGatewayAPIV1)
	case 17:
		s.w.Services = Services{Sides: d.yes(), Apex: d.yes()}
	case 18:
		w := pick(d, &s.w.Target, &s.w.Primary)
		w.DeadlineExceeded = w.Exists && w.Observed && w.Available < w.Replicas
	case 19:
		s.w.Problems = nil
		if d.yes() {
			s.w.Problems = []Problem{{Reason: "Invalid", Message: "spec.provider: unknown"}}
		}
	case 20:
		if d.n(8) == 1 {
			s.deleted()
		}
	case 21:
		c.Spec.Analysis.StepWeightPromotion = int32(d.n(60))
	}
}

// makeGood takes every trouble away.
func (s *stage) makeGood() {
	s.targetStuck, s.primaryStuck, s.routerStuck = false, false, false
	s.w.Target.DeadlineExceeded, s.w.Primary.DeadlineExceeded = false, false
	s.checks, s.closed, s.silent = nil, map[string]bool{}, map[string]bool{}
	s.w.Canary.Spec.Suspend, s.w.Problems = false, nil
	s.closed[string(v1beta1.HookRollback)] = true
}

// helpOn is an operator who approves what waits and lets go on what is paused.
func (s *stage) helpOn() {
	run := s.run()
	if run == nil || run.Outcome != "" {
		return
	}
	if run.Paused {
		s.ask(v1beta1.Intent{Verb: v1beta1.VerbResume})
		return
	}
	for _, g := range run.Gates {
		if g.State == v1beta1.GateWaiting {
			s.ask(v1beta1.Intent{Verb: v1beta1.VerbApprove, Gate: g.Name})
		}
	}
}

// settled says whether nothing is left to be done.
func (s *stage) settled() bool {
	if s.w.Canary.DeletionTimestamp != nil {
		return len(s.w.Canary.Finalizers) == 0
	}
	return terminal(s.phase())
}

// wantTidy makes sure that pods and traffic are where they belong at the end of a story.
func (s *stage) wantTidy() {
	s.t.Helper()
	if s.w.Canary.DeletionTimestamp != nil {
		return
	}
	st := s.status()
	if s.w.Target.Revision != st.LastAppliedSpec {
		s.t.Errorf("revision %s is lost: %s\nstatus %s", s.w.Target.Revision, s, jsonOf(s.t, st))
	}
	failedPromotion := s.run() != nil && s.run().Outcome == v1beta1.OutcomePromotionFailed
	if failedPromotion && s.w.Route.Canary == 100 {
		return
	}
	if s.w.Route.Canary != 0 || s.w.Route.Mirror || s.w.Target.Replicas != 0 {
		s.t.Errorf("the canary still has traffic or pods: %s", s)
	}
	if !failedPromotion && s.w.Target.Revision == st.LastPromotedSpec && s.w.Primary.Source != st.LastPromotedSpec {
		s.t.Errorf("the primary runs %s, promoted is %s: %s", s.w.Primary.Source, st.LastPromotedSpec, s)
	}
	if ok, why := s.w.Primary.Ready(100); !ok {
		s.t.Errorf("the primary is not ready: %s", why)
	}
}
