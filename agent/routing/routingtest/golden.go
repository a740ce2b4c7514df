package routingtest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

var update = flag.Bool("update", false, "rewrite the golden files of this package")

// Golden compares the objects with testdata/<name>.yaml, or rewrites that file under -update.
func Golden(t *testing.T, name string, objects []*unstructured.Unstructured) {
	t.Helper()
	var got bytes.Buffer
	for i, object := range objects {
		if i > 0 {
			got.WriteString("---\n")
		}
		text, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatalf("marshal object %d of %s: %v", i, name, err)
		}
		got.Write(text)
	}
	path := filepath.Join("testdata", name+".yaml")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read the golden file, or make it with -update: %v", err)
	}
	if !bytes.Equal(want, got.Bytes()) {
		t.Errorf("%s differs; if that is intended run the test with -update\n--- want\n%s--- got\n%s", path, want, got.Bytes())
	}
}

// Canary decodes a manifest strictly, so that a test cannot pass because of a typo.
func Canary(t testing.TB, manifest string) *v1beta1.Canary {
	t.Helper()
	var c v1beta1.Canary
	if err := yaml.UnmarshalStrict([]byte(manifest), &c); err != nil {
		t.Fatalf("decode the canary: %v\n%s", err, manifest)
	}
	return &c
}

// Object decodes a live object as the dynamic client does: whole numbers become int64.
func Object(t testing.TB, manifest string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(manifest))
	if err != nil {
		t.Fatalf("decode the object: %v\n%s", err, manifest)
	}
	var u unstructured.Unstructured
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatalf("decode the object: %v\n%s", err, manifest)
	}
	return &u
}
