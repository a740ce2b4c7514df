package gatewayapi_test

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/agent/routing"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/gatewayapi"
	"github.com/kubectl-canary/kubectl-canary/agent/routing/routingtest"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func differs(a, b any) bool { return !reflect.DeepEqual(a, b) }

// scribble changes every leaf below the value.
func scribble(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			scribble(field)
			if text, ok := field.(string); ok {
				value[key] = text + "!"
			}
		}
		value["scribble"] = true
	case []any:
		for _, item := range value {
			scribble(item)
		}
	}
}

func rulesOf(t testing.TB, c *v1beta1.Canary, split routing.Split) []map[string]any {
	t.Helper()
	spec := routingtest.Applied(t, render(t, gatewayapi.Provider{}, c, split)[0]).Object["spec"].(map[string]any)
	var rules []map[string]any
	for _, item := range spec["rules"].([]any) {
		rules = append(rules, item.(map[string]any))
	}
	return rules
}

// In the faulty form a condition that cannot be mapped left a rule that matches everything.
func TestGotchaA10InexpressibleMatchesAreRefused(t *testing.T) {
	const match = "spec.analysis.match[0]"
	cases := map[string]struct {
		match, service string
		want           string
	}{
		"prefix of a header":        {match: "{headers: {a: {prefix: b}}}", want: match + ".headers[a]"},
		"suffix of a header":        {match: "{headers: {a: {suffix: b}}}", want: match + ".headers[a]"},
		"prefix beside a good one":  {match: "{headers: {a: {prefix: b}, b: {exact: c}}}", want: match + ".headers[a]"},
		"prefix of a parameter":     {match: "{queryParams: {a: {prefix: b}}}", want: match + ".queryParams[a]"},
		"source labels only":        {match: "{sourceLabels: {a: b}}", want: match + ".sourceLabels"},
		"source labels and headers": {match: "{sourceLabels: {a: b}, headers: {a: {exact: b}}}", want: match + ".sourceLabels"},
		"nothing":                   {match: "{}", want: match},
		"all paths":                 {match: "{uri: {prefix: /}}", want: match},
		"second of two":             {match: "{headers: {a: {exact: b}}}, {port: 80}", want: "spec.analysis.match[1].port"},
		"same header in two cases":  {match: "{headers: {a: {exact: b}, A: {exact: c}}}", want: match + ".headers[a]"},
		"never met path":            {match: "{uri: {prefix: /b}}", service: "match: [{uri: {prefix: /a}}]", want: match},
		"never met method":          {match: "{method: {exact: GET}}", service: "match: [{method: {exact: PUT}}]", want: match},
		"expression and path":       {match: "{uri: {regex: /a.*}}", service: "match: [{uri: {prefix: /a}}]", want: match + ".uri"},
		"prefix rewrite of two":     {match: "{headers: {a: {exact: b}}}, {headers: {b: {exact: b}}}", service: "match: [{uri: {prefix: /a}}], rewrite: {uri: /, type: ReplacePrefixMatch}", want: "spec.service.rewrite.type"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := routingtest.Canary(t, head+"  service: {port: 80, gatewayRefs: [{name: gw}], "+tc.service+"}\n  analysis: {iterations: 5, match: ["+tc.match+"]}\n")
			errs := gatewayapi.Provider{}.Check(c)
			if len(errs) != 1 || errs[0].Field != tc.want {
				t.Fatalf("got %v, want one error at %s", errs, tc.want)
			}
			for _, everyone := range []bool{false, true} {
				objects, err := gatewayapi.Provider{}.Render(c, routing.Split{Canary: 100, Everyone: everyone}, nil)
				var refused *routing.RefusedError
				if !errors.As(err, &refused) || objects != nil {
					t.Errorf("rendered %v, %v; want nothing and a RefusedError", objects, err)
				}
			}
		})
	}
}

// In the faulty form a repair wrote 100/0 in the middle of a run.
func TestGotchaA12RepairKeepsTheWeights(t *testing.T) {
	drifts := map[string]func(live map[string]any){
		"annotation": func(live map[string]any) { delete(live["metadata"].(map[string]any), "annotations") },
		"hostnames":  func(live map[string]any) { live["spec"].(map[string]any)["hostnames"] = []any{"other.example.com"} },
		"parents":    func(live map[string]any) { live["spec"].(map[string]any)["parentRefs"] = []any{} },
		"timeouts": func(live map[string]any) {
			live["spec"].(map[string]any)["rules"].([]any)[0].(map[string]any)["timeouts"] = map[string]any{"request": "1s"}
		},
		"matches": func(live map[string]any) {
			delete(live["spec"].(map[string]any)["rules"].([]any)[0].(map[string]any), "matches")
		},
	}
	for _, canary := range []string{"paths", "abtest", "affinity"} {
		for name, drift := range drifts {
			t.Run(canary+" "+name, func(t *testing.T) {
				c, provider := canaryFile(t, canary), gatewayapi.Provider{}
				c.Spec.Service.Hosts = []string{"app.example.com"}
				split := routing.CanaryShare(30)
				live := routingtest.Applied(t, render(t, provider, c, split)[0])
				drift(live.Object)
				objects := routing.Objects{provider.Refs(c)[0]: live}
				seen, err := provider.Observe(c, objects)
				if err != nil || seen.Split != split {
					t.Fatalf("observed %+v, %v", seen, err)
				}
				repaired, err := provider.Render(c, seen.Split, objects)
				if err != nil {
					t.Fatal(err)
				}
				if found := routingtest.Differences(repaired[0], live); len(found) == 0 {
					t.Error("the drift is not seen")
				}
				seen, err = provider.Observe(c, routing.Objects{provider.Refs(c)[0]: repaired[0]})
				if err != nil || seen.Split != split {
					t.Errorf("repaired to %+v, %v", seen, err)
				}
			})
		}
	}
}

