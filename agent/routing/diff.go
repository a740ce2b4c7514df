package routing

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// wholeObject is the path that Diff reports when there is no live object at all.
const wholeObject = "."

// Diff lists the paths of the fields in which the live object lacks or contradicts the rendered
// one, in a stable order. No path means that applying the rendered object adds or changes
// nothing.
//
// Only rendered fields count: what the API server defaulted, what other managers own and what
// the API server writes by itself is ignored, also within the elements of lists. Lists are
// compared as wholes, element by element in order, since the routing APIs declare theirs atomic;
// a list of another length is reported by its own path. Numbers are compared by value, and empty
// maps and lists are the same as absent ones, as serialization drops them at will.
//
// Diff does not see fields that the agent applied earlier and renders no longer; see Leftover.
func Diff(rendered, live *unstructured.Unstructured) []string {
	if rendered == nil {
		return nil
	}
	if live == nil || live.Object == nil {
		return []string{wholeObject}
	}
	var d differ
	d.compareMap("", rendered.Object, live.Object)
	return d.paths
}

// differ collects the paths that differ.
type differ struct {
	paths []string
}

func (d *differ) report(path string) {
	if path == "" {
		path = wholeObject
	}
	d.paths = append(d.paths, path)
}

func (d *differ) compareMap(path string, want, have map[string]any) {
	for _, key := range sortedKeys(want) {
		child := joinField(path, key)
		switch child {
		case "metadata.ownerReferences":
			// The API server merges owner references by uid; other owners are none of our business.
			d.compareOwners(child, want[key], have[key])
		case "metadata.finalizers":
			d.compareSet(child, want[key], have[key])
		default:
			d.compare(child, want[key], have[key])
		}
	}
}

func (d *differ) compare(path string, want, have any) {
	switch want := want.(type) {
	case nil:
		// Applying null is applying nothing.
		if !isEmpty(have) {
			d.report(path)
		}
	case map[string]any:
		fields, ok := have.(map[string]any)
		if !ok && (len(want) > 0 || !isEmpty(have)) {
			d.report(path)
			return
		}
		d.compareMap(path, want, fields)
	default:
		if list, ok := asList(want); ok {
			d.compareList(path, list, have)
			return
		}
		if !equalScalars(want, have) {
			d.report(path)
		}
	}
}

func (d *differ) compareList(path string, want []any, have any) {
	list, _ := asList(have)
	if len(want) != len(list) {
		d.report(path)
		return
	}
	if len(want) == 0 && !isEmpty(have) {
		// A scalar or a map stands where an empty list ought to be.
		d.report(path)
		return
	}
	for i := range want {
		d.compare(path+"["+strconv.Itoa(i)+"]", want[i], list[i])
	}
}

// compareOwners asks for each rendered owner to be there, in any place.
func (d *differ) compareOwners(path string, want, have any) {
	wanted, _ := asList(want)
	owners, _ := asList(have)
	for _, w := range wanted {
		owner, ok := w.(map[string]any)
		if !ok {
			continue
		}
		uid, _ := owner["uid"].(string)
		i := slices.IndexFunc(owners, func(o any) bool {
			m, _ := o.(map[string]any)
			found, _ := m["uid"].(string)
			return found == uid
		})
		if i < 0 {
			d.report(path + "[uid=" + uid + "]")
			continue
		}
		d.compare(path+"[uid="+uid+"]", w, owners[i])
	}
}

// compareSet asks for each rendered element to be there, in any place.
func (d *differ) compareSet(path string, want, have any) {
	wanted, _ := asList(want)
	present, _ := asList(have)
	for _, w := range wanted {
		if !slices.ContainsFunc(present, func(h any) bool { return equalScalars(w, h) }) {
			d.report(path)
			return
		}
	}
}

// asList accepts the list types that occur in unstructured objects built by hand as well as in
// decoded ones.
func asList(v any) ([]any, bool) {
	switch v := v.(type) {
	case []any:
		return v, true
	case []string:
		return widen(v), true
	case []map[string]any:
		return widen(v), true
	}
	return nil, false
}

func widen[T any](in []T) []any {
	out := make([]any, len(in))
	for i := range in {
		out[i] = in[i]
	}
	return out
}

func isEmpty(v any) bool {
	if v == nil {
		return true
	}
	if m, ok := v.(map[string]any); ok {
		return len(m) == 0
	}
	list, ok := asList(v)
	return ok && len(list) == 0
}

// equalScalars compares by value. Anything that is not a scalar is unequal to everything, since
// its partner is a scalar.
func equalScalars(a, b any) bool {
	switch a := a.(type) {
	case string:
		s, ok := b.(string)
		return ok && a == s
	case bool:
		s, ok := b.(bool)
		return ok && a == s
	}
	x, y := number(a), number(b)
	return x != nil && y != nil && x.Cmp(y) == 0
}

// number converts the numeric types of unstructured objects; nil for everything else, NaN and the
// infinities included. Rationals keep large integers apart that a float64 would blur.
func number(v any) *big.Rat {
	switch v := v.(type) {
	case int:
		return new(big.Rat).SetInt64(int64(v))
	case int32:
		return new(big.Rat).SetInt64(int64(v))
	case int64:
		return new(big.Rat).SetInt64(v)
	case float32:
		return new(big.Rat).SetFloat64(float64(v))
	case float64:
		return new(big.Rat).SetFloat64(v)
	case json.Number:
		// SetString would build the number that an exponent spells out, however large.
		if i, err := v.Int64(); err == nil {
			return new(big.Rat).SetInt64(i)
		}
		if f, err := v.Float64(); err == nil {
			return new(big.Rat).SetFloat64(f)
		}
	}
	return nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// joinField appends a field to a path; keys with dots in them, as annotations have, are bracketed.
func joinField(path, key string) string {
	if path == "" {
		return key
	}
	for _, r := range key {
		if r == '.' || r == '/' || r == '[' {
			return path + "[" + key + "]"
		}
	}
	return path + "." + key
}
