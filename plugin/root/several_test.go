package root

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
)

// another is canary app under another name, in another namespace if it is named NAMESPACE/NAME.
func another(name string) string {
	namespace := "test"
	if before, after, found := strings.Cut(name, "/"); found {
		namespace, name = before, after
	}
	return strings.NewReplacer("name: app\n  namespace: test", "name: "+name+"\n  namespace: "+namespace).Replace(running)
}

// agents answers the verbs on all canaries: with what is said of the name, or yes.
func (p *program) agents(refuse map[string]string) {
	var mu sync.Mutex
	p.server.OnApply = func(object clustertest.Object) {
		mu.Lock()
		defer mu.Unlock()
		metadata := object["metadata"].(map[string]any)
		annotations := metadata["annotations"].(map[string]any)
		outcome, message := "Accepted", "done"
		if why, refused := refuse[metadata["name"].(string)]; refused {
			if outcome, message = "Refused", why; why == "" {
				return
			}
		}
		object["status"].(map[string]any)["lastIntent"] = map[string]any{
			"id": annotations["kubectl-canary/id"], "verb": annotations["kubectl-canary/verb"],
			"outcome": outcome, "message": message, "time": "2026-08-01T12:00:01Z",
		}
		p.server.PutObject(object)
	}
}

func (r result) wantExactly(t *testing.T, code int, out, errOut string) {
	t.Helper()
	if r.code != code || r.out != out || r.err != errOut {
		t.Errorf("exit code %d, want %d\nstdout:\n%s\nwant:\n%s\nstderr:\n%s\nwant:\n%s", r.code, code, r.out, out, r.err, errOut)
	}
}

// One line for each canary, in the order in which they were given or are listed; the worst decides
// the code.
func TestVerbForSeveral(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, another("web"), another("api"), another("other/app"), foreign)
	p.server.Put(t, strings.Replace(another("idle"), "phase: Progressing", "phase: Succeeded", 1))
	const foreignRefused = `error: abort of canary "podinfo" was refused: Flagger's own controller runs it and reads no verbs; ` +
		"to end the run: kubectl rollout undo deployment/podinfo -n test (the run goes on, with what was there before)\n"

	p.agents(nil)
	p.run("abort web app web").wantExactly(t, 0,
		"canary.flagger.app/web aborted\ncanary.flagger.app/app aborted\n", "web: done\napp: done\n")
	p.run("abort web nope podinfo").wantExactly(t, 1, "canary.flagger.app/web aborted\n",
		"web: done\nerror: there is no canary \"nope\" in namespace \"test\"; see: kubectl canary list -A\n"+foreignRefused)
	p.run("abort --all").wantExactly(t, 0,
		"canary.flagger.app/api aborted\ncanary.flagger.app/app aborted\ncanary.flagger.app/web aborted\n",
		"api: done\napp: done\nidle skipped: no run is under way\npodinfo skipped: no run is under way\nweb: done\n")
	p.run("abort -A -l team=shop").wantExactly(t, 0,
		"canary.flagger.app/app aborted in namespace other\ncanary.flagger.app/api aborted in namespace test\n"+
			"canary.flagger.app/app aborted in namespace test\ncanary.flagger.app/web aborted in namespace test\n",
		"other/app: done\ntest/api: done\ntest/app: done\ntest/idle skipped: no run is under way\ntest/web: done\n")
	p.run("pause --all -l team=shop").want(t, 2, "", "contradict")
	p.run("pause -l team=none").want(t, 1, "", `no canary was found in namespace "test" with labels "team=none"`)
	p.run("pause").want(t, 2, "", "which canary?")
	p.run("retry --all").want(t, 0, "", "api skipped: a run is under way; retry is for a revision that has failed\n")

	p.server.Put(t, strings.Replace(foreign, "phase: Succeeded", "phase: Progressing", 1))
	p.run("abort --all --dry-run=client").want(t, 1, "canary.flagger.app/web aborted (dry run)\n", foreignRefused)
	p.server.Put(t, foreign)

	p.agents(map[string]string{"app": "too late", "web": ""})
	p.run("abort api app -y").wantExactly(t, 1, "canary.flagger.app/api aborted\n",
		"api: done\nerror: abort of canary \"app\" was refused: too late\n")
	r := p.run("abort --all --timeout 100ms")
	r.want(t, 4, "canary.flagger.app/api aborted\n", "error: no agent answered within 100ms: the verb \"abort\" stays in the annotations of canary \"web\"")
	if !strings.Contains(r.err, "was refused: too late") {
		t.Errorf("stderr: %s", r.err)
	}
	p.run("abort -A --all --wait=false").want(t, 0, "canary.flagger.app/app aborted in namespace other\n", "skipped")
	p.run("abort app web -o name --dry-run=client").wantExactly(t, 0, "canary.flagger.app/app\ncanary.flagger.app/web\n", "")
	p.run("__complete abort app a").want(t, 0, "api\tProgressing\n:4", "ShellCompDirectiveNoFileComp")
}

