package root

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
)

const appPath = "/apis/flagger.app/v1beta1/namespaces/test/canaries/app"

// agent answers every intent, as the one in the cluster does.
func (p *program) agent(outcome, message string) {
	p.server.OnApply = func(object clustertest.Object) {
		annotations := object["metadata"].(map[string]any)["annotations"].(map[string]any)
		status := object["status"].(map[string]any)
		status["lastIntent"] = map[string]any{
			"id": annotations["kubectl-canary/id"], "verb": annotations["kubectl-canary/verb"],
			"outcome": outcome, "message": message, "time": "2026-08-01T12:00:01Z",
		}
		p.server.PutObject(object)
	}
}

func (p *program) annotations() map[string]any {
	p.t.Helper()
	annotations, _ := p.server.Get(appPath)["metadata"].(map[string]any)["annotations"].(map[string]any)
	return annotations
}

func TestVerbs(t *testing.T) {
	for line, want := range map[string]struct{ verb, out string }{
		"promote app --reason checked": {"promote", "canary.flagger.app/app promoted\n"},
		"promote canary/app --step":    {"promote-step", "canary.flagger.app/app step promoted\n"},
		"abort app -y":                 {"abort", "canary.flagger.app/app aborted\n"},
		"pause app":                    {"pause", "canary.flagger.app/app paused\n"},
		"resume app":                   {"resume", "canary.flagger.app/app resumed\n"},
		"approve app":                  {"approve", "canary.flagger.app/app approved\n"},
		"reject app --reason slow":     {"reject", "canary.flagger.app/app rejected\n"},
	} {
		t.Run(line, func(t *testing.T) {
			p := newProgram(t)
			p.server.Put(t, running)
			p.agent("Accepted", "done\x1b[31m")
			r := p.run(line)
			r.want(t, 0, want.out, "done^[[31m\n")
			if r.out != want.out {
				t.Errorf("stdout is %q, want %q", r.out, want.out)
			}
			have := p.annotations()
			for key, value := range map[string]string{
				"verb": want.verb, "by": "ada", "revision": "rs:7c548cbb77", "at": "2026-08-01T12:00:00Z",
			} {
				if have["kubectl-canary/"+key] != value {
					t.Errorf("%s is %v, want %q", key, have["kubectl-canary/"+key], value)
				}
			}
			for _, request := range p.server.Requests() {
				if strings.HasPrefix(request, "PATCH") && !strings.Contains(request, "fieldManager=kubectl-canary") {
					t.Errorf("wrong field manager: %s", request)
				}
			}
		})
	}
}

// failed is canary app after its run, with the target gone on to another revision in the meantime.
var failed = strings.NewReplacer(
	"phase: Progressing", "phase: Failed", "lastAppliedSpec: rs:7c548cbb77", "lastAppliedSpec: rs:now",
	"    step: 2\n", "    step: 2\n    outcome: RolledBack\n",
).Replace(running)

// What the agent compares: retry is about the target, a rollback about what only the agent knows.
func TestVerbsBetweenRuns(t *testing.T) {
	for line, want := range map[string]struct{ verb, out, revision string }{
		"retry app":       {"retry", "canary.flagger.app/app retried\n", "rs:now"},
		"rollback app -y": {"rollback", "canary.flagger.app/app rolled back\n", ""},
	} {
		t.Run(line, func(t *testing.T) {
			p := newProgram(t)
			p.server.Put(t, failed)
			p.agent("Accepted", "done")
			p.run(line).want(t, 0, want.out, "done\n")
			have := p.annotations()
			if have["kubectl-canary/verb"] != want.verb || have["kubectl-canary/revision"] != want.revision {
				t.Errorf("annotations: %v", have)
			}
		})
	}
}

