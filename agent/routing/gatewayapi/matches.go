package gatewayapi

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	typeExact  = "Exact"
	typePrefix = "PathPrefix"
	typeRegex  = "RegularExpression"
)

// methods are those that an HTTPRoute can match.
var methods = []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}

// mapMatches maps the requests that a rule applies to. An empty match is left out, and without any
// match all requests are meant, which the result says in so many words.
func mapMatches(path *field.Path, requests []v1beta1.HTTPMatchRequest) ([]any, field.ErrorList) {
	var errs field.ErrorList
	matches := make([]any, 0, len(requests))
	for i := range requests {
		match, found := mapMatch(path.Index(i), &requests[i])
		errs = append(errs, found...)
		if len(match) == 0 {
			continue
		}
		if match["path"] == nil {
			match["path"] = pathMatch(typePrefix, "/")
		}
		matches = append(matches, match)
	}
	if len(matches) == 0 {
		matches = append(matches, map[string]any{"path": pathMatch(typePrefix, "/")})
	}
	return matches, errs
}

func mapMatch(path *field.Path, request *v1beta1.HTTPMatchRequest) (map[string]any, field.ErrorList) {
	errs := refuseInexpressible(path, request)
	match := map[string]any{}
	if request.URI != nil {
		uri, err := mapPath(path.Child("uri"), *request.URI)
		if err != nil {
			errs = append(errs, err)
		}
		match["path"] = uri
	}
	if request.Method != nil {
		method, err := mapMethod(path.Child("method"), *request.Method)
		if err != nil {
			errs = append(errs, err)
		}
		match["method"] = method
	}
	for _, selector := range []struct {
		name   string
		values map[string]v1beta1.StringMatch
	}{
		{"headers", request.Headers},
		{"queryParams", request.QueryParams},
	} {
		if len(selector.values) == 0 {
			continue
		}
		mapped, found := mapNamed(path.Child(selector.name), selector.values)
		errs = append(errs, found...)
		if selector.name == "headers" {
			errs = append(errs, refuseSameHeader(path.Child(selector.name), selector.values)...)
		}
		match[selector.name] = mapped
	}
	return match, errs
}

// refuseInexpressible reports conditions that an HTTPRoute does not have. Left out, they would
// make the rule match more than the user asked for.
func refuseInexpressible(path *field.Path, request *v1beta1.HTTPMatchRequest) field.ErrorList {
	var errs field.ErrorList
	refuse := func(present bool, name, cure string) {
		if present {
			errs = append(errs, field.Forbidden(path.Child(name), "an HTTPRoute cannot express this condition: "+cure))
		}
	}
	refuse(request.Scheme != nil, "scheme", "remove it and choose the listener by gatewayRefs[].sectionName")
	refuse(request.Authority != nil, "authority", "remove it and use spec.service.hosts")
	refuse(len(request.WithoutHeaders) > 0, "withoutHeaders", "remove it")
	refuse(request.Port != 0, "port", "remove it and use gatewayRefs[].port")
	refuse(len(request.SourceLabels) > 0, "sourceLabels", "remove it, or match by headers")
	refuse(request.SourceNamespace != "", "sourceNamespace", "remove it, or match by headers")
	refuse(len(request.Gateways) > 0, "gateways", "remove it and use spec.service.gatewayRefs")
	refuse(request.IgnoreURICase, "ignoreUriCase", "remove it, or use uri.regex with (?i) if the gateway understands it")
	return errs
}

// mapPath maps a path. When several kinds are given, as older CRDs admit, regex comes before exact
// and exact before prefix.
func mapPath(path *field.Path, uri v1beta1.StringMatch) (map[string]any, *field.Error) {
	kind, value := typePrefix, uri.Prefix
	switch {
	case uri.Regex != "":
		return pathMatch(typeRegex, uri.Regex), nil
	case uri.Exact != "":
		kind, value = typeExact, uri.Exact
	case uri.Prefix == "":
		return nil, field.Required(path, "set one of exact, prefix, regex")
	}
	if !strings.HasPrefix(value, "/") {
		return nil, field.Invalid(path, value, "must begin with /")
	}
	return pathMatch(kind, value), nil
}

func pathMatch(kind, value string) map[string]any {
	return map[string]any{"type": kind, "value": value}
}

func mapMethod(path *field.Path, method v1beta1.StringMatch) (string, *field.Error) {
	if method.Exact == "" {
		return "", field.Required(path.Child("exact"), "an HTTPRoute matches methods by their exact name only")
	}
	if !slices.Contains(methods, method.Exact) {
		return "", field.NotSupported(path.Child("exact"), method.Exact, methods)
	}
	return method.Exact, nil
}

// mapNamed maps headers or query parameters, sorted by name so that the result is always the same.
func mapNamed(path *field.Path, values map[string]v1beta1.StringMatch) ([]any, field.ErrorList) {
	var errs field.ErrorList
	out := make([]any, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		kind, value := typeExact, values[name].Exact
		if value == "" {
			kind, value = typeRegex, values[name].Regex
		}
		if value == "" {
			errs = append(errs, field.Required(path.Key(name),
				"set exact or regex: an HTTPRoute has neither prefix nor suffix here; ^value.* as regex is a prefix"))
			continue
		}
		out = append(out, map[string]any{"type": kind, "name": name, "value": value})
	}
	return out, errs
}

// refuseSameHeader reports names that differ in case only. They are one header, of which an
// HTTPRoute heeds one condition and ignores the other.
func refuseSameHeader(path *field.Path, values map[string]v1beta1.StringMatch) field.ErrorList {
	var errs field.ErrorList
	seen := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		lower := strings.ToLower(name)
		if other, ok := seen[lower]; ok {
			errs = append(errs, field.Forbidden(path.Key(name), "is the same header as "+other+": keep one condition"))
		}
		seen[lower] = name
	}
	return errs
}
