package view_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestBuild builds the view of each testdata/*.input.yaml and compares it with *.output.json. The
// outputs document the schema.
func TestBuild(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.input.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, input := range inputs {
		t.Run(filepath.Base(input), func(t *testing.T) {
			data, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			object := map[string]any{}
			if err := yaml.Unmarshal(data, &object); err != nil {
				t.Fatal(err)
			}
			c, problem := view.Decode(object)
			have, err := json.MarshalIndent(view.Build(c, view.Extra{Problem: problem}), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			output := strings.TrimSuffix(input, ".input.yaml") + ".output.json"
			if *update {
				if err := os.WriteFile(output, append(have, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(string(want)) != string(have) {
				t.Errorf("%s differs; rewrite with -update\nhave:\n%s", output, have)
			}
		})
	}
}

func base() *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "test"},
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.TargetReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"},
			Analysis:  &v1beta1.CanaryAnalysis{Interval: "30s", Threshold: 5, StepWeight: 20, MaxWeight: 60},
		},
		Status: v1beta1.CanaryStatus{ObservedGeneration: 1},
	}
}

// waiting puts a gate into the spec that the run has reached.
func waiting(at v1beta1.GatePoint) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Gates = []v1beta1.CanaryGate{{Name: "qa", At: at}}
		c.Status.Run.Gates = []v1beta1.GateStatus{{Name: "qa", State: v1beta1.GateWaiting}}
	}
}

func TestVerbs(t *testing.T) {
	run := func(phase v1beta1.CanaryPhase, step int32) *v1beta1.Canary {
		c := base()
		c.Status.Phase = phase
		c.Status.Run = &v1beta1.RunStatus{ID: "1", Step: step}
		return c
	}
	with := func(c *v1beta1.Canary, change func(*v1beta1.Canary)) *v1beta1.Canary {
		change(c)
		return c
	}
	for name, c := range map[string]struct {
		canary  *v1beta1.Canary
		enabled string
		why     string // the reason against the first verb that is not enabled
	}{
		"no status":     {&v1beta1.Canary{}, "", "no controller has taken the canary up yet"},
		"idle":          {run("Succeeded", 0), "rollback", "no run is under way"},
		"before step 1": {run("Progressing", 0), "promote abort pause", "the first step has not begun"},
		"in a step":     {run("Progressing", 2), "promote promote-step abort pause", "the run is not paused"},
		"gate":          {run("WaitingPromotion", 3), "promote abort pause", "no step is under way"},
		"promoting":     {run("Promoting", 3), "rollback", "the promotion is under way already"},
		"failed": {
			with(run("Failed", 3), func(c *v1beta1.Canary) { c.Status.LastAppliedSpec, c.Status.LastPromotedSpec = "rs:b", "rs:a" }),
			"retry rollback", "no run is under way",
		},
		"failed, and the target is back": {
			with(run("Failed", 3), func(c *v1beta1.Canary) { c.Status.LastAppliedSpec, c.Status.LastPromotedSpec = "rs:a", "rs:a" }),
			"rollback", "no run is under way",
		},
		"rollback": {
			with(run("Promoting", 0), func(c *v1beta1.Canary) { c.Status.Run.Rollback = true }),
			"", "a rollback is under way",
		},
		"initializing": {run("Initializing", 0), "", "no run is under way"},
		"waits at a gate": {
			with(run("WaitingPromotion", 3), waiting(v1beta1.GatePromotion)),
			"promote abort pause approve reject", "no step is under way",
		},
		"went past a gate": {
			with(run("Promoting", 3), waiting(v1beta1.GatePromotion)),
			"rollback", "the promotion is under way already",
		},
		"deleted": {
			with(run("Terminating", 0), func(*v1beta1.Canary) {}),
			"", "the canary is being deleted",
		},
		"paused": {
			with(run("Progressing", 2), func(c *v1beta1.Canary) { c.Status.Run.Paused = true }),
			"promote promote-step abort resume", "the run is paused already",
		},
		"promoted by hand": {
			with(run("Progressing", 2), func(c *v1beta1.Canary) { c.Status.Run.PromoteNow = true }),
			"abort", "the promotion is under way already",
		},
		"suspended": {
			with(run("Progressing", 2), func(c *v1beta1.Canary) { c.Spec.Suspend = true }),
			"", "the canary is suspended (spec.suspend)",
		},
		"foreign": {
			with(run("Progressing", 2), func(c *v1beta1.Canary) { c.Status.Run, c.Status.ObservedGeneration = nil, 0 }),
			"", "another controller runs this canary, and does not read operator verbs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := view.Build(c.canary, view.Extra{})
			var enabled []string
			why := ""
			for _, verb := range v.Verbs {
				if verb.Enabled != (verb.Reason == "") {
					t.Errorf("%s: enabled %t with reason %q", verb.Name, verb.Enabled, verb.Reason)
				}
				if verb.Enabled {
					enabled = append(enabled, verb.Name)
				} else if why == "" {
					why = verb.Reason
				}
			}
			if strings.Join(enabled, " ") != c.enabled || why != c.why {
				t.Errorf("enabled %q, why not %q; want %q, %q", enabled, why, c.enabled, c.why)
			}
			if v.Verb("abort").Name != "abort" || v.Verb("dance").Enabled {
				t.Error("Verb finds the wrong one")
			}
		})
	}
}

func TestHealthAndNext(t *testing.T) {
	for phase, want := range map[v1beta1.CanaryPhase]struct {
		health view.Health
		next   string
	}{
		"":                 {view.HealthUnknown, "a controller takes the canary up; none has yet"},
		"Initializing":     {view.HealthProgressing, "once app-primary is ready it gets all traffic"},
		"Initialized":      {view.HealthHealthy, "a run begins with the next revision of Deployment app"},
		"Waiting":          {view.HealthWaiting, "the run begins once confirm-rollout hook gate passes"},
		"WaitingPromotion": {view.HealthWaiting, "the promotion begins once the confirm-promotion hook passes"},
		"Promoting":        {view.HealthProgressing, "once app-primary runs the new revision, all traffic goes back to it"},
		"Finalising":       {view.HealthProgressing, "Deployment app is scaled down"},
		"Succeeded":        {view.HealthHealthy, "a run begins with the next revision of Deployment app"},
		"Failed": {
			view.HealthDegraded,
			"a run begins with another revision of Deployment app; until then the primary serves the promoted one",
		},
		"Terminating": {view.HealthProgressing, "the original Deployment app gets all traffic back"},
		"Nonsense":    {view.HealthUnknown, ""},
	} {
		c := base()
		c.Status.Phase = phase
		c.Spec.Analysis.Webhooks = []v1beta1.CanaryWebhook{{Name: "gate", Type: v1beta1.HookConfirmRollout}}
		v := view.Build(c, view.Extra{})
		if v.Health != want.health || v.NextAction != want.next {
			t.Errorf("%s: %s, %q; want %s, %q", phase, v.Health, v.NextAction, want.health, want.next)
		}
	}
}

func TestNextJudgement(t *testing.T) {
	hold := metav1.NewMicroTime(time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC))
	c := base()
	c.Status.Phase = "Progressing"
	c.Status.CanaryWeight = 20
	c.Status.Run = &v1beta1.RunStatus{ID: "1", Step: 1}
	if v := view.Build(c, view.Extra{}); !v.JudgeTime.IsZero() ||
		v.NextAction != "once the canary is ready and has 20% of the traffic, the step is held for 30s" {
		t.Errorf("before the hold: %v, %q", v.JudgeTime, v.NextAction)
	}
	c.Status.Run.HoldStartTime = &hold
	v := view.Build(c, view.Extra{})
	if left, ok := v.Judges(hold.Add(10 * time.Second)); !ok || left != 20*time.Second {
		t.Errorf("judged in %v, %t", left, ok)
	}
	if left, _ := v.Judges(hold.Add(time.Hour)); left != 0 {
		t.Errorf("overdue by %v", left)
	}
	if !v.NextActionTime.Equal(hold.Add(30*time.Second)) || v.NextAction != "20% is judged, then the canary gets 40%" {
		t.Errorf("%v, %q", v.NextActionTime, v.NextAction)
	}
	c.Status.Run.Paused = true
	if v := view.Build(c, view.Extra{}); !v.JudgeTime.IsZero() || v.NextAction != "20% is held until somebody resumes the run" {
		t.Errorf("paused: %v, %q", v.JudgeTime, v.NextAction)
	}
	c.Status.Run.Paused, c.Status.Run.Step = false, 3
	if v := view.Build(c, view.Extra{}); v.NextAction != "the last step is judged, then the promotion begins" {
		t.Errorf("last step: %q", v.NextAction)
	}
}

func TestForeignStepsAreGuessed(t *testing.T) {
	c := base()
	c.Status.ObservedGeneration = 0
	c.Status.Phase, c.Status.CanaryWeight = "Progressing", 40
	v := view.Build(c, view.Extra{})
	var states []string
	for _, s := range v.Steps {
		states = append(states, s.State)
	}
	if !v.Foreign || v.CurrentStep != 2 || strings.Join(states, " ") != "Passed Active Pending" {
		t.Errorf("foreign %t, step %d, %v", v.Foreign, v.CurrentStep, states)
	}
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "1m", Iterations: 3}
	for iterations, want := range map[int32]string{0: "iteration 0/3", 2: "iteration 2/3", 4: "step 4/4"} {
		c.Status.Iterations = iterations
		v := view.Build(c, view.Extra{})
		if noun, at, of := v.Position(); v.Strategy != "blue-green" || fmt.Sprintf("%s %d/%d", noun, at, of) != want {
			t.Errorf("%d iterations: %s, %s %d/%d, want %s", iterations, v.Strategy, noun, at, of, want)
		}
	}
	c.Spec.Provider = "kubernetes" // which has no step of all traffic
	if v := view.Build(c, view.Extra{}); v.TotalSteps != 3 {
		t.Errorf("provider kubernetes: %d steps", v.TotalSteps)
	}
}

func TestOrderOfPodsAndEvents(t *testing.T) {
	at := func(minute int) metav1.Time { return metav1.NewTime(time.Date(2026, 8, 1, 12, minute, 0, 0, time.UTC)) }
	pod := func(name string, minute int) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: at(minute)}}
	}
	event := func(message string, minute, version int) corev1.Event {
		return corev1.Event{
			ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.Itoa(version)},
			Message:    message, LastTimestamp: at(minute),
		}
	}
	v := view.Build(base(), view.Extra{
		PrimaryPods: []corev1.Pod{pod("p1", 5)},
		CanaryPods:  []corev1.Pod{pod("c2", 9), pod("c1", 8), pod("c0", 9)},
		Events:      []corev1.Event{event("a-written-last", 9, 100), event("b-written-first", 9, 99), event("early", 1, 200)},
	})
	var have []string
	for _, p := range v.Pods {
		have = append(have, p.Name)
	}
	for _, e := range v.Events {
		have = append(have, e.Message)
	}
	if got := strings.Join(have, " "); got != "c1 c0 c2 p1 early b-written-first a-written-last" {
		t.Errorf("order: %s", got)
	}
}

func TestPodReason(t *testing.T) {
	waiting := func(reason string) []corev1.ContainerStatus {
		return []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}}
	}
	terminated := func(state corev1.ContainerStateTerminated) []corev1.ContainerStatus {
		return []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &state}}}
	}
	for want, status := range map[string]corev1.PodStatus{
		"Unknown":               {},
		"Running":               {Phase: corev1.PodRunning},
		"CrashLoopBackOff":      {Phase: corev1.PodRunning, ContainerStatuses: waiting("CrashLoopBackOff")},
		"ExitCode:3":            {ContainerStatuses: terminated(corev1.ContainerStateTerminated{ExitCode: 3})},
		"Signal:9":              {ContainerStatuses: terminated(corev1.ContainerStateTerminated{Signal: 9})},
		"OOMKilled":             {ContainerStatuses: terminated(corev1.ContainerStateTerminated{Reason: "OOMKilled"})},
		"Init:0/0":              {InitContainerStatuses: waiting("PodInitializing")},
		"Init:ImagePullBackOff": {InitContainerStatuses: waiting("ImagePullBackOff")},
		"Init:ExitCode:1":       {InitContainerStatuses: terminated(corev1.ContainerStateTerminated{ExitCode: 1})},
		"Evicted":               {Reason: "Evicted", Phase: corev1.PodFailed},
		"Pending":               {Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}}},
	} {
		v := view.Build(base(), view.Extra{CanaryPods: []corev1.Pod{{Status: status}}})
		if v.Pods[0].Reason != want {
			t.Errorf("reason %q, want %q", v.Pods[0].Reason, want)
		}
	}
}

func TestPendingIntent(t *testing.T) {
	c := base()
	at := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	c.Annotations = v1beta1.Intent{ID: "7", Verb: v1beta1.VerbAbort, By: "ada", At: at}.Annotations()
	if v := view.Build(c, view.Extra{}); v.PendingIntent == nil || v.PendingIntent.Verb != "abort" || !v.PendingIntent.Time.Equal(at) {
		t.Errorf("pending: %+v", v.PendingIntent)
	}
	c.Status.LastIntent = &v1beta1.IntentStatus{ID: "7"}
	if v := view.Build(c, view.Extra{}); v.PendingIntent != nil {
		t.Errorf("answered, but pending: %+v", v.PendingIntent)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain ünïcode ✓":     "plain ünïcode ✓",
		"\x1b[31mred\x1b[0m":  "^[[31mred^[[0m",
		"a\nb\r\tc":           "a b  c",
		"bell\a del\x7f":      `bell^G del\u007f`,
		"c1 \u009b31m":        `c1 \u009b31m`,
		"bidi \u202eevil":     `bidi \u202eevil`,
		"hidden\u200b\ufeff":  `hidden\u200b\ufeff`,
		"broken \xff\xfe":     "broken \ufffd\ufffd",
		"two\u2028paragraphs": "two paragraphs",
	} {
		if have := view.Clean(in); have != want {
			t.Errorf("Clean(%q) = %q, want %q", in, have, want)
		}
	}
}

func TestDurationInJSON(t *testing.T) {
	var d view.Duration
	data, err := json.Marshal(view.Duration{Duration: 90 * time.Second})
	if err != nil || string(data) != `"1m30s"` || json.Unmarshal(data, &d) != nil || d.Duration != 90*time.Second {
		t.Errorf("%s, %v, %v", data, err, d)
	}
}

// FuzzBuild feeds whatever an API server could return. The view must be the same every time, hold
// its bounds, and be valid JSON.
func FuzzBuild(f *testing.F) {
	inputs, _ := filepath.Glob("testdata/*.input.yaml")
	for _, input := range inputs {
		data, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		asJSON, err := yaml.YAMLToJSON(data)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(asJSON)
	}
	f.Add([]byte(`{"metadata":3,"spec":[],"status":{"phase":{}}}`))
	f.Add([]byte(`{"spec":{"analysis":{"iterations":2147483647,"match":[{}]}},"status":{"phase":"Progressing","iterations":-5,"run":{"step":-1,"holdStartTime":"2026-01-01T00:00:00.000000Z"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		object := map[string]any{}
		if json.Unmarshal(data, &object) != nil {
			return
		}
		c, problem := view.Decode(object)
		if c == nil {
			t.Fatal("Decode returned nothing")
		}
		v := view.Build(c, view.Extra{Problem: problem})
		if v.Weight < 0 || v.Weight > 100 || v.CurrentStep < 0 || v.CurrentStep > v.TotalSteps || v.TotalSteps > 1001 {
			t.Errorf("out of bounds: weight %d, step %d of %d", v.Weight, v.CurrentStep, v.TotalSteps)
		}
		if len(v.Verbs) != len(v1beta1.Verbs()) {
			t.Errorf("%d verbs", len(v.Verbs))
		}
		for _, m := range v.Metrics {
			for _, p := range []*float64{m.Min, m.Max, m.Value, m.Primary} {
				if p != nil && (math.IsNaN(*p) || math.IsInf(*p, 0)) {
					t.Errorf("metric %s is not finite", m.Name)
				}
			}
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("no JSON: %v", err)
		}
		if again := view.Build(c, view.Extra{Problem: problem}); !reflect.DeepEqual(v, again) {
			t.Error("two builds of the same object differ")
		}
		v.Cleaned()
	})
}
