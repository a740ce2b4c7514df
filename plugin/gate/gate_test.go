package gate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster/clustertest"
	"github.com/kubectl-canary/kubectl-canary/plugin/gate"
)

const appPath = "/apis/flagger.app/v1beta1/namespaces/test/canaries/app"

// app waits at the webhook "accept" before its promotion.
const app = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: app, namespace: test, labels: {team: shop}}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: app}
  analysis:
    interval: 5s
    threshold: 5
    stepWeight: 20
    gates:
    - {name: qa, at: promotion, timeout: 30m, onTimeout: abort}
    webhooks:
    - {name: load, type: rollout, url: "http://tester.test/"}
    - {name: start, type: confirm-rollout, url: "http://tester.test/gate/check"}
    - {name: accept, type: confirm-promotion, url: "http://user:secret@tester.test.svc.cluster.local:8080/a/gate/check"}
    - {name: bell, type: confirm-traffic-increase, url: "https://bell.example.com/ring"}
    - {name: always, type: confirm-traffic-increase, url: "http://tester.test/gate/approve"}
    - {name: never, type: confirm-promotion, url: "http://tester.test/gate/halt"}
    - {name: undo, type: rollback, url: "http://tester.test/rollback/check"}
status:
  phase: WaitingPromotion
  canaryWeight: 40
  failedChecks: 0
  iterations: 0
  observedGeneration: 1
  message: "waiting"
  run:
    id: run-1
    revision: rs:7c548cbb77
    startTime: "2026-08-01T11:50:00Z"
    phaseStartTime: "2026-08-01T11:50:00Z"
    step: 2
    checks: 3
    hooks:
    - {name: confirm-rollout/start, state: Passed, lastTime: "2026-08-01T11:50:30Z"}
    - {name: confirm-promotion/accept, state: Failed, lastTime: "2026-08-01T11:58:30Z"}
    - {name: rollback/undo, state: Failed, lastTime: "2026-08-01T11:58:30Z"}`

const native = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: native, namespace: test}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: native}
  analysis: {interval: 30s, threshold: 5, stepWeight: 20, gates: [{name: "the qa", at: promotion, timeout: 30m, onTimeout: abort}]}
status:
  phase: WaitingPromotion
  canaryWeight: 40
  failedChecks: 0
  iterations: 0
  observedGeneration: 1
  message: "waiting"
  run:
    id: run-1
    revision: rs:7c548cbb77
    startTime: "2026-08-01T11:50:00Z"
    phaseStartTime: "2026-08-01T11:50:00Z"
    step: 2
    checks: 3
    gates: [{name: "the qa", state: Waiting, since: "2026-08-01T11:55:00Z"}]`

const foreign = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: foreign, namespace: test}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: foreign}
  analysis:
    interval: 1m
    threshold: 5
    stepWeight: 20
    webhooks:
    - {name: gate, type: confirm-rollout, url: "http://tester.test/gate/check"}
    - {name: gate, type: confirm-promotion, url: "http://tester.test/gate/check"}
status: {phase: Waiting, canaryWeight: 0, failedChecks: 0, iterations: 0, lastAppliedSpec: "1", lastTransitionTime: "2026-08-01T11:59:00Z"}`

const away = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: away, namespace: test}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: away}
  analysis:
    webhooks:
    - {name: out, type: confirm-rollout, url: "https://gates.example.com/gate/check"}
    - {name: short, type: confirm-rollout, url: "http://tester/gate/check"}
    - {name: address, type: confirm-rollout, url: "http://10.0.0.1/gate/check"}
    - {name: com, type: confirm-rollout, url: "http://example.com/gate/check"}`