// In the faulty form nothing was mirrored before weighted steps, and the run waited for it.
func TestGotchaB3MirrorBeforeWeightedSteps(t *testing.T) {
	c := routingtest.Canary(t, minimal)
	c.Spec.Analysis.Mirror = true
	if errs := (gatewayapi.Provider{}).Check(c); len(errs) > 0 {
		t.Fatalf("refused: %v", errs)
	}
	object := render(t, gatewayapi.Provider{}, c, routing.Split{Primary: 100, Mirror: true})[0]
	seen, err := gatewayapi.Provider{}.Observe(c, routing.Objects{gatewayapi.Provider{}.Refs(c)[0]: object})
	if err != nil || !seen.Split.Mirror {
		t.Errorf("observed %+v, %v; want it mirrored", seen, err)
	}
}

// In the faulty form the cookie was taken away from everyone, by a header in a shared filter.
func TestGotchaD1OnlyThoseWithTheCookieLoseIt(t *testing.T) {
	rules := rulesOf(t, canaryFile(t, "affinity"), routing.ToPrimary)
	if len(rules) != 2 {
		t.Fatalf("got %d rules, want that of the old cookie and the last", len(rules))
	}
	if text := toYAML(t, rules[1]); strings.Contains(text, "Set-Cookie") {
		t.Errorf("the last rule sets a cookie:\n%s", text)
	}
}

// In the faulty form drift of rules was ignored as soon as there was session affinity.
func TestGotchaD2DriftBesideCookieRulesIsSeen(t *testing.T) {
	c := canaryFile(t, "affinity")
	c.Spec.Analysis.SessionAffinity.PrimaryCookieName = ""
	rendered := render(t, gatewayapi.Provider{}, c, routing.CanaryShare(30))[0]
	for i := range rulesOf(t, c, routing.CanaryShare(30)) {
		live := routingtest.Applied(t, rendered)
		rule := live.Object["spec"].(map[string]any)["rules"].([]any)[i].(map[string]any)
		rule["matches"].([]any)[0].(map[string]any)["path"].(map[string]any)["value"] = "/other"
		if found := routing.Diff(rendered, live); len(found) == 0 {
			t.Errorf("a match of rule %d was edited, no difference", i)
		}
	}
}

// In the faulty form the status had a cookie without a name, which matches every "=value".
func TestGotchaD3NoPrimaryCookieUnlessConfigured(t *testing.T) {
	for _, cookie := range []string{"=abcdefghij", "primary-cookie=abcdefghij"} {
		c := canaryFile(t, "affinity")
		c.Spec.Analysis.SessionAffinity.PrimaryCookieName = ""
		c.Status.PrimarySessionAffinityCookie = cookie
		if rules := rulesOf(t, c, routing.CanaryShare(30)); len(rules) != 2 {
			t.Errorf("%s: got %d rules, want that of the canary's cookie and the last", cookie, len(rules))
		}
	}
}

