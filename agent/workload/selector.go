package workload

import (
	"fmt"
	"strings"
)

// Selector is the label that tells the pods of the target from those of the primary: the same
// key, and a value that ends in -primary for the primary.
type Selector struct {
	Key, Value string
}

// PrimaryValue is the value on the primary's pods.
func (s Selector) PrimaryValue() string { return s.Value + "-primary" }

// SelectorOf finds the first of the keys in the matchLabels of a target.
func SelectorOf(matchLabels map[string]string, keys []string, target string) (Selector, error) {
	for _, key := range keys {
		if value, ok := matchLabels[key]; ok {
			return Selector{Key: key, Value: value}, nil
		}
	}
	return Selector{}, fmt.Errorf("%s spec.selector.matchLabels must contain one of [%s]: "+
		"the agent tells the pods of the primary by that label", target, strings.Join(keys, ", "))
}