// proxy is an API server with a load tester behind it.
type proxy struct {
	*clitest.Program
	url string

	mu     sync.Mutex
	open   map[string]bool
	asked  []string
	answer http.HandlerFunc // in place of the load tester's, when set
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{Program: clitest.New(t, gate.NewGateCmd), open: map[string]bool{}}
	p.Server.Put(t, app, native, foreign, away)
	behind, err := url.Parse(p.Server.URL)
	if err != nil {
		t.Fatal(err)
	}
	rest := httputil.NewSingleHostReverseProxy(behind)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, after, isProxied := strings.Cut(r.URL.Path, "/proxy")
		if !isProxied {
			rest.ServeHTTP(w, r)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = append(p.asked, r.Method+" "+before+" "+after)
		p.serve(w, r, before, after)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// answerWith answers in place of the load tester.
func (p *proxy) answerWith(f http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request, service, path string) {
	if p.answer != nil {
		p.answer(w, r)
		return
	}
	if !strings.HasPrefix(service, "/api/v1/namespaces/test/services/http:tester:") {
		status(w, http.StatusNotFound, "NotFound", `services "x" not found`)
		return
	}
	payload := struct{ Name, Namespace string }{}
	if json.NewDecoder(r.Body).Decode(&payload) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	parts := strings.Split(path, "/")
	family, key := parts[len(parts)-2], parts[len(parts)-2]+payload.Name+"."+payload.Namespace
	switch parts[len(parts)-1] {
	case "open", "close":
		p.open[key] = parts[len(parts)-1] == "open"
		w.WriteHeader(http.StatusAccepted)
	case "check":
		if !p.open[key] {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("Forbidden"))
			return
		}
		_, _ = w.Write([]byte("Approved"))
	default:
		http.Error(w, family, http.StatusNotFound)
	}
}

func status(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":%q,"code":%d}`, reason, message, code)
}

func (p *proxy) run(line string) clitest.Result { return p.Run(line + " --server " + p.url) }

func TestList(t *testing.T) {
	p := newProxy(t)
	for name, line := range map[string]string{
		"list": "list", "list-one": "list app", "list-wide": "list canary/app native -o wide", "list-all": "list -A",
		"list-labels": "list -l team=shop --no-headers", "list-json": "list native -o json", "list-yaml": "list app -o yaml",
		"list-name": "list app -o name",
	} {
		t.Run(name, func(t *testing.T) {
			r := p.run(line)
			if r.Code != 0 || r.Err != "" {
				t.Errorf("exit code %d: %s", r.Code, r.Err)
			}
			clitest.Golden(t, name, r.Out)
		})
	}
	if len(p.asked) > 0 {
		t.Errorf("a load tester was asked: %v", p.asked)
	}
	p.run("list -l team=none").Want(0, "", "No gates found in test namespace.\n")
	p.run("list nope").Want(1, "", `there is no canary "nope"`)
	p.run("list -A app").Want(2, "", "names cannot be combined")
	p.run("list -l a=b=c").Want(2, "", "not a label selector")
	p.run("list -o fnord").Want(2, "", "there is no such format")
	p.run("lst").Want(2, "", `unknown command "lst"`)
}

func TestProbe(t *testing.T) {
	p := newProxy(t)
	p.open["rollbackapp.test"] = true
	r := p.run("list app --probe").Want(0, "Closed", "")
	clitest.Golden(t, "probe", r.Out)
	// approve and halt are known without asking.
	slices.Sort(p.asked)
	want := []string{
		"POST /api/v1/namespaces/test/services/http:tester:80 /gate/check",
		"POST /api/v1/namespaces/test/services/http:tester:80 /rollback/check",
		"POST /api/v1/namespaces/test/services/http:tester:8080 /a/gate/check",
	}
	if !slices.Equal(p.asked, want) {
		t.Errorf("asked: %v, want %v", p.asked, want)
	}
	p.answerWith(func(w http.ResponseWriter, _ *http.Request) { status(w, 403, "Forbidden", "no") })
	p.run("list app --probe").Want(0, "Unknown", "you need the verb create on services/proxy in namespace test")
	p.answerWith(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "\x1b[31mbroken\nmore", 500) })
	p.run("list app --probe").Want(0, "Unknown", "answered 500 Internal Server Error: ^[[31mbroken")
}

