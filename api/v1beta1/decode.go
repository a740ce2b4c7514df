package v1beta1

import (
	"fmt"
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// DecodeCanary converts the content of an unstructured object, which it leaves as it is. Fields it
// does not know are dropped. CRDs of other controllers admit fractions in integer fields: 5.0 is
// read as 5; 2.5, like any other value of a wrong type, is an error that names each such field.
//
// Informers must hold unstructured objects and convert them one by one with DecodeCanary, so that
// one undecodable object does not hide all others.
func DecodeCanary(content map[string]any) (*Canary, error) {
	c, err := convert(content)
	if err == nil {
		return c, nil
	}
	var errs field.ErrorList
	leaves(content, nil, func(path []any, value any) {
		if _, err := convert(skeleton(path, value).(map[string]any)); err != nil {
			errs = append(errs, field.Invalid(fieldPath(path), printable(value), cure(value, err)))
		}
	})
	if len(errs) == 0 {
		return nil, fmt.Errorf("decode canary: %w", err)
	}
	return nil, fmt.Errorf("decode canary: %w", errs.ToAggregate())
}

// DecodeCanaryJSON is DecodeCanary for JSON.
func DecodeCanaryJSON(raw []byte) (*Canary, error) {
	var content map[string]any
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("decode canary: %w", err)
	}
	return DecodeCanary(content)
}

func convert(content map[string]any) (*Canary, error) {
	// Not runtime.DefaultUnstructuredConverter, which wraps numbers that are too large around.
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	c := &Canary{}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, err
	}
	return c, nil
}

// leaves calls f for every value that holds no other, with the map keys and list indices that lead
// to it.
func leaves(v any, path []any, f func(path []any, value any)) {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			leaves(v[k], append(slices.Clip(path), k), f)
		}
		if len(v) > 0 || len(path) == 0 {
			return
		}
	case []any:
		for i, e := range v {
			leaves(e, append(slices.Clip(path), i), f)
		}
		if len(v) > 0 {
			return
		}
	}
	f(path, v)
}

// skeleton builds content with nothing but one value, so that converting it tells whether that
// value is the one at fault.
func skeleton(path []any, value any) any {
	for _, step := range slices.Backward(path) {
		switch step := step.(type) {
		case string:
			value = map[string]any{step: value}
		case int:
			value = []any{value}
		}
	}
	return value
}

func fieldPath(path []any) *field.Path {
	var p *field.Path
	for _, step := range path {
		switch step := step.(type) {
		case string:
			if p == nil {
				p = field.NewPath(step)
			} else {
				p = p.Child(step)
			}
		case int:
			p = p.Index(step)
		}
	}
	return p
}

func printable(value any) any {
	if s, ok := value.(string); ok && len(s) > 80 {
		return s[:80] + "..."
	}
	return value
}

func cure(value any, err error) string {
	if f, ok := value.(float64); ok && f != math.Trunc(f) {
		return "must be a whole number"
	}
	return err.Error()
}
