package gatewayapi

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// Observe implements routing.Provider.
func (p Provider) Observe(c *v1beta1.Canary, live routing.Objects) (routing.Observation, error) {
	object := live[p.refOf(c)]
	if object == nil {
		return routing.Observation{}, nil
	}
	seen := readStatus(c, object)
	seen.Exists = true
	split, err := p.splitOf(c, object)
	if err != nil {
		return seen, &routing.MalformedError{Kind: kindRoute, Namespace: c.Namespace, Name: c.ApexName(), Problem: err.Error()}
	}
	seen.Split = split
	return seen, nil
}

// splitOf reads the weights of the rule whose backends are exactly primary and canary. Of several
// such rules, the one with filters at its backends counts, which is the weighted one under session
// affinity, and else the last. When that is the last rule of an A/B route, it holds for everyone.
func (p Provider) splitOf(c *v1beta1.Canary, object *unstructured.Unstructured) (routing.Split, error) {
	rules, err := listAt(object.Object, "spec", "rules")
	if err != nil {
		return routing.Split{}, err
	}
	var split routing.Split
	var found, filtered, mirror bool
	for i, item := range rules {
		r, _ := item.(map[string]any)
		mirror = mirror || mirrorsToCanary(c, listOf(r["filters"]))
		primary, canary := backendsOf(c, r)
		if primary == nil || canary == nil {
			continue
		}
		hasFilters := len(listOf(primary["filters"])) > 0 || len(listOf(canary["filters"])) > 0
		if filtered && !hasFilters {
			continue
		}
		read, err := weightsOf(primary, canary)
		if err != nil {
			return routing.Split{}, fmt.Errorf("spec.rules[%d].backendRefs: %w", i, err)
		}
		read.Everyone = p.isABTest(c) && i == len(rules)-1
		split, found, filtered = read, true, filtered || hasFilters
	}
	if !found {
		return routing.Split{}, fmt.Errorf("spec.rules has no rule whose backendRefs are exactly the Services %s and %s",
			c.PrimaryServiceName(), c.CanaryServiceName())
	}
	split.Mirror = mirror
	return split, nil
}

// backendsOf returns primary and canary of a rule that has these two backends and no other.
func backendsOf(c *v1beta1.Canary, r map[string]any) (primary, canary map[string]any) {
	refs := listOf(r["backendRefs"])
	if len(refs) != 2 {
		return nil, nil
	}
	for _, item := range refs {
		ref, _ := item.(map[string]any)
		if !isService(c, ref) {
			return nil, nil
		}
		switch ref["name"] {
		case c.PrimaryServiceName():
			primary = ref
		case c.CanaryServiceName():
			canary = ref
		}
	}
	return primary, canary
}

func isService(c *v1beta1.Canary, ref map[string]any) bool {
	return stringOr(ref["group"], "") == "" &&
		stringOr(ref["kind"], kindService) == kindService &&
		stringOr(ref["namespace"], c.Namespace) == c.Namespace
}

func weightsOf(primary, canary map[string]any) (routing.Split, error) {
	p, err := routing.Weight(primary["weight"])
	if err != nil {
		return routing.Split{}, err
	}
	w, err := routing.Weight(canary["weight"])
	if err != nil {
		return routing.Split{}, err
	}
	return routing.SplitOf(p, w)
}

// readStatus reads what the controllers of our parents say about the route. A parent that nobody
// has reported on does not count: some controllers never report on some kinds of parents.
func readStatus(c *v1beta1.Canary, object *unstructured.Unstructured) routing.Observation {
	ours := map[parentKey]bool{}
	for _, ref := range c.Spec.Service.GatewayRefs {
		ours[keyOfRef(ref).in(c.Namespace)] = true
	}
	status, _ := object.Object["status"].(map[string]any)
	seen := routing.Observation{Confirmed: true}
	var problems []string
	for _, item := range listOf(status["parents"]) {
		parent, _ := item.(map[string]any)
		ref, _ := parent["parentRef"].(map[string]any)
		key := keyOfLive(ref).in(c.Namespace)
		if !ours[key] {
			continue
		}
		seen.Reports = true
		accepted, problem := judge(parent, object.GetGeneration())
		seen.Confirmed = seen.Confirmed && accepted
		if problem != "" {
			problems = append(problems, key.String()+": "+problem)
		}
	}
	seen.Confirmed = seen.Confirmed && seen.Reports
	seen.Message = strings.Join(problems, "; ")
	return seen
}

// judge tells whether one controller has taken over the generation, and what it complains of. A
// reference that it could not resolve is a complaint, yet the generation is in force.
func judge(parent map[string]any, generation int64) (taken bool, problem string) {
	accepted := conditionOf(parent, "Accepted")
	observed, _ := routing.Integer(accepted["observedGeneration"])
	switch {
	case accepted == nil:
		return false, "the controller has not accepted the route yet"
	case observed < generation:
		return false, fmt.Sprintf("the controller has seen generation %d, not yet %d", observed, generation)
	case accepted["status"] != "True":
		return false, describe(accepted)
	}
	resolved := conditionOf(parent, "ResolvedRefs")
	if observed, _ := routing.Integer(resolved["observedGeneration"]); resolved["status"] == "False" && observed >= generation {
		return true, describe(resolved)
	}
	return true, ""
}

// conditionOf finds a condition by its type; nil when it is absent.
func conditionOf(parent map[string]any, kind string) map[string]any {
	for _, item := range listOf(parent["conditions"]) {
		if condition, _ := item.(map[string]any); condition["type"] == kind {
			return condition
		}
	}
	return nil
}

func describe(condition map[string]any) string {
	return fmt.Sprintf("%s is %s: %s: %s", stringOr(condition["type"], "condition"), stringOr(condition["status"], "absent"),
		stringOr(condition["reason"], "no reason"), stringOr(condition["message"], "no message"))
}

func listAt(object map[string]any, fields ...string) ([]any, error) {
	value, _, err := unstructured.NestedFieldNoCopy(object, fields...)
	path := strings.Join(fields, ".")
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not there", path)
	}
	return list, nil
}

func listOf(v any) []any {
	list, _ := v.([]any)
	return list
}

func stringOr(v any, otherwise string) string {
	if s, ok := v.(string); ok && s != "" {
		return s
	}
	return otherwise
}
