package inspect

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/tui/source"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

func canary(uid, target, message string) string {
	return fmt.Sprintf(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: app
  namespace: test
  uid: %s
  managedFields: [{manager: kubectl, operation: Apply}]
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: %s}, service: {port: 80}}
status: {phase: Progressing, message: %s}`, uid, target, message)
}

func deployment(name string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: test}
spec: {selector: {matchLabels: {app: %[1]s}}}`, name)
}

func pod(namespace, name, label string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: %s, labels: {%s}}
spec: {containers: [{name: web}]}
status: {phase: Running, containerStatuses: [{name: web, restartCount: 0, state: {running: {}}}]}`, name, namespace, label)
}

func event(name, kind, of, message, last string, count int) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Event
metadata: {name: %s, namespace: test}
involvedObject: {kind: %s, name: %s, uid: uid-of-%[3]s}
type: Normal
reason: Because
message: "%s"
count: %d
lastTimestamp: "%s"`, name, kind, of, message, count, last)
}

const agentLine = `2026-08-01T11:59:%02d.500000000Z {"ts":"x","level":"info","msg":"%s","canary":"%s"}`

func newServer(t testing.TB) *clustertest.Server {
	t.Helper()
	s := clustertest.New(t)
	s.Put(t, canary("uid-of-app", "app", "one"), deployment("app"), deployment("app-primary"),
		pod("test", "app-x", "app: app"), pod("test", "app-primary-y", "app: app-primary"), pod("test", "other-z", "app: other"),
		pod("canary-system", "agent-1", "app.kubernetes.io/name: canary-agent"))
	s.Log("canary-system", "agent-1", "web", fmt.Sprintf(agentLine, 1, "begun", "app.test"), fmt.Sprintf(agentLine, 2, "another", "app2.test"))
	s.Log("test", "app-x", "web", "2026-08-01T11:59:03Z canary one", "2026-08-01T11:59:05Z canary two")
	s.Log("test", "app-primary-y", "web", "2026-08-01T11:59:04Z primary one")
	s.Log("test", "other-z", "web", "2026-08-01T11:59:04Z another")
	return s
}

func newInspector(t testing.TB, s *clustertest.Server) *Inspector {
	t.Helper()
	access := &cluster.Access{UserAgent: "test"}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	access.AddFlags(flags)
	if err := flags.Parse([]string{"--kubeconfig", s.Kubeconfig(t)}); err != nil {
		t.Fatal(err)
	}
	return &Inspector{Cluster: access, Now: func() time.Time { return noon }}
}

// reader is what a screen does with chunks.
type reader struct {
	t      testing.TB
	chunks <-chan source.Chunk
	cancel context.CancelFunc
	lines  []string
	note   string
}

func open(t testing.TB, s *clustertest.Server, subject source.Subject) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &reader{t: t, chunks: newInspector(t, s).Inspect(ctx, subject, "test", "app"), cancel: cancel}
	t.Cleanup(r.close)
	return r
}

// until reads chunks until a condition holds.
func (r *reader) until(what string, done func() bool) {
	r.t.Helper()
	timeout := time.After(10 * time.Second)
	for !done() {
		select {
		case c, ok := <-r.chunks:
			if !ok {
				r.t.Fatalf("%s: the channel was closed; note %q, lines:\n%s", what, r.note, r.text())
			}
			if c.Replace {
				r.lines = nil
			}
			r.lines, r.note = append(r.lines, c.Lines...), c.Note
		case <-timeout:
			r.t.Fatalf("%s: not in time; note %q, lines:\n%s", what, r.note, r.text())
		}
	}
}

func (r *reader) text() string { return strings.Join(r.lines, "\n") }

func (r *reader) untilText(want string) {
	r.t.Helper()
	r.until(want, func() bool { return strings.Contains(r.text(), want) })
}

func (r *reader) untilNote(want string) {
	r.t.Helper()
	r.until("note "+want, func() bool { return strings.Contains(r.note, want) && (want != "" || r.note == "") })
}

// close leaves the text; after that the channel is closed and nothing runs any more.
func (r *reader) close() {
	r.cancel()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case _, ok := <-r.chunks:
			if ok {
				continue
			}
			// The one that closed the channel may still be on its way out.
			left := ours()
			for range 100 {
				if left == "" {
					return
				}
				time.Sleep(10 * time.Millisecond)
				left = ours()
			}
			r.t.Errorf("still running:\n%s", left)
			return
		case <-timeout:
			r.t.Fatalf("the channel was not closed; running:\n%s", ours())
		}
	}
}

// ours are the goroutines of the packages under test. Connections of the HTTP client stay open for
// the next request, and belong to it.
func ours() string {
	buffer := make([]byte, 1<<20)
	buffer = buffer[:runtime.Stack(buffer, true)]
	var out []string
	for stack := range strings.SplitSeq(string(buffer), "\n\n") {
		if strings.Contains(stack, "_test.go") {
			continue
		}
		for _, of := range []string{"plugin/inspect.", "plugin/logs.", "plugin/feed."} {
			if strings.Contains(stack, of) {
				out = append(out, stack)
				break
			}
		}
	}
	return strings.Join(out, "\n\n")
}