// In the faulty form only headers and query parameters of the analysis survived a service match.
func TestGotchaD4AllSelectorsAreMerged(t *testing.T) {
	c := routingtest.Canary(t, head+`
  service:
    port: 80
    gatewayRefs: [{name: gw}]
    match:
    - {uri: {prefix: /api/}, headers: {a: {exact: service}, B: {exact: service}}, queryParams: {q: {exact: service}}}
    - {uri: {exact: /other}}
  analysis:
    iterations: 5
    match: [{uri: {prefix: /api/v2}, method: {exact: GET}, headers: {b: {exact: analysis}}, queryParams: {Q: {exact: analysis}}}]
`)
	got := toYAML(t, rulesOf(t, c, routing.CanaryShare(50))[0]["matches"])
	const want = `- headers:
  - name: a
    type: Exact
    value: service
  - name: b
    type: Exact
    value: analysis
  method: GET
  path:
    type: PathPrefix
    value: /api/v2
  queryParams:
  - name: Q
    type: Exact
    value: analysis
  - name: q
    type: Exact
    value: service
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// In the faulty form the API refused the route at the end of the run, for a second modifier.
func TestGotchaD5OneModifierForARule(t *testing.T) {
	for _, headers := range []bool{true, false} {
		c := canaryFile(t, "affinity")
		if !headers {
			c.Spec.Service.Headers = nil
		}
		rules := rulesOf(t, c, routing.ToPrimary)
		text := toYAML(t, rules[0])
		if n := strings.Count(text, "type: ResponseHeaderModifier"); n != 1 {
			t.Errorf("headers %v: %d modifiers in\n%s", headers, n, text)
		}
		if strings.Contains(text, "x-served-by") != headers || !strings.Contains(text, "; Max-Age=-1") {
			t.Errorf("headers %v: the modifier is not complete:\n%s", headers, text)
		}
	}
}

// The weight of a side that cannot serve is 0, and no cookie may send anybody there.
func TestNobodyIsKeptOnASideWithoutWeight(t *testing.T) {
	c := canaryFile(t, "affinity")
	for _, tc := range []struct {
		share int32
		gone  string
	}{{0, "podinfo-canary"}, {100, "podinfo-primary"}} {
		for _, rule := range rulesOf(t, c, routing.CanaryShare(tc.share)) {
			for _, item := range rule["backendRefs"].([]any) {
				if ref := item.(map[string]any); ref["name"] == tc.gone && ref["weight"] != int64(0) {
					t.Errorf("%d %%: %s gets requests by a rule:\n%s", tc.share, tc.gone, toYAML(t, rule))
				}
			}
		}
	}
}

func TestCookiePattern(t *testing.T) {
	c := canaryFile(t, "affinity")
	match := rulesOf(t, c, routing.CanaryShare(30))[0]["matches"].([]any)[0].(map[string]any)
	pattern := match["headers"].([]any)[0].(map[string]any)["value"].(string)
	expression := regexp.MustCompile(pattern)
	const cookie = "canary.cookie=abcdefghij"
	for header, want := range map[string]bool{
		cookie:                          true,
		"a=b; " + cookie:                true,
		cookie + "; a=b":                true,
		"a=b;" + cookie + ";c=d; e=f":   true,
		"":                              false,
		"x" + cookie:                    false,
		cookie + "k":                    false,
		"a=" + cookie:                   false,
		"canaryXcookie=abcdefghij":      false,
		"canary.cookie=klmnopqrst":      false,
		"a=b; Canary.cookie=abcdefghij": false,
	} {
		found := expression.FindString(header)
		if expression.MatchString(header) != want || (want && found != header) {
			t.Errorf("%q: found %q, want a match of the whole: %v", header, found, want)
		}
	}
}

// The status can be edited; what is no cookie of the agent must neither match nor be sent.
func TestHostileCookiesAreNone(t *testing.T) {
	for _, cookie := range []string{
		"", "=", "=abcdefghij", "a", "a=", "a=.*", "a=b; Domain=evil.example", "a=b\r\nX-Evil: 1", "a b=c", "a;b=c", "a=b=c", "a=é", "(a|b)=c",
	} {
		c := canaryFile(t, "affinity")
		c.Status.SessionAffinityCookie = cookie
		c.Status.PrimarySessionAffinityCookie = cookie
		c.Status.PreviousSessionAffinityCookie = cookie
		for _, share := range []int32{0, 50, 100} {
			rules := rulesOf(t, c, routing.CanaryShare(share))
			if len(rules) != 1 || strings.Contains(toYAML(t, rules[0]), "Set-Cookie") {
				t.Errorf("%q at %d %%: got %d rules, want one without cookies", cookie, share, len(rules))
			}
		}
	}
}

func TestAffinityAndHeadersOfTheUser(t *testing.T) {
	c := canaryFile(t, "affinity")
	c.Spec.Service.Match[1].Headers["COOKIE"] = v1beta1.StringMatch{Exact: "a=b"}
	c.Spec.Service.Headers.Response = &v1beta1.HeaderOperations{
		Add: map[string]string{"set-cookie": "a=b"}, Set: map[string]string{"Set-Cookie": "a=b"}, Remove: []string{"x", "SET-COOKIE"},
	}
	var got []string
	for _, err := range (gatewayapi.Provider{}).Check(c) {
		got = append(got, err.Field)
	}
	want := []string{
		"spec.service.headers.response.add[set-cookie]", "spec.service.headers.response.remove[1]",
		"spec.service.headers.response.set[Set-Cookie]", "spec.service.match[1].headers[COOKIE]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got errors at %q, want them at %q", got, want)
	}
	c.Spec.Analysis.SessionAffinity = nil
	if errs := (gatewayapi.Provider{}).Check(c); len(errs) > 0 {
		t.Errorf("without session affinity: %v", errs)
	}
}

func toYAML(t testing.TB, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
