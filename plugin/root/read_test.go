package root

import (
	"context"
	"strings"
	"testing"
	"unicode"
)

func TestList(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, foreign, broken, hostile)
	for name, line := range map[string]string{
		"list":            "list",
		"list-wide":       "ls -o wide",
		"list-all":        "get -A",
		"list-selector":   "list -l team=shop --no-headers",
		"list-name":       "list canary/app podinfo",
		"list-o-name":     "list -o name",
		"list-jsonpath":   "list -o jsonpath={.items[*].status.phase}",
		"list-template":   "list -o go-template={{range.items}}{{.metadata.name}}/{{end}}",
		"list-one-object": "list app -o yaml",
	} {
		t.Run(name, func(t *testing.T) {
			r := p.run(line)
			if r.code != 0 || r.err != "" {
				t.Fatalf("exit code %d: %s", r.code, r.err)
			}
			golden(t, name, r.out)
			for _, c := range r.out {
				if unicode.IsControl(c) && c != '\n' {
					t.Errorf("control character %q in the output", c)
				}
			}
		})
	}
}

func TestListFitsEightyColumns(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, strings.ReplaceAll(running, "name: app\n  namespace", "name: a-name-of-thirty-characters-30\n  namespace"))
	r := p.run("list")
	for line := range strings.Lines(r.out) {
		if len(strings.TrimRight(line, " \n")) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestListWatch(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, foreign)
	ctx, cancel := context.WithCancel(t.Context())
	p.onFirstOutput(func() {
		p.finish("Succeeded", "Promoted", "done")
		p.server.Delete(strings.Replace(appPath, "/app", "/podinfo", 1))
	})
	p.onErr = func(line string) {
		if strings.Contains(line, "podinfo deleted") {
			cancel()
		}
	}
	r := p.runArgs(ctx, "list", "-w")
	r.want(t, 130, "NAME      PHASE         WEIGHT   STEP   FAILED   AGE\napp       Progressing   40%", "canary.flagger.app/podinfo deleted\n")
	if !strings.HasSuffix(r.out, "\napp       Succeeded     0%       -/3    1/5      2d\n") || strings.Count(r.out, "NAME") != 1 {
		t.Errorf("no row for the change: %s", r.out)
	}
	p.run("list -w nope").want(t, 1, "", `there is no canary "nope"`)
	p.run("list -w -o json").want(t, 2, "", "--watch prints a table")
}

func TestListEmpty(t *testing.T) {
	p := newProgram(t)
	p.run("list").want(t, 0, "", "No resources found in test namespace.\n")
	p.run("list -n prod").want(t, 0, "", "No resources found in prod namespace.\n")
	p.run("list -A").want(t, 0, "", "No resources found in any namespace.\n")
	if r := p.run("list -o json"); !strings.Contains(r.out, `"items": []`) {
		t.Errorf("an empty list is a list: %s", r.out)
	}
}

func TestListInChunks(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, foreign, broken)
	r := p.run("list --chunk-size 2 -o name")
	r.want(t, 0, "canary.flagger.app/app\ncanary.flagger.app/broken\ncanary.flagger.app/podinfo\n", "")
	if n := len(p.server.Requests()); n != 2 {
		t.Errorf("%d requests, want 2: %v", n, p.server.Requests())
	}
}

func TestStatus(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, foreign, workload)
	for name, line := range map[string]string{
		"status":          "status app",
		"status-foreign":  "status podinfo",
		"status-json":     "status app -o json",
		"status-jsonpath": "status app -o jsonpath={.metrics[*].value}",
		"status-o-name":   "status canary.flagger.app/app -o name",
	} {
		t.Run(name, func(t *testing.T) {
			r := p.run(line)
			if r.code != 0 || r.err != "" {
				t.Fatalf("exit code %d: %s", r.code, r.err)
			}
			golden(t, name, r.out)
		})
	}
}

func TestStatusOfStrategies(t *testing.T) {
	for name, object := range map[string]string{
		"gated": gated, "restored": restored, "bluegreen": blueGreen, "abtesting": abTesting, "flagger-abtesting": flaggerABTesting,
	} {
		t.Run(name, func(t *testing.T) {
			p := newProgram(t)
			p.server.Put(t, object)
			r := p.run("status app")
			r.want(t, 0, "Name:", "")
			golden(t, "status-"+name, r.out+"\n"+p.run("list").out)
		})
	}
}

func TestStatusWithoutRights(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, workload)
	p.server.Deny("list", "pods")
	p.server.Deny("list", "events")
	r := p.run("status app")
	r.want(t, 0, "Pods (you are not allowed to read pods)", "")
	r.want(t, 0, "Events (you are not allowed to read events)", "")
	p.server.Deny("get", "deployments")
	p.run("status app").want(t, 0, "you are not allowed to read the workloads", "")
}

func TestHostileStatus(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, hostile)
	r := p.run("status evil -n other")
	r.want(t, 0, `^[]0;owned^G^[[31mred second line\u202e`, "")
	if strings.ContainsRune(r.out, 0x1b) {
		t.Errorf("an escape sequence reached the terminal: %q", r.out)
	}
}

func TestVersion(t *testing.T) {
	p := newProgram(t)
	p.run("version").want(t, 0, "kubectl-canary v1.2.3 (abc)\nAPI flagger.app/v1beta1\n", "agent: none found")
	p.server.Put(t, `apiVersion: apps/v1
kind: Deployment
metadata: {name: canary-agent, namespace: canary-system, labels: {app.kubernetes.io/name: canary-agent}}
spec: {template: {spec: {containers: [{image: "registry:5000/agent:v1.2.2@sha256:00"}]}}}
status: {readyReplicas: 1}`)
	p.run("version").want(t, 0, "agent v1.2.2 (canary-system/canary-agent, 1 ready)\n", "")
	p.run("version -o json").want(t, 0, `"image": "registry:5000/agent:v1.2.2@sha256:00"`, "")
	p.run("version -o xml").want(t, 2, "", "there is no such format; use one of json, yaml")
	before := len(p.server.Requests())
	p.run("version --client -o yaml").want(t, 0, "version: v1.2.3\n", "")
	if len(p.server.Requests()) != before {
		t.Error("--client asked the cluster")
	}
}

func TestWarnings(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, foreign, broken)
	p.server.Warning = "flagger.app/v1beta1 is old"
	r := p.run("list --chunk-size 1 -o name")
	if r.err != "Warning: flagger.app/v1beta1 is old\n" {
		t.Errorf("one warning, once, on stderr; but: %q", r.err)
	}
}
