package v1beta1

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestStepPlan(t *testing.T) {
	tests := []struct {
		name string
		in   CanaryAnalysis
		want []int32
		err  string
	}{
		{name: "past maxWeight", in: CanaryAnalysis{StepWeight: 20, MaxWeight: 50}, want: []int32{20, 40, 60}},
		{name: "up to maxWeight", in: CanaryAnalysis{StepWeight: 10, MaxWeight: 50}, want: []int32{10, 20, 30, 40, 50}},
		{name: "not past 100", in: CanaryAnalysis{StepWeight: 60}, want: []int32{60, 100}},
		{name: "all at once", in: CanaryAnalysis{StepWeight: 100}, want: []int32{100}},
		{name: "maxWeight below the first step", in: CanaryAnalysis{StepWeight: 50, MaxWeight: 10}, want: []int32{50}},
		{name: "list", in: CanaryAnalysis{StepWeights: []int32{1, 2, 10, 80}}, want: []int32{1, 2, 10, 80}},
		{name: "list wins over maxWeight", in: CanaryAnalysis{StepWeights: []int32{10, 80}, MaxWeight: 50}, want: []int32{10, 80}},
		{name: "steps", in: CanaryAnalysis{Steps: []AnalysisStep{{Weight: 5, Hold: "10m"}, {Weight: 100}}}, want: []int32{5, 100}},
		{name: "iterations", in: CanaryAnalysis{Iterations: 10}},
		{name: "nothing", err: "spec.analysis.stepWeight: Required"},
		{name: "only maxWeight", in: CanaryAnalysis{MaxWeight: 50}, err: "set stepWeight to 1..100"},
		{name: "two", in: CanaryAnalysis{StepWeight: 5, StepWeights: []int32{1}}, err: "spec.analysis.stepWeights: Forbidden: cannot be set together with stepWeight"},
		{name: "iterations and steps", in: CanaryAnalysis{Iterations: 1, Steps: []AnalysisStep{{Weight: 1}}}, err: "spec.analysis.steps: Forbidden"},
		{name: "falling", in: CanaryAnalysis{StepWeights: []int32{10, 5}}, err: "spec.analysis.stepWeights[1]: Invalid value: 5: must be more than 10"},
		{name: "repeated", in: CanaryAnalysis{StepWeights: []int32{10, 10}}, err: "stepWeights[1]"},
		{name: "zero in the list", in: CanaryAnalysis{StepWeights: []int32{0, 10}}, err: "stepWeights[0]: Invalid value: 0: must be a weight of 1 to 100"},
		{name: "past 100 in the list", in: CanaryAnalysis{StepWeights: []int32{10, 101}}, err: "stepWeights[1]"},
		{name: "past 100 in steps", in: CanaryAnalysis{Steps: []AnalysisStep{{Weight: 101}}}, err: "spec.analysis.steps[0].weight"},
		{name: "negative", in: CanaryAnalysis{StepWeight: -1}, err: "spec.analysis.stepWeight: Invalid value: -1"},
		{name: "large", in: CanaryAnalysis{StepWeight: 101}, err: "spec.analysis.stepWeight"},
		{name: "large maxWeight", in: CanaryAnalysis{StepWeight: 1, MaxWeight: 101}, err: "spec.analysis.maxWeight"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := StepPlan(&tt.in)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error %v, want %q", err, tt.err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if _, err := StepPlan(nil); err == nil {
		t.Error("nil: want an error")
	}
}

func TestStepPlanIsACopy(t *testing.T) {
	a := &CanaryAnalysis{StepWeights: []int32{10, 20}}
	plan, err := StepPlan(a)
	if err != nil {
		t.Fatal(err)
	}
	plan[0] = 99
	if a.StepWeights[0] != 10 {
		t.Error("the plan shares memory with the spec")
	}
}

func TestNextWeight(t *testing.T) {
	plan := []int32{1, 2, 10, 80}
	tests := []struct {
		current, next int32
		ok            bool
	}{
		{0, 1, true}, {1, 2, true}, {10, 80, true}, {80, 80, false}, {100, 100, false},
		{5, 10, true}, {11, 80, true}, // the list was edited during the run
	}
	for _, tt := range tests {
		if next, ok := NextWeight(plan, tt.current); next != tt.next || ok != tt.ok {
			t.Errorf("after %d: %d, %v, want %d, %v", tt.current, next, ok, tt.next, tt.ok)
		}
	}
	if _, ok := NextWeight(nil, 0); ok {
		t.Error("an empty plan has no next weight")
	}
}

func TestPromotionPlan(t *testing.T) {
	tests := []struct {
		from, step int32
		want       []int32
	}{
		{60, 0, []int32{0}},
		{60, 20, []int32{40, 20, 0}},
		{50, 20, []int32{30, 10, 0}},
		{10, 20, []int32{0}},
		{0, 20, []int32{0}},
		{60, -5, []int32{0}},
	}
	for _, tt := range tests {
		if got := PromotionPlan(tt.from, tt.step); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("from %d by %d: %v, want %v", tt.from, tt.step, got, tt.want)
		}
	}
}

