package lint

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/agent/routing/registry" //nolint:depguard // The test compares with what the agent does; the plugin does not link it.
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/manifests"
)

// TestAbilities compares what is said here of the traffic providers with what they refuse.
func TestAbilities(t *testing.T) {
	if have, want := sortedKeys(abilities), registry.Supported(); !slices.Equal(have, want) {
		t.Fatalf("%v, but the agent serves %v", have, want)
	}
	refused := func(provider string, change func(*v1beta1.CanaryAnalysis)) bool {
		c := &v1beta1.Canary{}
		c.Name, c.Namespace = "app", "shop"
		c.Spec.Provider = provider
		c.Spec.TargetRef = v1beta1.TargetReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"}
		if provider == v1beta1.ProviderKnative {
			c.Spec.TargetRef.APIVersion, c.Spec.TargetRef.Kind = v1beta1.KnativeServiceAPIVersion, "Service"
		}
		c.Spec.Service.Port = 80
		c.Spec.Service.GatewayRefs = []v1beta1.ParentReference{{Name: "gateway"}}
		c.Spec.Analysis = &v1beta1.CanaryAnalysis{Interval: "1m", Threshold: 1}
		change(c.Spec.Analysis)
		p, err := registry.For(provider)
		if err != nil {
			t.Fatal(err)
		}
		return len(p.Check(c)) > 0
	}
	match := []v1beta1.HTTPMatchRequest{{Headers: map[string]v1beta1.StringMatch{"x": {Exact: "y"}}}}
	for provider, can := range abilities {
		for name, check := range map[string]struct {
			can    bool
			change func(*v1beta1.CanaryAnalysis)
		}{
			"nothing special": {true, func(a *v1beta1.CanaryAnalysis) { a.StepWeight = 10 }},
			"mirror":          {can.mirror, func(a *v1beta1.CanaryAnalysis) { a.StepWeight, a.Mirror = 10, true }},
			"affinity": {can.affinity, func(a *v1beta1.CanaryAnalysis) {
				a.StepWeight, a.SessionAffinity = 10, &v1beta1.SessionAffinity{CookieName: "a"}
			}},
			// Without weights, matches are accepted and mean nothing.
			"match": {can.abTests || !can.weights, func(a *v1beta1.CanaryAnalysis) { a.Iterations, a.Match = 10, match }},
			"both": {false, func(a *v1beta1.CanaryAnalysis) {
				a.Iterations, a.Match, a.SessionAffinity = 10, match, &v1beta1.SessionAffinity{CookieName: "a"}
			}},
		} {
			if refused(provider, check.change) == check.can {
				t.Errorf("%s, %s: can %t, but the agent says otherwise", provider, name, check.can)
			}
		}
	}
}

