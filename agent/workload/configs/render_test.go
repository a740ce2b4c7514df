package configs_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/agent/workload"
	"github.com/kubectl-canary/kubectl-canary/agent/workload/configs"
	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func canary(name, uid string) *v1beta1.Canary {
	return &v1beta1.Canary{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: types.UID(uid)},
		Spec:       v1beta1.CanarySpec{TargetRef: v1beta1.TargetReference{Kind: "Deployment", Name: name}},
	}
}

const liveConfigMap = `
apiVersion: v1
kind: ConfigMap
immutable: true
metadata:
  name: settings
  namespace: shop
  uid: source-uid
  resourceVersion: "9"
  labels: {team: shop, kustomize.toolkit.fluxcd.io/name: shop, other: label}
  annotations: {note: not copied}
  ownerReferences: [{apiVersion: v1, kind: Thing, name: thing, uid: thing-uid, controller: true}]
data: {colour: blue, size: "3"}
binaryData: {logo: AAEC}
`

const liveSecret = `
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {name: cert, namespace: shop, labels: {team: shop}}
data: {tls.crt: Y3J0, tls.key: a2V5}
`

func TestRenderCopy(t *testing.T) {
	var all []any
	for _, text := range []string{liveConfigMap, liveSecret} {
		live := object(t, text)
		rendered, err := configs.RenderCopy(canary("app", "canary-uid"), live, nil, workload.Prefixes{"team", "kustomize"})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rendered.Object)
		if configs.Digest(rendered) != configs.Digest(live) {
			t.Errorf("%s: the copy has another digest than what it was copied from", live.GetName())
		}
		rendered.Object["data"].(map[string]any)["new"] = "key"
		if data, _, _ := unstructured.NestedMap(live.Object, "data"); data["new"] != nil {
			t.Errorf("%s: the copy shares its data with the live object", live.GetName())
		}
		delete(rendered.Object["data"].(map[string]any), "new")
	}
	golden(t, "copies.yaml", all)
}

