package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/rollout"
	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/agent/workload/autoscaler"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// problems says why a canary cannot be acted upon. It is looked at again with every change, so a
// reference that was allowed yesterday is refused today if the flag or the object says so.
func (c *Controller) problems(e *entry, canary *v1beta1.Canary) []rollout.Problem {
	var problems []rollout.Problem
	add := func(reason string, errs field.ErrorList) {
		for _, err := range errs {
			problems = append(problems, rollout.Problem{Reason: reason, Message: err.Error()})
		}
	}
	add("InvalidSpec", v1beta1.Validate(canary))
	if e.kindErr != nil {
		problems = append(problems, rollout.Problem{Reason: "UnsupportedTarget", Message: "spec.targetRef: " + e.kindErr.Error()})
	}
	add("CrossNamespaceReference", v1beta1.ValidateReferences(canary, c.config.NoCrossNamespaceRefs))
	if e.providerErr != nil {
		problems = append(problems, rollout.Problem{Reason: "UnsupportedProvider", Message: "spec.provider: " + e.providerErr.Error()})
	} else {
		add("UnsupportedByProvider", e.provider.Check(canary))
	}
	if e.kindErr == nil {
		add("Unsupported", unsupported(canary, e.kind))
	}
	if name, ok := c.index.older(canary); ok {
		problems = append(problems, rollout.Problem{
			Reason: "TargetTaken",
			Message: fmt.Sprintf("spec.targetRef: %s %s is the target of the older canary %s already; delete one of the two",
				canary.Spec.TargetRef.Kind, canary.Spec.TargetRef.Name, name),
		})
	}
	return problems
}

// unsupported lists what the API can say and nobody can do. Each is refused with its path: a field
// that is ignored in silence is worse than one that is refused.
func unsupported(c *v1beta1.Canary, kind workload.Kind) field.ErrorList {
	ref := c.Spec.AutoscalerRef
	if ref == nil {
		return nil
	}
	path := field.NewPath("spec", "autoscalerRef")
	if !kind.Traits().Replicas {
		return field.ErrorList{field.Forbidden(path, "a target of kind "+c.Spec.TargetRef.Kind+" has no replicas to be scaled: remove it")}
	}
	if _, err := autoscaler.Resource(ref); err != nil {
		return field.ErrorList{field.Invalid(path, ref.Kind, err.Error())}
	}
	return nil
}

// clusterMemory is how long the answers of the cluster about its gateways are believed.
const clusterMemory = time.Minute

// clusterAnswers remembers what CheckCluster said of a canary's spec.
type clusterAnswers struct {
	mu    sync.Mutex
	known map[types.UID]clusterAnswer
}

type clusterAnswer struct {
	generation int64
	at         time.Time
	problems   []rollout.Problem
}

// clusterProblems says what the cluster cannot do that the canary needs. Few canaries need anything
// special; the others cost no request.
func (c *Controller) clusterProblems(ctx context.Context, w *world) []rollout.Problem {
	checker, ok := w.entry.provider.(routing.ClusterChecker)
	if !ok || len(checker.ClusterRefs(w.canary, nil)) == 0 {
		return nil
	}
	c.clusterAnswers.mu.Lock()
	answer, known := c.clusterAnswers.known[w.canary.UID]
	c.clusterAnswers.mu.Unlock()
	if known && answer.generation == w.canary.Generation && w.Now.Sub(answer.at) < clusterMemory {
		return answer.problems
	}
	live, asked := routing.Objects{}, map[routing.Ref]bool{}
	for again := true; again; {
		again = false
		for _, ref := range checker.ClusterRefs(w.canary, live) {
			if asked[ref] {
				continue
			}
			asked[ref], again = true, true
			object, err := c.dynamic.Resource(ref.GVR).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
			if err == nil {
				live[ref] = object
			} // What cannot be read is no ground for refusal.
		}
	}
	answer = clusterAnswer{generation: w.canary.Generation, at: w.Now}
	for _, err := range checker.CheckCluster(w.canary, live) {
		answer.problems = append(answer.problems, rollout.Problem{Reason: "UnsupportedByGateway", Message: err.Error()})
	}
	if len(answer.problems) > 0 {
		c.queue.AddAfter(canaryName(w.canary), clusterMemory+time.Second)
	}
	c.clusterAnswers.mu.Lock()
	c.clusterAnswers.known[w.canary.UID] = answer
	c.clusterAnswers.mu.Unlock()
	return answer.problems
}