func TestOpenAndClose(t *testing.T) {
	p := newProxy(t)
	p.run("open app accept").Want(0, "canary.flagger.app/app gate accept opened\n",
		"the promotion begins when the controller asks again, within 5s; the gate stays open until it is closed: kubectl canary gate close app confirm-promotion/accept -n test\n")
	if !p.open["gateapp.test"] {
		t.Error("the gate is not open")
	}
	p.run("list app --probe --no-headers").Want(0, "Open", "")
	p.run("close app accept").Want(0, "canary.flagger.app/app gate accept closed\n", "runs wait at it until it is opened\n")
	if p.open["gateapp.test"] {
		t.Error("the gate is not closed")
	}
	// Without a name it is the one that waits.
	p.run("open canary/app").Want(0, "gate accept opened", "the promotion begins")
	p.run("open app start").Want(0, "gate start opened", "no run waits at it now")
	p.run("open app undo").Want(0, "gate undo opened", "the run is rolled back when the controller asks again, within 5s")
	if !p.open["rollbackapp.test"] {
		t.Error("the rollback is not asked for")
	}
	p.run("close app undo").Want(0, "gate undo closed", "no longer rolled back")
	// The controller of another kind: nothing is recorded, but the phase says which waits.
	p.run("open foreign").Want(0, "gate gate opened", "the run begins when the controller asks again, within 1m0s")
}

func TestOpenNative(t *testing.T) {
	p := newProxy(t)
	p.Server.OnApply = answer(p.Server, v1beta1.IntentAccepted, "the promotion begins")
	p.run("open native --reason tested").Want(0, "canary.flagger.app/native gate the qa opened\n", "the promotion begins\n")
	annotations, _ := p.Server.Get(strings.Replace(appPath, "/app", "/native", 1))["metadata"].(map[string]any)["annotations"].(map[string]any)
	for key, want := range map[string]any{"verb": "approve", "gate": "the qa", "reason": "tested", "revision": "rs:7c548cbb77"} {
		if annotations["kubectl-canary/"+key] != want {
			t.Errorf("%s: %v, want %v", key, annotations["kubectl-canary/"+key], want)
		}
	}
	p.Server.OnApply = answer(p.Server, v1beta1.IntentRefused, "no run waits at it")
	p.run("open native").Want(1, "", `gate "the qa" of canary "native" was not opened: no run waits at it`)
	p.Server.OnApply = nil
	p.run("open native --timeout 50ms").Want(4, "", "no agent answered within 50ms")
	p.run("close native").Want(1, "", `until somebody approves it; to end the run that waits there: kubectl canary reject native -n test --gate 'the qa'`)
}

// answer is an agent that answers each verb.
func answer(server *clustertest.Server, outcome v1beta1.IntentOutcome, message string) func(clustertest.Object) {
	return func(o clustertest.Object) {
		annotations, _ := o["metadata"].(map[string]any)["annotations"].(map[string]any)
		o["status"].(map[string]any)["lastIntent"] = map[string]any{
			"id": annotations["kubectl-canary/id"], "verb": annotations["kubectl-canary/verb"],
			"outcome": string(outcome), "message": message, "time": "2026-08-01T12:00:00Z",
		}
		server.PutObject(o)
	}
}

func TestChooseAndRefuse(t *testing.T) {
	p := newProxy(t)
	for line, want := range map[string]struct {
		code  int
		words string
	}{
		"open":                              {2, "which canary?"},
		"open app a b":                      {2, "one gate at a time"},
		"open pod/app":                      {2, `"pod/app" is not a canary`},
		"open nope":                         {1, `there is no canary "nope"`},
		"open app nope":                     {1, `canary "app" has no gate "nope"; it has native/qa (native, at promotion), confirm-rollout/start (loadtester, at rollout, Passed)`},
		"close app":                         {2, `which gate? canary "app" has confirm-rollout/start (loadtester, at rollout, Passed), confirm-promotion/accept`},
		"open foreign gate":                 {2, `which gate? canary "foreign" has confirm-rollout/gate (loadtester, at rollout, Waiting), confirm-promotion/gate (loadtester, at promotion)`},
		"open app bell":                     {1, "is decided by https://bell.example.com/ring, which is not a load tester's gate"},
		"open app always":                   {1, "is always open: its URL ends in /gate/approve"},
		"close app never":                   {1, "is always closed: its URL ends in /gate/halt"},
		"open away out":                     {1, `the host is not the name of a Service of this cluster; where it can: curl -d '{"name":"away","namespace":"test"}' 'https://gates.example.com/gate/open'`},
		"close away short":                  {1, "the name has no namespace"},
		"open away address":                 {1, "an address is not the name of a Service"},
		"open away com":                     {1, "there is no Service example in namespace com; where it can: curl"},
		"open app --timeout 0s":             {2, "--timeout must be positive"},
		"open app --field-manager=":         {2, "--field-manager must not be empty"},
		"open app -o fnord":                 {2, "there is no such format"},
		"close app accept --reason because": {2, "unknown flag: --reason"},
	} {
		p.run(line).Want(want.code, "", want.words)
	}
	p.run("open foreign confirm-promotion/gate").Want(0, "gate gate opened", "no run waits")
	p.Server.Put(t, "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: bare, namespace: test}\nspec: {analysis: {interval: 1m}}")
	p.run("open bare").Want(1, "", `canary "bare" has no gate`)
}

