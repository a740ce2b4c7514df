package configs_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/agent/workload/configs"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, object any) {
	t.Helper()
	got, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs (-update rewrites it):\n%s", path, got)
	}
}

func podTemplate(t testing.TB) map[string]any {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "pod.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := yaml.Unmarshal(content, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// TestRefsAndRename looks at a template with a reference in every place, and with names that only
// look like one.
func TestRefsAndRename(t *testing.T) {
	template := podTemplate(t)
	before := runtime.DeepCopyJSON(template)
	var asked []configs.Ref
	renamed := configs.Rename(template, func(ref configs.Ref) bool {
		asked = append(asked, ref)
		return ref.Name != "proj-secret"
	})
	if refs := configs.Refs(template); !slices.Equal(asked, refs) {
		t.Errorf("asked for %v, want each reference once: %v", asked, refs)
	}
	golden(t, "refs.yaml", asked)
	golden(t, "renamed.yaml", renamed)
	if !reflect.DeepEqual(template, before) {
		t.Error("the template that was handed in was changed")
	}
}

func TestRefsOfOnePlace(t *testing.T) {
	spec := func(s string) string { return `{"spec":` + s + `}` }
	container := func(s string) string { return spec(`{"containers":[` + s + `]}`) }
	config := func(name string) []configs.Ref { return []configs.Ref{{Kind: configs.KindConfigMap, Name: name}} }
	secret := func(name string) []configs.Ref { return []configs.Ref{{Kind: configs.KindSecret, Name: name}} }
	for what, tc := range map[string]struct {
		template string
		want     []configs.Ref
	}{
		"volume of a ConfigMap":  {spec(`{"volumes":[{"configMap":{"name":"a"}}]}`), config("a")},
		"volume of a Secret":     {spec(`{"volumes":[{"secret":{"secretName":"a"}}]}`), secret("a")},
		"projected ConfigMap":    {spec(`{"volumes":[{"projected":{"sources":[{"configMap":{"name":"a"}}]}}]}`), config("a")},
		"projected Secret":       {spec(`{"volumes":[{"projected":{"sources":[{"secret":{"name":"a"}}]}}]}`), secret("a")},
		"env of a ConfigMap":     {container(`{"env":[{"valueFrom":{"configMapKeyRef":{"name":"a"}}}]}`), config("a")},
		"env of a Secret":        {container(`{"env":[{"valueFrom":{"secretKeyRef":{"name":"a"}}}]}`), secret("a")},
		"envFrom of a ConfigMap": {container(`{"envFrom":[{"configMapRef":{"name":"a"}}]}`), config("a")},
		"envFrom of a Secret":    {container(`{"envFrom":[{"secretRef":{"name":"a"}}]}`), secret("a")},
		"init container":         {spec(`{"initContainers":[{"envFrom":[{"secretRef":{"name":"a"}}]}]}`), secret("a")},
		"optional": {
			container(`{"envFrom":[{"secretRef":{"name":"a","optional":true}}]}`),
			[]configs.Ref{{Kind: configs.KindSecret, Name: "a", Optional: true}},
		},
		"mandatory, then optional": {container(`{"envFrom":[{"secretRef":{"name":"a"}},{"secretRef":{"name":"a","optional":true}}]}`), secret("a")},
		"optional, then mandatory": {container(`{"envFrom":[{"secretRef":{"name":"a","optional":true}},{"secretRef":{"name":"a"}}]}`), secret("a")},
		"one name, two kinds": {
			container(`{"envFrom":[{"secretRef":{"name":"a","optional":true}},{"configMapRef":{"name":"a"}}]}`),
			[]configs.Ref{{Kind: configs.KindConfigMap, Name: "a"}, {Kind: configs.KindSecret, Name: "a", Optional: true}},
		},
		"image pull secret":   {spec(`{"imagePullSecrets":[{"name":"a"}]}`), nil},
		"CSI":                 {spec(`{"volumes":[{"csi":{"nodePublishSecretRef":{"name":"a"}}}]}`), nil},
		"ephemeral container": {spec(`{"ephemeralContainers":[{"envFrom":[{"secretRef":{"name":"a"}}]}]}`), nil},
		"without a name":      {container(`{"envFrom":[{"secretRef":{"optional":true}}]}`), nil},
		"of another form":     {`{"spec":{"volumes":{"configMap":"a"},"containers":[1,null,{"env":"a"}]}}`, nil},
		"empty":               {`{}`, nil},
	} {
		var template map[string]any
		if err := json.Unmarshal([]byte(tc.template), &template); err != nil {
			t.Fatal(err)
		}
		if got := configs.Refs(template); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", what, got, tc.want)
		}
	}
}

func TestCheckNames(t *testing.T) {
	config := func(name string) configs.Ref { return configs.Ref{Kind: configs.KindConfigMap, Name: name} }
	secret := configs.Ref{Kind: configs.KindSecret, Name: "a-primary"}
	if err := configs.CheckNames([]configs.Ref{config("a"), config("b-primary"), secret}); err != nil {
		t.Error(err)
	}
	err := configs.CheckNames([]configs.Ref{config("a-primary"), config("a")})
	if err == nil || !strings.Contains(err.Error(), "configmap/a and configmap/a-primary") {
		t.Errorf("a copy that overwrites a config: error %v", err)
	}
}

func FuzzRename(f *testing.F) {
	template, err := json.Marshal(podTemplate(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(template))
	f.Add(`{"spec":{"volumes":[null,{"projected":{"sources":[{"secret":{"name":"a-primary"}}]}}]}}`)
	f.Add(`{"spec":{"containers":[{"env":[{"valueFrom":{"configMapKeyRef":{"name":1}}}]}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var template map[string]any
		if json.Unmarshal([]byte(text), &template) != nil {
			return
		}
		refs := configs.Refs(template)
		renamed := configs.Rename(template, func(configs.Ref) bool { return true })
		after := configs.Refs(renamed)
		if len(after) != len(refs) {
			t.Fatalf("%d references became %d", len(refs), len(after))
		}
		for i := range after {
			if !strings.HasSuffix(after[i].Name, "-primary") {
				t.Errorf("%v is not a copy's name", after[i])
			}
		}
		if changed := renames(t, template, renamed); changed == 0 && len(refs) > 0 {
			t.Error("nothing was renamed")
		}
		if untouched := configs.Rename(template, func(configs.Ref) bool { return false }); !reflect.DeepEqual(untouched, template) {
			t.Error("a template without tracked references was changed")
		}
	})
}

// renames counts the texts that got a suffix, and fails on any other difference. It does not know
// where references are.
func renames(t *testing.T, before, after any) (n int) {
	switch before := before.(type) {
	case map[string]any:
		now, _ := after.(map[string]any)
		if len(now) != len(before) || (now == nil) != (before == nil) {
			t.Fatalf("%v became %v", before, after)
		}
		for key := range before {
			n += renames(t, before[key], now[key])
		}
	case []any:
		now, _ := after.([]any)
		if len(now) != len(before) {
			t.Fatalf("%v became %v", before, after)
		}
		for i := range before {
			n += renames(t, before[i], now[i])
		}
	case string:
		if after == before+"-primary" {
			return 1
		}
		if after != before {
			t.Fatalf("%q became %v", before, after)
		}
	default:
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%v became %v", before, after)
		}
	}
	return n
}
