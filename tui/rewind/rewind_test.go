package rewind

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
	"github.com/kubectl-canary/kubectl-canary/tui/internal/scene"
)

func encode(t *testing.T, c view.Canary) string {
	t.Helper()
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// release is a run of three steps of thirty seconds: the second fails a check and is judged again,
// a gate holds the promotion for a minute, and the promotion takes twenty seconds.
func release() view.Canary {
	start := scene.Epoch
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	sample := func(seconds int, v float64, weight int32, verdict string) view.Sample {
		return view.Sample{Time: at(seconds), Value: new(v), Weight: weight, Verdict: verdict}
	}
	event := func(seconds int, reason, text string) view.Event {
		return view.Event{Type: "Normal", Reason: reason, Message: text, Count: 1, Time: at(seconds).Add(300 * time.Millisecond)}
	}
	return view.Canary{
		Name: "app", Namespace: "test", Phase: "Succeeded", Health: view.HealthHealthy, Strategy: "canary",
		Target: view.Ref{Kind: "Deployment", Name: "app"}, Message: "promoted",
		Interval: view.Duration{Duration: 30 * time.Second}, Threshold: 5,
		Revision: "rs:new", TargetRevision: "rs:new", PromotedRevision: "rs:new", LiveRevision: "new",
		Images: view.Images{Target: []string{"app:2"}, Primary: []string{"app:2"}},
		Steps: []view.Step{
			{Weight: 10, State: "Passed", Start: at(10), End: at(40)},
			{Weight: 20, State: "Passed", Start: at(40), End: at(100), FailedChecks: 1},
			{Weight: 50, State: "Passed", Start: at(100), End: at(130)},
		},
		CurrentStep: 3, TotalSteps: 3,
		Metrics: []view.Metric{
			{Name: "request-success-rate", Unit: "percent", Min: new(99.0), Value: new(99.7), Verdict: "Pass", Samples: []view.Sample{
				sample(40, 99.9, 10, "Pass"), sample(70, 97.1, 20, "Fail"), sample(100, 99.5, 20, "Pass"), sample(130, 99.7, 50, "Pass"),
			}},
			{Name: "request-duration", Unit: "milliseconds", Max: new(500.0), Value: new(120.0), Verdict: "Pass", Samples: []view.Sample{
				sample(40, 110, 10, "Pass"), sample(70, 130, 20, "Pass"), sample(100, 115, 20, "Pass"), sample(130, 120, 50, "Pass"),
			}},
		},
		Hooks: []view.Hook{{Name: "smoke", Type: "pre-rollout", State: "Passed", Attempts: 1, LastTime: at(8)}},
		Gates: []view.Gate{{Name: "qa", At: "promotion", State: "Approved", Since: at(130), By: "the-owner"}},
		Pods:  []view.Pod{{Name: "app-1", Side: view.SidePrimary}},
		Events: []view.Event{
			event(0, "NewRevision", "New revision detected! Scaling up app.test"),
			event(40, "Advanced", "Advance app.test canary weight 20"),
			event(70, "CheckFailed", "Halt app.test advancement success rate 97.10% < 99%"),
			event(110, "RouteDrift", "somebody wrote the route"),
			event(190, "Promoting", "Copying app.test template spec to app-primary.test"),
			event(200, "PrimaryAdvanced", "Advance app.test primary weight 75"),
			event(205, "RoutedToPrimary", "Routing all traffic to primary"),
			event(210, "Succeeded", "Promotion completed! Scaling down app.test"),
		},
		Run: &view.Run{ID: "r2", Revision: "rs:new", Start: start, End: at(210), Outcome: "Promoted", Checks: 4, FailedChecks: 1, By: "the-owner"},
		History: []view.Run{
			{ID: "r2", Revision: "rs:new", Start: start, End: at(210), Outcome: "Promoted"},
			{ID: "r1", Revision: "rs:bad", Start: at(-500), End: at(-400), Outcome: "RolledBack"},
			{ID: "r0", Revision: "rs:old", Start: at(-900), End: at(-800), Outcome: "Promoted"},
		},
		Conditions: []view.Condition{
			{Type: "Ready", Status: "True", LastTransition: at(210)}, {Type: "Stalled", Status: "False", LastTransition: at(-900)},
		},
		LastIntent: &view.Intent{ID: "i", Verb: "approve", By: "the-owner", Outcome: "Accepted", Time: at(190)},
		Verbs:      []view.Verb{{Name: "rollback", Enabled: true}, {Name: "abort", Reason: "no run is under way"}},
	}
}

func TestAt(t *testing.T) {
	c := release()
	for _, want := range []struct {
		second                     int
		phase                      string
		weight                     int32
		step, failed, checks       int
		states, message, next, bad string
	}{
		{-60, "Progressing", 0, 0, 0, 0, "PPP", "before the first step", "", ""},
		{5, "Progressing", 0, 0, 0, 0, "PPP", "before the first step", "", ""},
		{10, "Progressing", 10, 1, 0, 0, "APP", "step 1 of 3, the canary gets 10% of the traffic", "step 1 is judged, then the canary gets 20% of the traffic", ""},
		{40, "Progressing", 20, 2, 0, 1, "OAP", "step 2 of 3", "step 2 is judged, then the canary gets 50% of the traffic", ""},
		{75, "Progressing", 20, 2, 1, 2, "OAP", "the last check failed: request-success-rate 97.1% < 99%", "step 2 is judged", "Fail"},
		{110, "Progressing", 50, 3, 1, 3, "OOA", "step 3 of 3", "the last step is judged, then the promotion begins", ""},
		{150, "WaitingPromotion", 50, 3, 1, 4, "OOO", "waiting for gate qa", "", ""},
		{195, "Promoting", 50, 3, 1, 4, "OOO", "rolling the primary to the new revision", "once the primary runs", ""},
		{201, "Promoting", 25, 3, 1, 4, "OOO", "rolling the primary", "once the primary runs", ""},
		{206, "Finalising", 0, 3, 1, 4, "OOO", "all traffic goes to the primary", "", ""},
	} {
		when := scene.Epoch.Add(time.Duration(want.second) * time.Second)
		got := At(c, when)
		states := ""
		for _, s := range got.Steps {
			states += map[string]string{"Pending": "P", "Active": "A", "Passed": "O"}[s.State]
		}
		if got.Phase != want.phase || got.Weight != want.weight || got.CurrentStep != want.step || states != want.states {
			t.Errorf("second %d: %s at %d%%, step %d of %s", want.second, got.Phase, got.Weight, got.CurrentStep, states)
		}
		if int(got.FailedChecks) != want.failed || int(got.Run.Checks) != want.checks {
			t.Errorf("second %d: %d of %d checks failed", want.second, got.FailedChecks, got.Run.Checks)
		}
		if !strings.Contains(got.Message, want.message) || !strings.HasPrefix(got.NextAction, want.next) || want.next == "" && got.NextAction != "" {
			t.Errorf("second %d says %q, then %q", want.second, got.Message, got.NextAction)
		}
		if verdict := got.Metrics[0].Verdict; want.bad != "" && verdict != want.bad {
			t.Errorf("second %d: verdict %q", want.second, verdict)
		}
		if got.Run.Outcome != "" || !got.Run.End.IsZero() || got.Terminal() || len(got.Pods) != 0 || got.PodsNote == "" ||
			got.PromotedRevision != "rs:old" || len(got.Images.Primary) != 0 || len(got.History) != 2 || got.Condition("Ready").Status != "" ||
			got.Condition("Stalled").Status != "False" {
			t.Errorf("second %d knows of the future: %s", want.second, encode(t, got))
		}
	}
	early := At(c, scene.Epoch.Add(5*time.Second))
	if early.Hooks[0].State != "" || early.Gates[0].State != "" || early.LastIntent != nil || len(early.Events) != 1 || early.Metrics[0].Value != nil {
		t.Errorf("second 5: %s", encode(t, early))
	}
	held := At(c, scene.Epoch.Add(75*time.Second))
	if want := scene.Epoch.Add(100 * time.Second); !held.JudgeTime.Equal(want) || !held.NextActionTime.Equal(want) {
		t.Errorf("after the failed check the step is judged at %s", held.JudgeTime)
	}
	if gate, waits := At(c, scene.Epoch.Add(150*time.Second)).WaitingGate(); !waits || gate.By != "" {
		t.Errorf("the gate is %+v", gate)
	}
}

func TestAtTheEnd(t *testing.T) {
	c := release()
	for _, after := range []time.Duration{210 * time.Second, time.Hour} {
		got := At(c, scene.Epoch.Add(after))
		for i, v := range got.Verbs {
			if v.Enabled || v.Reason != Reason {
				t.Errorf("verb %+v", v)
			}
			got.Verbs[i] = c.Verbs[i]
		}
		if a, b := encode(t, got), encode(t, c); a != b {
			t.Errorf("%s after the beginning: %s, want %s", after, a, b)
		}
	}
}

func TestRollbackAndFailure(t *testing.T) {
	restored := scene.Of("restored")
	from, to, ok := Span(restored)
	if !ok || !from.Equal(restored.Run.Start) || !to.Equal(restored.Run.End) {
		t.Fatalf("the rollback is from %s to %s", from, to)
	}
	got := At(restored, from.Add(time.Second))
	if got.Phase != "Promoting" || !got.RollingBack() || !strings.Contains(got.Message, "bringing revision") {
		t.Errorf("during the rollback: %s, %q", got.Phase, got.Message)
	}
	failed := scene.Of("failed")
	_, to, _ = Span(failed)
	got = At(failed, to.Add(-time.Millisecond))
	if got.Phase != "Progressing" || got.Weight == 0 || got.FailedChecks > failed.Run.FailedChecks {
		t.Errorf("before the failure: %s at %d%% with %d failed checks", got.Phase, got.Weight, got.FailedChecks)
	}
	if At(failed, to).Phase != "Failed" {
		t.Error("the end is not the end")
	}
}

// An operator promoted in the second step, and the events are gone: the rest of the steps never began.
func TestPromotedEarly(t *testing.T) {
	c := release()
	c.Events, c.Gates = nil, nil
	c.Steps[1].State, c.Steps[1].End = "Skipped", scene.Epoch.Add(60*time.Second)
	c.Steps[2] = view.Step{Weight: 50, State: "Pending"}
	for second, want := range map[int]string{59: "Progressing", 60: "Promoting", 209: "Promoting", 210: "Succeeded"} {
		if got := At(c, scene.Epoch.Add(time.Duration(second)*time.Second)); got.Phase != want || second < 210 && got.Weight != 20 {
			t.Errorf("second %d: %s at %d%%, want %s", second, got.Phase, got.Weight, want)
		}
	}
	c.Run.Outcome, c.Phase = "Aborted", "Failed"
	if got := At(c, scene.Epoch.Add(200*time.Second)); got.Phase != "Progressing" {
		t.Errorf("before an abort: %s", got.Phase)
	}
}

// A canary of which nothing is known cannot be rewound.
func TestNoRun(t *testing.T) {
	for _, c := range []view.Canary{{}, scene.Of("foreign")} {
		if _, _, ok := Span(c); ok || Moments(c) != nil {
			t.Errorf("%s has a run", c.Name)
		}
		if got := At(c, scene.Epoch); got.Phase != c.Phase || got.Weight != c.Weight {
			t.Errorf("it became %s", got.Phase)
		}
	}
}

func TestMoments(t *testing.T) {
	var got []string
	for _, m := range Moments(release()) {
		got = append(got, fmt.Sprintf("%3d %d %s", int(m.Time.Sub(scene.Epoch)/time.Second), m.Kind, m.Text))
	}
	want := []string{
		"  0 1 run began",
		"  8 6 pre-rollout hook smoke passed",
		" 10 2 10% of the traffic",
		" 40 2 20% of the traffic",
		" 70 3 check failed: request-success-rate 97.1% < 99%",
		"100 2 50% of the traffic",
		"110 0 somebody wrote the route",
		"130 5 gate qa reached",
		"190 7 approve by the-owner accepted",
		"190 8 promotion",
		"200 0 Advance app.test primary weight 75",
		"205 0 Routing all traffic to primary",
		"210 9 promoted",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for state, words := range map[string]string{"failed": "rolled back", "restored": "rolled back to the earlier revision", "nodata": "check could not be made: "} {
		found := false
		for _, m := range Moments(scene.Of(state)) {
			found = found || strings.HasPrefix(m.Text, words)
		}
		if !found {
			t.Errorf("%s: no moment %q among %v", state, words, Moments(scene.Of(state)))
		}
	}
}

// canaries are the scenes, and some that no controller would write.
func canaries() map[string]view.Canary {
	all := map[string]view.Canary{"release": release()}
	for _, state := range scene.States() {
		all[state] = scene.Of(state)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		all[fmt.Sprint("random ", i)] = random(r)
	}
	return all
}

// random is a canary whose times are in any order, or missing.
func random(r *rand.Rand) view.Canary {
	c := release()
	at := func() time.Time {
		if r.IntN(5) == 0 {
			return time.Time{}
		}
		return scene.Epoch.Add(time.Duration(r.IntN(300)-40) * time.Second)
	}
	states := []string{"Pending", "Active", "Passed", "Failed", "Skipped", "Nonsense"}
	for i := range c.Steps {
		c.Steps[i].Start, c.Steps[i].End, c.Steps[i].State = at(), at(), states[r.IntN(len(states))]
	}
	for i := range c.Metrics {
		for j := range c.Metrics[i].Samples {
			c.Metrics[i].Samples[j].Time = at()
			c.Metrics[i].Samples[j].Verdict = []string{"Pass", "Fail", "NoData", "Error", ""}[r.IntN(5)]
		}
	}
	for i := range c.Events {
		c.Events[i].Time = at()
	}
	c.Run.Start, c.Run.End, c.Gates[0].Since, c.Hooks[0].LastTime, c.LastIntent.Time = at(), at(), at(), at(), at()
	c.Gates[0].At = []string{"rollout", "traffic", "promotion", "x"}[r.IntN(4)]
	c.Run.Outcome = []string{"", "Promoted", "RolledBack", "PromotionFailed", "Restored"}[r.IntN(5)]
	c.Run.Rollback, c.Run.Repair, c.Run.Paused = r.IntN(4) == 0, r.IntN(4) == 0, r.IntN(4) == 0
	if r.IntN(6) == 0 {
		c.Run = nil
	}
	c.CurrentStep = r.IntN(6) - 1
	return c
}

func TestProperties(t *testing.T) {
	for name, c := range canaries() {
		before := encode(t, c)
		from, to, ok := Span(c)
		if ok && to.Before(from) {
			t.Errorf("%s: from %s to %s", name, from, to)
		}
		if !ok {
			from, to = scene.Epoch, scene.Epoch.Add(time.Minute)
		}
		var last view.Canary
		left := func(c view.Canary) (n int) {
			for _, s := range c.Steps {
				if s.State != "Pending" && s.State != "Active" {
					n++
				}
			}
			return n
		}
		samples := func(c view.Canary) (n int) {
			for _, m := range c.Metrics {
				n += len(m.Samples)
			}
			return n
		}
		for i := -1; i <= 41; i++ {
			when := from.Add(to.Sub(from) / 40 * time.Duration(i))
			if i >= 40 {
				when = to.Add(time.Duration(i-40) * time.Second)
			}
			got := At(c, when)
			if i >= 0 && i < 40 && ok { // The end is what it is.
				if left(got) < left(last) && i > 0 {
					t.Errorf("%s at %s: %d steps left, %d before", name, when, left(got), left(last))
				}
				if samples(got) < samples(last) && i > 0 {
					t.Errorf("%s at %s: %d samples, %d before", name, when, samples(got), samples(last))
				}
				if got.FailedChecks < last.FailedChecks && i > 0 {
					t.Errorf("%s at %s: %d failed checks, %d before", name, when, got.FailedChecks, last.FailedChecks)
				}
			}
			if samples(got) > samples(c) || len(got.Events) > len(c.Events) || len(got.Steps) != len(c.Steps) || got.TotalSteps != c.TotalSteps {
				t.Errorf("%s at %s has more than there is", name, when)
			}
			if i >= 40 && (got.Weight != c.Weight || got.Phase != c.Phase || !reflect.DeepEqual(got.Steps, c.Steps) || !reflect.DeepEqual(got.Metrics, c.Metrics)) {
				t.Errorf("%s: the end differs", name)
			}
			for _, v := range got.Verbs {
				if v.Enabled {
					t.Errorf("%s: %s is enabled", name, v.Name)
				}
			}
			if path := shared(reflect.ValueOf(&got).Elem(), reflect.ValueOf(&c).Elem(), ""); path != "" {
				t.Errorf("%s at %s: %s is shared", name, when, path)
			}
			last = got
		}
		sorted := time.Time{}
		for _, m := range Moments(c) {
			if m.Time.Before(sorted) || m.Text == "" {
				t.Errorf("%s: moment %+v after %s", name, m, sorted)
			}
			sorted = m.Time
		}
		if encode(t, c) != before {
			t.Errorf("%s was changed", name)
		}
	}
}

// shared finds memory that two values have in common. It goes through all fields, so that one that
// is added to the view cannot be forgotten.
func shared(a, b reflect.Value, path string) string {
	if a.Type() == reflect.TypeFor[time.Time]() {
		return ""
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if p := shared(a.Field(i), b.Field(i), path+"."+a.Type().Field(i).Name); p != "" {
				return p
			}
		}
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return ""
		}
		if a.Pointer() == b.Pointer() {
			return path
		}
		return shared(a.Elem(), b.Elem(), path)
	case reflect.Slice:
		if a.Cap() == 0 || b.Cap() == 0 {
			return ""
		}
		if a.Pointer() == b.Pointer() {
			return path
		}
		for i := range min(a.Len(), b.Len()) {
			if p := shared(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i)); p != "" {
				return p
			}
		}
	case reflect.Map:
		if !a.IsNil() && a.Pointer() == b.Pointer() {
			return path
		}
	default:
	}
	return ""
}

// Every slice and pointer of the view is filled, so that a field that is added to it cannot be
// forgotten.
func TestCloneCopiesAllFields(t *testing.T) {
	var c view.Canary
	fill(reflect.ValueOf(&c).Elem(), 0)
	got := clone(c)
	if path := shared(reflect.ValueOf(&got).Elem(), reflect.ValueOf(&c).Elem(), ""); path != "" {
		t.Errorf("%s is shared", path)
	}
	if !reflect.DeepEqual(got, c) {
		t.Error("the copy differs")
	}
}

func fill(v reflect.Value, depth int) {
	if depth > 8 || v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				fill(field, depth+1)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), depth+1)
		}
	case reflect.String:
		v.SetString("x")
	default:
	}
}
