package root

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// now is the time of all tests.
var now = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// program runs command lines against one API server.
type program struct {
	t      *testing.T
	server *clustertest.Server
	config string
	stdin  string
	tty    cli.Terminal
	name   string // argv[0]; empty for the usual one
	// onOut and onErr see what is written, at once.
	onOut, onErr func(string)
}

// tee calls f for each write.
type tee struct {
	*bytes.Buffer
	f func(string)
}

func (w tee) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if w.f != nil {
		w.f(string(p))
	}
	return n, err
}

func newProgram(t *testing.T) *program {
	t.Helper()
	server := clustertest.New(t)
	return &program{t: t, server: server, config: server.Kubeconfig(t)}
}

type result struct {
	out, err string
	code     int
}

// run is one command line, split at spaces.
func (p *program) run(line string) result {
	p.t.Helper()
	return p.runArgs(p.t.Context(), strings.Fields(line)...)
}

func (p *program) runArgs(ctx context.Context, args ...string) result {
	p.t.Helper()
	p.t.Setenv("KUBECONFIG", p.config)
	var out, errOut bytes.Buffer
	deps := NewDeps(genericiooptions.IOStreams{In: strings.NewReader(p.stdin), Out: tee{&out, p.onOut}, ErrOut: tee{&errOut, p.onErr}},
		cli.Build{Version: "v1.2.3", Commit: "abc"})
	deps.Now = func() time.Time { return now }
	deps.Terminal = p.tty
	code := Main(ctx, deps, append([]string{cmp.Or(p.name, "kubectl-canary")}, args...))
	return result{out.String(), errOut.String(), code}
}

// want checks the code, and that both outputs contain what they should.
func (r result) want(t *testing.T, code int, out, errOut string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.out, r.err)
	}
	for _, c := range []struct{ name, have, want string }{{"stdout", r.out, out}, {"stderr", r.err, errOut}} {
		if c.want == "" && c.have != "" {
			t.Errorf("%s should be empty, but is: %s", c.name, c.have)
		}
		if !strings.Contains(c.have, c.want) {
			t.Errorf("%s should contain %q, but is: %s", c.name, c.want, c.have)
		}
	}
}

func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != have {
		t.Errorf("%s differs; rewrite with -update\nhave:\n%s\nwant:\n%s", path, have, want)
	}
}

const running = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: app
  namespace: test
  generation: 3
  creationTimestamp: "2026-07-30T12:00:00Z"
  labels: {team: shop}
  managedFields: [{manager: kubectl, operation: Update, apiVersion: flagger.app/v1beta1}]
spec:
  provider: traefik
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  service: {port: 8080}
  analysis:
    interval: 30s
    threshold: 5
    stepWeight: 20
    maxWeight: 60
    metrics:
    - name: request-success-rate
      thresholdRange: {min: 99}
    - name: request-duration
      thresholdRange: {max: 500}
    webhooks:
    - {name: smoke, type: pre-rollout, url: "http://tester.test/"}
    - {name: load, url: "http://tester.test/"}