// Where nobody reads verbs nothing is written, and what can be done instead is said.
func TestVerbsOnFlaggersCanary(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, foreign)
	for line, want := range map[string]string{
		"retry podinfo":      "kubectl rollout restart deployment/podinfo -n test",
		"promote podinfo -y": `kubectl patch canary podinfo -n test --type=merge -p '{"spec":{"skipAnalysis":true}}'`,
		"abort podinfo":      "kubectl rollout undo deployment/podinfo -n test",
		"pause podinfo":      `'{"spec":{"suspend":true}}'`,
		"resume podinfo":     `'{"spec":{"suspend":false}}'`,
		"rollback podinfo":   "kubectl rollout undo deployment/podinfo -n test",
		"approve podinfo":    "its spec has no webhook that a run waits for now",
		"reject podinfo":     "kubectl rollout undo deployment/podinfo -n test",
	} {
		verb, _, _ := strings.Cut(line, " ")
		begin := "error: " + verb + ` of canary "podinfo" was refused: Flagger's own controller runs it and reads no verbs; `
		r := p.run(line)
		r.want(t, 1, "", want)
		if !strings.HasPrefix(r.err, begin) {
			t.Errorf("%s: %s", line, r.err)
		}
	}
	for _, request := range p.server.Requests() {
		if !strings.HasPrefix(request, "GET") {
			t.Errorf("written: %s", request)
		}
	}
}

// A canary without a status, and Flagger's controller that will take it up.
func TestVerbOnNewCanaryBesideFlagger(t *testing.T) {
	p := newProgram(t)
	before, _, _ := strings.Cut(foreign, "status:")
	p.server.Put(t, before)
	p.run("pause podinfo --timeout 50ms").want(t, 4, "", "no agent is installed; see: kubectl canary install --help")
	p.server.Put(t, flagger)
	p.run("pause podinfo --timeout 50ms").want(t, 1, "", `'{"spec":{"suspend":true}}'`)
}

// flagger is the other controller.
const flagger = `apiVersion: apps/v1
kind: Deployment
metadata: {name: flagger, namespace: flagger-system, labels: {app: flagger}}
spec:
  replicas: 1
  selector: {matchLabels: {app: flagger}}
  template: {spec: {containers: [{name: flagger, image: "ghcr.io/fluxcd/flagger:1.44.0"}]}}`

// gated is canary app waiting at the second of its two gates.
var gated = strings.NewReplacer(
	"    webhooks:\n", "    gates: [{name: go, at: rollout}, {name: qa, at: promotion, timeout: 30m}]\n    webhooks:\n",
	"phase: Progressing", "phase: WaitingPromotion",
	"message: holding 40% of the traffic", "message: 'WaitingPromotion: waiting for kubectl canary approve app --gate qa.'",
	"    hooks:\n", `    gates:
    - {name: go, state: Approved, since: "2026-08-01T11:57:00Z", by: ada}
    - {name: qa, state: Waiting, since: "2026-08-01T11:58:00Z"}
    hooks:
`,
).Replace(running)

func TestGate(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, gated)
	p.agent("Accepted", "")
	for line, want := range map[string]string{
		"approve app":                   "qa", // the one that was seen to wait, not any that waits later
		"reject app":                    "qa",
		"approve app --gate go":         "go",
		"abort app":                     "",
		"approve canary/app --gate a,b": "a,b",
	} {
		p.run(line).want(t, 0, "canary.flagger.app/app", "")
		if have := p.annotations()["kubectl-canary/gate"]; have != want {
			t.Errorf("%s: gate %q, want %q", line, have, want)
		}
	}
	p.run("abort app --gate qa").want(t, 2, "", "unknown flag: --gate")
	p.runArgs(t.Context(), "__complete", "approve", "app", "--gate", "").want(t, 0, "go\nqa\n:4", "ShellCompDirectiveNoFileComp")
	p.run("__complete reject canary/app --gate q").want(t, 0, "qa\n:4", "ShellCompDirectiveNoFileComp")
	p.run("__complete retry a").want(t, 0, "app\tWaitingPromotion\n:4", "ShellCompDirectiveNoFileComp")
}

