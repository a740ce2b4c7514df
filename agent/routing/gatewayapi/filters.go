package gatewayapi

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

// defaultCORSMaxAge in seconds is what the API server fills in.
const defaultCORSMaxAge = 5

// mapFilters maps what is done to requests and responses, in the order in which it is listed in
// the route. The matches of the rule bound what a rewrite may do.
func (p Provider) mapFilters(path *field.Path, service *v1beta1.CanaryService, matches []any) ([]any, field.ErrorList) {
	var filters []any
	var errs field.ErrorList
	if headers := service.Headers; headers != nil {
		filters = appendHeaders(filters, "RequestHeaderModifier", "requestHeaderModifier", headers.Request)
		filters = appendHeaders(filters, responseModifier, responseChange, headers.Response)
	}
	if service.Rewrite != nil {
		rewrite, err := mapRewrite(path.Child("rewrite"), service.Rewrite, matches)
		if err != nil {
			errs = append(errs, err)
		}
		if len(rewrite) > 0 {
			filters = append(filters, filter("URLRewrite", "urlRewrite", rewrite))
		}
	}
	for i, mirror := range service.Mirror {
		ref, err := mapMirror(path.Child("mirror").Index(i).Child("backendRef"), mirror.BackendRef)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		filters = append(filters, filter(typeMirror, "requestMirror", map[string]any{"backendRef": ref}))
	}
	if service.CorsPolicy != nil && !p.Beta {
		filters = append(filters, filter("CORS", "cors", mapCORS(service.CorsPolicy)))
	}
	return filters, errs
}

func filter(kind, key string, content map[string]any) map[string]any {
	return map[string]any{"type": kind, key: content}
}

// appendHeaders adds a modifier unless it would do nothing. The API admits one of each kind for a
// rule, so whatever else wants to change headers has to go into the same one (gotcha D5).
func appendHeaders(filters []any, kind, key string, operations *v1beta1.HeaderOperations) []any {
	if operations == nil {
		return filters
	}
	content := map[string]any{}
	if len(operations.Set) > 0 {
		content["set"] = headerList(operations.Set)
	}
	if len(operations.Add) > 0 {
		content["add"] = headerList(operations.Add)
	}
	if len(operations.Remove) > 0 {
		content["remove"] = distinct(operations.Remove)
	}
	if len(content) == 0 {
		return filters
	}
	return append(filters, filter(kind, key, content))
}

func headerList(headers map[string]string) []any {
	out := make([]any, 0, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		out = append(out, map[string]any{"name": name, "value": headers[name]})
	}
	return out
}

// mapRewrite maps the rewrite of host and path. Any type but ReplacePrefixMatch replaces the path.
func mapRewrite(path *field.Path, rewrite *v1beta1.HTTPRewrite, matches []any) (map[string]any, *field.Error) {
	out := map[string]any{}
	if rewrite.Authority != "" {
		out["hostname"] = rewrite.Authority
	}
	if rewrite.URI == "" {
		return out, nil
	}
	if rewrite.Type != v1beta1.RewritePrefixMatch {
		out["path"] = map[string]any{"type": v1beta1.RewriteFullPath, "replaceFullPath": rewrite.URI}
		return out, nil
	}
	if !isSinglePrefix(matches) {
		return nil, field.Invalid(path.Child("type"), rewrite.Type,
			"needs exactly one entry in spec.service.match, with uri.prefix, and in an A/B test one in analysis.match, without uri: the Gateway API refuses the route otherwise")
	}
	out["path"] = map[string]any{"type": v1beta1.RewritePrefixMatch, "replacePrefixMatch": rewrite.URI}
	return out, nil
}

func isSinglePrefix(matches []any) bool {
	if len(matches) != 1 {
		return false
	}
	match, _ := matches[0].(map[string]any)
	uri, _ := match["path"].(map[string]any)
	return uri["type"] == typePrefix
}

// mapCORS maps the policy. Of allowOrigins the exact ones are taken; prefixes and expressions
// have no counterpart and, as in the contract, allow nothing.
func mapCORS(policy *v1beta1.CorsPolicy) map[string]any {
	origins := slices.Clone(policy.AllowOrigin)
	for _, origin := range policy.AllowOrigins {
		if origin.Exact != "" {
			origins = append(origins, origin.Exact)
		}
	}
	out := map[string]any{"maxAge": corsMaxAge(policy.MaxAge)}
	for key, values := range map[string][]string{
		"allowOrigins":  origins,
		"allowMethods":  policy.AllowMethods,
		"allowHeaders":  policy.AllowHeaders,
		"exposeHeaders": policy.ExposeHeaders,
	} {
		if len(values) > 0 {
			out[key] = distinct(values)
		}
	}
	// False is the default, and older versions of the API admit nothing but true.
	if policy.AllowCredentials != nil && *policy.AllowCredentials {
		out["allowCredentials"] = true
	}
	return out
}

// corsMaxAge in whole seconds; what cannot be read, or is below a second, is left to the default.
func corsMaxAge(value string) int64 {
	age, err := time.ParseDuration(value)
	if err != nil || age < time.Second {
		return defaultCORSMaxAge
	}
	return int64(age / time.Second)
}

// distinct keeps the first of equal values, since the API declares these lists to be sets.
func distinct(values []string) []any {
	seen := make(map[string]bool, len(values))
	out := make([]any, 0, len(values))
	for _, value := range values {
		if !seen[value] {
			seen[value] = true
			out = append(out, value)
		}
	}
	return out
}
