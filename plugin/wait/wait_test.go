package wait

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
)

func newProgram(t testing.TB) *clitest.Program {
	t.Helper()
	return clitest.New(t, func(d cli.Deps) *cobra.Command { return NewWaitCmd(d, nil) })
}

// canary has a status in the words of the agent.
type canary struct {
	name, phase               string
	applied, promotedRevision string
	run, outcome              string // run is its revision
	more                      string
}

func (c canary) String() string {
	if c.name == "" {
		c.name = "app"
	}
	s := fmt.Sprintf(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: %[1]s, namespace: test, labels: {team: shop}}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  service: {port: 80}
  analysis: {interval: 1s, threshold: 1, stepWeight: 10}
status:
  phase: %[2]s
  canaryWeight: 0
  failedChecks: 0
  iterations: 0
  observedGeneration: 1
  lastAppliedSpec: %[3]q
  lastPromotedSpec: %[4]q
`, c.name, c.phase, c.applied, c.promotedRevision)
	if c.run != "" {
		s += fmt.Sprintf("  run: {id: %s, revision: %q, outcome: %q, paused: %t}\n", "id-"+c.run, c.run, c.outcome, strings.Contains(c.more, "paused"))
	}
	return s + c.more
}

// deployment is at a revision; unobserved leaves its controller behind.
func deployment(name, hash string, unobserved bool) string {
	generation := 7
	if unobserved {
		generation = 8
	}
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: test
  uid: uid-of-%[1]s
  generation: %[3]d
  annotations: {deployment.kubernetes.io/revision: "3"}
spec: {selector: {matchLabels: {app: %[1]s}}}
status: {observedGeneration: 7}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: %[1]s-%[2]s
  namespace: test
  labels: {app: %[1]s, pod-template-hash: %[2]s}
  annotations: {deployment.kubernetes.io/revision: "3"}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: %[1]s, uid: uid-of-%[1]s, controller: true}]
`, name, hash, generation)
}

// replaced is what the ReplicaSet of an earlier revision becomes.
func replaced(name, hash string) string {
	return strings.Replace(strings.SplitN(deployment(name, hash, false), "---\n", 2)[1], `revision: "3"`, `revision: "2"`, 1)
}

var (
	idle    = canary{phase: "Succeeded", applied: "rs:old", promotedRevision: "rs:old", run: "rs:old", outcome: "Promoted"}
	running = canary{phase: "Progressing", applied: "rs:new", promotedRevision: "rs:old", run: "rs:new"}
	done    = canary{phase: "Succeeded", applied: "rs:new", promotedRevision: "rs:new", run: "rs:new", outcome: "Promoted"}
	failed  = canary{phase: "Failed", applied: "rs:new", promotedRevision: "rs:old", run: "rs:new", outcome: "RolledBack", more: "  message: success rate 90 < 99\n"}
)

// TestAgentIsSlow is the classic trap: the target has been changed, the status speaks of the old
// revision still, and says Succeeded.
func TestAgentIsSlow(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.Server.Put(t, idle.String(), deployment("app", "new", false), replaced("app", "old"))
	p.Run("app --for=succeeded --timeout 600ms").Want(4, "app, Succeeded",
		`canary "app" has not succeeded within 600ms: it is app, Succeeded, revision rs:old; revision rs:new of Deployment app has not been taken up yet`)
	p.Run("app --for=succeeded --revision=any").Want(0, "canary.flagger.app/app condition met\n", "")

	states := []canary{running, done}
	p.OnOut = func(string) {
		if len(states) > 0 {
			p.Server.Put(t, states[0].String())
			states = states[1:]
		}
	}
	p.Run("app --for=succeeded").Want(0, "revision rs:old\n12:00:00  app, Progressing, revision rs:new, weight 0%, step 0/10\n"+
		"12:00:00  app, Succeeded, revision rs:new\ncanary.flagger.app/app condition met\n", "")
}

// TestKubernetesIsSlow has a Deployment whose controller has not seen the change yet.
func TestKubernetesIsSlow(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.Server.Put(t, idle.String(), deployment("app", "old", true))
	p.Run("app --for=succeeded --timeout 600ms").Want(4, "app, Succeeded", "which revision Deployment app has is not known yet")

	reads := 0
	p.Server.OnGet = func(resource string) {
		if reads++; resource == "deployments" && reads == 2 {
			p.Server.Put(t, deployment("app", "new", false), done.String())
		}
	}
	p.Run("app --for=succeeded").Want(0, "app, Succeeded, revision rs:new\ncanary.flagger.app/app condition met\n", "")
}

