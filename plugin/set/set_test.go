package set_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli/clitest"
	"github.com/kubectl-canary/kubectl-canary/plugin/set"
)

const deploymentPath = "/apis/apps/v1/namespaces/test/deployments/app"

func canary(name, target, status string) string {
	return fmt.Sprintf(`apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: %s, namespace: test}
spec:
  targetRef: %s
  analysis: {interval: 30s, threshold: 5, stepWeight: 20}
status: %s`, name, target, status)
}

const (
	idle    = `{phase: Succeeded, canaryWeight: 0, failedChecks: 0, iterations: 0, message: done}`
	running = `{phase: Progressing, canaryWeight: 40, failedChecks: 0, iterations: 0, message: "40%", run: {id: r, revision: "rs:7c548cbb77", startTime: "2026-08-01T11:50:00Z", phaseStartTime: "2026-08-01T11:50:00Z", step: 1, checks: 1}}`

	workloads = `apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: test}
spec:
  template:
    spec:
      initContainers: [{name: setup, image: "shop/setup:1"}]
      containers: [{name: web, image: "shop/app:2"}, {name: log, image: "shop/log:1"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-primary, namespace: test}
spec:
  template:
    spec:
      initContainers: [{name: setup, image: "shop/setup:1"}]
      containers: [{name: web, image: "shop/app:1"}, {name: log, image: "shop/log:1"}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: test}
spec: {template: {spec: {containers: [{name: web, image: "shop/app:2"}]}}}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: kn, namespace: test}
spec: {template: {spec: {containers: [{image: "shop/app:2"}]}}}`
)

func newProgram(t *testing.T, status string) *clitest.Program {
	t.Helper()
	p := clitest.New(t, set.NewSetCmd)
	p.Server.Put(t, canary("app", "{apiVersion: apps/v1, kind: Deployment, name: app}", status),
		canary("agent", "{apiVersion: apps/v1, kind: DaemonSet, name: agent}", idle),
		canary("kn", "{apiVersion: serving.knative.dev/v1, kind: Service, name: kn}", idle),
		canary("svc", "{apiVersion: v1, kind: Service, name: svc}", idle),
		canary("gone", "{apiVersion: apps/v1, kind: Deployment, name: gone}", idle),
		canary("odd", "{apiVersion: apps/v1, kind: StatefulSet, name: odd}", idle),
		workloads)
	return p
}

func TestSetImage(t *testing.T) {
	p := newProgram(t, idle)
	p.Run("image app web=shop/app:3 --reason faster").Want(0, "deployment.apps/app image updated\n", "next: kubectl canary watch app\n")
	d := p.Server.Get(deploymentPath)
	// The server of the tests merges maps and replaces lists, so this is what was sent.
	have := fmt.Sprint(d["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"],
		d["metadata"].(map[string]any)["annotations"])
	if want := "[map[image:shop/app:3 name:web]] map[kubernetes.io/change-cause:faster]"; have != want {
		t.Errorf("sent %s, want %s", have, want)
	}
	if !strings.Contains(strings.Join(p.Server.Requests(), "\n"), "PATCH "+deploymentPath+"?fieldManager=kubectl-canary") {
		t.Errorf("no field manager: %v", p.Server.Requests())
	}
	p.Run("image canary/agent web=shop/app:3 -n test").Want(0, "daemonset.apps/agent image updated\n", "next: kubectl canary watch agent -n test\n")
}

// TestRequests pins what the verb costs: the canary, the target and the patch.
func TestRequests(t *testing.T) {
	p := newProgram(t, idle)
	p.Run("image app web=shop/app:3")
	if n := len(p.Server.Requests()); n != 3 {
		t.Errorf("%d requests, want 3: %v", n, p.Server.Requests())
	}
}

func TestUnchanged(t *testing.T) {
	p := newProgram(t, idle)
	p.Run("image app web=shop/app:2 log=shop/log:1").Want(0, "deployment.apps/app image unchanged\n", "")
	for _, r := range p.Server.Requests() {
		if strings.HasPrefix(r, "PATCH") {
			t.Errorf("something was sent: %s", r)
		}
	}
}

