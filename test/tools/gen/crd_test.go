package gen

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

const root = "../../.."

// server answers for one kind what an API server with its CRD would.
type server struct {
	structural *schema.Structural
	schema     validation.SchemaValidator
	cel        *cel.Validator
}

// load reads the CRDs, has the API server's code validate them, cost of the CEL rules included,
// and returns a server for each kind.
func load(t *testing.T) map[string]server {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "manifests/crd/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs found: %v", err)
	}
	servers := map[string]server{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v1 apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(raw, &v1); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if got := v1.Annotations["helm.sh/resource-policy"]; got != "keep" {
			t.Errorf("%s: annotation helm.sh/resource-policy is %q, want keep", file, got)
		}
		if c := v1.Spec.Names.Categories; len(c) != 1 || c[0] != "all" {
			t.Errorf("%s: categories %v, want [all]", file, c)
		}
		if v1.Spec.Versions[0].Subresources == nil || v1.Spec.Versions[0].Subresources.Status == nil {
			t.Errorf("%s: no status subresource", file)
		}
		apiextensionsv1.SetDefaults_CustomResourceDefinition(&v1)
		apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&v1.Spec)
		v1.Status.StoredVersions = []string{"v1beta1"}
		var crd apiextensions.CustomResourceDefinition
		if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&v1, &crd, nil); err != nil {
			t.Fatal(err)
		}
		if errs := crdvalidation.ValidateCustomResourceDefinition(context.Background(), &crd); len(errs) > 0 {
			t.Fatalf("%s: the API server would refuse it: %v", file, errs.ToAggregate())
		}
		props, err := apiextensions.GetSchemaForVersion(&crd, "v1beta1")
		if err != nil {
			t.Fatal(err)
		}
		structural, err := schema.NewStructural(props.OpenAPIV3Schema)
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := validation.NewSchemaValidator(props.OpenAPIV3Schema)
		if err != nil {
			t.Fatal(err)
		}
		servers[crd.Spec.Names.Kind] = server{structural, v, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
	}
	return servers
}

// admit returns what the API server would say to the object: unknown fields first, then errors.
func (s server) admit(obj map[string]any) []string {
	var out []string
	unknown := pruning.PruneWithOptions(obj, s.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		out = append(out, "unknown field "+path)
	}
	defaulting.Default(obj, s.structural)
	for _, err := range validation.ValidateCustomResource(nil, obj, s.schema) {
		out = append(out, err.Error())
	}
	errs, _ := s.cel.Validate(context.Background(), nil, s.structural, obj, nil, celconfig.RuntimeCELCostBudget)
	for _, err := range errs {
		out = append(out, err.Error())
	}
	return out
}

func documents(t *testing.T, raw []byte) []map[string]any {
	t.Helper()
	var docs []map[string]any
	for r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw))); ; {
		doc, err := r.Read()
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatal(err)
		}
		j, err := yaml.YAMLToJSON(doc)
		if err != nil {
			t.Fatal(err)
		}
		var obj map[string]any
		if err := utiljson.Unmarshal(j, &obj); err != nil { // whole numbers as int64, like the API server
			t.Fatal(err)
		}
		docs = append(docs, obj)
	}
}

func seed(t *testing.T, name string) []map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "api/v1beta1/testdata/seeds", name))
	if err != nil {
		t.Fatal(err)
	}
	return documents(t, raw)
}

