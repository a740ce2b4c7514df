//go:build linux

package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// configured are the configs of the application; the version that it answers with is one of them.
const configured = `
apiVersion: v1
kind: ConfigMap
metadata: {name: app-config, labels: {team: blue}}
data: {version: one}
binaryData: {logo: AAEC/w==}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: app-init}
data: {greeting: hello}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: app-shared, annotations: {flagger.app/config-tracking: disabled}}
data: {SHARED: a}
---
apiVersion: v1
kind: Secret
metadata: {name: app-secret}
stringData: {PASSWORD: first}
---
apiVersion: v1
kind: Secret
metadata: {name: app-token}
stringData: {token: first}
`

// withConfigs refers to the configs in every way there is.
func withConfigs(workload *unstructured.Unstructured) {
	var pod map[string]any
	err := yaml.Unmarshal([]byte(`
initContainers:
- name: check
  image: tkubica/web:python-1
  command: [sh, -c, 'test "$GREETING" = hello']
  env:
  - {name: GREETING, valueFrom: {configMapKeyRef: {name: app-init, key: greeting}}}
containers:
- name: app
  image: tkubica/web:python-1
  command: [sh, -c, 'test -s /etc/config/logo && test -s /etc/both/token && test -n "$PASSWORD" && test -n "$SHARED" && exec "$0"', '$(PROGRAM)']
  env:
  - {name: PORT, value: "80"}
  - {name: VERSION, valueFrom: {configMapKeyRef: {name: app-config, key: version}}}
  envFrom:
  - secretRef: {name: app-secret}
  - configMapRef: {name: app-shared}
  - configMapRef: {name: app-missing, optional: true}
  ports: [{containerPort: 80}]
  volumeMounts:
  - {name: config, mountPath: /etc/config}
  - {name: both, mountPath: /etc/both}
volumes:
- {name: config, configMap: {name: app-config}}
- name: both
  projected:
    sources:
    - secret: {name: app-token}
    - configMap: {name: app-config}
`), &pod)
	if err != nil {
		panic(err)
	}
	spec, _, _ := unstructured.NestedMap(workload.Object, "spec", "template", "spec")
	maps.Copy(spec, pod)
	_ = unstructured.SetNestedMap(workload.Object, spec, "spec", "template", "spec") // The seed's spec is a map.
}

func (s *scene) configMap(name string) (*corev1.ConfigMap, error) {
	return s.cluster.Client().CoreV1().ConfigMaps(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{})
}

// configCopy asserts what is in the primary's copy of a ConfigMap.
func (s *scene) configCopy(name string, data map[string]string, binary map[string][]byte) {
	s.Helper()
	config, err := s.configMap(name)
	if err != nil {
		s.Error(err)
		return
	}
	if !maps.Equal(config.Data, data) || !maps.EqualFunc(config.BinaryData, binary, slices.Equal) || !ownedByCanary(config) {
		s.Errorf("%s has %v and %v, owners %v; want %v and %v", name, config.Data, config.BinaryData, config.OwnerReferences, data, binary)
	}
}

func (s *scene) secretCopy(name, key, want string) {
	s.Helper()
	secret, err := s.cluster.Client().CoreV1().Secrets(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{})
	if err != nil {
		s.Error(err)
		return
	}
	if got := string(secret.Data[key]); got != want || !ownedByCanary(secret) {
		s.Errorf("%s has %s=%q, want %q", name, key, got, want)
	}
}

func (s *scene) patchConfig(name, patch string) {
	s.Helper()
	_, err := s.cluster.Client().CoreV1().ConfigMaps(s.app.Namespace).
		Patch(s.ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "e2e"})
	if err != nil {
		s.Fatal(err)
	}
}

// TestConfigTracking changes configs of an application that refers to them in every way: the primary
// has copies of its own, a change starts a run, and only the promotion brings it to the primary.
func TestConfigTracking(t *testing.T) {
	t.Parallel()
	s := rehearseWith(t, stage.App{Interval: "3s", EditWorkload: withConfigs, Edit: steps(int64(50))}, configured)
	s.admit()
	s.everybodyGets(s.load, "one")
	logo := map[string][]byte{"logo": {0, 1, 2, 255}}
	s.configCopy("app-config-primary", map[string]string{"version": "one"}, logo)
	s.configCopy("app-init-primary", map[string]string{"greeting": "hello"}, nil)
	s.secretCopy("app-secret-primary", "PASSWORD", "first")
	s.secretCopy("app-token-primary", "token", "first")
	for _, name := range []string{"app-shared-primary", "app-missing-primary"} {
		if _, err := s.configMap(name); !apierrors.IsNotFound(err) {
			t.Errorf("%s: %v, want none", name, err)
		}
	}
	// An optional one that is not there yet has to be analysed first, too, when it comes.
	s.mentions("app-config-primary", "app-init-primary", "app-missing-primary", "app-secret-primary", "app-shared", "app-token-primary")
	s.trackedAs("configmap/app-config", "configmap/app-init", "secret/app-secret", "secret/app-token")

	// Neither is a new revision: one has opted out, the other is mentioned nowhere.
	idle := s.record.Last().Status.LastAppliedSpec
	s.patchConfig("app-shared", `{"data":{"SHARED":"b"}}`)
	s.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: other}, data: {a: b}}")
	s.pass(time.Second)
	if st := s.record.Last().Status; st.Run != nil || st.LastAppliedSpec != idle {
		t.Errorf("a config that is not tracked started a run: %+v", st.Run)
	}

	s.patchConfig("app-config", `{"data":{"version":"two"},"binaryData":{"logo":"AAEC"}}`)
	held := s.until("50 %", atWeight(50))
	if run := held.Canary.Status.Run; run.Revision == idle || !strings.HasPrefix(run.Revision, before(idle, "+")+"+") {
		t.Errorf("revision %s after %s, want the same template with another fingerprint", run.Revision, idle)
	}
	s.configCopy("app-config-primary", map[string]string{"version": "one"}, logo)
	if err := s.load.WaitShare(s.ctx, "two", 0.5, 0.2, time.Second); err != nil {
		t.Error(err)
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.everybodyGets(s.load, "two")
	s.configCopy("app-config-primary", map[string]string{"version": "two"}, map[string][]byte{"logo": {0, 1, 2}})
	s.primaryRuns("python-1", 3)
	s.noFailures(nil)
	s.oneRun()
	s.onlyVersions(s.load, "one", "two")
}

