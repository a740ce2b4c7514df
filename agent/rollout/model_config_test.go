package rollout

import (
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	modelInterval       = 10 * time.Second
	modelDeadline int32 = 60
)

// The kinds of events that the environment can only bring about a limited number of times, so that
// the space is finite. Pods that become ready, finished rollouts, observed generations, passed
// checks and hooks, confirmations and the passing of time are not limited.
const (
	budgetShip   = iota // the user ships another revision, or goes back to one
	budgetScale         // somebody scales the target to zero, or up
	budgetLose          // a pod is lost
	budgetDead          // a workload exceeds its deadline
	budgetCheck         // a check fails or cannot be made
	budgetHook          // a hook fails
	budgetDrift         // somebody writes the route
	budgetCrash         // the agent is killed, or down for a while
	budgetIntent        // an operator asks for something
	budgetStale         // the agent decides on facts that are one write behind
	budgets
)

type budget [budgets]uint8

// modelConfig is a canary and the troubles it is to be explored with.
type modelConfig struct {
	name   string
	canary func(*v1beta1.Canary)
	// reports: the router confirms what it has taken over.
	reports bool
	pods    int32
	// short and full are the troubles of the explorations of make test-unit and make test-model.
	short, full budget
}

func modelCanary(configure func(*v1beta1.Canary)) *v1beta1.Canary {
	deadline := modelDeadline
	c := &v1beta1.Canary{}
	c.Name, c.Namespace, c.Generation = "app", "test", 1
	c.Spec.TargetRef = v1beta1.TargetReference{APIVersion: "apps/v1", Kind: v1beta1.TargetDeployment, Name: "app"}
	c.Spec.Service.Port = 80
	c.Spec.ProgressDeadlineSeconds = &deadline
	c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: modelInterval.String(), Threshold: 2}
	if configure != nil {
		configure(c)
	}
	return c
}

func hooksOf(types ...v1beta1.HookType) (hooks []v1beta1.CanaryWebhook) {
	for _, t := range types {
		hooks = append(hooks, v1beta1.CanaryWebhook{Type: t, Name: "x", URL: "http://hooks.test/"})
	}
	return hooks
}

// modelConfigs are chosen so that each explores other parts of Decide, and none is a superset of
// another.
func modelConfigs() []modelConfig {
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
			full:  budget{budgetShip: 1, budgetCheck: 1, budgetHook: 2, budgetCrash: 1, budgetIntent: 1},
		},
		{
			name: "a router that confirms", pods: 1, reports: true,
			canary: func(c *v1beta1.Canary) { c.Spec.Analysis.StepWeights = []int32{50} },
			short:  budget{budgetShip: 1, budgetDrift: 1, budgetCrash: 1},
			full:   budget{budgetShip: 2, budgetDrift: 1, budgetCrash: 1},
		},
		{
			name: "no analysis", pods: 1,
			canary: func(c *v1beta1.Canary) { c.Spec.SkipAnalysis = true },
			short:  budget{budgetShip: 2, budgetLose: 1, budgetCrash: 1},
			full:   budget{budgetShip: 2, budgetScale: 1, budgetLose: 1, budgetCrash: 1},
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
			full:   budget{budgetShip: 1, budgetLose: 1, budgetIntent: 1, budgetDrift: 1, budgetStale: 1},
		},
		{
			name: "two pods, one is enough", pods: 2,
			canary: func(c *v1beta1.Canary) {
				half := int32(50)
				c.Spec.Analysis.StepWeights = []int32{50}
				c.Spec.Analysis.CanaryReadyThreshold, c.Spec.Analysis.PrimaryReadyThreshold = &half, &half
			},
			short: budget{budgetShip: 1, budgetLose: 2, budgetDead: 1},
			full:  budget{budgetShip: 2, budgetLose: 2, budgetDead: 1},
		},
	}
}
