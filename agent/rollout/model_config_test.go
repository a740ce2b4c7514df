package rollout

import (
	"slices"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	modelInterval       = 10 * time.Second
	modelDeadline int32 = 60
	// modelTimeout is that of the gates that have one: longer than an interval, shorter than any
	// deadline.
	modelTimeout = 25 * time.Second
)

// The kinds of events that the environment can only bring about a limited number of times, so that
// the space is finite. Pods that become ready, finished rollouts, observed generations, passed
// checks and hooks, confirmations, the end of a suspension and the passing of time are not limited.
const (
	budgetShip    = iota // the user ships another revision or config, or goes back to one
	budgetScale          // somebody scales the target to zero, or up
	budgetLose           // a pod is lost
	budgetDead           // a workload exceeds its deadline
	budgetCheck          // a check fails or cannot be made
	budgetHook           // a hook fails; a rollback hook passes
	budgetDrift          // somebody writes the route
	budgetCrash          // the agent is killed, or down for a while
	budgetIntent         // an operator asks for something
	budgetStale          // the agent decides on facts that are one write behind
	budgetEdit           // the spec of the Canary is edited
	budgetObject         // the target or the primary is deleted by somebody
	budgetDelete         // the Canary is deleted
	budgetUpgrade        // the agent is replaced by another version, or the other way round
	budgetScaler         // an autoscaler changes a number of replicas
	budgets
)

type budget [budgets]uint8

// edit is an edit of the spec of the Canary.
type edit uint8

const (
	editSuspend  edit = iota + 1 // spec.suspend is set
	editProblem                  // the spec becomes one that cannot be acted upon
	editRevert                   // revertOnDeletion is set or unset
	editSteps                    // the analysis is another one, or the first one again
	editProvider                 // the provider is another one, or the first one again
	editResume                   // suspend is unset and the spec is good again; not limited
)

// scalerKind is the kind of the target's autoscaler.
type scalerKind uint8

const (
	scalerNone scalerKind = iota
	scalerHPA
	scalerKEDA // which has to be paused before the target is scaled to zero
)

// modelConfig is a canary and the troubles it is to be explored with.
type modelConfig struct {
	name   string
	canary func(*v1beta1.Canary)
	// edited is the canary after editSteps.
	edited func(*v1beta1.Canary)
	// edits and verbs that can happen; without verbs, those that steer a run.
	edits []edit
	verbs []v1beta1.Verb
	// roots are where the exploration begins; without, with a new Canary, with one that has been
	// initialized, and after failed promotions.
	roots func(*modelRun) []state
	// reports: the router confirms what it has taken over.
	reports bool
	// provider is the first one.
	provider string
	scaler   scalerKind
	// fixed: target and primary cannot be scaled.
	fixed bool
	// configs: the revisions have fingerprints of configs.
	configs bool
	pods    int32
	// short and full are the troubles of the explorations of make test-unit and make test-model.
	short, full budget
}

// steering are the verbs that steer a run.
var steering = []v1beta1.Verb{
	v1beta1.VerbPromote, v1beta1.VerbPromoteStep, v1beta1.VerbAbort, v1beta1.VerbPause, v1beta1.VerbResume,
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

// simBlueGreen makes a canary of the strategy Blue/Green.
func simBlueGreen(n int32) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) { c.Spec.Analysis.Iterations = n }
}

// simABTest makes a canary of the strategy A/B.
func simABTest(n int32) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) {
		c.Spec.Analysis.Iterations = n
		c.Spec.Analysis.Match = make([]v1beta1.HTTPMatchRequest, 1)
	}
}

func simMirrored(c *v1beta1.Canary) { c.Spec.Analysis.Mirror = true }

func simReverted(c *v1beta1.Canary) { c.Spec.RevertOnDeletion = true }

func simAffine(c *v1beta1.Canary) {
	c.Spec.Analysis.SessionAffinity = &v1beta1.SessionAffinity{CookieName: "side", PrimaryCookieName: "main"}
}

// simGate adds a gate that is named after its point.
func simGate(p v1beta1.GatePoint, timeout time.Duration, then v1beta1.GateTimeoutAction) func(*v1beta1.Canary) {
	return func(c *v1beta1.Canary) {
		gate := v1beta1.CanaryGate{Name: string(p), At: p, OnTimeout: then}
		if timeout > 0 {
			gate.Timeout = timeout.String()
		}
		c.Spec.Analysis.Gates = append(c.Spec.Analysis.Gates, gate)
	}
}

// modelConfigs are chosen so that each explores other parts of Decide, and none is a superset of
// another.
func modelConfigs() []modelConfig {
	return slices.Concat(basicConfigs(), strategyConfigs(), operatorConfigs(), lifeConfigs())
}