func TestQuestions(t *testing.T) {
	promoting := strings.NewReplacer("phase: Progressing", "phase: Promoting").Replace(running)
	promotionFailed := strings.NewReplacer("phase: Progressing", "phase: Failed",
		"    step: 2\n", "    step: 2\n    outcome: PromotionFailed\n").Replace(running)
	for name, c := range map[string]struct{ object, line, question string }{
		"reject":    {gated, "reject app", "Reject at gate qa revision rs:7c548cbb77, and send all traffic back to the primary?"},
		"rollback":  {failed, "rollback app", "Bring the revision that the primary had before revision rs:5d9b8cf6f4 back to it now, without checks?"},
		"promoting": {promoting, "rollback app", "Bring revision rs:5d9b8cf6f4 back to the primary now, without checks, and reject revision rs:7c548cbb77?"},
		"promotion failed": {
			promotionFailed, "rollback app",
			"Bring revision rs:5d9b8cf6f4 back to the primary now, without checks, and reject revision rs:7c548cbb77?",
		},
		"in a run": {
			running, "rollback app",
			"Give up revision rs:7c548cbb77, and bring the revision that the primary had before revision rs:5d9b8cf6f4 back",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t)
			p.server.Put(t, c.object)
			p.tty, p.stdin = cli.Terminal{In: true}, "n\n"
			p.run(c.line).want(t, 1, "", c.question)
			if p.annotations() != nil {
				t.Error("it was sent in spite of no")
			}
		})
	}
	p := newProgram(t)
	p.server.Put(t, gated)
	p.agent("Accepted", "")
	p.tty = cli.Terminal{In: true} // neither destroys anything, so neither asks
	p.run("approve app").want(t, 0, "approved", "")
	p.run("retry app").want(t, 0, "retried", "")
}

func TestVerbRefused(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.agent("Refused", "the promotion is under way already")
	p.run("abort app").want(t, 1, "", `error: abort of canary "app" was refused: the promotion is under way already`)
}

func TestVerbWithoutAgent(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.run("abort app --timeout 50ms").want(t, 4, "", "no agent answered within 50ms")
	p.run("abort app --wait=false").want(t, 0, "canary.flagger.app/app aborted\n", "")
}

func TestVerbOvertaken(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.server.OnApply = func(object clustertest.Object) {
		annotations := object["metadata"].(map[string]any)["annotations"].(map[string]any)
		annotations["kubectl-canary/id"], annotations["kubectl-canary/verb"], annotations["kubectl-canary/by"] = "another", "promote", "bob"
		p.server.PutObject(object)
	}
	r := p.run("abort app")
	r.want(t, 1, "", `error: abort of canary "app": the later verb promote by bob took its place before the agent answered; see: kubectl canary status app -n test`)
}

func TestVerbOnDeletedCanary(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.server.OnApply = func(clustertest.Object) { p.server.Delete(appPath) }
	r := p.run("abort app --timeout 2s")
	if r.code == 0 || r.out != "" {
		t.Errorf("a verb on a canary that is gone is not done: %+v", r)
	}
}

func TestVerbOnReplacedCanary(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.tty = cli.Terminal{In: true}
	p.stdin = "y\n"
	p.server.OnGet = func(resource string) {
		if resource == "canaries" { // while the question is on the screen
			p.server.Delete(appPath)
			p.server.Put(t, strings.Replace(running, "namespace: test", "namespace: test\n  uid: another", 1))
		}
	}
	p.run("abort app").want(t, 1, "", `canary "app" was deleted or made anew meanwhile; nothing was done`)
	if p.annotations() != nil {
		t.Error("the verb hit another canary")
	}
}

func TestVerbDryRun(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.tty.In = true // would ask
	p.run("promote app --dry-run client").want(t, 0, "canary.flagger.app/app promoted (dry run)\n", "")
	p.run("promote app --dry-run=server").want(t, 0, "canary.flagger.app/app promoted (server dry run)\n", "")
	if p.annotations() != nil {
		t.Error("a dry run wrote")
	}
	p.run("promote app --dry-run=maybe").want(t, 2, "", "must be none, client or server")
}

func TestVerbAsks(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.agent("Accepted", "")
	p.tty = cli.Terminal{In: true}

	p.stdin = "n\n"
	p.run("abort app").want(t, 1, "", "give up revision rs:7c548cbb77? Canary app, namespace test, context here. [y/N] ")
	if p.annotations() != nil {
		t.Error("it was sent in spite of no")
	}
	p.stdin = "yes\n"
	p.run("abort app").want(t, 0, "aborted", "[y/N]")
	p.stdin = ""
	p.run("abort app").want(t, 1, "", "nothing was done")
	p.run("pause app").want(t, 0, "paused", "")
	p.run("abort app -y").want(t, 0, "aborted", "")
}

