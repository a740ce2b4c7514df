//go:build linux

package upgrade

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/load"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
	"github.com/kubectl-canary/kubectl-canary/test/testbed"
)

const (
	// actTime bounds what is done before the upgrade, and again what is done after it.
	actTime = 3 * time.Minute
	// rate of the load of one application, in requests per second.
	rate = 25
	// configName is the ConfigMap of applications that use one.
	configName = "app-config"
)

// weights of the steps of every run.
var weights = []int64{30, 60}

// scene is one application under load, whose agent is replaced.
type scene struct {
	part
	cluster *testbed.Cluster
	hooks   *hooks
	app     stage.App
	record  *stage.Record
	traffic *load.Generator
	// hold is a file: while it is there, no pod of the application starts.
	hold string
	// began is the number of statuses seen, and past are the runs, when the last release began.
	began int
	past  []string
	// then is what there was just before the upgrade.
	then picture
}

// part is what a canary does in the test.
type part struct {
	name string
	// provider of the routes; default traefik.
	provider string
	// interval of the analysis; default 1s.
	interval string
	// config makes the target use a ConfigMap, which says what version it answers with.
	config bool
	// before brings the canary from Initialized into the state in which the agent is replaced.
	before func(ctx context.Context, t *testing.T, s *scene)
	// after is what is asked of the new agent.
	after func(ctx context.Context, t *testing.T, s *scene)
	// outcomes of all runs, newest first.
	outcomes []v1beta1.RunOutcome
	// version that everybody gets at the end, and the primary's image.
	version, image string
}

