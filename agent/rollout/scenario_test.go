package rollout

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// scenario plays one story in the world of the model, with an executor that does as it is told and
// an environment that is kind unless the test says otherwise. Statuses go through JSON, and the
// clock is never at a whole second, as in life.
type scenario struct {
	*modelRun
	t testing.TB
	s state
	// said are the texts of all messages, phases the phases in order, routes the shares written.
	said   []string
	errors []string
	phases []string
	routes []int32
	copies int
	// checks are the results of the next checks; when there are none left, checks pass.
	checks []jobState
	// closed are the hook types that answer with failure.
	closed map[v1beta1.HookType]bool
	called map[string]int
	// keys of the messages: a story without a crash says nothing twice.
	keys map[string]string
	// frozen workloads make no progress by themselves.
	frozenTarget, frozenPrimary, frozenRouter bool
	// change is applied to what the agent observes.
	change func(*World)
	last   Plan
}

const fraction = 123456789 * time.Nanosecond

// newScenario is a Canary that has just been created.
func newScenario(t testing.TB, configure func(*v1beta1.Canary)) *scenario {
	t.Helper()
	m := newModelRun(modelConfig{canary: configure, pods: 2}, budget{}, Decide)
	m.troubles[budgetCheck], m.troubles[budgetHook] = 100, 100
	return &scenario{modelRun: m, t: t, s: untroubled(m.fresh()), closed: map[v1beta1.HookType]bool{}, called: map[string]int{}, keys: map[string]string{}}
}

// initializedScenario is one whose primary serves revision r1, with an empty record.
func initializedScenario(t testing.TB, configure func(*v1beta1.Canary)) *scenario {
	t.Helper()
	sc := newScenario(t, configure)
	sc.until(v1beta1.PhaseInitialized)
	sc.settle()
	sc.pass(4)
	sc.said, sc.phases, sc.routes, sc.copies = nil, nil, nil, 0
	return sc
}

// untroubled leaves the troubles to the test.
func untroubled(s state) state {
	s.left = budget{}
	return s
}

func (sc *scenario) view() World {
	w := sc.modelRun.view(&sc.s)
	w.Now = w.Now.Add(fraction)
	if sc.change != nil {
		sc.change(&w)
	}
	return w
}

// decide decides once, makes sure that the decision rests on its own output, and begins the plan.
func (sc *scenario) decideOnce() bool {
	sc.t.Helper()
	w := sc.view()
	before := jsonOf(sc.t, w.Canary.Status)
	p := Decide(w)
	if after := jsonOf(sc.t, w.Canary.Status); after != before {
		sc.t.Fatalf("Decide changed the world:\n%s\n%s", before, after)
	}
	if again := Decide(sc.view()); !reflect.DeepEqual(p, again) {
		sc.t.Fatalf("Decide is not deterministic:\n%+v\n%+v", p, again)
	}
	if err := sc.checkPlan(&sc.s, &w, &p); err != nil {
		sc.t.Fatal(err)
	}
	sc.last = p
	p.Status = throughJSON(sc.t, p.Status)
	w.Canary.Status = p.Status
	w.Hooks = maps.Clone(w.Hooks)
	for _, e := range p.Effects {
		if call, ok := e.(CallHook); ok { // Starting a job is the one thing that needs no time at all.
			if w.Hooks == nil {
				w.Hooks = map[string]HookResult{}
			}
			w.Hooks[call.ID] = HookResult{}
		}
	}
	rest := Decide(w)
	if a, b := jsonOf(sc.t, p.Status), jsonOf(sc.t, rest.Status); a != b || (len(rest.Messages) > 0 && len(rest.Effects) == 0) {
		sc.t.Fatalf("the decision does not rest on its own output:\n%s\n%s\n%v", a, b, rest.Messages)
	}
	if !sc.s.begin(&p) {
		return false
	}
	for _, m := range p.Messages {
		sc.said = append(sc.said, m.Text)
		if other, ok := sc.keys[m.Key]; ok {
			sc.t.Errorf("%q and %q have the same key %s", other, m.Text, m.Key)
		}
		sc.keys[m.Key] = m.Text
		if m.Severity == Error {
			sc.errors = append(sc.errors, m.Text)
		}
	}
	return true
}

// settle lets everything happen that needs no time.
func (sc *scenario) settle() {
	sc.t.Helper()
	for range 300 {
		switch {
		case sc.s.plan.open:
			sc.write()
		case sc.decideOnce():
		case !sc.kind():
			return
		}
	}
	sc.t.Fatalf("no rest: %s, said %q", sc.s.String(), sc.said[max(0, len(sc.said)-5):])
}

func (sc *scenario) write() {
	sc.t.Helper()
	before := sc.s
	if before.plan.status == nil {
		switch e := before.plan.effects[0].(type) {
		case SetRoute:
			sc.routes = append(sc.routes, e.Canary)
		case CallHook:
			sc.called[e.Name]++
		}
	}
	if err := sc.checkedWrite(&sc.s); err != nil {
		sc.t.Fatalf("%v\n%s", err, before.String())
	}
	if sc.s.primary.mark != before.primary.mark {
		sc.copies++
	}
	if phase := string(sc.s.status.Phase); len(sc.phases) == 0 || sc.phases[len(sc.phases)-1] != phase {
		sc.phases = append(sc.phases, phase)
	}
}