func TestSeedsAreAdmitted(t *testing.T) {
	servers := load(t)
	files, err := os.ReadDir(filepath.Join(root, "api/v1beta1/testdata/seeds"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if filepath.Ext(file.Name()) != ".yaml" {
			continue
		}
		for _, doc := range seed(t, file.Name()) {
			s, ok := servers[doc["kind"].(string)]
			if !ok {
				continue
			}
			seen++
			if file.Name() == "istio-podinfo-mirror.yaml" { // a fragment: only the analysis
				doc["spec"] = merge(seed(t, "istio-podinfo.yaml")[0]["spec"].(map[string]any), doc["spec"].(map[string]any))
			}
			if got := s.admit(doc); len(got) > 0 {
				t.Errorf("%s: %s", file.Name(), strings.Join(got, "\n"))
			}
		}
	}
	if seen < 7 {
		t.Errorf("only %d objects found", seen)
	}
}

// merge replaces the analysis, as the document of the fragment tells the reader to do.
func merge(base, fragment map[string]any) map[string]any {
	base["analysis"] = fragment["analysis"]
	return base
}

func TestAdmission(t *testing.T) {
	const target = `"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"a"}`
	const knative = `"targetRef":{"apiVersion":"serving.knative.dev/v1","kind":"Service","name":"a"}`
	const svc = `"service":{"port":80}`
	const steps = `"analysis":{"interval":"1m","threshold":5,"stepWeight":10}`
	analysis := func(s string) string {
		return `{` + target + `,` + svc + `,"analysis":{"interval":"1m","threshold":5,` + s + `}}`
	}
	tests := []struct{ name, kind, spec, want string }{
		{"minimal", "Canary", `{` + target + `,` + svc + `,` + steps + `}`, ""},
		{"integral float", "Canary", analysis(`"stepWeight":10.0`), ""},
		{"compound interval", "Canary", `{` + target + `,` + svc + `,"analysis":{"interval":"1m30s","threshold":5,"stepWeight":10}}`, ""},
		{"fraction", "Canary", analysis(`"stepWeight":2.5`), "must be of type integer"},
		{"hours", "Canary", `{` + target + `,` + svc + `,"analysis":{"interval":"1h","threshold":5,"stepWeight":10}}`, "should match"},
		{"unit without number", "Canary", `{` + target + `,` + svc + `,"analysis":{"interval":"60sec","threshold":5,"stepWeight":10}}`, "should match"},
		{"two kinds of steps", "Canary", analysis(`"stepWeight":10,"iterations":0`), "exactly one of"},
		{"no steps", "Canary", analysis(`"maxWeight":50`), "exactly one of"},
		{"stepWeight 0", "Canary", analysis(`"stepWeight":0`), "would never advance"},
		{"stepWeight 0 with kubernetes", "Canary", `{"provider":"kubernetes",` + target + `,` + svc + `,"analysis":{"interval":"1m","threshold":5,"stepWeight":0}}`, ""},
		{"iterations 0", "Canary", analysis(`"iterations":0`), "would never advance"},
		{"stepWeights", "Canary", analysis(`"stepWeights":[1,2,10,80]`), ""},
		{"stepWeights fall", "Canary", analysis(`"stepWeights":[10,5]`), "must increase strictly"},
		{"stepWeights repeat", "Canary", analysis(`"stepWeights":[5,5]`), "must increase strictly"},
		{"stepWeights past 100", "Canary", analysis(`"stepWeights":[5,101]`), "should be less than or equal to 100"},
		{"steps", "Canary", analysis(`"steps":[{"weight":5,"hold":"1h30m"},{"weight":100}]`), ""},
		{"steps fall", "Canary", analysis(`"steps":[{"weight":5},{"weight":1}]`), "must increase strictly"},
		{"no service", "Canary", `{` + target + `,` + steps + `}`, "service is required"},
		{"no port", "Canary", `{` + target + `,"service":{"name":"x"},` + steps + `}`, "service.port: Required"},
		{"port range", "Canary", `{` + target + `,"service":{"port":70000},` + steps + `}`, "less than or equal to 65535"},
		{"named target port", "Canary", `{` + target + `,"service":{"port":80,"targetPort":"http"},` + steps + `}`, ""},
		{"no analysis", "Canary", `{` + target + `,` + svc + `}`, "analysis is required"},
		{"deprecated name", "Canary", `{` + target + `,` + svc + `,"canaryAnalysis":{"interval":"1m","threshold":5,"stepWeight":10}}`, ""},
		{"knative", "Canary", `{"provider":"knative",` + knative + `,` + steps + `}`, ""},
		{"knative with autoscaler", "Canary", `{` + knative + `,"autoscalerRef":{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","name":"a"},` + steps + `}`, "scales itself"},
		{"knative with istio", "Canary", `{"provider":"istio",` + knative + `,` + steps + `}`, "only be the target with provider knative"},
		{"provider knative without", "Canary", `{"provider":"knative",` + target + `,` + svc + `,` + steps + `}`, "provider knative needs"},
		{"unknown provider", "Canary", `{"provider":"istoi",` + target + `,` + svc + `,` + steps + `}`, "Unsupported value"},
		{"unsupported provider", "Canary", `{"provider":"appmesh:v1beta2",` + target + `,` + svc + `,` + steps + `}`, ""},
		{"same cookie", "Canary", analysis(`"stepWeight":10,"sessionAffinity":{"cookieName":"a","primaryCookieName":"a"}`), "must differ"},
		{"match", "Canary", analysis(`"iterations":10,"match":[{"headers":{"x":{"exact":"y"},"z":{"suffix":"q"}}}]`), ""},
		{"match twice", "Canary", analysis(`"iterations":10,"match":[{"headers":{"x":{"exact":"y","prefix":"z"}}}]`), "at most 1"},
		{"unknown hook", "Canary", analysis(`"stepWeight":10,"webhooks":[{"name":"a","url":"http://a/","type":"pre"}]`), "Unsupported value"},
		{"misspelt field", "Canary", analysis(`"stepWeight":10,"maxwait":1`), "unknown field spec.analysis.maxwait"},
		{"gate", "Canary", analysis(`"stepWeight":10,"gates":[{"name":"a","at":"promotion","timeout":"2h"}]`), ""},
		{"against the primary", "Canary", analysis(`"stepWeight":10,"metrics":[{"name":"request-duration","versusPrimary":{"maxRatio":1.2}}]`), ""},
		{"mirror without port", "Canary", `{` + target + `,"service":{"port":80,"mirror":[{"backendRef":{"name":"a"}}]},` + steps + `}`, "port is required"},
		{"alert with both", "AlertProvider", `{"type":"slack","address":"https://a/","secretRef":{"name":"a"}}`, ""},
		{"alert with neither", "AlertProvider", `{"type":"slack"}`, "set address, or secretRef"},
		{"template", "MetricTemplate", `{"provider":{"type":"keptn"},"query":"q"}`, ""},
		{"template without query", "MetricTemplate", `{"provider":{"type":"prometheus"}}`, "query: Required"},
	}
	servers := load(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			obj := documents(t, []byte(`{"apiVersion":"flagger.app/v1beta1","kind":"`+tt.kind+`","metadata":{"name":"a"},"spec":`+tt.spec+`}`))[0]
			got := strings.Join(servers[tt.kind].admit(obj), "\n")
			if tt.want == "" && got != "" {
				t.Errorf("refused: %s", got)
			}
			if !strings.Contains(got, tt.want) || (tt.want != "" && got == "") {
				t.Errorf("got %q, want it to contain %q", got, tt.want)
			}
		})
	}
}

