//go:build linux

package e2e

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// asDaemonSet makes a DaemonSet out of the seed's Deployment. On its only node the new pod has to
// be there before the old one goes.
func asDaemonSet(workload *unstructured.Unstructured) {
	workload.SetKind("DaemonSet")
	unstructured.RemoveNestedField(workload.Object, "spec", "replicas")
	_ = unstructured.SetNestedMap(workload.Object, map[string]any{
		"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxSurge": int64(1), "maxUnavailable": int64(0)},
	}, "spec", "updateStrategy") // The seed's spec is a map.
}

func (s *scene) daemonSet(name string) *appsv1.DaemonSet {
	s.Helper()
	d, err := s.cluster.Client().AppsV1().DaemonSets(s.app.Namespace).Get(s.ctx, name, metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return d
}

// idleDaemonSet says whether the target has the marker that no node satisfies, and no pods.
func (s *scene) idleDaemonSet() error {
	d := s.daemonSet("app")
	if _, marked := d.Spec.Template.Spec.NodeSelector[v1beta1.ScaleToZeroSelector]; !marked || len(s.pods("app")) > 0 {
		return fmt.Errorf("node selector %v, %d pods", d.Spec.Template.Spec.NodeSelector, len(s.pods("app")))
	}
	return nil
}

// TestDaemonSet releases a DaemonSet: idle it has a marker instead of zero replicas, which is taken
// off for a run and is no part of its revision.
func TestDaemonSet(t *testing.T) {
	t.Parallel()
	s := perform(t, stage.App{Interval: "2s", EditWorkload: asDaemonSet, Edit: edits(steps(int64(40)), func(spec map[string]any) {
		spec["targetRef"] = map[string]any{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "app"}
	})})
	s.eventually("app to be idle", s.idleDaemonSet)
	s.everybodyGets(s.load, "python-1")
	patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":%q}]}}}}`, stage.Image("python-2"))
	_, err := s.cluster.Client().AppsV1().DaemonSets(s.app.Namespace).
		Patch(s.ctx, "app", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "e2e"})
	if err != nil {
		t.Fatal(err)
	}
	s.until("40 %", atWeight(40))
	if d := s.daemonSet("app"); len(d.Spec.Template.Spec.NodeSelector) > 0 || d.Status.NumberAvailable != 1 {
		t.Errorf("during the run: node selector %v, %d pods available", d.Spec.Template.Spec.NodeSelector, d.Status.NumberAvailable)
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.everybodyGets(s.load, "python-2")
	s.eventually("app to be idle again", s.idleDaemonSet)
	primary := s.daemonSet("app-primary")
	if _, marked := primary.Spec.Template.Spec.NodeSelector[v1beta1.ScaleToZeroSelector]; marked ||
		primary.Spec.Template.Spec.Containers[0].Image != stage.Image("python-2") || primary.Status.NumberAvailable != 1 {
		t.Errorf("primary %+v", primary.Spec.Template.Spec)
	}
	s.noFailures(nil)
	s.oneRun()
	if st := s.record.Last().Status; st.LastAppliedSpec != st.LastPromotedSpec || st.Run.Outcome != v1beta1.OutcomePromoted {
		t.Errorf("applied %s, promoted %s, outcome %s", st.LastAppliedSpec, st.LastPromotedSpec, st.Run.Outcome)
	}
}
