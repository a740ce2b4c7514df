package nodelet

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// nodeFits says whether the pod's node selector and the required part of its node affinity allow
// the node. The daemon set controller says by such an affinity which node a pod is for.
func nodeFits(spec *v1.PodSpec, name string, nodeLabels map[string]string) bool {
	if !labels.SelectorFromSet(spec.NodeSelector).Matches(labels.Set(nodeLabels)) {
		return false
	}
	if spec.Affinity == nil || spec.Affinity.NodeAffinity == nil {
		return true
	}
	required := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	if required == nil {
		return true
	}
	for _, term := range required.NodeSelectorTerms {
		empty := len(term.MatchExpressions)+len(term.MatchFields) == 0 // matches nothing
		if !empty && matches(term.MatchExpressions, nodeLabels) &&
			matches(term.MatchFields, fields.Set{metav1.ObjectNameField: name}) {
			return true
		}
	}
	return false
}

// matches says whether all requirements hold. One that cannot be read holds for no node.
func matches(all []v1.NodeSelectorRequirement, have map[string]string) bool {
	for _, r := range all {
		requirement, err := labels.NewRequirement(r.Key, operators[r.Operator], r.Values)
		if err != nil || !requirement.Matches(labels.Set(have)) {
			return false
		}
	}
	return true
}

var operators = map[v1.NodeSelectorOperator]selection.Operator{
	v1.NodeSelectorOpIn: selection.In, v1.NodeSelectorOpNotIn: selection.NotIn,
	v1.NodeSelectorOpExists: selection.Exists, v1.NodeSelectorOpDoesNotExist: selection.DoesNotExist,
	v1.NodeSelectorOpGt: selection.GreaterThan, v1.NodeSelectorOpLt: selection.LessThan,
}
