package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// strategyConfigs are of the other strategies, and with mirroring and session affinity.
func strategyConfigs() []modelConfig {
	return []modelConfig{
		{
			name: "A/B test", pods: 1,
			canary: simABTest(2),
			short:  budget{budgetShip: 1, budgetLose: 1},
			full:   budget{budgetShip: 2, budgetLose: 1, budgetCrash: 1},
		},
		{
			name: "A/B test, failed promotions", pods: 1,
			canary: simABTest(1),
			short:  budget{budgetShip: 1, budgetDead: 1},
			full:   budget{budgetShip: 1, budgetDead: 1, budgetLose: 1, budgetDrift: 1},
		},
		{
			name: "Blue/Green", pods: 1,
			canary: simBlueGreen(1),
			short:  budget{budgetShip: 1, budgetCheck: 1},
			full:   budget{budgetShip: 2, budgetCheck: 1, budgetLose: 1},
		},
		{
			name: "Blue/Green with mirroring, edited to a canary", pods: 1,
			canary: with(simBlueGreen(2), simMirrored),
			edited: steps(50),
			edits:  []edit{editSteps},
			short:  budget{budgetShip: 1, budgetEdit: 1},
			full:   budget{budgetShip: 1, budgetEdit: 2, budgetLose: 1, budgetDrift: 1},
		},
		{
			name: "Blue/Green with Services only", pods: 1, provider: v1beta1.ProviderKubernetes,
			canary: simBlueGreen(1),
			short:  budget{budgetShip: 1, budgetLose: 1, budgetDrift: 1},
			full:   budget{budgetShip: 1, budgetLose: 1, budgetDrift: 1, budgetCrash: 1},
		},
		{
			name: "mirroring before the weights", pods: 1, reports: true,
			canary: with(steps(50), simMirrored),
			short:  budget{budgetShip: 1, budgetLose: 1},
			full:   budget{budgetShip: 1, budgetLose: 1, budgetCrash: 1, budgetCheck: 1},
		},
		{
			name: "session affinity", pods: 1,
			canary: with(steps(30, 60), simAffine),
			short:  budget{budgetShip: 1, budgetCrash: 1},
			full:   budget{budgetShip: 2, budgetLose: 1, budgetCrash: 1},
		},
		{
			name: "a target that cannot be scaled", pods: 1, fixed: true,
			canary: steps(50),
			short:  budget{budgetShip: 2, budgetCheck: 1},
			full:   budget{budgetShip: 2, budgetCheck: 1, budgetCrash: 1, budgetIntent: 1},
		},
		{
			name: "another provider", pods: 1, provider: "traefik",
			canary: steps(50),
			edits:  []edit{editProvider},
			short:  budget{budgetShip: 1, budgetEdit: 1, budgetCrash: 1},
			full:   budget{budgetShip: 1, budgetEdit: 2, budgetCrash: 1, budgetDrift: 1},
		},
		{
			name: "another provider that confirms", pods: 1, provider: "traefik", reports: true,
			canary: steps(50),
			edits:  []edit{editProvider},
			short:  budget{budgetShip: 1, budgetEdit: 1},
			full:   budget{budgetShip: 1, budgetEdit: 2, budgetLose: 1},
		},
		{
			name: "steps edited in mid-run", pods: 1,
			canary: steps(20, 40, 60),
			edited: with(steps(50), simGate(v1beta1.GatePromotion, 0, "")),
			edits:  []edit{editSteps},
			short:  budget{budgetShip: 1, budgetEdit: 1},
			full:   budget{budgetShip: 1, budgetEdit: 2, budgetCheck: 1, budgetCrash: 1},
		},
	}
}