status:
  phase: Progressing
  canaryWeight: 40
  failedChecks: 1
  iterations: 0
  observedGeneration: 3
  lastAppliedSpec: rs:7c548cbb77
  lastPromotedSpec: rs:5d9b8cf6f4
  lastTransitionTime: "2026-08-01T11:58:00Z"
  message: holding 40% of the traffic
  nextActionTime: "2026-08-01T12:00:20Z"
  run:
    id: run-1
    revision: rs:7c548cbb77
    startTime: "2026-08-01T11:58:00Z"
    phaseStartTime: "2026-08-01T11:58:00Z"
    step: 2
    holdStartTime: "2026-08-01T11:59:50.000000Z"
    checks: 3
    hooks:
    - {name: pre-rollout/smoke, state: Passed, lastTime: "2026-08-01T11:58:30Z"}
  steps:
  - {weight: 20, state: Passed, startTime: "2026-08-01T11:58:30Z", endTime: "2026-08-01T11:59:40Z", failedChecks: 1}
  - {weight: 40, state: Active, startTime: "2026-08-01T11:59:40Z"}
  - {weight: 60, state: Pending}
  measurements:
  - metric: request-success-rate
    unit: percent
    min: "99"
    samples:
    - {time: "2026-08-01T11:59:00Z", value: "98.2", weight: 20, verdict: Fail}
    - {time: "2026-08-01T11:59:30Z", value: "99.9512", primary: "100", weight: 20, verdict: Pass}
  - metric: request-duration
    unit: milliseconds
    max: "500"
    samples:
    - {time: "2026-08-01T11:59:30Z", weight: 20, verdict: NoData, message: no requests within 1m}
  conditions:
  - {type: Promoted, status: Unknown, reason: Progressing, message: "New revision detected, progressing canary analysis."}`

const foreign = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo, namespace: test, creationTimestamp: "2026-08-01T11:00:00Z"}
spec:
  provider: istio
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  service: {port: 9898}
  analysis: {interval: 1m, threshold: 10, stepWeights: [1, 5, 50]}
status:
  phase: Succeeded
  canaryWeight: 0
  failedChecks: 0
  iterations: 0
  lastAppliedSpec: 7c548cbb77
  lastPromotedSpec: 7c548cbb77
  lastTransitionTime: "2026-08-01T11:30:00Z"
  conditions:
  - {type: Promoted, status: "True", reason: Succeeded, message: "Canary analysis completed successfully, promotion finished."}`

const broken = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: broken, namespace: test, creationTimestamp: "2026-08-01T11:59:00Z"}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: broken}
  analysis: {interval: 1m, threshold: 10, stepWeight: 10}
status: {phase: 7, canaryWeight: many}`

const hostile = "apiVersion: flagger.app/v1beta1\nkind: Canary\n" +
	"metadata: {name: evil, namespace: other, creationTimestamp: \"2026-08-01T11:59:00Z\"}\n" +
	"spec:\n  targetRef: {apiVersion: apps/v1, kind: Deployment, name: evil}\n" +
	"  analysis: {interval: 1m, threshold: 10, stepWeight: 10}\n" +
	"status: {phase: Progressing, canaryWeight: 4000, failedChecks: -3, iterations: 0, message: \"\\e]0;owned\\a\\e[31mred\\nsecond line\\u202e\"}"

const workload = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: test}
spec:
  selector: {matchLabels: {app: app}}
  template:
    spec:
      containers:
      - {name: app, image: "shop/app:2.0", ports: [{containerPort: 53, protocol: UDP}, {containerPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-primary, namespace: test}
spec:
  selector: {matchLabels: {app: app-primary}}
  template:
    spec:
      containers: [{name: app, image: "shop/app:1.0"}]
---
apiVersion: v1
kind: Pod
metadata: {name: app-7c548cbb77-x, namespace: test, labels: {app: app}, creationTimestamp: "2026-08-01T11:58:10Z"}
spec: {containers: [{name: app}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, ready: false, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: app-primary-5d9b8cf6f4-y, namespace: test, labels: {app: app-primary}, creationTimestamp: "2026-07-30T12:00:00Z"}
spec: {containers: [{name: app}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "True"}]
  containerStatuses: [{name: app, ready: true, state: {running: {}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: unrelated, namespace: test, labels: {app: other}}
spec: {containers: [{name: app}]}
---
apiVersion: v1
kind: Event
metadata: {name: app.1, namespace: test}
involvedObject: {kind: Canary, name: app, uid: uid-of-app}
type: Warning
reason: Synced
message: Halt app.test advancement, success rate 98.20% < 99%
count: 1
lastTimestamp: "2026-08-01T11:59:00Z"
---
apiVersion: v1
kind: Event
metadata: {name: app.2, namespace: test}
involvedObject: {kind: Canary, name: app, uid: uid-of-app}
type: Normal
reason: Synced
message: Advance app.test canary weight 40
count: 1
lastTimestamp: "2026-08-01T11:59:40Z"`