func before(text, separator string) string {
	first, _, _ := strings.Cut(text, separator)
	return first
}

// onlyVersions asserts that all answers came from these.
func (s *scene) onlyVersions(g *load.Generator, versions ...string) {
	s.Helper()
	for version, n := range g.Stats().ByVersion {
		if !slices.Contains(versions, version) {
			s.Errorf("%d answers came from %q", n, version)
		}
	}
}

// mentions asserts which configs the primary's template refers to.
func (s *scene) mentions(want ...string) {
	s.Helper()
	pod := s.deployment("app-primary").Spec.Template.Spec
	names := map[string]bool{}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		for _, env := range c.Env {
			if from := env.ValueFrom; from != nil && from.ConfigMapKeyRef != nil {
				names[from.ConfigMapKeyRef.Name] = true
			}
		}
		for _, from := range c.EnvFrom {
			if from.ConfigMapRef != nil {
				names[from.ConfigMapRef.Name] = true
			}
			if from.SecretRef != nil {
				names[from.SecretRef.Name] = true
			}
		}
	}
	for _, volume := range pod.Volumes {
		if volume.ConfigMap != nil {
			names[volume.ConfigMap.Name] = true
		}
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret != nil {
				names[source.Secret.Name] = true
			}
			if source.ConfigMap != nil {
				names[source.ConfigMap.Name] = true
			}
		}
	}
	if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) {
		s.Errorf("the primary refers to %v, want %v", got, want)
	}
}

// trackedAs asserts the keys of status.trackedConfigs.
func (s *scene) trackedAs(want ...string) {
	s.Helper()
	tracked := s.record.Last().Status.TrackedConfigs
	if tracked == nil {
		s.Error("no status.trackedConfigs")
		return
	}
	if got := slices.Sorted(maps.Keys(*tracked)); !slices.Equal(got, want) {
		s.Errorf("tracked %v, want %v", got, want)
	}
}

// TestConfigTrackingRestarts changes a config twice: the second change takes the place of the first
// in mid-run, and is what the primary gets.
func TestConfigTrackingRestarts(t *testing.T) {
	t.Parallel()
	s := rehearseWith(t, stage.App{Interval: "2s", Replicas: 1, EditWorkload: withConfigs, Edit: steps(int64(20), int64(40))}, configured)
	s.patchConfig("app-config", `{"data":{"version":"two"}}`)
	first := s.until("20 %", atWeight(20)).Canary.Status.Run
	s.patchConfig("app-config", `{"data":{"version":"three"}}`)
	s.until("another run", func(c *v1beta1.Canary) bool { return c.Status.Run != nil && c.Status.Run.Revision != first.Revision })
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	if got, want := s.outcomes(), []v1beta1.RunOutcome{v1beta1.OutcomePromoted, v1beta1.OutcomeSuperseded}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	s.configCopy("app-config-primary", map[string]string{"version": "three"}, map[string][]byte{"logo": {0, 1, 2, 255}})

	// Going back to what is promoted, in mid-run, is an abort and not another run.
	n := s.record.Len()
	s.patchConfig("app-config", `{"data":{"version":"four"}}`)
	s.after(n, "20 % of the fourth", atWeight(20))
	s.patchConfig("app-config", `{"data":{"version":"three"}}`)
	s.until("Failed", stage.InPhase(v1beta1.PhaseFailed))
	if got := s.outcomes(); len(got) != 3 || got[0] != v1beta1.OutcomeAborted {
		t.Errorf("outcomes %v, want Aborted first of three", got)
	}
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
}

// TestConfigTrackingUnreadable takes away a config that has to be there and brings it back: that is
// no new revision, and the primary, which has its copy, serves on. Another content is one.
func TestConfigTrackingUnreadable(t *testing.T) {
	t.Parallel()
	s := rehearseWith(t, stage.App{Replicas: 1, EditWorkload: withConfigs, Edit: steps(int64(50))}, configured)
	idle := s.record.Last().Status
	if err := s.cluster.Client().CoreV1().Secrets(s.app.Namespace).Delete(s.ctx, "app-secret", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.pass(1500 * time.Millisecond)
	s.secretCopy("app-secret-primary", "PASSWORD", "first")
	s.apply("{apiVersion: v1, kind: Secret, metadata: {name: app-secret}, stringData: {PASSWORD: first}}")
	s.pass(1500 * time.Millisecond)
	if st := s.record.Last().Status; st.Run != nil || st.LastAppliedSpec != idle.LastAppliedSpec || st.Phase != v1beta1.PhaseInitialized {
		t.Errorf("a config that was away for a moment started a run: phase %s, run %+v", st.Phase, st.Run)
	}
	n := s.record.Len()
	s.apply("{apiVersion: v1, kind: Secret, metadata: {name: app-secret}, stringData: {PASSWORD: second}}")
	s.after(n, "50 % of another content", atWeight(50))
}
