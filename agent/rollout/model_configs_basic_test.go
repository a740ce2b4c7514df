package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// basicConfigs are of the strategy canary, with the troubles that every canary can have.
func basicConfigs() []modelConfig {
	return []modelConfig{
		{
			name: "two steps, the last passes maxWeight", pods: 1,
			canary: func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeight, c.Spec.Analysis.MaxWeight = 30, 50 },
			short:  budget{budgetShip: 2, budgetLose: 1},
			full:   budget{budgetShip: 2, budgetLose: 1, budgetCheck: 1, budgetCrash: 1},
		},
		{
			name: "steps back to the primary", pods: 1,
			canary: func(c *v1beta1.Canary) {
				c.Spec.Analysis.StepWeights = []int32{60}
				c.Spec.Analysis.StepWeightPromotion = 30
			},
			short: budget{budgetShip: 2, budgetScale: 1, budgetDead: 1},
			full:  budget{budgetShip: 2, budgetScale: 1, budgetLose: 1, budgetDead: 1},
		},
		{
			name: "hooks before the first step", pods: 1,
			canary: func(c *v1beta1.Canary) {
				c.Spec.Analysis.StepWeights = []int32{50}
				c.Spec.Analysis.Webhooks = hooksOf(v1beta1.HookConfirmRollout, v1beta1.HookPreRollout)
			},
			short: budget{budgetShip: 1, budgetHook: 1, budgetIntent: 1},
			full:  budget{budgetShip: 1, budgetHook: 2, budgetCrash: 1, budgetIntent: 1},
		},
		{
			name: "hooks from the first step on", pods: 1,
			canary: func(c *v1beta1.Canary) {
				c.Spec.Analysis.StepWeights = []int32{50}
				c.Spec.Analysis.Webhooks = hooksOf(v1beta1.HookRollout, v1beta1.HookConfirmPromotion, v1beta1.HookPostRollout)
			},
			short: budget{budgetShip: 1, budgetHook: 1, budgetCrash: 1},
			full:  budget{budgetShip: 1, budgetCheck: 1, budgetHook: 1, budgetCrash: 1, budgetIntent: 1},
		},
		{
			name: "a router that confirms", pods: 1, reports: true,
			canary: func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights = []int32{50} },
			short:  budget{budgetShip: 1, budgetDrift: 1, budgetCrash: 1},
			full:   budget{budgetShip: 1, budgetDrift: 2, budgetCrash: 1},
		},
		{
			name: "no analysis", pods: 1,
			canary: func(c *v1beta1.Canary) { c.Spec.SkipAnalysis = true },
			short:  budget{budgetShip: 1, budgetLose: 1, budgetCrash: 1},
			full:   budget{budgetShip: 1, budgetScale: 1, budgetLose: 1, budgetCrash: 1},
		},
		{
			name: "an operator", pods: 1,
			canary: func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeight, c.Spec.Analysis.MaxWeight = 50, 100 },
			short:  budget{budgetShip: 1, budgetCheck: 1, budgetIntent: 1},
			full:   budget{budgetShip: 1, budgetCheck: 1, budgetIntent: 2, budgetCrash: 1},
		},
		{
			name: "a lagging cache", pods: 1,
			canary: func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights = []int32{50} },
			short:  budget{budgetShip: 1, budgetLose: 1, budgetStale: 1},
			full:   budget{budgetShip: 1, budgetIntent: 1, budgetDrift: 1, budgetStale: 1},
		},
		{
			name: "two pods, one is enough", pods: 2,
			canary: func(c *v1beta1.Canary) {
				half := int32(50)
				c.Spec.Analysis.StepWeights = []int32{50}
				c.Spec.Analysis.CanaryReadyThreshold, c.Spec.Analysis.PrimaryReadyThreshold = &half, &half
			},
			short: budget{budgetShip: 1, budgetLose: 2, budgetDead: 1},
			full:  budget{budgetShip: 2, budgetLose: 1, budgetDead: 1},
		},
	}
}