func TestWarnings(t *testing.T) {
	p := newProgram(t, running)
	p.Run("image app web=shop/app:3 --dry-run=server").Want(0, "image updated (server dry run)\n",
		"warning: a run of revision rs:7c548cbb77 is under way (Progressing, 40%): the new revision takes its place, and begins anew\n")
	p.Run("image app web=shop/app:1 --dry-run=server").Want(0, "image updated", "the run of canary app ends, as with kubectl canary abort")
	r := p.Run("image app *=shop/app:1 --dry-run=server").Want(0, "image updated", "takes its place")
	if strings.Contains(r.Err, "abort") {
		t.Errorf("the primary has other images: %s", r.Err)
	}
	for manager, words := range map[string]string{
		"argocd-controller":    "is managed by Argo CD, which puts the image back at its next sync: change it there",
		"kustomize-controller": "is managed by Flux (kustomize-controller)",
		"helm":                 "at the next helm upgrade",
	} {
		p := newProgram(t, idle)
		p.Server.Put(t, strings.Replace(workloads, "metadata: {name: app, namespace: test}",
			`metadata: {name: app, namespace: test, managedFields: [{manager: `+manager+`, operation: Apply, apiVersion: apps/v1, fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:template": {}}}}]}`, 1))
		p.Run("image app web=shop/app:3").Want(0, "image updated", "warning: deployment.apps/app is managed by").Want(0, "image updated", words)
	}
	p = newProgram(t, idle)
	p.Server.Put(t, strings.Replace(workloads, "metadata: {name: app, namespace: test}",
		`metadata: {name: app, namespace: test, managedFields: [{manager: helm, operation: Apply, apiVersion: apps/v1, fieldsType: FieldsV1, fieldsV1: {"f:metadata": {}}}]}`, 1))
	if r := p.Run("image app web=shop/app:3"); strings.Contains(r.Err, "warning") {
		t.Errorf("a manager of labels is warned of: %s", r.Err)
	}
	p.Server.Put(t, strings.Replace(canary("app", "{apiVersion: apps/v1, kind: Deployment, name: app}", idle), "spec:", "spec:\n  suspend: true", 1))
	p.Run("image app web=shop/app:4").Want(0, "image updated", "warning: canary app is suspended")
}

func TestFormats(t *testing.T) {
	p := newProgram(t, idle)
	for name, line := range map[string]string{
		"client-yaml": "image app *=shop/app:9 --dry-run=client -o yaml --reason why",
		"knative":     "image kn user-container=shop/app:9 --dry-run=client -o json --reason why",
		"name":        "image app web=shop/app:9 --dry-run=server -o name",
	} {
		r := p.Run(line)
		if r.Code != 0 || r.Err != "" {
			t.Errorf("%s: exit code %d: %s", line, r.Code, r.Err)
		}
		clitest.Golden(t, name, r.Out)
	}
	for _, r := range p.Server.Requests() {
		if strings.HasPrefix(r, "PATCH") && !strings.Contains(r, "dryRun=All") {
			t.Errorf("a dry run sent %s", r)
		}
	}
}

func TestMistakes(t *testing.T) {
	p := newProgram(t, idle)
	for line, want := range map[string]struct {
		code  int
		words string
	}{
		"imag app a=b":                     {2, `unknown command "imag" for "canary set"`},
		"image":                            {2, "which canary?"},
		"image app":                        {2, "which image?"},
		"image deployment/app a=b":         {2, `"deployment/app" is not a canary`},
		"image app web":                    {2, `"web" is not CONTAINER=IMAGE, such as web=shop/app:2.0`},
		"image app web=":                   {2, `is not CONTAINER=IMAGE`},
		"image app =x":                     {2, `is not CONTAINER=IMAGE`},
		"image app web=a web=b":            {2, `container "web" is given twice`},
		"image app *=a web=b":              {2, "* stands for all containers"},
		"image app web=a --field-manager=": {2, "--field-manager must not be empty"},
		"image app web=a -o fnord":         {2, "there is no such format"},
		"image app wbe=a":                  {1, `deployment.apps/app has no container "wbe"; it has setup, web, log`},
		"image ap web=a":                   {1, `there is no canary "ap" in namespace "test"; did you mean "app"?`},
		"image svc web=a":                  {1, `the target of canary "svc" is Service svc, which has no image`},
		"image odd web=a":                  {1, `the target of canary "odd" is a "StatefulSet"`},
		"image gone web=a":                 {1, `there is no deployment "gone" in namespace "test"`},
	} {
		p.Run(line).Want(want.code, "", want.words)
	}
	p.RunContext(t.Context(), "image", "app", "web=a b").Want(2, "", `"a b" is not the name of an image`)
	p.Server.Deny("patch", "deployments")
	p.Run("image app web=shop/app:3").Want(1, "", `cannot set the image of deployment.apps/app in namespace "test": `)
}

func TestCompletion(t *testing.T) {
	p := newProgram(t, idle)
	p.Run("__complete image ag").Want(0, "agent\tSucceeded\n:4", "NoFileComp")
	p.Run("__complete image canary/app web").Want(0, "web=shop/app:2\n:6", "NoSpace")
	p.Run("__complete image gone w").Want(0, ":6", "NoSpace")
}
