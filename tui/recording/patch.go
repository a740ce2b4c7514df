package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// operation is one operation of a JSON Patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// MarshalJSON writes the value of an operation that has one, null and false included.
func (o operation) MarshalJSON() ([]byte, error) {
	if o.Op == opRemove {
		return json.Marshal(map[string]any{"op": o.Op, "path": o.Path})
	}
	return json.Marshal(map[string]any{"op": o.Op, "path": o.Path, "value": o.Value})
}

const (
	opAdd     = "add"
	opRemove  = "remove"
	opReplace = "replace"
)

// diff makes a patch of what changed from one decoded JSON value to another.
func diff(from, to any) []operation {
	var out []operation
	compare(&out, "", from, to)
	return out
}

func compare(out *[]operation, path string, from, to any) {
	switch a := from.(type) {
	case map[string]any:
		if b, ok := to.(map[string]any); ok {
			compareObjects(out, path, a, b)
			return
		}
	case []any:
		if b, ok := to.([]any); ok {
			compareArrays(out, path, a, b)
			return
		}
	}
	if !reflect.DeepEqual(from, to) {
		*out = append(*out, operation{Op: opReplace, Path: path, Value: to})
	}
}

func compareObjects(out *[]operation, path string, from, to map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		at := path + "/" + escape(key)
		if value, ok := to[key]; ok {
			compare(out, at, from[key], value)
		} else {
			*out = append(*out, operation{Op: opRemove, Path: at})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(to)) {
		if _, ok := from[key]; !ok {
			*out = append(*out, operation{Op: opAdd, Path: path + "/" + escape(key), Value: to[key]})
		}
	}
}

// compareArrays keeps what both have in common, in order: samples and events are windows that slide
// on, and an event that happens again moves to the end.
func compareArrays(out *[]operation, path string, from, to []any) {
	n := 0 // The result has been made equal to to[:n].
	gap := func(a, b []any) {
		for len(a) > 0 && len(b) > 0 {
			compare(out, path+"/"+strconv.Itoa(n), a[0], b[0])
			a, b, n = a[1:], b[1:], n+1
		}
		for range a {
			*out = append(*out, operation{Op: opRemove, Path: path + "/" + strconv.Itoa(n)})
		}
		for _, value := range b {
			*out = append(*out, operation{Op: opAdd, Path: path + "/" + strconv.Itoa(n), Value: value})
			n++
		}
	}
	i, j := 0, 0
	for _, m := range common(from, to) {
		gap(from[i:m[0]], to[j:m[1]])
		i, j, n = m[0]+1, m[1]+1, n+1
	}
	gap(from[i:], to[j:])
}

// mostCells bounds the work of comparing two arrays.
const mostCells = 1 << 16

// common is a longest common subsequence as pairs of indexes. Of what differs in long arrays it only
// finds the beginning and the end.
func common(from, to []any) [][2]int {
	a, b := words(from), words(to)
	var out, tail [][2]int
	lo := 0
	for lo < len(a) && lo < len(b) && a[lo] == b[lo] {
		out = append(out, [2]int{lo, lo})
		lo++
	}
	i, j := len(a), len(b)
	for i > lo && j > lo && a[i-1] == b[j-1] {
		i, j = i-1, j-1
		tail = append(tail, [2]int{i, j})
	}
	slices.Reverse(tail)
	rows, columns := i-lo, j-lo
	if rows > 0 && columns > 0 && rows*columns <= mostCells {
		lengths := make([]int, (rows+1)*(columns+1))
		at := func(r, c int) *int { return &lengths[r*(columns+1)+c] }
		for r := rows - 1; r >= 0; r-- {
			for c := columns - 1; c >= 0; c-- {
				if a[lo+r] == b[lo+c] {
					*at(r, c) = 1 + *at(r+1, c+1)
				} else {
					*at(r, c) = max(*at(r+1, c), *at(r, c+1))
				}
			}
		}
		for r, c := 0, 0; r < rows && c < columns; {
			switch {
			case a[lo+r] == b[lo+c]:
				out = append(out, [2]int{lo + r, lo + c})
				r, c = r+1, c+1
			case *at(r+1, c) >= *at(r, c+1):
				r++
			default:
				c++
			}
		}
	}
	return append(out, tail...)
}

// words stand for the elements of an array, so that they can be compared quickly.
func words(values []any) []string {
	out := make([]string, len(values))
	for i, value := range values {
		data, err := json.Marshal(value)
		if err != nil { // Not of a decoded value.
			data = []byte(strconv.Itoa(i))
		}
		out[i] = string(data)
	}
	return out
}

func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

func unescape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~")
}

// apply carries a patch out and returns what has become of the document, which it changes.
func apply(document any, patch []operation) (any, error) {
	for i, o := range patch {
		if o.Path != "" && o.Path[0] != '/' {
			return nil, fmt.Errorf("operation %d of the patch: path %q does not begin with a slash", i+1, o.Path)
		}
		var err error
		if o.Path == "" {
			document, err = whole(o)
		} else {
			document, err = applyBelow(document, strings.Split(o.Path[1:], "/"), o)
		}
		if err != nil {
			return nil, fmt.Errorf("operation %d of the patch, %s %q: %w", i+1, o.Op, o.Path, err)
		}
	}
	return document, nil
}

func whole(o operation) (any, error) {
	if o.Op == opAdd || o.Op == opReplace {
		return o.Value, nil
	}
	return nil, errors.New("not possible for all of the document")
}

// applyBelow applies an operation below node and returns the node that takes its place.
func applyBelow(node any, path []string, o operation) (any, error) {
	key := unescape(path[0])
	switch n := node.(type) {
	case map[string]any:
		return n, applyToMember(n, key, path, o)
	case []any:
		return applyToElement(n, key, path, o)
	}
	return nil, fmt.Errorf("nothing has a member %q there", key)
}

func applyToMember(n map[string]any, key string, path []string, o operation) error {
	old, exists := n[key]
	switch {
	case !exists && (len(path) > 1 || o.Op != opAdd):
		return fmt.Errorf("there is no %q", key)
	case len(path) > 1:
		child, err := applyBelow(old, path[1:], o)
		if err == nil {
			n[key] = child
		}
		return err
	}
	switch o.Op {
	case opAdd, opReplace:
		n[key] = o.Value
	case opRemove:
		delete(n, key)
	default:
		return errors.New("the operation is not known")
	}
	return nil
}

func applyToElement(n []any, key string, path []string, o operation) (any, error) {
	adding := len(path) == 1 && o.Op == opAdd
	i, err := strconv.Atoi(key)
	if adding && key == "-" {
		i, err = len(n), nil
	}
	if err != nil || i < 0 || i > len(n) || i == len(n) && !adding {
		return nil, fmt.Errorf("there is no element %q among %d", key, len(n))
	}
	if len(path) > 1 {
		child, err := applyBelow(n[i], path[1:], o)
		if err == nil {
			n[i] = child
		}
		return n, err
	}
	switch o.Op {
	case opAdd:
		return slices.Insert(n, i, o.Value), nil
	case opReplace:
		n[i] = o.Value
	case opRemove:
		return slices.Delete(n, i, i+1), nil
	default:
		return nil, errors.New("the operation is not known")
	}
	return n, nil
}