func TestTesterFails(t *testing.T) {
	p := newProxy(t)
	for words, c := range map[string]struct {
		code int
		http.HandlerFunc
	}{
		"you need the verb create on services/proxy in namespace test": {1, func(w http.ResponseWriter, _ *http.Request) {
			status(w, 403, "Forbidden", `services "http:tester:80" is forbidden: User "ada" cannot create resource "services/proxy"`)
		}},
		"cannot be reached: no endpoints available": {1, func(w http.ResponseWriter, _ *http.Request) {
			status(w, 503, "ServiceUnavailable", `no endpoints available for service "tester"`)
		}},
		"it does not serve namespace test (its flag -namespace-regexp)": {1, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Forbidden", http.StatusForbidden)
		}},
		`did not open gate "accept": it answered 404 Not Found: 404 page not found`: {1, http.NotFound},
		"Service tester in namespace test, did not answer within 200ms": {4, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the client leaves
			select {
			case <-r.Context().Done():
			case <-time.After(2 * time.Second):
			}
		}},
	} {
		p.answerWith(c.HandlerFunc) // The one that hangs may still be at it.
		p.run("open app accept --timeout 200ms").Want(c.code, "", words)
	}
}

func TestDryRun(t *testing.T) {
	p := newProxy(t)
	p.run("open app accept --dry-run=client").Want(0, "canary.flagger.app/app gate accept opened (dry run)\n", "")
	if len(p.asked) > 0 {
		t.Errorf("asked: %v", p.asked)
	}
	p.run("open app accept --dry-run=server").Want(0, "gate accept opened (server dry run)\n", "")
	p.run("open native --dry-run=server").Want(0, "gate the qa opened (server dry run)\n", "")
	if p.open["gateapp.test"] || len(p.asked) != 1 || !strings.HasSuffix(p.asked[0], "/gate/check") {
		t.Errorf("asked: %v, open: %v", p.asked, p.open)
	}
	if strings.Contains(fmt.Sprint(p.Server.Get(strings.Replace(appPath, "/app", "/native", 1))), "kubectl-canary/verb") {
		t.Error("a dry run has sent a verb")
	}
	r := p.run("open app accept --dry-run=server -o json").Want(0, "{", "")
	clitest.Golden(t, "change-dry-run", r.Out)
	r = p.run("open app accept -o yaml").Want(0, "GateChange", "")
	clitest.Golden(t, "change", r.Out)
}

func TestConfirmation(t *testing.T) {
	p := newProxy(t)
	p.Terminal = cli.Terminal{In: true}
	p.run("open app undo").Want(1, "", "Open gate undo, which rolls the canary back? Canary app, namespace test, context here. [y/N] error: nothing was done")
	p.run("close app undo -y").Want(0, "gate undo closed", "no longer rolled back")
}

func TestCompletion(t *testing.T) {
	p := newProxy(t)
	p.Run("__complete open na").Want(0, "native\tWaitingPromotion\n:4", "ShellCompDirectiveNoFileComp")
	p.Run("__complete open canary/app a").Want(0, "accept\tloadtester at promotion\nalways\tloadtester at traffic\n:4", "ShellCompDirectiveNoFileComp")
	p.Run("__complete close app accept x").Want(0, ":4", "ShellCompDirectiveNoFileComp")
	p.Run("__complete open app accept --dry-run=c").Want(0, "client\n", "ShellCompDirectiveNoFileComp")
	p.Run("__complete list app na").Want(0, "native\t", "ShellCompDirectiveNoFileComp")
}
