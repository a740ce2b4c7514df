package nodelet

import (
	"testing"

	v1 "k8s.io/api/core/v1"
)

func TestNodeFits(t *testing.T) {
	have := map[string]string{"kubernetes.io/os": "linux", "cores": "4"}
	expression := func(key string, op v1.NodeSelectorOperator, values ...string) v1.NodeSelectorTerm {
		return v1.NodeSelectorTerm{MatchExpressions: []v1.NodeSelectorRequirement{{Key: key, Operator: op, Values: values}}}
	}
	field := func(values ...string) v1.NodeSelectorTerm {
		return v1.NodeSelectorTerm{MatchFields: []v1.NodeSelectorRequirement{{Key: "metadata.name", Operator: v1.NodeSelectorOpIn, Values: values}}}
	}
	for _, tt := range []struct {
		name     string
		selector map[string]string
		terms    []v1.NodeSelectorTerm
		want     bool
	}{
		{"nothing asked", nil, nil, true},
		{"selector", map[string]string{"kubernetes.io/os": "linux"}, nil, true},
		{"other selector", map[string]string{"flagger.app/scale-to-zero": "true"}, nil, false},
		{"by name, as the daemon set controller does", nil, []v1.NodeSelectorTerm{field("testbed")}, true},
		{"of another node", nil, []v1.NodeSelectorTerm{field("other")}, false},
		{"one of two terms", nil, []v1.NodeSelectorTerm{field("other"), expression("cores", v1.NodeSelectorOpGt, "2")}, true},
		{"both in one term", nil, []v1.NodeSelectorTerm{{
			MatchFields:      field("testbed").MatchFields,
			MatchExpressions: expression("cores", v1.NodeSelectorOpGt, "4").MatchExpressions,
		}}, false},
		{"selector fits, affinity does not", map[string]string{"cores": "4"}, []v1.NodeSelectorTerm{expression("gpu", v1.NodeSelectorOpExists)}, false},
		{"an empty term", nil, []v1.NodeSelectorTerm{{}}, false},
		{"an unreadable requirement", nil, []v1.NodeSelectorTerm{expression("cores", "Like", "4")}, false},
	} {
		spec := &v1.PodSpec{NodeSelector: tt.selector}
		if tt.terms != nil {
			spec.Affinity = &v1.Affinity{NodeAffinity: &v1.NodeAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{NodeSelectorTerms: tt.terms},
			}}
		}
		if got := nodeFits(spec, "testbed", have); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}
