package krew

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// script plays the plugin. Each %NAME% is something that a rule looks at.
const script = `#!/bin/sh
case "$0" in
*/kubectl_complete-canary) printf 'promote\tPromote now\n%LAST%\n'; exit;;
esac
case "$1" in
version) echo "kubectl-canary %VERSION% (abc)";;
completion) ln -s "%TARGET%" "$(dirname "$0")/kubectl_complete-canary";;
esac
`

// kubectl plays kubectl as far as it is asked here.
const kubectl = `#!/bin/sh
case "$1 $2" in
"plugin list") echo kubectl-canary;;
"canary version") exec kubectl-canary version;;
"__complete canary") exec kubectl_complete-canary "$3";;
esac
`

// needsShell skips a test, and says so, where no shell script can play the plugin.
func needsShell(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "windows" {
		return
	}
	const why = "NOT TESTED: the plugin is played by a shell script"
	if os.Getenv("TESTBED_REQUIRED") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func TestHostIsTried(t *testing.T) {
	needsShell(t)
	for _, c := range []struct {
		name                  string
		version, last, target string
		rule                  Rule
	}{
		{"good", "v1.2.3", ":4", "kubectl-canary", ""},
		{"another version", "v1.2.2", ":4", "kubectl-canary", RuleRunVersion},
		{"link to the store", "v1.2.3", ":4", "%STORE%", RuleCompletionLink},
		{"no directive", "v1.2.3", "prompt", "kubectl-canary", RuleCompletionAnswers},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, r := hostOf(t, c.version, c.last, c.target), &Report{}
			tryHost(t.Context(), r, h)
			err := r.Err()
			if c.rule == "" {
				if err != nil {
					t.Fatal(err)
				}
				if n := len(r.Findings); n != 7 {
					t.Errorf("%d findings, want 7: %v", n, r.Findings)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "rule "+string(c.rule)+": ") {
				t.Errorf("says %v, want rule %s", err, c.rule)
			}
		})
	}
}

func TestLinkThatNamesTheVersionBreaksWithTheUpgrade(t *testing.T) {
	needsShell(t)
	h := hostOf(t, "v1.2.3", ":4", "kubectl-canary")
	store := filepath.Join(h.root.Store("canary", "v1.2.3"), "kubectl-canary")
	if err := os.Symlink(store, h.completion()); err != nil {
		t.Fatal(err)
	}
	if err := h.checkCompletion(t.Context()); err != nil {
		t.Fatalf("before the upgrade: %v", err)
	}
	if err := h.checkUpgrade(t.Context()); err == nil {
		t.Error("the link works after the upgrade, although its target is gone")
	}
}

func TestWithoutKubectlItsRulesAreSkipped(t *testing.T) {
	needsShell(t)
	h, r := hostOf(t, "v1.2.3", ":4", "kubectl-canary"), &Report{}
	h.kubectl = ""
	tryHost(t.Context(), r, h)
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "skip  kubectl-") != 3 || r.Err() != nil {
		t.Errorf("report:\n%s", b.String())
	}
}

func hostOf(t *testing.T, version, last, target string) host {
	t.Helper()
	p := &Plugin{Metadata: Metadata{Name: "canary"}, Spec: Spec{Version: "v1.2.3"}}
	root := Root{Dir: t.TempDir()}
	program := filepath.Join(root.Store("canary", "v1.2.3"), "kubectl-canary")
	text := strings.NewReplacer("%VERSION%", version, "%LAST%", last, "%TARGET%", target, "%STORE%", program).Replace(script)
	text = strings.ReplaceAll(text, "%STORE%", program)
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	cluster := filepath.Join(t.TempDir(), "kubectl")
	for file, content := range map[string]string{program: text, cluster: kubectl} {
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil { //nolint:gosec // It has to be executed.
			t.Fatal(err)
		}
	}
	if err := link(root, p, "linux", program); err != nil {
		t.Fatal(err)
	}
	return host{where: "here", root: root, plugin: p, goos: "linux", bin: "kubectl-canary", kubectl: cluster}
}