func TestGoals(t *testing.T) {
	gated := running
	gated.phase, gated.more = "WaitingPromotion", "  conditions: [{type: Promoted, status: Unknown, reason: x}, {type: Ready, status: Unknown, reason: x}]\n"
	paused := running
	paused.more = "  message: paused\n"
	promoting := canary{phase: "Finalising", applied: "rs:new", promotedRevision: "rs:new", run: "rs:new"}
	for name, c := range map[string]struct {
		state canary
		goal  string
		code  int
		err   string
	}{
		"succeeded":               {done, "succeeded", 0, ""},
		"succeeded, failed":       {failed, "succeeded", 3, `error: revision rs:new of canary "app" was rolled back: success rate 90 < 99`},
		"failed":                  {failed, "failed", 0, ""},
		"failed, succeeded":       {done, "failed", 3, `canary "app" has not failed, and cannot any more: the primary has revision rs:new, and no run is under way`},
		"promoted":                {done, "Promoted", 0, ""},
		"promoted, failed":        {failed, "promoted", 3, "was rolled back"},
		"promoted, not settled":   {promoting, "promoted", 4, "has not been promoted"},
		"paused":                  {paused, "paused", 0, ""},
		"paused, over":            {done, "paused", 3, "is not paused, and cannot any more"},
		"paused, running":         {running, "paused", 4, "is not paused within"},
		"waiting":                 {gated, "waiting", 0, ""},
		"waiting, over":           {failed, "waiting", 3, "was rolled back"},
		"phase":                   {running, "phase=progressing", 0, ""},
		"phase, over":             {done, "phase=Promoting", 3, "has not reached phase Promoting"},
		"condition":               {gated, "condition=promoted=unknown", 0, ""},
		"condition, not yet":      {gated, "condition=Ready", 4, "has not reached condition Ready=True"},
		"deleted":                 {done, "deleted", 4, "has not been deleted within"},
		"phase, later":            {done, "phase=Terminating", 4, "has not reached phase Terminating"},
		"condition of the future": {done, "condition=RouteDrift", 4, "has not reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			p.Server.Put(t, c.state.String(), deployment("app", "new", false))
			timeout := "30s"
			if c.code == cli.CodeTimeout {
				timeout = "600ms"
			}
			r := p.Run("app --timeout " + timeout + " --for=" + c.goal)
			if r.Code != c.code || !strings.Contains(r.Err, c.err) || c.code == 0 && (r.Err != "" || !strings.HasSuffix(r.Out, "condition met\n")) {
				t.Errorf("code %d, want %d\n%s%s", r.Code, c.code, r.Out, r.Err)
			}
		})
	}
}

// TestGoingBack has a target that went back to the promoted revision: the run is aborted, the phase
// is Failed, and the revision that the target has is the primary's.
func TestGoingBack(t *testing.T) {
	back := canary{phase: "Failed", applied: "rs:old", promotedRevision: "rs:old", run: "rs:new", outcome: "Aborted"}
	p := newProgram(t)
	p.Server.Put(t, back.String(), deployment("app", "old", false))
	p.Run("app --for=succeeded").Want(0, "condition met", "")
	p.Run("app --for=failed").Want(3, "app, Failed", "and cannot any more: the primary has revision rs:old")
	p.Run("app --for=succeeded --revision new").Want(3, "app, Failed", `was aborted`)
}