// open makes the namespace of a part with its hooks.
func open(t *testing.T, c *testbed.Cluster, h *hooks, p part) *scene {
	t.Helper()
	s := &scene{part: p, cluster: c, hooks: h, hold: filepath.Join(t.TempDir(), "hold")}
	s.app = stage.App{Namespace: c.Namespace(t), Interval: p.interval, Provider: p.provider, Replicas: 1}
	if s.app.Provider == "" {
		s.app.Provider = "traefik"
	}
	if s.app.Interval == "" {
		s.app.Interval = "1s"
	}
	s.app.EditWorkload = s.editWorkload
	s.app.Edit = func(spec map[string]any) {
		spec["progressDeadlineSeconds"] = int64(300) // A promotion is held up.
		analysis, _ := spec["analysis"].(map[string]any)
		delete(analysis, "stepWeight")
		delete(analysis, "maxWeight")
		delete(analysis, "metrics")
		analysis["stepWeights"] = []any{weights[0], weights[1]}
		analysis["threshold"] = int64(1)
		analysis["webhooks"] = h.webhooks(s.app.Namespace)
	}
	var err error
	if s.record, err = stage.Watch(t.Context(), c, s.app.Namespace, "app"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) editWorkload(workload *unstructured.Unstructured) {
	containers, _, _ := unstructured.NestedSlice(workload.Object, "spec", "template", "spec", "containers")
	container, _ := containers[0].(map[string]any)
	container["command"] = []any{"sh", "-c", `while test -e "$0"; do sleep 0.1; done; exec "$1"`, s.hold, "$(PROGRAM)"}
	container["readinessProbe"] = map[string]any{"tcpSocket": map[string]any{"port": int64(80)}, "periodSeconds": int64(1)}
	if s.config {
		container["envFrom"] = []any{map[string]any{"configMapRef": map[string]any{"name": configName}}}
	}
	_ = unstructured.SetNestedSlice(workload.Object, containers, "spec", "template", "spec", "containers") // The seed's is a list.
}

// prepare brings the canary up, puts it under load, and plays what comes before the upgrade.
func (s *scene) prepare(ctx context.Context, t *testing.T, traffic context.Context) {
	t.Helper()
	if s.config {
		config := fmt.Appendf(nil, "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {VERSION: one}}", configName)
		if err := s.cluster.Apply(ctx, s.app.Namespace, config); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.app.Apply(ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	s.until(ctx, t, "Initialized", stage.InPhase(v1beta1.PhaseInitialized))
	if err := s.app.WaitServing(ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	// The first pods are the target's, which go.
	if err := s.app.WaitScaledDown(ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	var err error
	s.traffic, err = load.Start(traffic, load.Config{URL: stage.URL(s.cluster), Host: s.app.Host(), Rate: rate, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if s.before != nil {
		s.before(ctx, t, s)
	}
}

// until waits for a status that was not seen before the last release.
func (s *scene) until(ctx context.Context, t *testing.T, what string, condition func(*v1beta1.Canary) bool) v1beta1.CanaryStatus {
	t.Helper()
	seen, err := s.record.After(ctx, s.began, what, condition)
	if err != nil {
		t.Fatal(err)
	}
	return seen.Canary.Status
}

// begin tells what is seen of the next release from what was seen before it.
func (s *scene) begin() { s.began, s.past = s.record.Len(), s.runs() }

// current is the run of the last release, or nil.
func (s *scene) current(c *v1beta1.Canary) *v1beta1.RunStatus {
	if c.Status.Run == nil || slices.Contains(s.past, c.Status.Run.ID) {
		return nil
	}
	return c.Status.Run
}

// release ships a version of the image.
func (s *scene) release(ctx context.Context, t *testing.T, version string) {
	t.Helper()
	s.begin()
	if err := s.app.Release(ctx, s.cluster, version); err != nil {
		t.Fatal(err)
	}
}

// configure changes the ConfigMap of the target.
func (s *scene) configure(ctx context.Context, t *testing.T, version string) {
	t.Helper()
	s.begin()
	_, err := s.cluster.Client().CoreV1().ConfigMaps(s.app.Namespace).Patch(ctx, configName, types.MergePatchType,
		fmt.Appendf(nil, `{"data":{"VERSION":%q}}`, version), metav1.PatchOptions{FieldManager: "upgrade"})
	if err != nil {
		t.Fatal(err)
	}
}

// finish waits until the run has ended in a phase and nothing is left to be done.
func (s *scene) finish(ctx context.Context, t *testing.T, phase v1beta1.CanaryPhase) {
	t.Helper()
	s.until(ctx, t, string(phase)+" and the answer of the post-rollout hook", func(c *v1beta1.Canary) bool {
		run := s.current(c)
		return run != nil && run.Outcome != "" && stage.InPhase(phase)(c) && hookPassed(run, "post-rollout/my-post-rollout")
	})
	if err := s.app.WaitScaledDown(ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
}

func hookPassed(run *v1beta1.RunStatus, name string) bool {
	for _, hook := range run.Hooks {
		if hook.Name == name {
			return hook.State == v1beta1.HookPassed
		}
	}
	return false
}

// holdPods keeps pods that are made from now on from starting, or lets them start.
func (s *scene) holdPods(t *testing.T, hold bool) {
	t.Helper()
	var err error
	if hold {
		err = os.WriteFile(s.hold, nil, 0o600)
	} else {
		err = os.Remove(s.hold)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// copied waits until the primary's ConfigMap has the version, and asserts that the primary uses it.
func (s *scene) copied(ctx context.Context, t *testing.T, version string) {
	t.Helper()
	config, err := s.cluster.Client().CoreV1().ConfigMaps(s.app.Namespace).Get(ctx, configName+"-primary", metav1.GetOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	if want := map[string]string{"VERSION": version}; !maps.Equal(config.Data, want) {
		t.Errorf("%s has %v, want %v", config.Name, config.Data, want)
	}
	primary, err := s.cluster.Client().AppsV1().Deployments(s.app.Namespace).Get(ctx, "app-primary", metav1.GetOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	from := primary.Spec.Template.Spec.Containers[0].EnvFrom
	if len(from) != 1 || from[0].ConfigMapRef == nil || from[0].ConfigMapRef.Name != config.Name {
		t.Errorf("app-primary has envFrom %v, want %s", from, config.Name)
	}
}

// tracksConfigs is the condition that the revisions of the status speak of the configs, too.
func tracksConfigs(c *v1beta1.Canary) bool {
	return strings.Contains(c.Status.LastAppliedSpec, "+") && strings.Contains(c.Status.LastPromotedSpec, "+")
}
