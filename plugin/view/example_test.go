package view_test

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Any Canary can be shown, also one that no controller has seen yet.
func ExampleBuild() {
	c := &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "shop"},
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.TargetReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"},
			Analysis:  &v1beta1.CanaryAnalysis{Interval: "1m", Threshold: 5, StepWeights: []int32{5, 50}},
		},
	}
	v := view.Build(c, view.Extra{})
	fmt.Println(v.Key(), v.Health, len(v.Steps), "steps")
	fmt.Println(v.NextAction)
	// Output:
	// shop/app Unknown 2 steps
	// a controller takes the canary up; none has yet
}
