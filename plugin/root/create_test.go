package root

import (
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

func TestCreateWithoutCluster(t *testing.T) {
	p := newProgram(t)
	p.config = filepath.Join(t.TempDir(), "missing")
	for name, line := range map[string]string{
		"create":            "create app --service-port 8080",
		"create-gateway":    "create app --target ds/agent --service-port 80 --target-port http --gateway infra/public --step-weights 1,5,20,50 --interval 90s --max-latency 1.5s --progress-deadline 2m -n shop",
		"create-kubernetes": "create deployment/app --service-port 80 --provider kubernetes",
	} {
		r := p.run(line + " --dry-run=client -o yaml")
		r.want(t, 0, "kind: Canary", "")
		golden(t, name, r.out)
		canary := &v1beta1.Canary{}
		if err := yaml.UnmarshalStrict([]byte(r.out), canary); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if errs := v1beta1.Validate(canary); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
	}
	p.run("create app --dry-run=client").want(t, 1, "", "or give the port with --service-port")
	p.run("create app --service-port 80 --step-weights 50,5 --dry-run=client").want(t, 1, "", "spec.analysis.stepWeights")
	p.run("create app --service-port 80 --provider ist --dry-run=client").want(t, 1, "", `Unsupported value: "ist"`)
}

func TestCreate(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, workload)
	p.run("create deployment/app --dry-run=server").want(t, 0, "canary.flagger.app/app created (server dry run)\n", "")
	if p.server.Get(appPath) != nil {
		t.Fatal("a dry run created")
	}
	p.run("create deployment/app").want(t, 0, "canary.flagger.app/app created\n", "")
	spec := p.server.Get(appPath)["spec"].(map[string]any)
	if port := spec["service"].(map[string]any)["port"]; port != 8080.0 {
		t.Errorf("port %v: the UDP port must be passed over", port)
	}
	p.run("create app").want(t, 1, "", `canary "app" exists already in namespace "test"; to change it: kubectl edit canary app -n test`)
	p.run("create other").want(t, 1, "", `there is no deployment "other" in namespace "test" to read the port from`)
	p.run("create other --target deploy/app-primary").want(t, 1, "", "name no TCP port")
	r := p.run("create other --service-port 80 -o json")
	r.want(t, 0, `"name": "other"`, "")
	if !strings.Contains(strings.Join(p.server.Requests(), "\n"), "fieldManager=kubectl-canary") {
		t.Error("no field manager")
	}
}

func TestHelp(t *testing.T) {
	p := newProgram(t)
	golden(t, "help", p.run("").out)
	golden(t, "help-status", p.run("status --help").out)
	golden(t, "help-options", p.run("options").out)
	r := p.run("__complete abort a")
	if r.code != 0 {
		t.Errorf("completion: %+v", r)
	}
}

func TestCompletion(t *testing.T) {
	p := newProgram(t)
	p.server.Put(t, running, foreign)
	p.run("__complete abort ap").want(t, 0, "app\tProgressing\n:4", "ShellCompDirectiveNoFileComp")
	p.name = "/usr/local/bin/kubectl_complete-canary"
	p.run("status po").want(t, 0, "podinfo\tSucceeded\n:4", "ShellCompDirectiveNoFileComp")
	p.name = ""
	p.run("__complete create app --provider gate").want(t, 0, "gatewayapi:v1\n", "ShellCompDirectiveNoFileComp")
}