// kind lets one thing happen in the environment.
func (sc *scenario) kind() bool {
	if sc.s.check.state == jobRunning {
		sc.s.check.state, sc.s.check.at = jobPassed, sc.s.now
		if len(sc.checks) > 0 {
			sc.s.check.state, sc.checks = sc.checks[0], sc.checks[1:]
		}
		return true
	}
	for i := range sc.s.hooks {
		if job := &sc.s.hooks[i]; job.state == jobRunning {
			job.state, job.at = jobPassed, sc.s.now
			if sc.closed[v1beta1.HookType(jobType(job.id))] {
				job.state = jobFailed
			}
			return true
		}
	}
	target, primary := sc.s.target, sc.s.primary
	happened := sc.s.kindness(sc.reports && !sc.frozenRouter)
	if sc.frozenTarget && sc.s.target != target {
		observed := sc.s.target.observed
		sc.s.target = target
		sc.s.target.observed = observed
		happened = observed != target.observed
		if !happened { // The kindness was wasted on the target; the primary may need it.
			p := &sc.s.primary
			if !sc.frozenPrimary && p.waiting() {
				p.observed, p.rolled, p.avail = true, true, p.want
				happened = true
			}
		}
	}
	if sc.frozenPrimary && sc.s.primary != primary {
		observed := sc.s.primary.observed
		sc.s.primary = primary
		sc.s.primary.observed = observed
		happened = observed != primary.observed
	}
	return happened
}

// tick settles, and then goes to the next wake time; it returns false when there is none.
func (sc *scenario) tick() bool {
	sc.t.Helper()
	sc.settle()
	if sc.last.WakeAt.IsZero() {
		return false
	}
	sc.s.now = max(sc.s.now+1, int32((sc.last.WakeAt.Sub(epoch)-fraction+time.Second-1)/time.Second))
	return true
}

// until goes on until the status has the phase.
func (sc *scenario) until(phase v1beta1.CanaryPhase) {
	sc.t.Helper()
	sc.when(string(phase), func() bool { return !sc.s.plan.open && sc.s.status.Phase == phase })
}

// untilWeight goes on until the run holds the weight.
func (sc *scenario) untilWeight(weight int32) {
	sc.t.Helper()
	sc.when(fmt.Sprintf("weight %d", weight), func() bool {
		return !sc.s.plan.open && sc.s.status.Phase == v1beta1.PhaseProgressing && sc.s.route.canary == weight && sc.s.status.CanaryWeight == weight
	})
}

func (sc *scenario) when(what string, done func() bool) {
	sc.t.Helper()
	for range 100 {
		for range 300 {
			if done() {
				return
			}
			if sc.s.plan.open {
				sc.write()
			} else if !sc.decideOnce() && !sc.kind() {
				break
			}
		}
		if !sc.tick() {
			break
		}
	}
	sc.t.Fatalf("%s was not reached: %s, message %q, said %q", what, sc.s.String(), sc.s.status.Message, sc.said)
}

// pass lets seconds pass.
func (sc *scenario) pass(seconds int32) {
	sc.t.Helper()
	end := sc.s.now + seconds
	for sc.tick() && sc.s.now < end {
	}
	sc.s.now = end
	sc.settle()
}

// finish goes on until the run has ended and everything rests.
func (sc *scenario) finish(phase v1beta1.CanaryPhase) {
	sc.t.Helper()
	sc.until(phase)
	for range 20 {
		if !sc.tick() {
			return
		}
	}
}

func (sc *scenario) ship(rev uint8) { sc.s.target.ship(rev) }

// ask is an operator's verb.
func (sc *scenario) ask(verb v1beta1.Verb) {
	sc.s.intents++
	sc.s.verb = uint8(slices.Index(verbs[:], verb))
}

func (sc *scenario) wantSaid(texts ...string) {
	sc.t.Helper()
	rest := sc.said
	for _, text := range texts {
		i := slices.IndexFunc(rest, func(s string) bool { return strings.HasPrefix(s, text) })
		if i < 0 {
			sc.t.Errorf("%q was not said in this order; said:\n  %s", text, strings.Join(sc.said, "\n  "))
			return
		}
		rest = rest[i+1:]
	}
}

func (sc *scenario) count(text string) (n int) {
	for _, s := range sc.said {
		if strings.HasPrefix(s, text) {
			n++
		}
	}
	return n
}

func (sc *scenario) wantOnce(text string) {
	sc.t.Helper()
	if n := sc.count(text); n != 1 {
		sc.t.Errorf("%q was said %d times; said:\n  %s", text, n, strings.Join(sc.said, "\n  "))
	}
}

func (sc *scenario) condition(t v1beta1.ConditionType) v1beta1.CanaryCondition {
	for _, c := range sc.s.status.Conditions {
		if c.Type == t {
			return c
		}
	}
	return v1beta1.CanaryCondition{}
}

func (sc *scenario) outcome(want v1beta1.RunOutcome) {
	sc.t.Helper()
	if h := sc.s.status.History; len(h) == 0 || h[0].Outcome != want {
		sc.t.Errorf("history %v, want outcome %s on top", h, want)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func throughJSON(t testing.TB, st v1beta1.CanaryStatus) (out v1beta1.CanaryStatus) {
	t.Helper()
	if err := json.Unmarshal([]byte(jsonOf(t, st)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