func TestStrategy(t *testing.T) {
	match := []HTTPMatchRequest{{Headers: map[string]StringMatch{"x": {Exact: "y"}}}}
	tests := []struct {
		provider   string
		analysis   CanaryAnalysis
		want       Strategy
		iterations int32
	}{
		{ProviderIstio, CanaryAnalysis{StepWeight: 10}, StrategyCanary, 0},
		{ProviderIstio, CanaryAnalysis{Iterations: 5}, StrategyBlueGreen, 5},
		{ProviderIstio, CanaryAnalysis{Iterations: 5, Match: match}, StrategyABTesting, 5},
		{ProviderIstio, CanaryAnalysis{StepWeight: 10, Match: match}, StrategyCanary, 0},
		{ProviderKubernetes, CanaryAnalysis{StepWeight: 10}, StrategyBlueGreen, 10},
		{ProviderKubernetes, CanaryAnalysis{Iterations: 5, Match: match}, StrategyBlueGreen, 5},
	}
	for _, tt := range tests {
		c := &Canary{Spec: CanarySpec{Provider: tt.provider, Analysis: &tt.analysis}}
		if got := c.Strategy(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.analysis, got, tt.want)
		}
		if got := c.IterationsFor(tt.provider); got != tt.iterations {
			t.Errorf("%+v: %d iterations, want %d", tt.analysis, got, tt.iterations)
		}
	}
}

func FuzzStepPlan(f *testing.F) {
	f.Add(int32(20), int32(50), []byte(nil), int32(0))
	f.Add(int32(60), int32(0), []byte(nil), int32(7))
	f.Add(int32(0), int32(0), []byte{1, 2, 10, 80}, int32(5))
	f.Add(int32(1), int32(100), []byte(nil), int32(-1))
	f.Add(int32(2147483647), int32(100), []byte(nil), int32(2147483647))
	f.Fuzz(func(t *testing.T, stepWeight, maxWeight int32, list []byte, current int32) {
		a := &CanaryAnalysis{StepWeight: stepWeight, MaxWeight: maxWeight}
		for _, w := range list {
			a.StepWeights = append(a.StepWeights, int32(w))
		}
		plan, err := StepPlan(a)
		if err != nil {
			if plan != nil {
				t.Fatalf("a plan besides an error: %v", plan)
			}
			return
		}
		if len(plan) == 0 {
			t.Fatal("no plan and no error")
		}
		if last := plan[len(plan)-1]; last > 100 || last < (&Canary{Spec: CanarySpec{Analysis: a}}).MaxWeight() {
			t.Fatalf("plan %v of %+v ends at %d", plan, a, last)
		}
		for i, w := range plan {
			if w < 1 || w > 100 || i > 0 && w <= plan[i-1] {
				t.Fatalf("plan %v of %+v does not increase from 1 to 100", plan, a)
			}
		}
		steps, weight := 0, current
		for {
			next, ok := NextWeight(plan, weight)
			if !ok {
				break
			}
			if steps++; next <= weight || steps > len(plan) || !slices.Contains(plan, next) {
				t.Fatalf("from %d: %d after %d steps of %v", weight, next, steps, plan)
			}
			weight = next
		}
		if weight < plan[len(plan)-1] {
			t.Fatalf("from %d: stopped at %d before the end of %v", current, weight, plan)
		}
		back := PromotionPlan(current, stepWeight)
		if back[len(back)-1] != 0 || !slices.IsSortedFunc(back, func(a, b int32) int { return int(b - a) }) {
			t.Fatalf("promotion from %d by %d: %v", current, stepWeight, back)
		}
	})
}