func TestYAML(t *testing.T) {
	s := newServer(t)
	r := open(t, s, source.SubjectYAML)
	r.untilText("message: one")
	if r.lines[0] != "apiVersion: flagger.app/v1beta1" || strings.Contains(r.text(), "managedFields") || r.lines[len(r.lines)-1] == "" {
		t.Errorf("the manifest:\n%s", r.text())
	}
	s.Put(t, canary("uid-of-app", "app", "two"))
	r.untilText("message: two")
	if strings.Contains(r.text(), "message: one") {
		t.Error("the old manifest was not replaced")
	}
	s.Delete("/apis/flagger.app/v1beta1/namespaces/test/canaries/app")
	r.untilNote(`there is no canary "app" in namespace "test"`)
	if !strings.Contains(r.text(), "message: two") {
		t.Error("the last state is gone with the canary")
	}
	s.Put(t, canary("uid-of-another", "app", "three"))
	r.untilText("message: three")
	r.untilNote("")
}

// TestLostConnection: the text stays, with a word about its age, until the connection is back, even
// when nothing has changed meanwhile.
func TestLostConnection(t *testing.T) {
	s := newServer(t)
	for _, subject := range []source.Subject{source.SubjectYAML, source.SubjectEvents, source.SubjectLogs} {
		t.Run(string(subject), func(t *testing.T) {
			s.Put(t, event("e1", "Canary", "app", "it began", "2026-08-01T11:58:00Z", 1))
			r := open(t, s, subject)
			r.until("text", func() bool { return len(r.lines) > 0 })
			s.Unreachable(true)
			r.untilNote("stale since 12:00:00: ")
			if !strings.HasSuffix(r.note, "; trying again") || len(r.lines) == 0 {
				t.Errorf("note %q, %d lines", r.note, len(r.lines))
			}
			s.Unreachable(false)
			r.untilNote("")
		})
	}
}

func TestNeverConnected(t *testing.T) {
	s := newServer(t)
	s.Unreachable(true)
	r := open(t, s, source.SubjectYAML)
	r.untilNote("no answer since 12:00:00: ")
	s.Unreachable(false)
	r.untilText("message: one")
	r.untilNote("")
}

func TestNoRights(t *testing.T) {
	const gives = ` in namespace "test"; a RoleBinding to ClusterRole canary-viewer there gives it`
	for _, c := range []struct {
		subject        source.Subject
		verb, resource string
		note, text     string
	}{
		{source.SubjectYAML, "list", "canaries", "you may not list canaries" + gives, ""},
		{source.SubjectYAML, "watch", "canaries", "you may not watch canaries" + gives, "message: one"},
		{source.SubjectEvents, "list", "events", "events: you may not list events" + gives, ""},
		{source.SubjectEvents, "list", "pods", "canary, primary: you may not list pods" + gives, "it began"},
		{source.SubjectEvents, "get", "deployments", "canary, primary: you may not get deployments" + gives, "it began"},
		{source.SubjectLogs, "get", "pods/log", "agent, canary, primary: you may not get pods/log" + gives, ""},
		{source.SubjectLogs, "get", "deployments", "canary, primary: you may not get deployments" + gives, "begun"},
		{source.SubjectLogs, "list", "pods", "agent, canary, primary: you may not list pods" + gives, ""},
	} {
		t.Run(fmt.Sprint(c.subject, " ", c.verb, " ", strings.ReplaceAll(c.resource, "/", "-")), func(t *testing.T) {
			s := newServer(t)
			s.Put(t, event("e1", "Canary", "app", "it began", "2026-08-01T11:58:00Z", 1))
			s.Deny(c.verb, c.resource)
			r := open(t, s, c.subject)
			r.untilNote(c.note)
			r.untilText(c.text)
		})
	}
}

func TestNoCRDs(t *testing.T) {
	s := newServer(t)
	s.Uninstall("flagger.app/v1beta1")
	open(t, s, source.SubjectLogs).untilNote("is not installed in this cluster")
}

// TestUnusable: what cannot be repaired while the screen is open ends the text.
func TestUnusable(t *testing.T) {
	access := &cluster.Access{}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	access.AddFlags(flags)
	if err := flags.Parse([]string{"--kubeconfig", t.TempDir() + "/none"}); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[source.Subject]string{source.SubjectYAML: "cannot use the kubeconfig", "poem": `there is no text "poem"`} {
		var note string
		for c := range (&Inspector{Cluster: access, Now: time.Now}).Inspect(t.Context(), subject, "test", "app") {
			note = c.Note
		}
		if !strings.Contains(note, want) {
			t.Errorf("%s: %q", subject, note)
		}
	}
}

