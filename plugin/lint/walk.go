package lint

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// walker checks one object against its schema.
type walker struct {
	root *schema
	// report gets what is wrong. The value is where it is; of a missing field it is the object.
	report func(rule, path string, line, column int, message string)
	// extension gets the fields that Flagger does not have.
	extension func(path string, e entry)
	// wrong are values that cannot be decoded.
	wrong map[*value]bool
	// told counts what was reported.
	told int
}

// mostMistakes is how many of one object are reported. Who sees that many looks at the wrong file.
const mostMistakes = 100

// full is true when the object has been reported enough about.
func (w *walker) full() bool { return w.told >= mostMistakes }

func (w *walker) at(v *value, rule, path, format string, args ...any) {
	w.told++
	w.report(rule, path, v.line, v.column, fmt.Sprintf(format, args...))
}

// typed reports a value of another type than the schema has.
func (w *walker) typed(v *value, path, want, hint string) {
	w.wrong[v] = true
	message := fmt.Sprintf("is %s, but must be %s", wordOf(v), want)
	if v.kind == scalar && v.scalar == nil {
		message = fmt.Sprintf("is empty, but must be %s: give it a value or remove it", want)
		hint = ""
	}
	w.at(v, ruleType, path, "%s%s", message, hint)
}

func (w *walker) walk(s *schema, v *value, path string) {
	if v.kind == scalar && v.scalar == nil && (s.Nullable || s.Default != nil || s.Preserve) {
		return
	}
	switch {
	case s.IntOrString:
		w.intOrString(v, path)
	case s.Type == "object":
		w.object(s, v, path)
	case s.Type == "array":
		w.array(s, v, path)
	case s.Type == "string":
		w.string(s, v, path)
	case s.Type == "integer" || s.Type == "number":
		w.number(s, v, path)
	case s.Type == "boolean":
		if _, ok := v.scalar.(bool); v.kind != scalar || !ok {
			w.typed(v, path, "true or false", unquote(v, "true", "false"))
		}
	}
}

func (w *walker) object(s *schema, v *value, path string) {
	if v.kind != object {
		w.typed(v, path, "an object", "")
		return
	}
	have := map[string]bool{}
	for _, e := range v.entries {
		have[e.key] = true
		if w.full() {
			// What is not looked at must not be decoded either.
			w.wrong[e.value] = true
			continue
		}
		below := s.Properties[e.key]
		switch {
		case below != nil:
			at := joined(path, e.key)
			if below.extension() {
				w.extension(at, e)
			}
			w.walk(below, e.value, at)
		case s.AdditionalProperties != nil:
			w.walk(s.AdditionalProperties, e.value, path+"["+e.key+"]")
		case !s.Preserve:
			w.wrong[e.value] = true
			w.told++
			w.report(ruleUnknownField, joined(path, e.key), e.line, e.column, w.unknown(s, path, e.key))
		}
	}
	for _, name := range s.Required {
		if !have[name] {
			w.at(v, ruleRequired, joined(path, name), "is missing: %s", wanted(s.Properties[name], name))
		}
	}
	if s.MinProperties != nil && len(v.entries) < *s.MinProperties {
		w.at(v, ruleValue, path, "is empty: set one of %s", strings.Join(sortedKeys(s.Properties), ", "))
	}
	if s.MaxProperties != nil && len(v.entries) > *s.MaxProperties {
		w.at(v, ruleValue, path, "has %d fields: keep one of %s", len(v.entries), strings.Join(keysOf(v), ", "))
	}
}

// unknown says of a field that does not exist what may have been meant.
func (w *walker) unknown(s *schema, path, key string) string {
	names := sortedKeys(s.Properties)
	if near := nearest(key, names); near != "" {
		return fmt.Sprintf("there is no such field; did you mean %s?", near)
	}
	places := map[string][]string{}
	fields(w.root, "", places)
	if at := places[key]; len(at) > 0 && len(at) <= 3 {
		return "there is no such field here; it belongs to " + strings.Join(at, " or ")
	}
	if near := nearest(key, sortedKeys(places)); near != "" && len(places[near]) == 1 {
		return fmt.Sprintf("there is no such field; did you mean %s?", joined(places[near][0], near))
	}
	if path == "" {
		path = "the object"
	}
	if len(names) > 0 && len(names) <= shortList {
		return fmt.Sprintf("there is no such field; %s has %s", path, strings.Join(names, ", "))
	}
	return "there is no such field; see kubectl explain canary." + strings.Split(path, "[")[0]
}

// fields lists all names of fields, and the objects that have them. What a manifest is not to have is
// left out.
func fields(s *schema, path string, places map[string][]string) {
	for _, name := range sortedKeys(s.Properties) {
		at := joined(path, name)
		if at == "metadata" || at == "status" || at == "spec.canaryAnalysis" {
			continue
		}
		places[name] = append(places[name], path)
		fields(s.Properties[name], at, places)
	}
	if s.Items != nil {
		fields(s.Items, path+"[]", places)
	}
}

func (w *walker) array(s *schema, v *value, path string) {
	if v.kind != list {
		w.typed(v, path, "a list", "")
		return
	}
	switch n := len(v.items); {
	case s.MinItems != nil && n < *s.MinItems:
		w.at(v, ruleValue, path, "has %d entries, but must have at least %d", n, *s.MinItems)
	case s.MaxItems != nil && n > *s.MaxItems:
		w.at(v, ruleValue, path, "has %d entries, but must have at most %d", n, *s.MaxItems)
	}
	if s.Items == nil {
		return
	}
	for i, item := range v.items {
		if w.full() {
			w.wrong[item] = true
			continue
		}
		w.walk(s.Items, item, fmt.Sprintf("%s[%d]", path, i))
	}
}

