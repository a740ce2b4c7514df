package gatewayapi

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// matchesOfBoth gives the requests of an A/B test: those that meet one condition of analysis.match
// and one of the service, in all combinations and with all their selectors (gotcha D4). Where both
// ask something of the same header or query parameter, the analysis has its way.
//
// A condition that cannot be mapped, that everything meets or that nothing can meet is an error:
// an A/B rule must never match more than was asked for (gotcha A10).
func matchesOfBoth(c *v1beta1.Canary, service []any) ([]any, field.ErrorList) {
	requests := c.GetAnalysis().Match
	path := routing.AnalysisPath(c).Child("match")
	var errs field.ErrorList
	matches := make([]any, 0, len(requests)*len(service))
	for i := range requests {
		at := path.Index(i)
		condition, found := mapMatch(at, &requests[i])
		if len(found) > 0 {
			errs = append(errs, found...)
			continue
		}
		if meetsAll(condition) {
			errs = append(errs, field.Required(at, "this would send all requests to the canary: set headers or queryParams"))
			continue
		}
		before := len(matches)
		for _, item := range service {
			base, _ := item.(map[string]any)
			combined, err := combine(at, base, condition)
			if err != nil {
				errs = append(errs, err)
			}
			if combined != nil {
				matches = append(matches, combined)
			}
		}
		if len(matches) == before && len(errs) == 0 {
			errs = append(errs, field.Forbidden(at, "no request can meet this and an entry of spec.service.match as well: let uri and method agree with those there"))
		}
	}
	return matches, errs
}

// meetsAll tells whether the match asks for nothing.
func meetsAll(match map[string]any) bool {
	for key, value := range match {
		if uri, ok := value.(map[string]any); key != "path" || !ok || !isRoot(uri) {
			return false
		}
	}
	return true
}

// combine gives the match of requests that meet both, with nothing shared between it and them; nil
// when there are no such requests. It fails on two paths whose common part it cannot know.
func combine(at *field.Path, base, over map[string]any) (map[string]any, *field.Error) {
	out := map[string]any{}
	uri, related := commonPath(base["path"], over["path"])
	switch {
	case !related:
		return nil, field.Forbidden(at.Child("uri"),
			"a regular expression cannot be combined with another path in spec.service.match: use prefix or exact, or remove one of the two")
	case uri == nil:
		return nil, nil
	}
	out["path"] = maps.Clone(uri)
	method, other := base["method"], over["method"]
	if method == nil {
		method = other
	}
	if other != nil && method != other {
		return nil, nil
	}
	if method != nil {
		out["method"] = method
	}
	// The names of headers are the same in any case, those of query parameters are not.
	if headers := overlay(base["headers"], over["headers"], strings.EqualFold); len(headers) > 0 {
		out["headers"] = headers
	}
	sameName := func(a, b string) bool { return a == b }
	if params := overlay(base["queryParams"], over["queryParams"], sameName); len(params) > 0 {
		out["queryParams"] = params
	}
	return out, nil
}

// overlay merges two lists of named conditions; the second has its way. The result is sorted by
// name, so that it is always the same.
func overlay(base, over any, same func(a, b string) bool) []any {
	named := func(item any) (map[string]any, string) {
		condition, _ := item.(map[string]any)
		name, _ := condition["name"].(string)
		return condition, name
	}
	var out []any
	for _, item := range listOf(base) {
		condition, name := named(item)
		if !slices.ContainsFunc(listOf(over), func(other any) bool {
			_, replaces := named(other)
			return same(name, replaces)
		}) {
			out = append(out, maps.Clone(condition))
		}
	}
	for _, item := range listOf(over) {
		condition, _ := named(item)
		out = append(out, maps.Clone(condition))
	}
	slices.SortStableFunc(out, func(a, b any) int {
		_, x := named(a)
		_, y := named(b)
		return strings.Compare(x, y)
	})
	return out
}

// commonPath gives the paths that meet both conditions, of which nil is one that all meet. Prefixes
// and exact paths contain each other or have nothing in common, which is a nil result. It knows
// nothing of how a regular expression relates to another path.
func commonPath(a, b any) (common map[string]any, known bool) {
	first, _ := a.(map[string]any)
	second, _ := b.(map[string]any)
	switch {
	case second == nil || isRoot(second) || maps.Equal(first, second):
		return first, true
	case first == nil || isRoot(first):
		return second, true
	case first["type"] == typeRegex || second["type"] == typeRegex:
		return nil, false
	case contains(first, second):
		return second, true
	case contains(second, first):
		return first, true
	}
	return nil, true
}

func isRoot(uri map[string]any) bool { return uri["type"] == typePrefix && uri["value"] == "/" }

// contains tells whether all paths of the second are in the first. Prefixes are of whole segments.
func contains(first, second map[string]any) bool {
	if first["type"] != typePrefix {
		return false
	}
	outer, _ := first["value"].(string)
	inner, _ := second["value"].(string)
	outer = strings.TrimSuffix(outer, "/")
	return inner == outer || strings.HasPrefix(inner, outer+"/")
}