// TestRenderCopyOfSharedConfig lets two Canaries mention one ConfigMap. The API server accepts one
// controller, and one field manager applies for both.
func TestRenderCopyOfSharedConfig(t *testing.T) {
	first, second := canary("app", "uid-1"), canary("other", "uid-2")
	live := object(t, liveConfigMap)
	made, err := configs.RenderCopy(first, live, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := configs.RenderCopy(second, live, made, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := controllers(shared); len(got) != 1 || got[0] != "app" || len(shared.GetOwnerReferences()) != 2 {
		t.Errorf("owners %v, want both with app as the controller", shared.GetOwnerReferences())
	}
	if workload.OwnedBy(shared, second) {
		t.Error("the second canary took the copy over")
	}
	again, err := configs.RenderCopy(first, live, shared, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := controllers(again); len(got) != 1 || got[0] != "app" || len(again.GetOwnerReferences()) != 2 {
		t.Errorf("owners %v, want both still", again.GetOwnerReferences())
	}
	if !configs.Current(again, shared) || !configs.Current(shared, again) {
		t.Error("the two canaries write the copy in turns")
	}
}

func TestRenderCopyOwners(t *testing.T) {
	c := canary("app", "new-uid")
	for what, tc := range map[string]struct {
		live       string
		controller bool
		owners     int
	}{
		"none":            {`{}`, true, 1},
		"ours already":    {`{ownerReferences: [{apiVersion: flagger.app/v1beta1, kind: Canary, name: app, uid: new-uid, controller: true}]}`, true, 1},
		"an owner":        {`{ownerReferences: [{apiVersion: v1, kind: Thing, name: thing, uid: thing-uid}]}`, true, 1},
		"a controller":    {`{ownerReferences: [{apiVersion: v1, kind: Thing, name: thing, uid: thing-uid, controller: true}]}`, false, 1},
		"our predecessor": {`{ownerReferences: [{apiVersion: flagger.app/v1beta1, kind: Canary, name: app, uid: old-uid, controller: true}]}`, false, 1},
	} {
		liveCopy := object(t, `{apiVersion: v1, kind: ConfigMap, metadata: `+tc.live+`}`)
		rendered, err := configs.RenderCopy(c, object(t, liveConfigMap), liveCopy, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := workload.OwnedBy(rendered, c); got != tc.controller || len(rendered.GetOwnerReferences()) != tc.owners {
			t.Errorf("%s: %v, want controller %v", what, rendered.GetOwnerReferences(), tc.controller)
		}
	}
}

func TestRenderCopyRefuses(t *testing.T) {
	c := canary("app", "canary-uid")
	for what, tc := range map[string]struct{ live, liveCopy, want string }{
		"other kind":      {`{kind: Pod, metadata: {name: x, namespace: shop}}`, ``, "shop/x"},
		"other type":      {liveSecret, `{kind: Secret, type: Opaque}`, "delete Secret shop/cert-primary"},
		"immutable copy":  {liveConfigMap, `{kind: ConfigMap, immutable: true, data: {old: content}}`, "delete ConfigMap shop/settings-primary"},
		"data of no form": {`{kind: ConfigMap, metadata: {name: x, namespace: shop}, data: [1]}`, ``, "its data is not a map"},
	} {
		var liveCopy *unstructured.Unstructured
		if tc.liveCopy != "" {
			liveCopy = object(t, tc.liveCopy)
		}
		if _, err := configs.RenderCopy(c, object(t, tc.live), liveCopy, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", what, err, tc.want)
		}
	}
	if _, err := configs.RenderCopy(c, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "shop/app") {
		t.Errorf("nothing to copy: error %v", err)
	}
	same := object(t, liveConfigMap)
	if _, err := configs.RenderCopy(c, same, same, nil); err != nil {
		t.Errorf("an immutable copy with the right content is in order: %v", err)
	}
}

// TestGotchaC6ErrorsHaveNoSecrets spoils Secrets in every way that is an error.
func TestGotchaC6ErrorsHaveNoSecrets(t *testing.T) {
	const password = "hunter2"
	c := canary("app", "canary-uid")
	meta := `metadata: {name: x, namespace: shop}`
	for _, texts := range [][2]string{
		{`{kind: Secret, ` + meta + `, data: hunter2}`, `{kind: Secret}`},
		{`{kind: Secret, ` + meta + `, data: [hunter2]}`, `{kind: Secret}`},
		{`{kind: Secret, ` + meta + `, data: {a: b}, binaryData: hunter2}`, `{kind: Secret}`},
		{`{kind: Secret, ` + meta + `, data: {a: hunter2}}`, `{kind: Secret, type: other, data: {b: hunter2}}`},
		{`{kind: Secret, ` + meta + `, data: {a: hunter2}}`, `{kind: Secret, immutable: true, data: {a: hunter2, b: hunter2}}`},
	} {
		_, err := configs.RenderCopy(c, object(t, texts[0]), object(t, texts[1]), nil)
		if err == nil {
			t.Errorf("%s: no error", texts[0])
			continue
		}
		if strings.Contains(err.Error(), password) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

func TestCurrentAndStray(t *testing.T) {
	c := canary("app", "canary-uid")
	rendered, err := configs.RenderCopy(c, object(t, liveConfigMap), nil, workload.Prefixes{"team"})
	if err != nil {
		t.Fatal(err)
	}
	if configs.Current(rendered, nil) {
		t.Error("a copy that does not exist is current")
	}
	if _, needed := configs.Stray(rendered, nil); needed {
		t.Error("a copy that does not exist has stray keys")
	}
	for what, tc := range map[string]struct {
		edit    func(live map[string]any)
		current bool
		stray   string
	}{
		"as rendered":   {func(map[string]any) {}, true, ""},
		"more metadata": {func(live map[string]any) { live["metadata"].(map[string]any)["annotations"] = map[string]any{"a": "b"} }, true, ""},
		"other value":   {func(live map[string]any) { live["data"].(map[string]any)["colour"] = "red" }, false, ""},
		"other label":   {func(live map[string]any) { live["metadata"].(map[string]any)["labels"] = map[string]any{} }, false, ""},
		"no owner":      {func(live map[string]any) { delete(live["metadata"].(map[string]any), "ownerReferences") }, false, ""},
		"missing key":   {func(live map[string]any) { delete(live["data"].(map[string]any), "colour") }, false, ""},
		"stray key":     {func(live map[string]any) { live["data"].(map[string]any)["old"] = "hunter2" }, false, `{"data":{"old":null}}`},
		"moved key": {func(live map[string]any) {
			delete(live, "binaryData")
			live["data"].(map[string]any)["logo"] = "text"
		}, false, `{"data":{"logo":null}}`},
		"stray binary": {func(live map[string]any) { live["binaryData"].(map[string]any)["old"] = "AAEC" }, false, `{"binaryData":{"old":null}}`},
	} {
		live := rendered.DeepCopy()
		tc.edit(live.Object)
		if got := configs.Current(rendered, live); got != tc.current {
			t.Errorf("%s: current %v, want %v", what, got, tc.current)
		}
		patch, needed := configs.Stray(rendered, live)
		if string(patch) != tc.stray || needed != (tc.stray != "") {
			t.Errorf("%s: patch %s, needed %v; want %s", what, patch, needed, tc.stray)
		}
	}
}

// TestGotchaB23CopyIsWhatWasAnalysed edits a config between the analysis and the promotion: the
// digests of the objects that would be copied tell it before anything is written.
func TestGotchaB23CopyIsWhatWasAnalysed(t *testing.T) {
	live := object(t, liveConfigMap)
	key := configs.Ref{Kind: configs.KindConfigMap, Name: "settings"}.Key()
	analysed := map[string]string{key: configs.Digest(live)}
	rendered, err := configs.RenderCopy(canary("app", "canary-uid"), live, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := map[string]string{key: configs.Digest(rendered)}; configs.Fingerprint(got) != configs.Fingerprint(analysed) {
		t.Error("the copy of the analysed content is told to be another revision")
	}
	live.Object["data"].(map[string]any)["colour"] = "red"
	if configs.Digest(rendered) == configs.Digest(live) {
		t.Error("the copy followed an edit that was made after it was rendered")
	}
	now := map[string]string{key: configs.Digest(live)}
	if changed := configs.Changed(analysed, now); len(changed) != 1 || changed[0] != "configmap/settings" ||
		configs.Fingerprint(now) == configs.Fingerprint(analysed) {
		t.Errorf("the edit is not seen: %v", changed)
	}
}

func controllers(o *unstructured.Unstructured) (names []string) {
	for _, owner := range o.GetOwnerReferences() {
		if owner.Controller != nil && *owner.Controller {
			names = append(names, owner.Name)
		}
	}
	return names
}