// TestStatus checks that the status of another controller, and one that is hardly set, are kept.
func TestStatus(t *testing.T) {
	const spec = `"spec":{"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"a"},"service":{"port":80},"analysis":{"interval":"1m","threshold":5,"stepWeight":10}}`
	for _, status := range []string{
		`{}`,
		`{"phase":"","lastTransitionTime":null}`,
		`{"phase":"Succeeded","failedChecks":1,"canaryWeight":0,"iterations":-1,"trackedConfigs":{"configmap/a":"0123456789abcdef"},
		  "lastAppliedSpec":"5978589476","lastPromotedSpec":"5978589476","lastTransitionTime":"2026-01-01T00:00:00Z",
		  "sessionAffinityCookie":"a=b","conditions":[{"type":"Promoted","status":"True","reason":"Succeeded","message":"m",
		  "lastUpdateTime":"2026-01-01T00:00:00Z","lastTransitionTime":null}]}`,
	} {
		obj := documents(t, []byte(`{"apiVersion":"flagger.app/v1beta1","kind":"Canary","metadata":{"name":"a"},`+spec+`,"status":`+status+`}`))[0]
		if got := load(t)["Canary"].admit(obj); len(got) > 0 {
			t.Errorf("%s: %v", status, got)
		}
	}
}
