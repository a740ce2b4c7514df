package explain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// state is a file of testdata: a canary, and what was observed besides.
type state struct {
	Canary                  map[string]any    `json:"canary"`
	CanaryPods, PrimaryPods []corev1.Pod      `json:",omitempty"`
	Live                    string            `json:"live"`
	Controllers             []view.Controller `json:"controllers"`
}

func load(t *testing.T, path string) view.Canary {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := state{}
	if err := yaml.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	c, problem := view.Decode(s.Canary)
	v := view.Build(c, view.Extra{CanaryPods: s.CanaryPods, PrimaryPods: s.PrimaryPods, Problem: problem})
	v.LiveRevision, v.Controllers = s.Live, s.Controllers
	return v
}

// TestStates compares the explanation of each state with what is known to be good.
func TestStates(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(paths) < 15 {
		t.Fatalf("%d states, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			e := Explain(load(t, path), clitest.Now)
			if e.Summary == "" {
				t.Error("no summary")
			}
			var b strings.Builder
			if err := write(&b, e, clitest.Now, 80); err != nil {
				t.Fatal(err)
			}
			clitest.Golden(t, name, b.String())
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				if utf8.RuneCountInString(line) > 80 && !strings.HasPrefix(line, "  kubectl ") {
					t.Errorf("%d wide: %s", len(line), line)
				}
				for _, r := range line {
					if r < ' ' {
						t.Errorf("control character %q in %q", r, line)
					}
				}
			}
		})
	}
}

// TestNeverPanics explains views that nobody would build.
func TestNeverPanics(t *testing.T) {
	for _, phase := range []string{
		"", "Initializing", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting",
		"Finalising", "Succeeded", "Failed", "Terminating", "Terminated", "Dancing",
	} {
		for _, v := range []view.Canary{{}, {Run: &view.Run{Outcome: "x"}}, {Run: &view.Run{Paused: true, Rollback: true}}, {CurrentStep: 9}} {
			v.Phase = phase
			if e := Explain(v, time.Time{}); e.Summary == "" {
				t.Errorf("%s: no summary", phase)
			}
		}
	}
}

func TestNarrow(t *testing.T) {
	e := Explanation{Summary: "one two three four five six seven", Actions: []Action{{Command: "kubectl canary abort app -n test", Effect: "ends it"}}}
	var b strings.Builder
	if err := write(&b, e, clitest.Now, 3); err != nil {
		t.Fatal(err)
	}
	want := "one two three four\nfive six seven\n\nWhat you can do:\n  kubectl canary abort app -n test\n      ends it\n"
	if b.String() != want {
		t.Errorf("%q", b.String())
	}
}

func TestCommand(t *testing.T) {
	p := clitest.New(t, func(d cli.Deps) *cobra.Command { return NewExplainCmd(d, nil) })
	data, err := os.ReadFile("testdata/progressing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := state{}
	if err := yaml.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	p.Server.PutObject(s.Canary)
	p.Run("app -n shop").Want(0, "Canary app is under analysis: step 2 of 3", "")
	p.Run("app -n shop -o jsonpath={.kind}/{.canary}/{.phase}/{.actions[0].command}").Want(0,
		"Explanation/app/Progressing/kubectl canary promote app -n shop", "")
	p.Run("app -n shop -o yaml").Want(0, "nextTime: \"2026-08-01T12:00:12Z\"", "")
	p.Run("ap").Want(1, "", `there is no canary "ap" in namespace "test"`)
	p.Run("").Want(2, "", "which canary?")
	p.Run("app -o wide").Want(2, "", "there is no such format")
	p.Server.Deny("list", "events")
	p.Server.Deny("get", "deployments")
	p.Run("app -n shop").Want(0, "Pods are left out: you are not allowed to read the workloads.", "")
	p.Server.Deny("get", "canaries")
	p.Run("app").Want(1, "", `cannot read canary "app" in namespace "test"`)
}

func TestRequests(t *testing.T) {
	p := clitest.New(t, func(d cli.Deps) *cobra.Command { return NewExplainCmd(d, nil) })
	p.Server.Put(t, "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: app, namespace: test}\nspec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}}")
	p.Run("app").Want(0, "No agent was found in the cluster", "")
	for _, request := range p.Server.Requests() {
		if !strings.Contains(request, "/app") && !strings.Contains(request, "elector=") {
			t.Errorf("asked for more than is about the canary: %s", request)
		}
	}
	if n := len(p.Server.Requests()); n > 6 {
		t.Errorf("%d requests: %s", n, fmt.Sprint(p.Server.Requests()))
	}
}

func BenchmarkExplain(b *testing.B) {
	p := clitest.New(b, func(d cli.Deps) *cobra.Command { return NewExplainCmd(d, nil) })
	p.Server.Put(b, "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: app, namespace: test}\nspec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}}\nstatus: {phase: Succeeded, message: x}")
	before := 0
	for b.Loop() {
		before = len(p.Server.Requests())
		p.Run("app")
	}
	b.ReportMetric(float64(len(p.Server.Requests())-before), "requests/op")
}
