package configs_test

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/agent/workload/configs"
)

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	out := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &out.Object); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDigestIsPinned holds the values themselves: another value for the same content, after an
// upgrade of the agent or of Go, would roll out every workload of a cluster. The first four are
// what Flagger writes for the same content, by its rule: SHA-256 over the JSON of data.
func TestDigestIsPinned(t *testing.T) {
	for text, want := range map[string]string{
		`{kind: ConfigMap}`:                                      "74234e98afe7498f",
		`{kind: ConfigMap, data: {a: b}}`:                        "db4a7ecb114bc66c",
		`{kind: ConfigMap, data: {z: "<&>\u2028é", a: ""}}`:      "1526788635f81d6b",
		`{kind: Secret, data: {a: Yg==}}`:                        "3d791b164a808638",
		`{kind: ConfigMap, binaryData: {a: Yg==}}`:               "c3f97caf71d0a36b",
		`{kind: ConfigMap, data: {a: b}, binaryData: {b: Yg==}}`: "b7e5292fcec3a5ed",
	} {
		if got := configs.Digest(object(t, text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestDigestOfEqualContent(t *testing.T) {
	for what, pair := range map[string][2]string{
		"order of keys":      {`{kind: ConfigMap, data: {a: "1", b: "2"}}`, `{kind: ConfigMap, data: {b: "2", a: "1"}}`},
		"everything else":    {`{kind: ConfigMap, data: {a: "1"}}`, `{kind: ConfigMap, immutable: true, metadata: {name: x, resourceVersion: "7", labels: {a: b}}, data: {a: "1"}}`},
		"empty and absent":   {`{kind: ConfigMap}`, `{kind: ConfigMap, data: {}, binaryData: null}`},
		"lines of base64":    {`{kind: Secret, data: {a: YWJj}}`, `{kind: Secret, data: {a: "YW\nJj\n"}}`},
		"lines of binaries":  {`{kind: ConfigMap, binaryData: {a: YWJj}}`, `{kind: ConfigMap, binaryData: {a: "YW\r\nJj"}}`},
		"no text, no object": {`{kind: ConfigMap}`, `{kind: ConfigMap, data: [1]}`},
	} {
		if a, b := configs.Digest(object(t, pair[0])), configs.Digest(object(t, pair[1])); a != b {
			t.Errorf("%s: %s and %s", what, a, b)
		}
	}
	if got, want := configs.Digest(nil), configs.Digest(object(t, `{kind: ConfigMap}`)); got != want {
		t.Errorf("no object: %s, want %s", got, want)
	}
}

func TestDigestOfDifferentContent(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{
		`{kind: ConfigMap}`,
		`{kind: ConfigMap, data: {a: ""}}`,
		`{kind: ConfigMap, data: {a: b}}`,
		`{kind: ConfigMap, binaryData: {a: b}}`,
		`{kind: ConfigMap, binaryData: {a: Yg==}}`,
		`{kind: ConfigMap, data: {a: b}, binaryData: {b: Yg==}}`,
		`{kind: ConfigMap, data: {a: b, b: c}}`,
		`{kind: ConfigMap, data: {a: "b\",\"b\":\"c"}}`,
		`{kind: Secret, data: {a: "not base64!"}}`,
		`{kind: Secret, data: {a: YWJj}}`,
	} {
		digest := configs.Digest(object(t, text))
		if len(digest) != 16 {
			t.Errorf("%s: %q has not 16 characters", text, digest)
		}
		if other, ok := seen[digest]; ok {
			t.Errorf("%s and %s: both %s", text, other, digest)
		}
		seen[digest] = text
	}
}

// TestGotchaA16BinaryData sees a change of binaryData and copies it.
func TestGotchaA16BinaryData(t *testing.T) {
	before := object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: icons, namespace: shop}, data: {a: b}, binaryData: {logo: AAEC}}`)
	after := before.DeepCopy()
	after.Object["binaryData"] = map[string]any{"logo": "AAED"}
	if configs.Digest(before) == configs.Digest(after) {
		t.Error("a change of binaryData is not seen")
	}
	asText := object(t, `{kind: ConfigMap, data: {a: b}}`)
	asBinary := object(t, `{kind: ConfigMap, binaryData: {a: b}}`)
	if configs.Digest(asText) == configs.Digest(asBinary) {
		t.Error("a value that moves from data to binaryData is not seen")
	}
	rendered, err := configs.RenderCopy(canary("app", "canary-uid"), after, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedString(rendered.Object, "binaryData", "logo"); got != "AAED" {
		t.Errorf("the copy has %q", got)
	}
}

func TestFingerprint(t *testing.T) {
	if got := configs.Fingerprint(nil) + configs.Fingerprint(map[string]string{}); got != "" {
		t.Errorf("nothing tracked: %q", got)
	}
	one := map[string]string{"configmap/a": "db4a7ecb114bc66c", "secret/b": "74234e98afe7498f"}
	if got, want := configs.Fingerprint(one), "41de239a76"; got != want {
		t.Errorf("got %q, want %q: a new value rolls out every workload", got, want)
	}
	seen := map[string]bool{configs.Fingerprint(one): true}
	for what, other := range map[string]map[string]string{
		"swapped": {"configmap/a": "74234e98afe7498f", "secret/b": "db4a7ecb114bc66c"},
		"fewer":   {"configmap/a": "db4a7ecb114bc66c"},
		"kind":    {"secret/a": "db4a7ecb114bc66c", "secret/b": "74234e98afe7498f"},
	} {
		got := configs.Fingerprint(other)
		if seen[got] {
			t.Errorf("%s: the same fingerprint %s", what, got)
		}
		seen[got] = true
	}
}

func TestChanged(t *testing.T) {
	before := map[string]string{"a": "1", "b": "1", "gone": "1"}
	after := map[string]string{"a": "1", "b": "2", "come": "1"}
	if got, want := configs.Changed(before, after), []string{"b", "come", "gone"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := configs.Changed(before, before); len(got) > 0 {
		t.Errorf("nothing changed: got %v", got)
	}
	if got := configs.Changed(nil, nil); len(got) > 0 {
		t.Errorf("nothing tracked: got %v", got)
	}
}

func TestTracked(t *testing.T) {
	for text, want := range map[string]bool{
		`{kind: ConfigMap}`: true,
		`{kind: ConfigMap, metadata: {annotations: {flagger.app/config-tracking: disabled}}}`: false,
		`{kind: ConfigMap, metadata: {annotations: {flagger.app/config-tracking: disable}}}`:  false,
		`{kind: ConfigMap, metadata: {annotations: {flagger.app/config-tracking: enabled}}}`:  true,
		`{kind: Secret, type: Opaque}`:                                                                   true,
		`{kind: Secret}`:                                                                                 true,
		`{kind: Secret, type: kubernetes.io/basic-auth}`:                                                 true,
		`{kind: Secret, type: kubernetes.io/ssh-auth}`:                                                   true,
		`{kind: Secret, type: kubernetes.io/tls}`:                                                        true,
		`{kind: Secret, type: kubernetes.io/service-account-token}`:                                      false,
		`{kind: Secret, type: kubernetes.io/dockerconfigjson}`:                                           false,
		`{kind: Secret, type: helm.sh/release.v1}`:                                                       false,
		`{kind: Secret, type: Opaque, metadata: {annotations: {flagger.app/config-tracking: disabled}}}`: false,
		`{kind: Pod}`: false,
	} {
		if got := configs.Tracked(object(t, text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if configs.Tracked(nil) {
		t.Error("what does not exist is tracked")
	}
}
