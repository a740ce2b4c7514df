package lint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind of a value.
type kind int

const (
	scalar kind = iota
	object
	list
)

// value is one node of a document, with aliases and merge keys resolved: whatever walks over it needs
// no bounds of its own.
type value struct {
	kind         kind
	line, column int
	// entries of an object, in the order of the file.
	entries []entry
	// items of a list.
	items []*value
	// scalar is nil, bool, int, int64, uint64, float64 or string.
	scalar any
	// template is true for an object that only an unrendered template can have written.
	template bool
}

// entry is one key of an object.
type entry struct {
	key          string
	line, column int
	value        *value
	// merged is true for what a merge key brought.
	merged bool
}

func (v *value) get(path ...string) *value {
	for _, key := range path {
		if v == nil || v.kind != object {
			return nil
		}
		var found *value
		for i := range v.entries {
			if v.entries[i].key == key {
				found = v.entries[i].value
			}
		}
		v = found
	}
	return v
}

// text is the string at a path; empty when there is none.
func (v *value) text(path ...string) string {
	found := v.get(path...)
	if found == nil {
		return ""
	}
	s, _ := found.scalar.(string)
	return s
}

// list gives the items of the list at a path.
func (v *value) list(path ...string) []*value {
	found := v.get(path...)
	if found == nil {
		return nil
	}
	return found.items
}

// plain is the value as encoding/json would have it, without the parts that leave is true for.
func (v *value) plain(leave func(*value) bool) any {
	switch v.kind {
	case object:
		out := make(map[string]any, len(v.entries))
		for _, e := range v.entries {
			if !leave(e.value) {
				out[e.key] = e.value.plain(leave)
			}
		}
		return out
	case list:
		out := make([]any, 0, len(v.items))
		for _, item := range v.items {
			if leave(item) {
				// The others keep their places, for the paths.
				out = append(out, nil)
				continue
			}
			out = append(out, item.plain(leave))
		}
		return out
	default:
		return v.scalar
	}
}

// The bounds of one document. Aliases can make a small file large.
const (
	maxDepth = 100
	maxNodes = 300_000
)

var (
	errDeep  = fmt.Errorf("is nested deeper than %d levels", maxDepth)
	errLarge = fmt.Errorf("has more than %d values once its aliases are resolved", maxNodes)
	errCycle = errors.New("has an alias that contains itself")
)

// duplicate is a key that is given twice.
type duplicate struct {
	key                 string
	line, column, first int
}

// resolver turns the nodes of one document into values.
type resolver struct {
	// offset is the number of lines before the document.
	offset     int
	nodes      int
	open       map[*yaml.Node]bool
	duplicates []duplicate
}

func (r *resolver) resolve(n *yaml.Node, depth int) (*value, error) {
	if r.nodes++; r.nodes > maxNodes {
		return nil, errLarge
	}
	if depth > maxDepth {
		return nil, errDeep
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return &value{line: n.Line + r.offset, column: max(n.Column, 1)}, nil
		}
		return r.resolve(n.Content[0], depth)
	case yaml.AliasNode:
		if n.Alias == nil || r.open[n.Alias] {
			return nil, errCycle
		}
		target, err := r.resolve(n.Alias, depth+1)
		if err != nil {
			return nil, err
		}
		// What is wrong with it is shown where it is used.
		copied := *target
		copied.line, copied.column = n.Line+r.offset, n.Column
		return &copied, nil
	case yaml.MappingNode, yaml.SequenceNode:
		if r.open == nil {
			r.open = map[*yaml.Node]bool{}
		}
		r.open[n] = true
		defer delete(r.open, n)
		if n.Kind == yaml.SequenceNode {
			return r.sequence(n, depth)
		}
		return r.mapping(n, depth)
	default:
		return r.scalar(n), nil
	}
}

func (r *resolver) scalar(n *yaml.Node) *value {
	return &value{line: n.Line + r.offset, column: n.Column, scalar: scalarOf(n)}
}

func (r *resolver) sequence(n *yaml.Node, depth int) (*value, error) {
	out := &value{kind: list, line: n.Line + r.offset, column: n.Column, items: make([]*value, 0, len(n.Content))}
	for _, item := range n.Content {
		v, err := r.resolve(item, depth+1)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, v)
	}
	return out, nil
}

func (r *resolver) mapping(n *yaml.Node, depth int) (*value, error) {
	out := &value{kind: object, line: n.Line + r.offset, column: n.Column}
	at := map[string]int{}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		for key.Kind == yaml.AliasNode && key.Alias != nil {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			// JSON has no such keys, and no manifest either: this is {{ .Values.x }} without quotes.
			out.template = true
			continue
		}
		if key.ShortTag() == "!!merge" {
			merges = append(merges, n.Content[i+1])
			continue
		}
		v, err := r.resolve(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		e := entry{key: key.Value, line: n.Content[i].Line + r.offset, column: n.Content[i].Column, value: v}
		if first, twice := at[e.key]; twice {
			r.duplicates = append(r.duplicates, duplicate{e.key, e.line, e.column, out.entries[first].line})
			out.entries[first].value = v
			continue
		}
		at[e.key] = len(out.entries)
		out.entries = append(out.entries, e)
	}
	for _, m := range merges {
		if err := r.merge(out, at, m, depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// merge adds what the object does not have itself.
func (r *resolver) merge(into *value, at map[string]int, n *yaml.Node, depth int) error {
	from, err := r.resolve(n, depth+1)
	if err != nil {
		return err
	}
	sources := []*value{from}
	if from.kind == list {
		sources = from.items
	}
	for _, source := range sources {
		for _, e := range source.entries {
			if _, have := at[e.key]; have {
				continue
			}
			if r.nodes++; r.nodes > maxNodes {
				return errLarge
			}
			at[e.key] = len(into.entries)
			e.merged = true
			into.entries = append(into.entries, e)
		}
	}
	return nil
}

// oldBooleans are what kubectl takes for booleans, as YAML 1.1 has it, besides true and false.
var oldBooleans = map[string]bool{
	"y": true, "yes": true, "on": true, "n": false, "no": false, "off": false,
}

func scalarOf(n *yaml.Node) any {
	plain := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) == 0
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return n.Value
		}
		switch v.(type) {
		case bool, int, int64, uint64, float64:
			return v
		}
		return n.Value
	case "!!str":
		if b, old := oldBooleans[strings.ToLower(n.Value)]; old && plain && oldCase(n.Value) {
			return b
		}
	}
	return n.Value
}

// oldCase is true for the spellings of YAML 1.1: yes, Yes and YES, but not yEs.
func oldCase(s string) bool {
	return s == strings.ToLower(s) || s == strings.ToUpper(s) || s == strings.ToUpper(s[:1])+strings.ToLower(s[1:])
}

// wordOf names a value for people.
func wordOf(v *value) string {
	switch v.kind {
	case object:
		return "an object"
	case list:
		return "a list"
	case scalar:
	}
	switch s := v.scalar.(type) {
	case nil:
		return "empty"
	case bool:
		return fmt.Sprintf("the boolean %t", s)
	case string:
		return "the string " + quoted(s)
	default:
		return fmt.Sprintf("the number %v", s)
	}
}

// quoted shortens and quotes what somebody wrote.
func quoted(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
