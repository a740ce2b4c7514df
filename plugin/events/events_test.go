package events

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
)

const app = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, service: {port: 80}}
status: {phase: Progressing}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: test}
spec: {selector: {matchLabels: {app: app}}}
---
apiVersion: v1
kind: Pod
metadata: {name: app-x, namespace: test, labels: {app: app}}
---
apiVersion: v1
kind: Pod
metadata: {name: app2-x, namespace: test, labels: {app: app2}}`

func event(name, kind, of, kindOfEvent, message, last string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Event
metadata: {name: %s, namespace: test}
involvedObject: {kind: %s, name: %s, uid: uid-of-%s}
type: %s
reason: NewRevision
message: "%s"
count: 3
firstTimestamp: "2026-08-01T11:00:00Z"
lastTimestamp: "%s"`, name, kind, of, of, kindOfEvent, message, last)
}

func newProgram(t testing.TB) *clitest.Program {
	t.Helper()
	p := clitest.New(t, func(d cli.Deps) *cobra.Command { return NewEventsCmd(d, nil) })
	p.Server.Put(t, app,
		event("e2", "Canary", "app", "Warning", `Halt \e[31mred`, "2026-08-01T11:59:00Z"),
		event("e1", "Canary", "app", "Normal", "New revision detected", "2026-08-01T11:58:00Z"),
		event("e3", "Canary", "app2", "Normal", "another canary", "2026-08-01T11:58:00Z"),
		event("e4", "Pod", "app-x", "Warning", "Back-off", "2026-08-01T11:58:30Z"),
		event("e5", "Pod", "app2-x", "Warning", "another pod", "2026-08-01T11:58:30Z"),
		event("e6", "Deployment", "web", "Normal", "Scaled up", "2026-08-01T11:57:30Z"))
	return p
}

func TestEvents(t *testing.T) {
	p := newProgram(t)
	for name, line := range map[string]string{
		"table":    "app",
		"warnings": "app --types warning --no-headers",
		"around":   "app --all-objects",
		"jsonpath": "app -o jsonpath={.items[*].metadata.name}",
	} {
		t.Run(name, func(t *testing.T) {
			r := p.Run(line)
			problem := ""
			if name == "around" {
				problem = "left out: cannot find the pods of Deployment web-primary"
			}
			if r.Code != 0 || (problem == "") != (r.Err == "") || !strings.Contains(r.Err, problem) {
				t.Errorf("code %d: %s", r.Code, r.Err)
			}
			clitest.Golden(t, name, r.Out)
			if strings.ContainsRune(r.Out, 0x1b) || strings.Contains(r.Out, "another") {
				t.Errorf("printed %q", r.Out)
			}
		})
	}
}

func TestWatch(t *testing.T) {
	p := newProgram(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.OnOut = func(out string) {
		switch {
		case strings.Contains(out, "New revision detected"):
			p.Server.Unreachable(true)
		case strings.Contains(out, "once more"):
			cancel()
		}
	}
	p.OnErr = func(line string) {
		if strings.HasPrefix(line, "connection lost at ") {
			p.Server.Unreachable(false)
			p.Server.Put(t, event("e2", "Canary", "app", "Warning", "once more", "2026-08-01T12:00:00Z"))
		}
	}
	r := p.RunContext(ctx, "app", "-w").Want(130, "once more", "connection lost at 12:00:00, trying again: ")
	if strings.Count(r.Out, "New revision detected") != 1 || strings.Count(r.Out, "LAST SEEN") != 1 {
		t.Errorf("printed twice: %s", r.Out)
	}

	p.OnErr = nil
	p.OnOut = clitest.Once(func() { p.Server.Delete("/apis/flagger.app/v1beta1/namespaces/test/canaries/app") })
	p.Run("app -w").Want(1, "New revision", `error: canary "app" was deleted`)
}

func TestBadInput(t *testing.T) {
	p := newProgram(t)
	for line, want := range map[string]string{
		"":                "which canary?",
		"app app2":        "one canary at a time",
		"app --types Bad": `--types: there is no type "Bad"; use Normal or Warning`,
		"app -w -o json":  "it cannot be combined with -o json",
		"app -o wide":     "there is no such format",
		"app --frob":      "unknown flag",
	} {
		p.Run(line).Want(2, "", want)
	}
	if n := len(p.Server.Requests()); n != 0 {
		t.Errorf("%d requests for mistakes on the command line", n)
	}
	p.Run("ap").Want(1, "", `there is no canary "ap" in namespace "test"; did you mean "app"?`)
	p.Server.Delete("/api/v1/namespaces/test/events/e1")
	p.Run("app --types Normal").Want(0, "", "No events found for canary app in namespace test.\n")
	p.Run("app --types Normal -o json").Want(0, `"items": []`, "")
	p.Server.Deny("list", "pods")
	p.Run("app --all-objects").Want(0, "Scaled up", "left out: cannot find the pods of Deployment web: User")
	p.Server.Deny("list", "events")
	p.Run("app").Want(1, "", `cannot list the events of canary "app" in namespace "test": User`)
	p.Run("app -w").Want(1, "", `cannot watch the events of canary "app"`)
	p.Run("__complete app --types W").Want(0, "Warning", "NoFileComp")
}

// TestRequests: the canary, for its uid, and its events.
func TestRequests(t *testing.T) {
	p := newProgram(t)
	p.Run("app").Want(0, "New revision", "")
	have := strings.Join(p.Server.Requests(), "\n")
	const want = "GET /apis/flagger.app/v1beta1/namespaces/test/canaries/app\n" +
		"GET /api/v1/namespaces/test/events?fieldSelector="
	name, uid := "involvedObject.name%3Dapp", "involvedObject.uid%3Duid-of-app" // in either order
	if have != want+name+"%2C"+uid+"&limit=500" && have != want+uid+"%2C"+name+"&limit=500" {
		t.Errorf("requests:\n%s", have)
	}
}

func BenchmarkEvents(b *testing.B) {
	p := newProgram(b)
	before := 0
	for b.Loop() {
		before = len(p.Server.Requests())
		p.Run("app")
	}
	b.ReportMetric(float64(len(p.Server.Requests())-before), "requests/op")
}
