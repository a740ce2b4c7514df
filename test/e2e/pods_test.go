//go:build linux

package e2e

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// killCanary kills the process of every pod of the target that runs.
func (s *scene) killCanary() {
	s.Helper()
	list, err := s.cluster.Client().CoreV1().Pods(s.app.Namespace).List(s.ctx, metav1.ListOptions{LabelSelector: "app=app"})
	if err != nil {
		s.Fatal(err)
	}
	for _, pod := range list.Items {
		// One that is not running has been killed just before.
		_ = s.cluster.Node.Kill(pod.Namespace, pod.Name, "app", syscall.SIGKILL)
	}
}

// TestCanaryPodsLost crashes the pods of the canary in mid-run, until they are held back from
// restarting: the primary gets all traffic, and when they are back the same step goes on. Requests
// fail in the moment of the crash only.
func TestCanaryPodsLost(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{Interval: "2s", Edit: steps(int64(40), int64(60))})
	s.release("python-2")
	before := s.until("40 %", atWeight(40)).Canary.Status
	n := s.record.Len()
	crash := time.Now()
	s.eventually("the agent to see the crash", func() error {
		s.killCanary()
		for _, seen := range s.record.All()[n:] {
			if seen.Canary.Status.CanaryWeight == 0 {
				return nil
			}
		}
		return errors.New("the canary still has its weight")
	})
	lost := s.after(n, "all traffic on the primary", func(c *v1beta1.Canary) bool { return c.Status.CanaryWeight == 0 })
	if st := lost.Canary.Status; st.Phase != v1beta1.PhaseProgressing || st.Run.UnreadySince == nil {
		t.Errorf("phase %s, run %+v", st.Phase, st.Run)
	}
	s.wantEvent("CanaryNotReady", "its traffic goes to the primary")
	n = s.record.Len()
	back := s.after(n, "40 % again", func(c *v1beta1.Canary) bool { return c.Status.CanaryWeight > 0 })
	if st := back.Canary.Status; st.CanaryWeight != 40 || st.Run.Step != before.Run.Step || st.Run.ID != before.Run.ID {
		t.Errorf("went on at weight %d, step %d of run %s; was at 40, %d of %s",
			st.CanaryWeight, st.Run.Step, st.Run.ID, before.Run.Step, before.Run.ID)
	}
	if stats := s.load.Window(lost.At.Add(settle), back.At); stats.ByVersion["python-2"] > 0 {
		t.Errorf("the canary answered %d requests while it had no traffic", stats.ByVersion["python-2"])
	}
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	for _, f := range s.load.Failures() {
		if f.Time.Before(crash.Add(-settle)) || f.Time.After(lost.At.Add(settle)) {
			t.Errorf("request failed long before or after the crash: %s", f)
		}
	}
}

// TestBadImage releases an image that does not exist: the canary never gets traffic, and after the
// progress deadline the run is rolled back and says why.
func TestBadImage(t *testing.T) {
	t.Parallel()
	s := rehearse(t, stage.App{Replicas: 1, Edit: edits(steps(int64(50)), func(spec map[string]any) { spec["progressDeadlineSeconds"] = int64(4) })})
	primary := s.deployment("app-primary")
	s.setImage("registry.example.com/no/such:image")
	s.until("the run", func(c *v1beta1.Canary) bool { return c.Status.Run != nil })
	s.until("Failed", stage.InPhase(v1beta1.PhaseFailed))
	run := s.lastRun()
	// By the times in the status, which are whole seconds: what is seen here can come late.
	if took := run.EndTime.Sub(run.StartTime.Time); took < 3*time.Second {
		t.Errorf("given up after %s, before the deadline", took)
	}
	if run.Outcome != v1beta1.OutcomeRolledBack || run.MaxWeight != 0 || !containsAll(run.Message, "progress deadline exceeded", "not ready", "ImagePull") {
		t.Errorf("run %+v", run)
	}
	for _, seen := range s.record.All() {
		if seen.Canary.Status.CanaryWeight != 0 {
			t.Fatalf("the canary got traffic:\n%s", s.record)
		}
	}
	s.wantEvent("RolledBack", "progress deadline exceeded")
	s.eventually("app at 0/0", func() error { return wantReplicas(s.deployment("app"), 0) })
	if now := s.deployment("app-primary"); now.Generation != primary.Generation || now.Status.ReadyReplicas != 1 {
		t.Errorf("primary at generation %d, was %d, %d ready", now.Generation, primary.Generation, now.Status.ReadyReplicas)
	}
	if out := s.do("status", "app"); !strings.Contains(out, "progress deadline exceeded") {
		t.Errorf("status does not say why:\n%s", out)
	}
}

// TestBootstrapBadImage brings a first version that does not start: neither the target nor the way
// to it is touched, the problem is shown, and a fixed version makes the canary Initialized.
func TestBootstrapBadImage(t *testing.T) {
	t.Parallel()
	s := begin(t, stage.App{Replicas: 1, Edit: steps(int64(50))})
	if err := s.app.ApplyWorkload(s.ctx, s.cluster); err != nil {
		t.Fatal(err)
	}
	s.patchTarget(map[string]any{"spec": map[string]any{"progressDeadlineSeconds": 2}})
	s.setImage("registry.example.com/no/such:image")
	target := s.deployment("app")
	canary, err := s.app.Canary()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cluster.Apply(s.ctx, s.app.Namespace, canary); err != nil {
		t.Fatal(err)
	}
	seen := s.until("PrimaryNotReady", stalled("PrimaryNotReady"))
	if m := seen.Canary.Status.Message; seen.Canary.Status.Phase != v1beta1.PhaseInitializing || !strings.Contains(m, "app-primary."+s.app.Namespace+" not ready") {
		t.Errorf("phase %s, message %q", seen.Canary.Status.Phase, m)
	}
	s.wantEvent("PrimaryNotReady", "the target serves on")
	if now := s.deployment("app"); now.Generation != target.Generation {
		t.Errorf("the target was touched: generation %d, was %d", now.Generation, target.Generation)
	}
	if _, err := s.cluster.Client().CoreV1().Services(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{}); err == nil {
		t.Error("the Service app was made although the primary serves nothing")
	}
	if _, err := s.dynamic().Resource(traefikServices).Namespace(s.app.Namespace).Get(s.ctx, "app", metav1.GetOptions{}); err == nil {
		t.Error("the route was made although the primary serves nothing")
	}
	s.release("python-1")
	s.until("Initialized", stage.InPhase(v1beta1.PhaseInitialized))
	if c := conditionOf(s.record.Last(), v1beta1.ConditionStalled); c != nil {
		t.Errorf("still stalled: %+v", c)
	}
}