func TestSuperseded(t *testing.T) {
	t.Parallel()
	newer := canary{phase: "Progressing", applied: "rs:newer", promotedRevision: "rs:old", run: "rs:newer", more: `  history:
  - {id: id-1, revision: "rs:new", outcome: Superseded, message: "revision rs:newer took its place"}
`}
	t.Run("after it was taken up", func(t *testing.T) {
		p := newProgram(t)
		p.Server.Put(t, running.String(), deployment("app", "new", false))
		p.OnOut = clitest.Once(func() { p.Server.Put(t, newer.String()) })
		p.Run("app --for=succeeded").Want(3, "app, Progressing",
			`error: revision rs:new of canary "app" was superseded: revision rs:newer took its place`)
	})
	t.Run("before it was taken up", func(t *testing.T) {
		p := newProgram(t)
		p.Server.Put(t, idle.String(), deployment("app", "new", false))
		p.Server.OnGet = func(resource string) {
			if resource == "deployments" {
				p.Server.OnGet = nil
				p.Server.Put(t, deployment("app", "newer", false), replaced("app", "new"))
				p.Server.Put(t, strings.Split(newer.String(), "  history:")[0])
			}
		}
		// The target was read at new or at newer, as the race has it: either way it is no success.
		r := p.Run("app --for=succeeded --timeout 600ms")
		if r.Code != 3 && r.Code != 4 {
			t.Errorf("code %d: %s%s", r.Code, r.Out, r.Err)
		}
	})
	t.Run("taken up by way of another", func(t *testing.T) {
		between := canary{phase: "Progressing", applied: "rs:between", promotedRevision: "rs:old", run: "rs:between"}
		p := newProgram(t)
		p.Server.Put(t, idle.String(), deployment("app", "new", false))
		states := []canary{between, done}
		p.OnOut = func(string) {
			if len(states) > 0 {
				p.Server.Put(t, states[0].String())
				states = states[1:]
			}
		}
		p.Run("app --for=succeeded --timeout 5s").Want(0, "condition met", "")
	})
	t.Run("promoted, and gone on", func(t *testing.T) {
		gone := newer
		gone.more = strings.Replace(strings.Replace(newer.more, "Superseded", "Promoted", 1), "revision rs:newer took its place", "", 1)
		p := newProgram(t)
		p.Server.Put(t, running.String(), deployment("app", "new", false))
		p.OnOut = clitest.Once(func() { p.Server.Put(t, gone.String()) })
		p.Run("app --for=succeeded").Want(0, "condition met", "")
	})
}

// TestOldRecords has a revision that failed before, and is released once more.
func TestOldRecords(t *testing.T) {
	t.Parallel()
	again := idle
	again.more = "  history: [{id: id-0, revision: \"rs:new\", outcome: RolledBack}]\n"
	p := newProgram(t)
	p.Server.Put(t, again.String(), deployment("app", "new", false))
	p.Run("app --for=succeeded --timeout 600ms").Want(4, "app, Succeeded", "has not been taken up yet")
	p.Run("app --for=succeeded --timeout 600ms --revision new").Want(4, "app, Succeeded", "has not been taken up yet")
	p.Server.Put(t, deployment("app", "old", false), replaced("app", "new"))
	p.Run("app --for=succeeded --revision new").Want(3, "app, Succeeded", "revision rs:new of canary \"app\" was rolled back")
}

func TestRevisions(t *testing.T) {
	t.Parallel()
	tracked := done
	tracked.applied, tracked.promotedRevision, tracked.run = "rs:new+f00d", "rs:new+f00d", "rs:new+f00d"
	p := newProgram(t)
	p.Server.Put(t, tracked.String(), deployment("app", "new", false))
	for _, flag := range []string{"", " --revision new", " --revision rs:new", " --revision rs:new+f00d"} {
		p.Run("app --for=succeeded"+flag).Want(0, "condition met", "")
	}
	p.Run("app --for=succeeded --timeout 600ms --revision rs:new+beef").Want(4, "Succeeded", "revision rs:new+beef")
}