// TestSchemaIsUnderstood sees to it that the CRDs say nothing that is not checked here.
func TestSchemaIsUnderstood(t *testing.T) {
	known := []string{
		"additionalProperties", "default", "description", "enum", "format", "items", "maxItems", "maxLength", "maxProperties", "maximum",
		"minItems", "minLength", "minProperties", "minimum", "nullable", "pattern", "properties", "required", "type",
		"x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
		"anyOf", // Of int-or-string.
		// Lists have no duplicates that matter: those of gates are found by v1beta1.Validate.
		"x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
		"x-kubernetes-validations", // In words of our own; see TestRulesOfTheSchema.
	}
	docs, err := manifests.CRDs()
	if err != nil {
		t.Fatal(err)
	}
	var walk func(at string, node map[string]any)
	walk = func(at string, node map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if !slices.Contains(known, key) {
				t.Errorf("%s: nothing checks %s", at, key)
			}
			below, _ := node[key].(map[string]any)
			switch key {
			case "properties":
				for name, property := range below {
					if at != "" || name != "status" {
						walk(at+"."+name, property.(map[string]any))
					}
				}
			case "items", "additionalProperties":
				walk(at+"[]", below)
			case "anyOf":
				if node["x-kubernetes-int-or-string"] != true {
					t.Errorf("%s: nothing checks anyOf", at)
				}
			}
		}
	}
	for _, doc := range docs {
		var crd struct {
			Spec struct {
				Versions []struct {
					Schema struct {
						OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(doc, &crd); err != nil {
			t.Fatal(err)
		}
		walk("", crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	}
}

// TestRulesOfTheSchema breaks each of the rules that the CRDs have in CEL.
func TestRulesOfTheSchema(t *testing.T) {
	const target = "  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}\n"
	const knative = "  targetRef: {apiVersion: serving.knative.dev/v1, kind: Service, name: app}\n"
	const service = "  service: {port: 80}\n"
	const analysis = "  analysis: {interval: 1m, threshold: 5, stepWeight: 10}\n"
	with := func(fields string) string { return "  analysis: {interval: 1m, threshold: 5, " + fields + "}\n" }
	for spec, path := range map[string]string{
		target + service:  "spec.analysis",
		target + analysis: "spec.service.port",
		knative + analysis + "  autoscalerRef: {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, name: app}\n": "spec.autoscalerRef",
		knative + analysis + "  provider: traefik\n":                                                                                 "spec.provider",
		target + service + analysis + "  provider: knative\n":                                                                        "spec.targetRef",
		target + service + with("stepWeight: 0"):                                                                                     "spec.analysis.stepWeight",
		target + service + with("iterations: 0"):                                                                                     "spec.analysis.stepWeight",
		target + service + with("threshold2: 1"):                                                                                     "spec.analysis.threshold2",
		target + service + with("stepWeight: 10, iterations: 0"):                                                                     "spec.analysis.stepWeight",
		target + service + "  provider: kubernetes\n" + with("maxWeight: 10"):                                                        "spec.analysis",
		target + service + with("stepWeights: [10, 10]"):                                                                             "spec.analysis.stepWeights[1]",
		target + service + with("steps: [{weight: 20}, {weight: 10}]"):                                                               "spec.analysis.steps[1].weight",
		target + service + with("stepWeight: 10, sessionAffinity: {cookieName: a, primaryCookieName: a}"):                            "spec.analysis.sessionAffinity.primaryCookieName",
		target + "  provider: gatewayapi:v1\n  service: {port: 80, gatewayRefs: [{group: '', kind: Service, name: a}]}\n" + analysis: "spec.service.gatewayRefs[0].port",
	} {
		r := run(t, "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: app}\nspec:\n"+spec, "-")
		if r.code != 1 || !strings.Contains(r.out, "error: "+path+": ") {
			t.Errorf("%s: want an error at %s, got\n%s", spec, path, r.out)
		}
	}
}

// TestDeprecatedFields finds all fields that the schema calls deprecated in what is tested.
func TestDeprecatedFields(t *testing.T) {
	var fields []string
	var walk func(name string, s *schema)
	walk = func(name string, s *schema) {
		if strings.Contains(strings.ToLower(s.Description), "deprecated") {
			fields = append(fields, name)
		}
		for _, property := range sortedKeys(s.Properties) {
			walk(property, s.Properties[property])
		}
		if s.Items != nil {
			walk(name, s.Items)
		}
	}
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	walk("", all[kindCanary])
	slices.Sort(fields)
	fields = slices.Compact(fields)
	r := run(t, `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  service:
    port: 80
    trafficPolicy:
      outlierDetection: {consecutiveErrors: 5}
      portLevelSettings: [{outlierDetection: {consecutiveErrors: 5}}]
  canaryAnalysis:
    interval: 1m
    threshold: 5
    stepWeight: 10
    metrics: [{name: request-success-rate, threshold: 99, query: up}]
`, "-")
	for _, name := range fields {
		if !strings.Contains(r.out, "."+name+": is deprecated: ") {
			t.Errorf("nothing says that %s is deprecated, of %v:\n%s", name, fields, r.out)
		}
	}
	if strings.Count(r.out, "consecutiveErrors: is deprecated") != 2 || len(fields) < 4 {
		t.Errorf("%v: %s", fields, r.out)
	}
}

func FuzzLint(f *testing.F) {
	for _, text := range []string{
		"apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: a}\nspec: {targetRef: {kind: Deployment}, analysis: {metrics: [{name: a}], stepWeights: [1, x]}}",
		"apiVersion: flagger.app/v1beta1\nkind: MetricTemplate\nspec: {query: '{{ x }}'}\n---\nkind: List\nitems: [{apiVersion: flagger.app/v1beta1, kind: AlertProvider, spec: []}]",
		"a: &a [*a]\n<<: *a\nflagger.app: {[x]: y}", "{\"apiVersion\": \"flagger.app/v1beta1\\/\\ud83d\", \"kind\": 1}",
		"apiVersion: flagger.app/v1beta1\nkind: Canary\nspec: {analysis: {match: [{headers: {a.b]c: {exact: .nan}}}], canaryAnalysis: {x: -.inf}}, progressDeadlineSeconds: 1e99}",
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: [a]}\nspec: {template: {spec: {containers: [1, {ports: [x]}]}}}",
	} {
		f.Add([]byte(text))
	}
	shared, err := newLinter("", false)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &linter{schemas: shared.schemas, provider: "traefik", portable: true}
		lines := strings.Count(string(data), "\n") + 2
		for _, named := range []bool{true, false} {
			l.file(file{name: "f", named: named, data: data})
		}
		l.references()
		var r Report
		r.take(l.findings, nil)
		for _, finding := range r.Findings {
			if finding.Line < 1 || finding.Line > lines || finding.Column < 1 || finding.Message == "" || finding.Rule == "" {
				t.Errorf("%+v of %d lines", finding, lines)
			}
		}
		if _, err := r.object(); err != nil {
			t.Error(err)
		}
	})
}
