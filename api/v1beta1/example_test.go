package v1beta1_test

import (
	"fmt"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// The last weight may pass maxWeight; it is where the canary is promoted.
func ExampleStepPlan() {
	plan, err := v1beta1.StepPlan(&v1beta1.CanaryAnalysis{StepWeight: 20, MaxWeight: 50})
	fmt.Println(plan, err)

	_, err = v1beta1.StepPlan(&v1beta1.CanaryAnalysis{StepWeights: []int32{50, 10}})
	fmt.Println(err)
	// Output:
	// [20 40 60] <nil>
	// spec.analysis.stepWeights[1]: Invalid value: 10: must be more than 50, the weight before it: list the weights in increasing order
}

func ExampleDecodeCanary() {
	_, err := v1beta1.DecodeCanary(map[string]any{
		"spec": map[string]any{"analysis": map[string]any{"stepWeight": 2.5}},
	})
	fmt.Println(err)
	// Output:
	// decode canary: spec.analysis.stepWeight: Invalid value: 2.5: must be a whole number
}