// TestFlagger has a controller whose revisions cannot be compared with anything.
func TestFlagger(t *testing.T) {
	t.Parallel()
	theirs := func(phase, revision, at string) string {
		return fmt.Sprintf(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}, analysis: {interval: 1m}}
status: {phase: %s, lastAppliedSpec: "%s", lastTransitionTime: "%s"}`, phase, revision, at)
	}
	p := newProgram(t)
	set := strings.Replace(deployment("app", "new", false), "  name: app-new\n", "  name: app-new\n  creationTimestamp: \"2026-08-01T11:00:00Z\"\n", 1)
	p.Server.Put(t, theirs("Succeeded", "123", "2026-08-01T10:00:00Z"), set)
	p.Run("app --for=succeeded --timeout 600ms").Want(4, "app, Succeeded", "has not been taken up yet")
	p.OnOut = clitest.Once(func() { p.Server.Put(t, theirs("Progressing", "456", "2026-08-01T11:00:01Z")) })
	p.Run("app --for=phase=Progressing").Want(0, "condition met", "")
}

func TestTargetCannotBeRead(t *testing.T) {
	p := newProgram(t)
	p.Server.Put(t, done.String())
	p.Run("app --for=succeeded").Want(0, "condition met", "its status is taken as it is: cannot read Deployment app: deployments")
	p.Server.Put(t, deployment("app", "new", false))
	p.Server.Deny("list", "replicasets")
	p.Run("app --for=succeeded").Want(0, "condition met", `canary app: it is not known which revision its target has, so its status is taken as it is`)
}

func TestSeveral(t *testing.T) {
	t.Parallel()
	b, c := failed, running
	b.name, c.name = "b", "c"
	p := newProgram(t)
	p.Server.Put(t, done.String(), b.String(), c.String(),
		deployment("app", "new", false), deployment("b", "new", false), deployment("c", "new", false))
	r := p.Run("c b app nope --for=succeeded --timeout 600ms -q")
	r.Want(3, "canary.flagger.app/app condition met\n", `error: revision rs:new of canary "b" was rolled back`)
	r.Want(3, "canary.flagger.app/app", `error: there is no canary "nope" in namespace "test"`)
	r.Want(3, "canary.flagger.app/app", `error: canary "c" has not succeeded within 600ms`)
	if strings.Count(r.Err, "\n") != 3 || strings.Count(r.Out, "\n") != 1 {
		t.Errorf("a line for each: %s%s", r.Out, r.Err)
	}
	watches := 0
	for _, request := range p.Server.Requests() {
		if strings.Contains(request, "watch=true") {
			watches++
		}
	}
	if watches != 1 {
		t.Errorf("%d watches: %v", watches, p.Server.Requests())
	}
	p.Run("--all --for=phase=Failed -A --timeout 600ms").Want(3, "canary.flagger.app/b in namespace test condition met\n", "namespace test: canary \"app\"")
	p.Run("-l team=none --for=succeeded").Want(1, "", `no canary was found in namespace "test" with labels "team=none"`)
	p.OnOut = func(line string) {
		if strings.Contains(line, "c, Progressing") {
			p.Server.Delete("/apis/flagger.app/v1beta1/namespaces/test/canaries/c")
		}
	}
	p.Run("-l team=shop --for=succeeded --timeout 5s").Want(3, "app condition met", "error: canary \"c\" was deleted")
}

func TestJSON(t *testing.T) {
	b := failed
	b.name = "b"
	p := newProgram(t)
	p.Server.Put(t, done.String(), b.String(), deployment("app", "new", false), deployment("b", "new", false))
	r := p.Run("app --for=succeeded -o jsonpath={.kind}/{.metadata.name}/{.result}/{.revision}/{.for}/{.exitCode}/{.phase}")
	if r.Out != "WaitResult/app/Met/rs:new/succeeded/0/Succeeded" {
		t.Errorf("printed %q, %s", r.Out, r.Err)
	}
	r = p.Run(`app b --for=succeeded -o jsonpath={range.items[*]}{.canary}={.result}:{.message}{"\n"}{end}`)
	r.Want(3, "app=Met:\nb=Impossible:revision rs:new of canary \"b\" was rolled back: success rate 90 < 99\n", "was rolled back")
	p.Run("b --for=succeeded -o yaml").Want(3, "exitCode: 3\n", "was rolled back")
	p.Run("app --for=succeeded -o name").Want(0, "app\n", "")
}

func TestDeleted(t *testing.T) {
	p := newProgram(t)
	remove := func() { p.Server.Delete("/apis/flagger.app/v1beta1/namespaces/test/canaries/app") }
	p.Server.Put(t, running.String(), deployment("app", "new", false))
	p.OnOut = clitest.Once(remove)
	p.Run("app --for=succeeded").Want(1, "app, Progressing", `error: canary "app" was deleted`)
	p.Server.Put(t, running.String())
	p.OnOut = clitest.Once(remove)
	p.Run("app --for=delete").Want(0, "canary.flagger.app/app condition met\n", "")
	p.Run("app --for=deleted").Want(0, "canary.flagger.app/app condition met\n", "")
	p.Server.Put(t, running.String())
	p.OnOut = nil
	p.Run("ap --for=succeeded").Want(1, "", `there is no canary "ap" in namespace "test"; did you mean "app"?`)
}

func TestConnectionLost(t *testing.T) {
	p := newProgram(t)
	p.Server.Put(t, running.String(), deployment("app", "new", false))
	p.OnOut = clitest.Once(func() { p.Server.Unreachable(true) })
	p.OnErr = func(line string) {
		if strings.HasPrefix(line, "connection lost") {
			p.Server.Unreachable(false)
		}
		if strings.HasPrefix(line, "connected again") {
			p.Server.Put(t, done.String())
		}
	}
	r := p.Run("app --for=succeeded --timeout 20s").Want(0, "condition met", "connected again\n")
	if strings.Count(r.Err, "connection lost at ") != 1 || !strings.Contains(r.Err, ", trying again: ") {
		t.Errorf("said: %s", r.Err)
	}
}

func TestUsage(t *testing.T) {
	p := newProgram(t)
	for line, want := range map[string]string{
		"app":                               "wait for what?",
		"app --for=":                        "wait for what?",
		"app --for=done":                    `--for: "done" cannot be waited for; use one of succeeded, failed, paused, promoted, waiting, deleted, phase=PHASE`,
		"app --for=phase=Done":              `--for: there is no phase "Done"; use one of Initializing, Initialized`,
		"app --for=condition=Healthy":       `there is no condition "Healthy"; use one of Promoted`,
		"app --for=condition=Ready=Maybe":   `True, False or Unknown, not "Maybe"`,
		"--for=succeeded":                   "which canary?",
		"app --all --for=succeeded":         "names cannot be combined",
		"app --for=succeeded --timeout=-1s": "--timeout must not be negative",
		"a b --for=succeeded --revision x":  "--revision names the revision of one canary",
		"app --for=deleted --revision x":    "says nothing about a deletion",
		"app --for=succeeded -o wide":       "there is no such format",
		"deployment/app --for=succeeded":    "is not a canary",
		"app --for=succeeded --frob":        "unknown flag",
	} {
		p.Run(line).Want(2, "", want)
	}
	if requests := p.Server.Requests(); len(requests) > 0 {
		t.Errorf("a mistake on the command line asked the cluster: %v", requests)
	}
	p.Server.Deny("list", "canaries")
	p.Run("app --for=succeeded").Want(1, "", `cannot watch canary "app" in namespace "test"`)
	p.Run("--all --for=succeeded -A").Want(1, "", "cannot watch canaries in all namespaces")
	p.Run("__complete app --for=ph").Want(0, "phase=WaitingPromotion\n", "ShellCompDirectiveNoFileComp")
}

// TestRequests keeps a wait cheap: one list and one watch of one canary, its target, and the
// ReplicaSets of that.
func TestRequests(t *testing.T) {
	p := newProgram(t)
	p.Server.Put(t, done.String(), deployment("app", "new", false), deployment("other", "x", false))
	p.Run("app --for=succeeded").Want(0, "condition met", "")
	var have []string
	for _, request := range p.Server.Requests() {
		if !strings.Contains(request, "watch=true") { // may not have been sent yet
			have = append(have, request)
		}
	}
	want := []string{
		"GET /apis/flagger.app/v1beta1/namespaces/test/canaries?fieldSelector=metadata.name%3Dapp&limit=50",
		"GET /apis/apps/v1/namespaces/test/deployments/app",
		"GET /apis/apps/v1/namespaces/test/replicasets?labelSelector=app%3Dapp",
	}
	if strings.Join(have, "\n") != strings.Join(want, "\n") {
		t.Errorf("requests:\n%s", strings.Join(have, "\n"))
	}
}

func BenchmarkWait(b *testing.B) {
	p := newProgram(b)
	p.Server.Put(b, done.String(), deployment("app", "new", false))
	before := 0
	for b.Loop() {
		before = len(p.Server.Requests())
		p.Run("app --for=succeeded")
	}
	b.ReportMetric(float64(len(p.Server.Requests())-before), "requests/op")
}
