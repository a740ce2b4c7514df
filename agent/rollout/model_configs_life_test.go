package rollout

import "github.com/kubectl-canary/kubectl-canary/api/v1beta1"

// lifeConfigs are about the Canary's life besides its runs: deletion, suspension, other
// controllers and versions, and autoscalers.
func lifeConfigs() []modelConfig {
	return []modelConfig{
		{
			name: "deletion", pods: 1,
			canary: with(steps(50), simReverted),
			edits:  []edit{editRevert},
			short:  budget{budgetShip: 1, budgetDelete: 1, budgetEdit: 1},
			full:   budget{budgetShip: 1, budgetDelete: 1, budgetEdit: 2, budgetLose: 1, budgetCrash: 1},
		},
		{
			name: "deletion with a router that confirms", pods: 1, reports: true,
			canary: with(simBlueGreen(1), simReverted),
			short:  budget{budgetShip: 1, budgetDelete: 1, budgetLose: 1},
			full:   budget{budgetShip: 1, budgetDelete: 1, budgetObject: 1, budgetDead: 1},
		},
		{
			name: "deletion with Services only", pods: 1, provider: v1beta1.ProviderKubernetes,
			canary: with(simBlueGreen(1), simReverted),
			edits:  []edit{editProblem},
			short:  budget{budgetShip: 1, budgetDelete: 1, budgetEdit: 1},
			full:   budget{budgetShip: 1, budgetDelete: 1, budgetEdit: 1, budgetScale: 1, budgetStale: 1},
		},
		{
			name: "objects deleted by somebody", pods: 1,
			canary: steps(50),
			short:  budget{budgetShip: 1, budgetObject: 1},
			full:   budget{budgetShip: 2, budgetObject: 1, budgetCrash: 1},
		},
		{
			name: "suspended, and specs that are refused", pods: 1,
			canary: steps(30, 60),
			edits:  []edit{editSuspend, editProblem},
			verbs:  []v1beta1.Verb{v1beta1.VerbAbort},
			short:  budget{budgetShip: 1, budgetEdit: 1},
			full:   budget{budgetShip: 1, budgetEdit: 2, budgetLose: 1, budgetIntent: 1},
		},
		{
			name: "other versions of the agent", pods: 1, configs: true,
			canary: steps(50),
			short:  budget{budgetShip: 1, budgetUpgrade: 2},
			full:   budget{budgetShip: 2, budgetUpgrade: 2},
		},
		{
			name: "configs that were not tracked before", pods: 1, configs: true,
			canary: steps(50),
			roots:  simUntrackedRoots,
			short:  budget{budgetShip: 2},
			full:   budget{budgetShip: 3, budgetCheck: 1, budgetCrash: 1},
		},
		{
			name: "taken over from another controller", pods: 1,
			canary: with(steps(25, 50, 75), hooks(v1beta1.HookConfirmPromotion)),
			roots:  simForeignRoots,
			short:  budget{budgetShip: 1, budgetLose: 1},
			full:   budget{budgetShip: 1, budgetLose: 1, budgetUpgrade: 1},
		},
		{
			name: "an autoscaler", pods: 2, scaler: scalerHPA,
			canary: steps(50),
			short:  budget{budgetShip: 1, budgetScaler: 1},
			full:   budget{budgetShip: 1, budgetScaler: 2, budgetLose: 1, budgetCheck: 1},
		},
		{
			name: "an autoscaler that has to be paused", pods: 1, scaler: scalerKEDA,
			canary: with(steps(50), simReverted),
			short:  budget{budgetShip: 1, budgetScaler: 1},
			full:   budget{budgetShip: 1, budgetScaler: 2, budgetScale: 1, budgetDelete: 1},
		},
	}
}
