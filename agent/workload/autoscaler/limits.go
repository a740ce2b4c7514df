package autoscaler

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// limits are the names of the fields that bound the number of replicas.
type limits struct {
	min, max string
	// defaultMin and defaultMax hold where the fields are absent.
	defaultMin, defaultMax int32
}

// idleField is KEDA's number of replicas while no trigger is active; it must be less than the
// minimum.
const idleField = "idleReplicaCount"

func limitsOf(scaler *unstructured.Unstructured) limits {
	if isKEDA(scaler) {
		return limits{min: "minReplicaCount", max: "maxReplicaCount", defaultMin: 0, defaultMax: 100}
	}
	return limits{min: "minReplicas", max: "maxReplicas", defaultMin: 1, defaultMax: 1}
}

// bound puts the overrides of the Canary and the floor into the copied spec.
func (l limits) bound(spec map[string]any, override *v1beta1.ScalerReplicas, floor int32, what string) error {
	if override != nil {
		if override.MinReplicas != nil {
			spec[l.min] = int64(*override.MinReplicas)
		}
		if override.MaxReplicas != nil {
			spec[l.max] = int64(*override.MaxReplicas)
		}
		if least, most := l.of(spec, l.min), l.of(spec, l.max); least > most {
			return fmt.Errorf("spec.autoscalerRef.primaryScalerReplicas: the primary would have at least %d and at most %d replicas, "+
				"taken together with the limits of %s: set minReplicas and maxReplicas", least, most, what)
		}
	}
	if l.of(spec, l.min) < floor {
		spec[l.min] = int64(floor)
	}
	if l.of(spec, l.max) < floor {
		spec[l.max] = int64(floor)
	}
	if idle, ok := spec[idleField]; ok && (integer(idle) < floor || integer(idle) >= l.of(spec, l.min)) {
		delete(spec, idleField)
	}
	return nil
}

// of reads a limit or its default.
func (l limits) of(spec map[string]any, name string) int32 {
	value, ok := spec[name]
	switch {
	case ok && value != nil:
		return integer(value)
	case name == l.min:
		return l.defaultMin
	default:
		return l.defaultMax
	}
}
