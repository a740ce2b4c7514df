package logs

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
)

func pod(namespace, name, app, container string, restarts int) string {
	label := "app: " + app
	if app == "canary-agent" {
		label = "app.kubernetes.io/name: " + app
	}
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: %s, labels: {%s}}
spec: {containers: [{name: %[4]s}]}
status: {phase: Running, containerStatuses: [{name: %[4]s, restartCount: %[5]d, state: {running: {}}}]}`, name, namespace, label, container, restarts)
}

func workload(name string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: test}
spec: {selector: {matchLabels: {app: %[1]s}}}`, name)
}

func agentLine(second int, canary, message string) string {
	at := fmt.Sprintf("2026-08-01T11:59:%02d", second)
	return fmt.Sprintf(`%s.500000000Z {"ts":"%s.500Z","level":"info","caller":"x.go:1","msg":"%s","canary":"%s","weight":40,"why":"a b"}`, at, at, message, canary)
}

func newProgram(t testing.TB) *clitest.Program {
	t.Helper()
	p := clitest.New(t, func(d cli.Deps) *cobra.Command { return NewLogsCmd(d, nil) })
	p.Server.Put(t, `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}, service: {port: 80}}
status: {phase: Progressing, message: x}`, workload("app"), workload("app-primary"),
		pod("canary-system", "agent-1", "canary-agent", "agent", 0),
		pod("test", "app-x", "app", "web", 0), pod("test", "app-primary-y", "app-primary", "web", 0), pod("test", "app2-z", "app2", "web", 0))
	p.Server.Log("canary-system", "agent-1", "agent",
		"2026-08-01T11:59:00.000000000Z I0801 klog says something",
		agentLine(1, "app.test", "New revision detected"),
		agentLine(2, "app2.test", "another"), agentLine(3, "app.test2", "another"), agentLine(4, "my.app.test", "another"),
		agentLine(7, "app.test", `Advance \u001b[31mred`))
	p.Server.Log("test", "app-x", "web", "2026-08-01T11:59:02.000000001Z canary one", "2026-08-01T11:59:08.1Z canary \x1b[31mtwo")
	p.Server.Log("test", "app-primary-y", "web", "2026-08-01T11:59:03.5Z primary one", "2026-08-01T11:59:03.6Z", "2026-08-01T11:59:09Z "+strings.Repeat("x", longestLine+10))
	p.Server.Log("test", "app2-z", "web", "2026-08-01T11:59:02.5Z another")
	return p
}

func TestMerged(t *testing.T) {
	p := newProgram(t)
	r := p.Run("app").Want(0, "canary one", "")
	want := `agent/agent-1: 11:59:01.500 INFO  New revision detected weight=40 why="a b"
canary/app-x web: canary one
primary/app-primary-y web: primary one
primary/app-primary-y web: 
agent/agent-1: 11:59:07.500 INFO  Advance ^[[31mred weight=40 why="a b"
canary/app-x web: canary ` + "\x1b" + `[31mtwo
primary/app-primary-y web: `
	rest, found := strings.CutPrefix(r.Out, want)
	if !found {
		t.Fatalf("printed:\n%.1500s", r.Out)
	}
	if len(rest) > longestLine+10 || !strings.HasSuffix(rest, "x…\n") {
		t.Errorf("a long line has %d bytes", len(rest))
	}
	p.Terminal = cli.Terminal{Out: true}
	if r := p.Run("app --from canary"); strings.ContainsRune(r.Out, 0x1b) {
		t.Errorf("an escape sequence reached the terminal: %q", r.Out)
	}
}

func TestChoices(t *testing.T) {
	p := newProgram(t)
	for line, want := range map[string]string{
		"app --from agent --tail 1":                                             "agent/agent-1: 11:59:07.500 INFO  Advance ^[[31mred weight=40 why=\"a b\"\n",
		"app --from agent --tail 1 --prefix=false --timestamps":                 "2026-08-01T11:59:07.500000000Z INFO  Advance ^[[31mred weight=40 why=\"a b\"\n",
		"app --from agent --tail 1 --raw --prefix=false":                        strings.SplitN(agentLine(7, "app.test", `Advance \u001b[31mred`), " ", 2)[1] + "\n",
		"app --from canary --tail 1 --prefix=false":                             "canary \x1b[31mtwo\n",
		"app --from canary --tail 0":                                            "",
		"app --from canary,primary --tail 1 -c web --timestamps --prefix=false": "2026-08-01T11:59:08.100000000Z canary \x1b[31mtwo\n2026-08-01T11:59:09.000000000Z xxx",
	} {
		r := p.Run(line)
		if r.Code != 0 || r.Err != "" || !strings.HasPrefix(r.Out, want) || want == "" && r.Out != "" {
			t.Errorf("%s: code %d\n%.300q\n%s", line, r.Code, r.Out, r.Err)
		}
	}
	p.Run("app --since 10m").Want(0, "canary one", "")
	requests := strings.Join(p.Server.Requests(), "\n")
	if !strings.Contains(requests, "log?container=web&sinceSeconds=600&timestamps=true") {
		t.Errorf("--since alone is not all since then: %s", requests)
	}
}

