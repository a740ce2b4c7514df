//go:build linux

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/test/stage"
)

// kubectlCanary runs the plugin as an operator would and returns what it wrote and its exit code.
func (s *scene) kubectlCanary(args ...string) (stdout, stderr string, code int) {
	s.Helper()
	return s.kubectlCanaryAs(s.cluster.Kubeconfig, args...)
}

// kubectlCanaryAs is kubectlCanary with another kubeconfig.
func (s *scene) kubectlCanaryAs(kubeconfig string, args ...string) (stdout, stderr string, code int) {
	s.Helper()
	cmd := exec.CommandContext(s.ctx, programs().Plugin, append(args, "-n", s.app.Namespace)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		s.Fatalf("kubectl canary %s: %v", strings.Join(args, " "), err)
	}
	s.Logf("kubectl canary %s: exit %d\n%s%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), out.String(), errOut.String())
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}

// do runs a verb that must succeed.
func (s *scene) do(args ...string) string {
	s.Helper()
	out, _, code := s.kubectlCanary(args...)
	if code != 0 {
		s.Fatalf("kubectl canary %s: exit %d", strings.Join(args, " "), code)
	}
	return out
}

// atWeight is the condition of a run that holds a weight.
func atWeight(weight int32) func(*v1beta1.Canary) bool {
	return func(c *v1beta1.Canary) bool {
		return c.Status.Phase == v1beta1.PhaseProgressing && c.Status.CanaryWeight == weight
	}
}

func TestAbort(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{})
	s.release("python-2")
	s.until("10 %", atWeight(10))
	asked := time.Now()
	s.do("abort", "app", "-y", "--reason", "seen enough")
	failed := s.until("Failed", stage.InPhase(v1beta1.PhaseFailed))
	s.atEnd("python-1")
	s.noFailures(nil)
	var last time.Time
	for _, sample := range s.load.Samples(asked, time.Time{}) {
		if sample.Version == "python-2" {
			last = sample.Time
		}
	}
	if !last.IsZero() {
		t.Logf("from the verb to the last answer of the canary: %s", last.Sub(asked).Round(time.Millisecond))
	}
	if n := s.load.Since(failed.At.Add(settle)).ByVersion["python-2"]; n > 0 {
		t.Errorf("%d requests went to the canary after the abort", n)
	}
	status := s.record.Last().Status
	if in := status.LastIntent; in == nil || in.Outcome != v1beta1.IntentAccepted || in.Verb != v1beta1.VerbAbort || in.Reason != "seen enough" || in.By == "" {
		t.Errorf("lastIntent %+v", in)
	}
	if h := status.History; len(h) != 1 || h[0].Outcome != v1beta1.OutcomeAborted || h[0].By == "" {
		t.Errorf("history %+v, want one aborted run and who did it", h)
	}
	if _, stderr, code := s.kubectlCanary("abort", "app", "-y"); code != 1 || !strings.Contains(stderr, "no run is in progress") {
		t.Errorf("second abort: exit %d, %q", code, stderr)
	}
	// The failed revision is not tried again by itself; a new one is.
	s.release("python-3")
	s.until("a new run", func(c *v1beta1.Canary) bool {
		return c.Status.Run != nil && c.Status.Run.Outcome == "" && c.Status.Phase == v1beta1.PhaseProgressing && len(c.Status.History) == 1
	})
}

func TestPromote(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{})
	s.release("python-2")
	s.until("5 %", atWeight(5))
	n := s.record.Len()
	s.do("promote", "app", "--step", "-y")
	seen, err := s.record.After(s.ctx, n, "the next step", atWeight(10))
	if err != nil {
		t.Fatal(err)
	}
	if st := seen.Canary.Status.Steps[0].State; st != v1beta1.StepSkipped && st != v1beta1.StepPassed {
		t.Errorf("first step is %s", st)
	}
	s.do("promote", "app", "-y")
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	s.noFailures(nil)
	weights := s.splitsAsWanted("python-2")
	if slices.Contains(weights, 50) {
		t.Errorf("weights %v: the promotion did not end the steps", weights)
	}
	if h := s.record.Last().Status.History; len(h) != 1 || h[0].Outcome != v1beta1.OutcomePromoted || h[0].By == "" {
		t.Errorf("history %+v, want one promoted run and who did it", h)
	}
}

func TestPauseResume(t *testing.T) {
	t.Parallel()
	s := play(t, stage.App{Interval: "1s"})
	s.release("python-2")
	s.until("10 %", atWeight(10))
	s.do("pause", "app")
	held := s.record.Last().Status
	// Checks go on while the weight is held: wait for three.
	s.until("three checks while paused", func(c *v1beta1.Canary) bool {
		return c.Status.Run != nil && c.Status.Run.Checks >= held.Run.Checks+3
	})
	if now := s.record.Last().Status; now.CanaryWeight != held.CanaryWeight || !now.Run.Paused {
		t.Errorf("weight %d after the checks, was %d", now.CanaryWeight, held.CanaryWeight)
	}
	s.do("resume", "app")
	s.until("Succeeded", stage.InPhase(v1beta1.PhaseSucceeded))
	s.atEnd("python-2")
	s.noFailures(nil)
	if got := s.splitsAsWanted("python-2"); !slices.Equal(got, fiveToFifty) {
		t.Errorf("weights %v, want %v", got, fiveToFifty)
	}
}