func TestVerbForbidden(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.server.Deny("patch", "canaries")
	p.run("promote app").want(t, 1, "", `error: you may not promote canary "app" in namespace "test": the RBAC verb "patch" on canaries.flagger.app is missing; `+
		`a RoleBinding to ClusterRole canary-operator in namespace "test" gives it`)
	p.run("approve app").want(t, 1, "", "ClusterRole canary-approver")
	p.server.Allow("patch", "canaries")
	p.server.Deny("watch", "canaries")
	p.run("pause app").want(t, 1, "", `cannot wait for the answer about canary "app" in namespace "test": User "ada" cannot watch`)
}

// The answer is waited for through an outage, and so is said, once.
func TestVerbThroughAnOutage(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.server.OnApply = func(clustertest.Object) { p.server.Unreachable(true) }
	p.onErr = func(text string) {
		if strings.Contains(text, "connection lost") {
			p.agent("Accepted", "holding")
			p.server.OnApply(p.server.Get(appPath))
			p.server.Unreachable(false)
		}
	}
	r := p.run("pause app --timeout 10s")
	r.want(t, 0, "canary.flagger.app/app paused\n", "holding\n")
	if r.err != "connection lost, trying again…\nholding\n" {
		t.Errorf("stderr is %q", r.err)
	}
	p.onErr = nil
	p.server.OnApply = func(clustertest.Object) { p.server.Unreachable(true) }
	r = p.run("pause app --timeout 400ms")
	r.want(t, 4, "", "no answer was seen within 400ms, because the connection was lost (cannot watch canary \"app\": ")
	if strings.Count(r.err, "trying again") != 1 {
		t.Errorf("stderr is %q", r.err)
	}
}

func TestVerbWithoutIdentity(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	p.server.Uninstall("authentication.k8s.io/v1")
	p.agent("Accepted", "")
	p.run("pause app").want(t, 0, "paused", "")
	if by := p.annotations()["kubectl-canary/by"]; by != "" {
		t.Errorf("by is %v", by)
	}
}

func TestInterrupted(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running)
	ctx, cancel := context.WithCancel(t.Context())
	p.server.OnApply = func(clustertest.Object) { cancel() }
	r := p.runArgs(ctx, "abort", "app")
	if r.code != 130 || strings.Contains(r.err, "error") {
		t.Errorf("code %d, stderr %q", r.code, r.err)
	}
}

// finish ends the run of canary app.
func (p *program) finish(phase, outcome, message string) {
	object := p.server.Get(appPath)
	status := object["status"].(map[string]any)
	status["phase"], status["message"], status["canaryWeight"] = phase, message, 0
	status["run"].(map[string]any)["outcome"] = outcome
	p.server.PutObject(object)
}

func TestFollow(t *testing.T) {
	for name, c := range map[string]struct {
		line, phase, outcome, message string
		code                          int
		err                           string
	}{
		"promoted": {"status app --watch", "Succeeded", "Promoted", "revision promoted", 0, ""},
		"rolled back": {
			"status app -w --timeout 1m", "Failed", "RolledBack", "success rate 98 < 99", 3,
			`error: revision rs:7c548cbb77 of canary "app" was rolled back: success rate 98 < 99`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t)
			p.server.Put(t, running, target("app", "7c548cbb77"))
			p.onFirstOutput(func() { p.finish(c.phase, c.outcome, c.message) })
			r := p.run(c.line)
			r.want(t, c.code, "app, "+c.phase+", revision rs:7c548cbb77, failed checks 1/5: "+c.message, c.err)
			first, _, _ := strings.Cut(r.out, "\n")
			if want := "12:00:00  app, Progressing, revision rs:7c548cbb77, weight 40%, step 2/3, failed checks 1/5: holding 40% of the traffic"; first != want {
				t.Errorf("first line %q, want %q", first, want)
			}
		})
	}
}

// onFirstOutput calls f once the program has printed something: the first state is on the screen.
func (p *program) onFirstOutput(f func()) {
	var once sync.Once
	p.onOut = func(string) { once.Do(f) }
}

