package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// operatorConfigs are about what holds a run for people, and about what people ask for.
func operatorConfigs() []modelConfig {
	gates := []v1beta1.Verb{v1beta1.VerbApprove, v1beta1.VerbReject, v1beta1.VerbPromoteStep, v1beta1.VerbPause, v1beta1.VerbResume}
	return []modelConfig{
		{
			name: "gates that wait for ever", pods: 1,
			canary: with(steps(30, 60), simGate(v1beta1.GateRollout, 0, ""), simGate(v1beta1.GateTraffic, 0, ""), simGate(v1beta1.GatePromotion, 0, "")),
			verbs:  gates,
			short:  budget{budgetShip: 1, budgetIntent: 2},
			full:   budget{budgetShip: 1, budgetIntent: 4, budgetCheck: 1},
		},
		{
			name: "gates that abort", pods: 1,
			canary: with(steps(30, 60), simGate(v1beta1.GateTraffic, modelTimeout, v1beta1.GateAbort), simGate(v1beta1.GatePromotion, modelTimeout, "")),
			verbs:  gates[:2],
			short:  budget{budgetShip: 1, budgetIntent: 1},
			full:   budget{budgetShip: 1, budgetIntent: 2, budgetLose: 1, budgetCrash: 1},
		},
		{
			name: "gates that go on, and their hooks", pods: 1,
			canary: with(steps(30, 60), hooks(v1beta1.HookConfirmTrafficIncrease),
				simGate(v1beta1.GateRollout, modelTimeout, v1beta1.GateContinue),
				simGate(v1beta1.GateTraffic, modelTimeout, v1beta1.GateContinue)),
			verbs: gates[:1],
			short: budget{budgetShip: 1, budgetIntent: 1, budgetHook: 1},
			full:  budget{budgetShip: 1, budgetIntent: 1, budgetHook: 2, budgetCrash: 1},
		},
		{
			name: "a hook that ends runs", pods: 1,
			canary: with(steps(50), hooks(v1beta1.HookRollback, v1beta1.HookConfirmRollout)),
			short:  budget{budgetShip: 1, budgetHook: 1},
			full:   budget{budgetShip: 1, budgetHook: 2, budgetCrash: 1},
		},
		{
			name: "back to the revision before", pods: 1,
			canary: steps(50),
			verbs:  []v1beta1.Verb{v1beta1.VerbRollback, v1beta1.VerbRetry},
			short:  budget{budgetShip: 1, budgetIntent: 1, budgetCheck: 1},
			full:   budget{budgetShip: 1, budgetIntent: 2, budgetCheck: 1, budgetCrash: 1},
		},
		{
			name: "back to the revision before, in trouble", pods: 1,
			canary: steps(50),
			verbs:  []v1beta1.Verb{v1beta1.VerbRollback},
			short:  budget{budgetShip: 1, budgetIntent: 1, budgetLose: 1},
			full:   budget{budgetShip: 1, budgetIntent: 1, budgetLose: 1, budgetObject: 1},
		},
	}
}
