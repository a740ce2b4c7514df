//go:build linux

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

func decode(t testing.TB, text []byte) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(text, &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

// seedObjects reads the documents of a seed.
func seedObjects(t testing.TB, name string) []*unstructured.Unstructured {
	t.Helper()
	root, err := stage.Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "api", "v1beta1", "testdata", "seeds", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []*unstructured.Unstructured
	for doc := range bytes.SplitSeq(content, []byte("\n---\n")) {
		all = append(all, decode(t, doc))
	}
	return all
}

// TestSeedManifestsAccepted gives every manifest of the seeds to a real API server with the
// shipped CRDs, which refuses what it would otherwise prune in silence. One seed has nothing but an
// analysis; it takes the place of the one in the manifest that it is a variant of.
func TestSeedManifestsAccepted(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{})
	for _, name := range []string{
		"istio-podinfo.yaml", "istio-podinfo-session-affinity.yaml", "istio-podinfo-mirror.yaml",
		"linkerd-quotesbackend.yaml", "osm-app.yaml", "slides-backend.yaml",
	} {
		t.Run(name, func(t *testing.T) {
			objects := seedObjects(t, name)
			if name == "istio-podinfo-mirror.yaml" {
				base := seedObjects(t, "istio-podinfo.yaml")[0]
				analysis, _, _ := unstructured.NestedMap(objects[0].Object, "spec", "analysis")
				if err := unstructured.SetNestedMap(base.Object, analysis, "spec", "analysis"); err != nil {
					t.Fatal(err)
				}
				objects[0] = base
			}
			for _, o := range objects {
				o.SetNamespace(s.app.Namespace)
				content, err := o.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				resource, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
				_, err = s.dynamic().Resource(resource).Namespace(s.app.Namespace).Patch(s.ctx, o.GetName(), types.ApplyPatchType, content,
					metav1.PatchOptions{FieldManager: "e2e", FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}})
				if err != nil {
					t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
				}
			}
		})
	}
}

// TestBadCanaryRefused gives broken Canaries to the API server: each is refused at admission, with
// the path of the field and a word on what would be accepted.
func TestBadCanaryRefused(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{})
	analysis := func(key string, value any) func(map[string]any) {
		return func(spec map[string]any) { analysisOf(spec)[key] = value }
	}
	none := func(map[string]any) {}
	for name, tt := range map[string]struct {
		edit func(spec map[string]any)
		want []string
	}{
		"good":         {edit: none},
		"no spec":      {func(spec map[string]any) { clear(spec) }, []string{"spec.targetRef: Required"}},
		"no targetRef": {func(spec map[string]any) { delete(spec, "targetRef") }, []string{"spec.targetRef: Required"}},
		"no target name": {func(spec map[string]any) {
			spec["targetRef"] = map[string]any{"apiVersion": "apps/v1", "kind": "Deployment"}
		}, []string{"spec.targetRef.name: Required"}},
		"target kind": {func(spec map[string]any) {
			spec["targetRef"] = map[string]any{"apiVersion": "v1", "kind": "Pod", "name": "app"}
		}, []string{"spec.targetRef.kind", `"Pod"`, `"Deployment"`}},
		"no service":             {func(spec map[string]any) { delete(spec, "service") }, []string{"spec.service", "required"}},
		"no port":                {func(spec map[string]any) { spec["service"] = map[string]any{"targetPort": int64(80)} }, []string{"spec.service.port: Required"}},
		"port 0":                 {func(spec map[string]any) { spec["service"] = map[string]any{"port": int64(0)} }, []string{"spec.service.port", "greater than or equal to 1"}},
		"port 70000":             {func(spec map[string]any) { spec["service"] = map[string]any{"port": int64(70000)} }, []string{"spec.service.port", "65535"}},
		"no analysis":            {func(spec map[string]any) { delete(spec, "analysis") }, []string{"spec.analysis", "analysis is required"}},
		"stepWeight 0":           {analysis("stepWeight", int64(0)), []string{"spec.analysis.stepWeight", "0 would never advance: set 1 to 100"}},
		"stepWeight 101":         {analysis("stepWeight", int64(101)), []string{"spec.analysis.stepWeight", "100"}},
		"stepWeight 2.5":         {analysis("stepWeight", 2.5), []string{"spec.analysis.stepWeight", "integer"}},
		"both kinds of steps":    {analysis("stepWeights", []any{int64(10), int64(50)}), []string{"spec.analysis", "exactly one of iterations, stepWeight, stepWeights, steps"}},
		"no steps":               {func(spec map[string]any) { delete(analysisOf(spec), "stepWeight") }, []string{"spec.analysis", "exactly one of"}},
		"decreasing stepWeights": {steps(int64(50), int64(10)), []string{"spec.analysis.stepWeights", "must increase strictly"}},
		"stepWeights 0":          {steps(int64(0), int64(10)), []string{"spec.analysis.stepWeights[0]", "greater than or equal to 1"}},
		"empty stepWeights":      {steps(), []string{"spec.analysis", "exactly one of"}},
		"interval abc":           {analysis("interval", "abc"), []string{"spec.analysis.interval", "abc"}},
		"negative interval":      {analysis("interval", "-30s"), []string{"spec.analysis.interval"}},
		"threshold as text":      {analysis("threshold", "five"), []string{"spec.analysis.threshold", "integer"}},
		"unknown provider":       {func(spec map[string]any) { spec["provider"] = "gatewayapi" }, []string{"spec.provider", `"gatewayapi"`, `"gatewayapi:v1"`, `"traefik"`}},
		"hook type": {analysis("webhooks", []any{map[string]any{"name": "x", "type": "pre-rolout", "url": "http://x.y/"}}),
			[]string{"spec.analysis.webhooks[0].type", `"pre-rolout"`, `"pre-rollout"`}},
		"unknown field": {analysis("stepweight", int64(5)), []string{`unknown field "spec.analysis.stepweight"`}},
	} {
		t.Run(name, func(t *testing.T) {
			bad := s.manifest()
			spec, _ := bad.Object["spec"].(map[string]any)
			tt.edit(spec)
			_, err := s.dynamic().Resource(stage.Canaries).Namespace(s.app.Namespace).Create(s.ctx, bad,
				metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
			switch {
			case len(tt.want) == 0 && err != nil:
				t.Errorf("refused: %v", err)
			case len(tt.want) > 0 && err == nil:
				t.Error("accepted")
			case len(tt.want) > 0 && !containsAll(err.Error(), tt.want...):
				t.Errorf("refused, but not with %q: %v", tt.want, err)
			}
		})
	}
}