// Many are sent at once, though not all, and printed in order.
func TestVerbForMany(t *testing.T) {
	p := newProgram(t)
	want := ""
	for i := range 40 {
		name := fmt.Sprintf("app-%02d", i)
		p.server.Put(t, another(name))
		want += "canary.flagger.app/" + name + " paused\n"
	}
	p.agents(nil)
	r := p.run("pause --all")
	r.want(t, 0, want, "app-39: done")
	asked := 0
	for _, request := range p.server.Requests() {
		if strings.Contains(request, "selfsubjectreviews") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("who the user is was asked %d times", asked)
	}
}

func TestVerbForSeveralAsks(t *testing.T) {
	p := newProgram(t)
	p.tty.In = true
	for i := range 7 {
		p.server.Put(t, another(fmt.Sprintf("app-%d", i)))
	}
	p.server.Put(t, strings.Replace(another("idle"), "phase: Progressing", "phase: Succeeded", 1), another("other/app"))
	p.agents(nil)
	p.stdin = "n\n"
	r := p.run("abort --all")
	r.want(t, 1, "", "nothing was done")
	golden(t, "abort-all-asks", r.err)
	r = p.run("pause -A -l team=shop")
	golden(t, "pause-all-asks", r.err)
	p.run("pause app-0 app-1").want(t, 1, "", "pause 2 canaries, namespace test, context here:\n  app-0: Progressing, revision rs:7c548cbb77, weight 40%\n")
	for _, request := range p.server.Requests() {
		if strings.HasPrefix(request, "PATCH") {
			t.Fatalf("sent in spite of no: %s", request)
		}
	}
	p.stdin = "y\n"
	p.run("abort --all").want(t, 0, "canary.flagger.app/app-6 aborted\n", "Go on? [y/N] ")
	p.stdin = ""
	p.run("abort --all --yes").want(t, 0, "canary.flagger.app/app-6 aborted\n", "app-6: done")
	p.run("resume --all").want(t, 0, "", "app-0 skipped: the run is not paused\n") // Nothing to do, nothing to ask.
	p.run("abort --all --dry-run=server").want(t, 0, "canary.flagger.app/app-0 aborted (server dry run)\n", "idle skipped")
}

var intentID = regexp.MustCompile(`\b[A-Z2-7]{26}\b`)

func TestVerbOutput(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, gated, another("web"), foreign)
	p.server.Put(t, strings.Replace(another("idle"), "phase: Progressing", "phase: Succeeded", 1))
	p.agents(map[string]string{"web": "too late"})
	for name, c := range map[string]struct {
		line string
		code int
	}{
		"verb-json":     {"approve app --reason tested -o json", 0},
		"verb-yaml":     {"abort web -o yaml", 1},
		"verb-list":     {"abort --all -o yaml", 1},
		"verb-named":    {"abort app nope podinfo -o json --dry-run=client", 1},
		"verb-sent":     {"abort app --wait=false -o json", 0},
		"verb-jsonpath": {`abort app web -o jsonpath={range.items[*]}{.name}:{.outcome};{end}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := p.run(c.line)
			if r.code != c.code {
				t.Errorf("exit code %d, want %d: %s", r.code, c.code, r.err)
			}
			golden(t, name, intentID.ReplaceAllString(r.out, "ID")+"---\n"+r.err)
		})
	}
	p.tty = cli.Terminal{}
	p.run("abort app -o nonsense").want(t, 2, "", "there is no such format")
}
