package history

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
)

const app = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test, labels: {team: shop}}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  service: {port: 80}
  analysis:
    interval: 30s
    threshold: 5
    stepWeights: [20, 40]
    metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]
    webhooks: [{name: smoke, type: pre-rollout, url: "http://tester/"}]
    gates: [{name: qa, at: promotion}]
status:
  phase: Progressing
  canaryWeight: 20
  failedChecks: 1
  iterations: 0
  lastAppliedSpec: rs:ccc
  lastPromotedSpec: rs:aaa
  message: "Progressing: step 1 of 2, 20% of the traffic."
  run: {id: ccc-3, revision: "rs:ccc", startTime: "2026-08-01T11:58:00Z", step: 1, checks: 2, weight: 20, hooks: [{name: pre-rollout/smoke, state: Passed}]}
  steps: [{weight: 20, state: Active, startTime: "2026-08-01T11:59:00Z", failedChecks: 1}, {weight: 40, state: Pending}]
  measurements:
  - metric: request-success-rate
    unit: percent
    samples:
    - {time: "2026-08-01T11:59:30Z", value: "98.2", primary: "100", weight: 20, verdict: Fail}
    - {time: "2026-08-01T12:00:00Z", weight: 20, verdict: NoData, message: no requests}
  history:
  - {id: bbb-2, revision: "rs:bbb", startTime: "2026-08-01T10:00:00Z", endTime: "2026-08-01T10:05:00Z", outcome: RolledBack, message: "success rate 90.00% < 99%, which is a long story that goes on \u001b[31mand on", maxWeight: 40, failedChecks: 5}
  - {id: aaa-1, revision: "rs:aaa", startTime: "2026-07-30T10:00:00Z", endTime: "2026-07-30T10:20:00Z", outcome: Promoted, by: ada, maxWeight: 40}`

const flagger = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: theirs, namespace: test}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: theirs}}
status: {phase: Succeeded, lastAppliedSpec: "1"}`

const fresh = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: fresh, namespace: test}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: fresh}}
status: {phase: Initialized, message: x}`

func newProgram(t testing.TB) *clitest.Program {
	t.Helper()
	p := clitest.New(t, func(d cli.Deps) *cobra.Command { return NewHistoryCmd(d, nil) })
	p.Server.Put(t, app, flagger, fresh)
	return p
}

func TestHistory(t *testing.T) {
	p := newProgram(t)
	for name, line := range map[string]string{
		"table":      "app",
		"wide":       "app -o wide",
		"no-headers": "app --no-headers",
		"several":    "theirs app fresh",
		"all":        "--all -A",
		"json":       "app -o json",
		"run-last":   "app --run last",
		"run-old":    "app --run bbb-2",
		"run-json":   "app --run last -o yaml",
	} {
		t.Run(name, func(t *testing.T) {
			r := p.Run(line).Want(0, "rs:", "")
			clitest.Golden(t, name, r.Out)
			if strings.ContainsRune(r.Out, 0x1b) {
				t.Errorf("an escape sequence reached the terminal: %q", r.Out)
			}
		})
	}
	p.Run("app -o name").Want(0, "app\n", "")
	p.Run("-l team=shop -o jsonpath={.items[0].runs[0].id}").Want(0, "ccc-3", "")
}

func TestNothingToShow(t *testing.T) {
	p := newProgram(t)
	p.Run("fresh").Want(0, "", "canary fresh has had no run yet\n")
	p.Run("theirs").Want(0, "", "another controller runs canary theirs, and keeps no history; its events may tell: kubectl canary events theirs -n test\n")
	p.Run("theirs --run last").Want(1, "", "there is no run")
	p.Run("theirs -o jsonpath={.foreign}{.runs}").Want(0, "true[]", "keeps no history")
	p.Run("app --run zzz").Want(1, "", `canary "app" has no run "zzz"; there are ccc-3, bbb-2, aaa-1`)
	p.Run("ap").Want(1, "", `there is no canary "ap" in namespace "test"; did you mean "app"?`)
	p.Run("app ap").Want(1, "rs:ccc", `there is no canary "ap"`)
	p.Run("ap -o json").Want(1, "", `there is no canary "ap"`)
}

func TestUsage(t *testing.T) {
	p := newProgram(t)
	for line, want := range map[string]string{
		"":                       "which canary?",
		"app theirs --run last":  "--run is about one run of one canary",
		"app --run last -o wide": "cannot be combined with -o wide",
		"app -o table":           "there is no such format",
		"app --all":              "names cannot be combined",
		"app --frob":             "unknown flag",
	} {
		p.Run(line).Want(2, "", want)
	}
	if n := len(p.Server.Requests()); n != 0 {
		t.Errorf("%d requests for mistakes on the command line", n)
	}
	p.Run("__complete app --run bb").Want(0, "bbb-2\n:4\n", "NoFileComp")
	p.Server.Deny("get", "canaries")
	p.Run("app").Want(1, "", `cannot read canary "app"`)
}

// TestRequests: one for one canary.
func TestRequests(t *testing.T) {
	p := newProgram(t)
	p.Run("app --run last").Want(0, "rs:ccc", "")
	if have := p.Server.Requests(); len(have) != 1 || have[0] != "GET /apis/flagger.app/v1beta1/namespaces/test/canaries/app" {
		t.Errorf("requests: %v", have)
	}
}

func BenchmarkHistory(b *testing.B) {
	p := newProgram(b)
	before := 0
	for b.Loop() {
		before = len(p.Server.Requests())
		p.Run("app")
	}
	b.ReportMetric(float64(len(p.Server.Requests())-before), "requests/op")
}