// TestUnsupportedIsShown has Canaries that the schema accepts and that cannot be carried out:
// each says so in a condition, with the field and the cure, and nothing at all is done about it.
func TestUnsupportedIsShown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		app  stage.App
		want []string
	}{
		"provider": {stage.App{Provider: v1beta1.ProviderIstio}, []string{"spec.provider:", "istio", "supported: gatewayapi:v1, gatewayapi:v1beta1, knative, kubernetes, traefik"}},
		"session affinity": {stage.App{Edit: func(spec map[string]any) {
			analysisOf(spec)["sessionAffinity"] = map[string]any{"cookieName": "side"}
		}}, []string{"spec.analysis.sessionAffinity:", "provider traefik", "remove sessionAffinity"}},
		"A/B test": {stage.App{Edit: edits(steps(), func(spec map[string]any) {
			delete(analysisOf(spec), "stepWeights")
			analysisOf(spec)["iterations"] = int64(5)
			analysisOf(spec)["match"] = []any{map[string]any{"headers": map[string]any{"x-user": map[string]any{"exact": "jane"}}}}
		})}, []string{"spec.analysis.match:", "remove match for Blue/Green"}},
		"interval": {stage.App{Interval: "0s"}, []string{"spec.analysis.interval:", "must be at least 1s, such as 30s"}},
		"autoscaler": {stage.App{Edit: func(spec map[string]any) {
			spec["autoscalerRef"] = map[string]any{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "app"}
		}}, []string{"spec.autoscalerRef:", "HorizontalPodAutoscaler app", "create it, or remove spec.autoscalerRef"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.app.Replicas = 1
			s := begin(t, tt.app)
			if err := s.app.Apply(s.ctx, s.cluster); err != nil {
				t.Fatal(err)
			}
			seen := s.until("a condition Stalled", func(c *v1beta1.Canary) bool {
				stalled := conditionOf(c, v1beta1.ConditionStalled)
				return stalled != nil && stalled.Reason != "TargetNotFound" // The Deployment may be seen later.
			})
			condition := conditionOf(seen.Canary, v1beta1.ConditionStalled)
			if condition.Status != metav1.ConditionTrue || !containsAll(condition.Message, tt.want...) {
				t.Errorf("condition %+v, want a message with %q", condition, tt.want)
			}
			if ready := conditionOf(seen.Canary, v1beta1.ConditionReady); ready == nil || ready.Status != metav1.ConditionFalse {
				t.Errorf("condition Ready is %+v", ready)
			}
			s.editCanary(`{"spec":{"progressDeadlineSeconds":61}}`)
			s.untouched()
			if out := s.do("status", "app"); !strings.Contains(out, tt.want[0]) {
				t.Errorf("status does not name the field:\n%s", out)
			}
		})
	}
}

// TestTargetMissing creates the Canary before its target, and deletes the target later: a condition
// says so, and it goes on by itself as soon as the target appears.
func TestTargetMissing(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{Replicas: 1})
	canary, err := s.app.Canary()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cluster.Apply(s.ctx, s.app.Namespace, canary); err != nil {
		t.Fatal(err)
	}
	seen := s.until("TargetNotFound", stalled("TargetNotFound"))
	if m := seen.Canary.Status.Message; !containsAll(m, "Deployment app."+s.app.Namespace, "create it, or correct spec.targetRef") {
		t.Errorf("message %q", m)
	}
	s.untouched()
	if err := s.app.ApplyWorkload(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	s.until("Initialized", stage.InPhase(v1beta1.PhaseInitialized))
	if c := conditionOf(s.record.Last(), v1beta1.ConditionStalled); c != nil {
		t.Errorf("still stalled: %+v", c)
	}
	primary := s.deployment("app-primary")

	n := s.record.Len()
	// In the foreground: with its ReplicaSets left behind, the same template would get another hash.
	foreground := metav1.DeletePropagationForeground
	err = s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Delete(s.ctx, "app", metav1.DeleteOptions{PropagationPolicy: &foreground})
	if err != nil {
		t.Fatal(err)
	}
	s.after(n, "TargetNotFound", stalled("TargetNotFound"))
	n = s.record.Len()
	if err := s.app.ApplyWorkload(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	s.after(n, "a canary without a problem", func(c *v1beta1.Canary) bool { return conditionOf(c, v1beta1.ConditionStalled) == nil })
	s.eventually("the target to be at zero again", func() error { return wantReplicas(s.deployment("app"), 0) })
	if run := s.record.Last().Status.Run; run != nil {
		t.Errorf("the same revision began a run: %+v", run)
	}
	if now := s.deployment("app-primary"); now.UID != primary.UID || now.Generation != primary.Generation {
		t.Errorf("the primary was touched: generation %d, was %d", now.Generation, primary.Generation)
	}
}