func (w *walker) string(s *schema, v *value, path string) {
	text, ok := v.scalar.(string)
	if v.kind != scalar || !ok {
		hint := ""
		if v.kind == scalar {
			hint = fmt.Sprintf(": write \"%v\" in quotes", v.scalar)
		}
		w.typed(v, path, "a string", hint)
		return
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, any(text)) {
		var accepted []string
		for _, e := range s.Enum {
			if name := fmt.Sprint(e); name != "" {
				accepted = append(accepted, name)
			}
		}
		message := fmt.Sprintf("is %s, but must be one of %s", quoted(text), strings.Join(accepted, ", "))
		if near := nearest(text, accepted); near != "" {
			message = fmt.Sprintf("is %s; did you mean %s? Accepted are %s", quoted(text), near, strings.Join(accepted, ", "))
		}
		w.at(v, ruleValue, path, "%s", message)
		return
	}
	if s.Pattern != "" && !pattern(s.Pattern).MatchString(text) {
		w.at(v, ruleValue, path, "is %s, but must be %s", quoted(text), patternWords(s))
	}
	switch n := utf8.RuneCountInString(text); {
	case s.MinLength != nil && n < *s.MinLength && *s.MinLength == 1:
		w.at(v, ruleValue, path, "must not be empty")
	case s.MinLength != nil && n < *s.MinLength:
		w.at(v, ruleValue, path, "has %d characters, but must have at least %d", n, *s.MinLength)
	case s.MaxLength != nil && n > *s.MaxLength:
		w.at(v, ruleValue, path, "has %d characters, but must have at most %d", n, *s.MaxLength)
	}
}

// patterns compiled so far.
var pattern = func() func(string) *regexp.Regexp {
	var known sync.Map
	return func(p string) *regexp.Regexp {
		if re, ok := known.Load(p); ok {
			return re.(*regexp.Regexp)
		}
		re := regexp.MustCompile(p)
		known.Store(p, re)
		return re
	}
}()

// patternWords says what a pattern accepts.
func patternWords(s *schema) string {
	switch s.Pattern {
	case `^([0-9]+(m|s))+$`:
		return "minutes and seconds, such as 30s, 1m or 1m30s (hours are not accepted: write 60m)"
	case `^([0-9]+(h|m|s))+$`:
		return "hours, minutes and seconds, such as 30m or 1h30m"
	case `^([0-9]+(ms|m|s))+$`:
		return "minutes, seconds and milliseconds, such as 10s or 500ms"
	}
	return "as the pattern " + s.Pattern + " has it"
}

func (w *walker) number(s *schema, v *value, path string) {
	want := "a number"
	if s.Type == "integer" {
		want = "a whole number"
	}
	n, ok := numberOf(v)
	if !ok {
		hint := ""
		if text, isText := v.scalar.(string); isText && isNumber(text) {
			hint = fmt.Sprintf(": write %s without quotes", text)
		} else if isText && strings.HasSuffix(text, "%") && isNumber(strings.TrimSuffix(text, "%")) {
			hint = fmt.Sprintf(": write %s", strings.TrimSuffix(text, "%"))
		}
		w.typed(v, path, want, hint)
		return
	}
	if s.Type == "integer" && n != math.Trunc(n) {
		w.typed(v, path, want, "")
		return
	}
	if math.IsNaN(n) || math.IsInf(n, 0) || s.Format == "int32" && (n > math.MaxInt32 || n < math.MinInt32) {
		w.wrong[v] = true
		w.at(v, ruleValue, path, "is %v, which is out of range", v.scalar)
		return
	}
	below, above := s.Minimum != nil && n < *s.Minimum, s.Maximum != nil && n > *s.Maximum
	switch {
	case (below || above) && s.Minimum != nil && s.Maximum != nil:
		w.at(v, ruleValue, path, "is %v, but must be %v to %v", v.scalar, *s.Minimum, *s.Maximum)
	case below:
		w.at(v, ruleValue, path, "is %v, but must be %v or more", v.scalar, *s.Minimum)
	case above:
		w.at(v, ruleValue, path, "is %v, but must be %v or less", v.scalar, *s.Maximum)
	}
}

func (w *walker) intOrString(v *value, path string) {
	if _, isText := v.scalar.(string); v.kind == scalar && isText {
		return
	}
	if n, ok := numberOf(v); ok && n == math.Trunc(n) && math.Abs(n) <= math.MaxInt32 {
		return
	}
	w.typed(v, path, "a whole number or a name", "")
}

func numberOf(v *value) (float64, bool) {
	if v.kind != scalar {
		return 0, false
	}
	switch n := v.scalar.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

var numeric = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

func isNumber(s string) bool { return numeric.MatchString(s) }

// unquote is a hint for one of some words in quotes.
func unquote(v *value, words ...string) string {
	if s, ok := v.scalar.(string); ok && slices.Contains(words, strings.ToLower(s)) {
		return fmt.Sprintf(": write %s without quotes", strings.ToLower(s))
	}
	return ""
}

// wanted says what a missing field would have to be: the first sentence of its description.
func wanted(s *schema, name string) string {
	if s == nil || s.Description == "" {
		return "set " + name
	}
	sentence, _, _ := strings.Cut(strings.Join(strings.Fields(s.Description), " "), ". ")
	return "set it (" + strings.TrimSuffix(sentence, ".") + ")"
}

func joined(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// shortList is how many fields a message may list.
const shortList = 14