func TestEvents(t *testing.T) {
	s := newServer(t)
	s.Put(t, event("e1", "Canary", "app", "it began", "2026-08-01T11:58:00Z", 1),
		event("e2", "Pod", "app-x", "pulled", "2026-07-31T11:58:01Z", 3),
		event("e3", "Deployment", "app-primary", "scaled", "2026-08-01T11:58:02Z", 1),
		event("e4", "Pod", "other-z", "another pod", "2026-08-01T11:58:02Z", 1))
	r := open(t, s, source.SubjectEvents)
	r.until("three events", func() bool { return len(r.lines) == 3 })
	want := []string{
		"Jul 31 11:58:01  Normal  Because  pod/app-x               pulled (x3)",
		"11:58:00         Normal  Because  canary/app              it began",
		"11:58:02         Normal  Because  deployment/app-primary  scaled",
	}
	if !slices.Equal(r.lines, want) {
		t.Errorf("have\n%s\nwant\n%s", r.text(), strings.Join(want, "\n"))
	}
	// A pod that comes later has its events shown, one that happens again moves to the end.
	s.Put(t, pod("test", "app-late", "app: app"), event("e5", "Pod", "app-late", "late", "2026-08-01T11:59:00Z", 1))
	r.untilText("pod/app-late")
	s.Put(t, event("e1", "Canary", "app", "it began", "2026-08-01T11:59:30Z", 2))
	r.untilText("it began (x2)")
	if n := len(r.lines); n != 4 || !strings.HasPrefix(r.lines[3], "11:59:30") {
		t.Errorf("%d lines:\n%s", n, r.text())
	}
	// What the cluster lets go stays; what is about a canary of before is not shown.
	s.Delete("/api/v1/namespaces/test/events/e3")
	s.Put(t, strings.Replace(event("e6", "Canary", "app", "long ago", "2026-08-01T11:59:40Z", 1), "uid-of-app", "uid-of-old", 1),
		event("e7", "Deployment", "app", "scaled up", "2026-08-01T11:59:50Z", 1))
	r.untilText("scaled up")
	if strings.Contains(r.text(), "long ago") || !strings.Contains(r.text(), "deployment/app-primary  scaled\n") {
		t.Errorf("shown:\n%s", r.text())
	}
}

func TestLogs(t *testing.T) {
	s := newServer(t)
	r := open(t, s, source.SubjectLogs)
	r.untilText("canary two")
	want := []string{
		"agent/agent-1: 11:59:01.500 INFO  begun", "canary/app-x web: canary one",
		"primary/app-primary-y web: primary one", "canary/app-x web: canary two",
	}
	if !slices.Equal(r.lines, want) {
		t.Errorf("not in the order of time:\n%s", r.text())
	}
	s.Log("test", "app-x", "web", "2026-08-01T12:00:01Z canary three")
	r.untilText("canary three")
	s.Log("canary-system", "agent-1", "web", fmt.Sprintf(agentLine, 58, "another", "app2.test"), fmt.Sprintf(agentLine, 59, "goes on", "app.test"))
	r.untilText("goes on")
	s.Log("test", "app-late", "web", "2026-08-01T12:00:02Z late one")
	s.Put(t, pod("test", "app-late", "app: app"))
	r.untilText("canary/app-late web: late one")
	s.Cut()
	s.Log("test", "app-primary-y", "web", "2026-08-01T12:00:03Z after the cut")
	r.untilText("after the cut")
	for _, text := range []string{"canary one", "canary two", "canary three", "primary one", "begun", "goes on", "late one", "after the cut"} {
		if n := strings.Count(r.text(), text); n != 1 {
			t.Errorf("%q is shown %d times:\n%s", text, n, r.text())
		}
	}
	if strings.Contains(r.text(), "another") {
		t.Errorf("lines of others:\n%s", r.text())
	}
}

// TestNewTarget: a canary that gets another target, or is made anew, has other pods.
func TestNewTarget(t *testing.T) {
	for _, subject := range []source.Subject{source.SubjectLogs, source.SubjectEvents} {
		t.Run(string(subject), func(t *testing.T) {
			s := newServer(t)
			s.Put(t, deployment("web"), deployment("web-primary"), pod("test", "web-x", "app: web"),
				event("e1", "Pod", "app-x", "canary two", "2026-08-01T11:58:00Z", 1),
				event("e2", "Pod", "web-x", "line of web", "2026-08-01T11:58:00Z", 1))
			s.Log("test", "web-x", "web", "2026-08-01T12:00:00Z line of web")
			r := open(t, s, subject)
			r.untilText("canary two")
			s.Put(t, canary("uid-of-app", "web", "one"))
			r.untilText("line of web")
		})
	}
}

// TestServiceTarget: there are no pods to read, which is said, and the agent's lines are shown.
func TestServiceTarget(t *testing.T) {
	s := newServer(t)
	s.Put(t, strings.Replace(canary("uid-of-app", "app", "one"), "Deployment", "Service", 1))
	r := open(t, s, source.SubjectLogs)
	r.untilText("begun")
	r.untilNote("pods: a Service has none of its own")
	if strings.Contains(r.note, "canary") {
		t.Errorf("note %q", r.note)
	}
}