// TestRights: a source that may not be read is said, and the others go on.
func TestRights(t *testing.T) {
	p := newProgram(t)
	p.Server.Deny("get", "deployments")
	p.Run("app").Want(0, "agent/agent-1: ", `canary left out: cannot read Deployment app: User "ada" cannot get`)
	p.Server.Deny("list", "pods")
	r := p.Run("app").Want(1, "", "error: no log could be read")
	if !strings.Contains(r.Err, "agent left out: cannot list the pods with labels app.kubernetes.io/name=canary-agent") {
		t.Errorf("said: %s", r.Err)
	}
	p.Server.Allow("list", "pods")
	p.Server.Allow("get", "deployments")
	p.Server.Deny("get", "pods/log")
	p.Run("app").Want(1, "", `agent left out: cannot read the logs of pod agent-1: User "ada" cannot get resource "pods/log"`)
}

func TestBadInput(t *testing.T) {
	p := newProgram(t)
	for line, want := range map[string]string{
		"":                        "which canary?",
		"app app2":                "one canary at a time",
		"app --from pods":         `--from: there is no source "pods"; use agent, canary, primary`,
		"app --since=-1s":         "--since must not be negative",
		"app --tail=-2":           "--tail must be a number of lines",
		"app --tail=x":            "invalid argument",
		"app -c web --from agent": "--container is about the pods of canary and primary",
		"app --frob":              "unknown flag",
	} {
		p.Run(line).Want(2, "", want)
	}
	if n := len(p.Server.Requests()); n != 0 {
		t.Errorf("%d requests for mistakes on the command line", n)
	}
	p.Run("ap").Want(1, "", `there is no canary "ap" in namespace "test"; did you mean "app"?`)
	p.Run("app -c wob").Want(1, "", `the pods of canary "app" have no container "wob"; they have web`)
	p.Run("__complete app --from a").Want(0, "agent\n", "NoFileComp")
}

func TestFollow(t *testing.T) {
	p := newProgram(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var seen strings.Builder
	stage := 0
	p.OnOut = func(out string) {
		seen.WriteString(out)
		switch have := seen.String(); {
		case stage == 0 && strings.Contains(have, "canary \x1b[31mtwo") && strings.Contains(have, "Advance"):
			stage++
			p.Server.Log("test", "app-new", "web", "2026-08-01T12:00:01Z new pod begins")
			p.Server.Put(t, pod("test", "app-new", "app", "web", 0))
		case stage == 1 && strings.Contains(have, "canary/app-new web: new pod begins"):
			stage++
			p.Server.Log("canary-system", "agent-1", "agent", agentLine(50, "app2.test", "another"), agentLine(51, "app.test", "goes on"))
		case stage == 2 && strings.Contains(have, "goes on"):
			stage++
			p.Server.Cut() // the connection is lost, and found again
			p.Server.Log("test", "app-x", "web", "2026-08-01T12:00:05Z after the cut")
		case stage == 3 && strings.Contains(have, "after the cut"):
			stage++
			p.Server.Delete("/apis/flagger.app/v1beta1/namespaces/test/canaries/app")
		}
	}
	r := p.RunContext(ctx, "app", "-f", "--tail", "1").Want(1, "after the cut", `error: canary "app" was deleted`)
	for text, times := range map[string]int{"canary one": 0, "canary \x1b[31mtwo": 1, "new pod begins": 1, "goes on": 1, "after the cut": 1, "another": 0, "New revision": 0} {
		if n := strings.Count(r.Out, text); n != times {
			t.Errorf("%q was printed %d times, want %d", text, n, times)
		}
	}
}

// TestFollowEndedPod: a log that ends with its container is not opened again, one that is restarted is.
func TestFollowEndedPod(t *testing.T) {
	p := newProgram(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	first := true
	p.OnOut = func(out string) {
		switch {
		case strings.Contains(out, "two") && first:
			first = false
			p.Server.Log("test", "app-x", "web", "2026-08-01T12:00:06Z after the restart")
			p.Server.Put(t, pod("test", "app-x", "app", "web", 1))
		case strings.Contains(out, "after the restart"):
			cancel()
		}
	}
	p.RunContext(ctx, "app", "-f", "--from", "canary").Want(130, "after the restart", "")
}

func TestLast(t *testing.T) {
	n := 0
	read, err := last(func() (line, error) {
		if n++; n > 1000 {
			return line{}, io.EOF
		}
		return line{text: fmt.Sprint(n)}, nil
	}, 3)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for {
		l, err := read()
		if err != nil {
			break
		}
		have = append(have, l.text)
	}
	if strings.Join(have, " ") != "998 999 1000" {
		t.Errorf("kept %v", have)
	}
}

// TestRequests reads nothing but what has the labels of the three.
func TestRequests(t *testing.T) {
	p := newProgram(t)
	p.Run("app").Want(0, "canary one", "")
	if n := len(p.Server.Requests()); n != 9 { // canary, agent's pods, two workloads and their pods, three logs
		t.Errorf("%d requests:\n%s", n, strings.Join(p.Server.Requests(), "\n"))
	}
	for _, request := range p.Server.Requests() {
		if strings.Contains(request, "/pods?") && !strings.Contains(request, "labelSelector=") {
			t.Errorf("a list of all pods: %s", request)
		}
	}
}

func BenchmarkLogs(b *testing.B) {
	p := newProgram(b)
	before := 0
	for b.Loop() {
		before = len(p.Server.Requests())
		p.Run("app")
	}
	b.ReportMetric(float64(len(p.Server.Requests())-before), "requests/op")
}
