package gatewayapi

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	headerCookie     = "Cookie"
	headerSetCookie  = "Set-Cookie"
	responseModifier = "ResponseHeaderModifier"
	responseChange   = "responseHeaderModifier"
	// expired is the age at which a client drops a cookie.
	expired = -1
)

// withAffinity gives the rules that keep clients on the side that they were first sent to. The
// last rule distributes them by weight, and its answers carry the cookie of the side that gave
// them; the rules before it send those who have a cookie to its side. They set no cookie, so that
// a client is assigned once.
//
// A side without weight keeps nobody, whatever cookie there is: it may not be able to serve. When
// the canary has none, its cookie of the last run is taken away from those who still have it.
func (p Provider) withAffinity(c *v1beta1.Canary, last rule, split routing.Split) []rule {
	status := &c.Status
	if split.Canary == 0 {
		if !isCookie(status.PreviousSessionAffinityCookie) {
			return []rule{last}
		}
		first := p.ruleWithCookie(c, last, status.PreviousSessionAffinityCookie, split.Mirror)
		first.backends = bothBackends(c, split)
		first.filters = addResponseHeader(first.filters, headerSetCookie, setCookie(c, status.PreviousSessionAffinityCookie, expired))
		return []rule{first, last}
	}
	affinity := c.GetAnalysis().SessionAffinity
	rules := make([]rule, 0, 3)
	// keep adds the rule for those who have the side's cookie, and gives it to those who are
	// assigned to the side, which is that of the backend.
	keep := func(cookie, service string, assigned any, maxAge int32) {
		if !isCookie(cookie) {
			return
		}
		sticky := p.ruleWithCookie(c, last, cookie, split.Mirror)
		sticky.backends = []any{backend(c, service, 100)}
		rules = append(rules, sticky)
		if ref, ok := assigned.(map[string]any); ok {
			ref["filters"] = addResponseHeader(nil, headerSetCookie, setCookie(c, cookie, maxAge))
		}
	}
	keep(status.SessionAffinityCookie, c.CanaryServiceName(), last.backends[1], affinity.MaxAgeOrDefault())
	if affinity.PrimaryCookieName != "" && split.Primary > 0 && !p.Beta {
		keep(status.PrimarySessionAffinityCookie, c.PrimaryServiceName(), last.backends[0], int32(c.AnalysisInterval()/time.Second))
	}
	return append(rules, last)
}

// ruleWithCookie is a rule for those of the last rule's requests that carry the cookie.
func (p Provider) ruleWithCookie(c *v1beta1.Canary, last rule, cookie string, mirror bool) rule {
	carries := map[string]any{"headers": []any{
		map[string]any{"type": typeRegex, "name": headerCookie, "value": cookiePattern(cookie)},
	}}
	matches := make([]any, 0, len(last.matches))
	for _, item := range last.matches {
		base, _ := item.(map[string]any)
		// It asks for no path, so that it can be combined with any.
		if combined, _ := combine(nil, base, carries); combined != nil {
			matches = append(matches, combined)
		}
	}
	// Whatever is wrong with the service has been reported for the last rule.
	r, _ := p.ruleFor(c, matches, mirror)
	return r
}

// cookiePattern matches a Cookie header that has the cookie, whole, in any place. It spans the
// header, since some gateways want that of an expression and others look for it anywhere inside.
func cookiePattern(cookie string) string {
	return `^(.*; *)?` + regexp.QuoteMeta(cookie) + `( *;.*)?$`
}

// isCookie tells whether a cookie of the status is name=value with a value as the agent makes them,
// letters and digits. Others, such as ones without a name that another controller left (gotcha D3),
// are none: they would make rules that match too much, or headers that a gateway refuses.
func isCookie(cookie string) bool {
	name, value, ok := strings.Cut(cookie, "=")
	return ok && name != "" && value != "" &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
		}) &&
		!strings.ContainsFunc(value, func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
}

// setCookie is the value of a Set-Cookie header. A cookie is taken away with the attributes it was
// set with, since another path or domain makes it another cookie.
func setCookie(c *v1beta1.Canary, cookie string, maxAge int32) string {
	s := c.GetAnalysis().SessionAffinity
	var b strings.Builder
	b.WriteString(cookie)
	add := func(present bool, attribute, value string) {
		if present {
			b.WriteString("; " + attribute + value)
		}
	}
	add(true, "Max-Age=", strconv.Itoa(int(maxAge)))
	add(s.Domain != "", "Domain=", s.Domain)
	add(s.HTTPOnly, "HttpOnly", "")
	add(s.Partitioned, "Partitioned", "")
	add(s.Path != "", "Path=", s.Path)
	add(s.SameSite != "", "SameSite=", s.SameSite)
	add(s.Secure, "Secure", "")
	return b.String()
}

// addResponseHeader adds the header to the modifier that is among the filters, since the API admits
// one of a kind for a rule (gotcha D5), or to a new one.
func addResponseHeader(filters []any, name, value string) []any {
	header := map[string]any{"name": name, "value": value}
	for _, item := range filters {
		f, _ := item.(map[string]any)
		if content, ok := f[responseChange].(map[string]any); ok {
			content["add"] = append(listOf(content["add"]), header)
			return filters
		}
	}
	return append(filters, filter(responseModifier, responseChange, map[string]any{"add": []any{header}}))
}

// checkAffinity refuses what does not go together with the cookies.
func checkAffinity(c *v1beta1.Canary) field.ErrorList {
	var errs field.ErrorList
	s, path := c.GetAnalysis().SessionAffinity, routing.AnalysisPath(c).Child("sessionAffinity")
	for _, attribute := range []struct{ name, value string }{{"domain", s.Domain}, {"path", s.Path}} {
		if strings.ContainsFunc(attribute.value, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ';' || r == ',' }) {
			errs = append(errs, field.Invalid(path.Child(attribute.name), attribute.value,
				"must be printable ASCII without spaces, commas and semicolons, which would end the attribute"))
		}
	}
	for i := range c.Spec.Service.Match {
		for name := range c.Spec.Service.Match[i].Headers {
			if strings.EqualFold(name, headerCookie) {
				errs = append(errs, field.Forbidden(servicePath().Child("match").Index(i).Child("headers").Key(name),
					"an HTTPRoute has one condition on a header, and session affinity needs that on cookies: remove one of the two"))
			}
		}
	}
	if headers := c.Spec.Service.Headers; headers != nil && headers.Response != nil {
		at, response := servicePath().Child("headers", "response"), headers.Response
		refuse := func(at *field.Path, name string) {
			if strings.EqualFold(name, headerSetCookie) {
				errs = append(errs, field.Forbidden(at, "session affinity sets this header: remove it here, or remove sessionAffinity"))
			}
		}
		for name := range response.Add {
			refuse(at.Child("add").Key(name), name)
		}
		for name := range response.Set {
			refuse(at.Child("set").Key(name), name)
		}
		for i, name := range response.Remove {
			refuse(at.Child("remove").Index(i), name)
		}
	}
	slices.SortStableFunc(errs, func(a, b *field.Error) int { return strings.Compare(a.Field, b.Field) })
	return errs
}
