package autoscaler

import (
	"slices"
	"strings"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// promQL are the triggers whose query is PromQL or, with LogQL, quotes as PromQL does. There the
// name of a workload is always within quotes; outside of them the same letters are the name of a
// label or a metric, as in app="app", and none may contain a hyphen.
var promQL = []string{"prometheus", "loki", "predictkube"}

// forPrimary makes a query about the target one about the primary: <target> and <target>-canary
// become <target>-primary where they stand for themselves (gotcha A15).
//
// They do not where they are part of a longer name: app is not meant by apps, my-app, app-v2,
// app_requests or app.v2, nor by app-primary. They do in front of a pattern, as in app-.* or
// app-[a-z0-9]+, in front of the namespace, as in app.shop.svc, and in front of a port.
func forPrimary(c *v1beta1.Canary, trigger, query string) string {
	target, primary := c.Spec.TargetRef.Name, c.PrimaryName()
	if target == "" {
		return query
	}
	quotesOnly := slices.Contains(promQL, trigger)
	var out strings.Builder
	var state quotes
	for i := 0; i < len(query); {
		if n := nameAt(query, i, target, c.Namespace); n > 0 &&
			(state.inside() || !quotesOnly && !isKey(query[i+n:])) {
			out.WriteString(primary)
			state.escaped = false
			i += n
			continue
		}
		state.next(query[i], quotesOnly)
		out.WriteByte(query[i])
		i++
	}
	return out.String()
}

// nameAt is the length of the name of the target, or of its canary, that stands for itself at a
// place in a query; 0 when there is none.
func nameAt(query string, i int, target, namespace string) int {
	if i > 0 && (isWord(query[i-1]) || query[i-1] == '-' || query[i-1] == '.') {
		return 0
	}
	for _, name := range []string{target + "-canary", target} {
		if strings.HasPrefix(query[i:], name) && ends(query[i+len(name):], namespace) {
			return len(name)
		}
	}
	return 0
}

// ends says whether a name is complete in front of the rest of a query. A hyphen or a dot goes on
// with the name if a letter or a digit follows; otherwise it is the beginning of a pattern.
func ends(rest, namespace string) bool {
	if rest == "" {
		return true
	}
	switch {
	case isWord(rest[0]):
		return false
	case rest[0] != '-' && rest[0] != '.':
		return true
	case len(rest) == 1 || !isWord(rest[1]):
		return true
	case rest[0] == '.' && namespace != "" && strings.HasPrefix(rest[1:], namespace):
		after := rest[1+len(namespace):]
		return after == "" || !isWord(after[0]) && after[0] != '-'
	}
	return false
}

// isKey says whether what stands in front of the rest of a query is the name of a field, as in
// app = 'app' or app:app, and not its value.
func isKey(rest string) bool {
	rest = strings.TrimLeft(rest, " \t")
	if strings.HasPrefix(rest, ":") {
		port := len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9'
		return !port
	}
	return strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "!=") || strings.HasPrefix(rest, "!~")
}

// isWord is true for what goes on with a name on its own. The underscore is not in names of
// Kubernetes, but in those of metrics.
func isWord(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_' || b >= 0x80
}

// quotes follows a query through its texts and comments.
type quotes struct {
	open    byte // the quote of the text, or 0
	escaped bool
	comment bool
}

func (q *quotes) inside() bool { return q.open != 0 }

// next moves past a byte. Comments begin with # in PromQL.
func (q *quotes) next(b byte, comments bool) {
	switch {
	case q.comment:
		q.comment = b != '\n'
	case q.escaped:
		q.escaped = false
	case q.open != 0:
		switch b {
		case '\\':
			q.escaped = q.open != '`'
		case q.open:
			q.open = 0
		}
	case b == '"' || b == '\'' || b == '`':
		q.open = b
	case b == '#':
		q.comment = comments
	}
}