// restored is canary app after a rollback: the target is at the revision that was promoted and is
// rejected now.
var restored = func() string {
	before, _, _ := strings.Cut(running, "  steps:\n")
	return strings.NewReplacer(
		"phase: Progressing", "phase: Failed", "lastPromotedSpec: rs:5d9b8cf6f4", "lastPromotedSpec: rs:before",
		"message: holding 40% of the traffic", "message: 'Failed: revision rs:before was brought back; revision rs:7c548cbb77 is rejected.'",
		"canaryWeight: 40", "canaryWeight: 0", "failedChecks: 1", "failedChecks: 0", "    checks: 3\n", "",
		"revision: rs:7c548cbb77", "revision: rs:before", "    step: 2\n", "    step: 0\n    rollback: true\n    outcome: Restored\n",
	).Replace(before) + `  history:
  - {id: run-1, revision: "rs:before", startTime: "2026-08-01T11:58:00Z", endTime: "2026-08-01T11:59:00Z",
     outcome: Restored, message: revision rs:before was brought back, by: ada}
`
}()

// The code tells whether the revision that is asked about is the primary's.
func TestFollowAfterRollback(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, restored)
	message := `error: revision rs:7c548cbb77 of canary "app" was rolled back by ada: revision rs:before was brought back`
	p.run("status app --watch").want(t, 3, "app, Failed", message)
	p.run("status app --watch --revision 7c548cbb77").want(t, 3, "app, Failed", message)
	p.run("status app --watch --revision before").want(t, 0, "app, Failed", "")
	p.run("status app --watch --revision other --timeout 500ms").want(t, 4, "app, Failed", "has not ended")

	p = newProgram(t)
	p.server.Put(t, strings.NewReplacer("outcome: Restored,", "outcome: PromotionFailed,", "outcome: Restored\n", "outcome: PromotionFailed\n",
		"message: revision rs:before was brought back", "message: primary not ready").Replace(restored))
	p.run("status app --watch").want(t, 3, "app, Failed", `error: revision rs:before of canary "app" could not be brought back: primary not ready`)
}

func TestFollowWaitingAtGate(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, gated)
	p.run("status app --watch --timeout 500ms").want(t, 4,
		"app, WaitingPromotion, revision rs:7c548cbb77, weight 40%, step 2/3, failed checks 1/5: "+
			"gate qa waits for: kubectl canary approve app -n test --gate qa\n", "has not ended")
}

func TestFollowEnds(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, foreign, target("app", "7c548cbb77"), target("podinfo", "7c548cbb77"))
	p.run("status podinfo --watch").want(t, 0, "podinfo, Succeeded", "")
	p.run("status podinfo --watch --revision 7c548cbb77").want(t, 0, "podinfo, Succeeded", "")
	p.run("status podinfo --watch --revision other --timeout 500ms").want(t, 4, "podinfo, Succeeded",
		`canary "podinfo" has not ended within 500ms: it is podinfo, Succeeded`)
	p.run("status app --watch --timeout 500ms").want(t, 4, "app, Progressing", "has not ended within 500ms")
	p.run("status nope --watch").want(t, 1, "", `there is no canary "nope" in namespace "test"`)
	p.run("watch ap --plain").want(t, 1, "", `did you mean "app"?`)

	p.onFirstOutput(func() { p.server.Delete(appPath) })
	p.run("status app --watch").want(t, 1, "app, Progressing", `canary "app" was deleted`)
}

func TestWatchPlain(t *testing.T) {
	for name, c := range map[string]struct {
		line, phase, outcome string
		code                 int
		err                  string
	}{
		"aborted":     {"watch app --plain", "Failed", "Aborted", 3, "error: revision rs:7c548cbb77 of canary \"app\" was aborted: by ada"},
		"no terminal": {"watch app", "Succeeded", "Promoted", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t)
			p.server.Put(t, running, workload)
			p.onFirstOutput(func() { p.finish(c.phase, c.outcome, "by ada") })
			r := p.run(c.line)
			r.want(t, c.code, "phase     "+c.phase+": by ada\n", c.err)
			if strings.Count(r.out, "Advance app.test canary weight 40") != 1 {
				t.Errorf("an event from before the watch is not printed once: %s", r.out)
			}
			if strings.ContainsRune(r.out, 0x1b) {
				t.Errorf("colour in a pipe: %q", r.out)
			}
		})
	}
	p := newProgram(t)
	p.server.Put(t, running)
	p.onFirstOutput(func() { p.server.Delete(appPath) })
	p.run("watch app").want(t, 1, "the canary was deleted", `canary "app" was deleted`)
}
