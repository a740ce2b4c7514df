package logs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// record is a line of the agent: one JSON object with level, ts, msg, and canary as NAME.NAMESPACE.
type record map[string]any

func parse(text string) record {
	if !strings.HasPrefix(text, "{") {
		return nil
	}
	r := record{}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&r) != nil {
		return nil
	}
	return r
}

// about is true for a line about exactly this canary. A namespace has no dot, so that there is only
// one canary that the words can mean.
func (r record) about(namespace, name string) bool { return r["canary"] == name+"."+namespace }

// words is what people read: time, level, message, and the other attributes by name.
func (r record) words(at time.Time) string {
	var b strings.Builder
	if !at.IsZero() {
		b.WriteString(at.Format("15:04:05.000") + " ")
	}
	level, _ := r["level"].(string)
	fmt.Fprintf(&b, "%-5s %v", strings.ToUpper(level), r["msg"])
	for _, key := range slices.Sorted(maps.Keys(r)) {
		switch key {
		case "ts", "time", "level", "msg", "caller", "source", "canary", "logger":
			continue
		}
		value := fmt.Sprint(r[key])
		switch r[key].(type) {
		case map[string]any, []any:
			if text, err := json.Marshal(r[key]); err == nil {
				value = string(text)
			}
		}
		if strings.ContainsAny(value, " \t\n\"=") || value == "" {
			value = strconv.Quote(value)
		}
		b.WriteString(" " + key + "=" + value)
	}
	return b.String()
}

// wanted is false for a line of the agent about something else.
func (r *reader) wanted(c container, l line) bool {
	return c.origin != fromAgent || parse(l.text).about(r.Namespace, r.Name)
}

// text is a line as people read it.
func (r *reader) text(c container, l line) string {
	if c.origin != fromAgent || r.Raw {
		return l.text
	}
	at := l.time.In(r.Now().Location())
	if r.Timestamps {
		at = time.Time{} // It is there already.
	}
	return view.Clean(parse(l.text).words(at))
}

// write hands a line on.
func (r *reader) write(c container, l line) error { return r.line(c, r.text(c, l), l.time) }
