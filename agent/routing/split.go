package routing

import (
	"encoding/json"
	"fmt"
	"math"
)

// maxWeight is more than any routing API accepts, and small enough to calculate with.
const maxWeight = 1_000_000

// SplitOf converts the weights of a routing object, which are proportions, to percent. The result
// is rounded such that a side that gets any traffic never counts as having none: what is scaled
// down on the strength of a Split must really be idle. It fails when the weights route nothing.
func SplitOf(primary, canary int64) (Split, error) {
	for _, weight := range []int64{primary, canary} {
		if weight < 0 || weight > maxWeight {
			return Split{}, fmt.Errorf("weight %d is outside of 0 to %d", weight, maxWeight)
		}
	}
	total := primary + canary
	if total == 0 {
		return Split{}, fmt.Errorf("the weights of primary and canary are both 0, so that no request is served")
	}
	share := (canary*100 + total/2) / total
	switch {
	case canary > 0 && share == 0:
		share = 1
	case primary > 0 && share == 100:
		share = 99
	}
	return CanaryShare(int32(share)), nil
}

// Weight reads a weight from an unstructured object. An absent weight counts as 1, as it does in
// Gateway API and Traefik.
func Weight(v any) (int64, error) {
	if v == nil {
		return 1, nil
	}
	if weight, ok := Integer(v); ok {
		return weight, nil
	}
	return 0, fmt.Errorf("weight %v is not a whole number", v)
}

// Integer reads a whole number from an unstructured object, whatever decoder made it.
func Integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return 0, false
		}
		return int64(v), true
	case json.Number:
		i, err := v.Int64()
		return i, err == nil
	}
	return 0, false
}
