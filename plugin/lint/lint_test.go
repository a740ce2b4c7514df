package lint

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

var update = flag.Bool("update", false, "rewrite the golden files")

type result struct {
	out, err string
	code     int
}

// run is one command line without the name of the command.
func run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	deps := cli.Deps{Streams: genericiooptions.IOStreams{In: strings.NewReader(stdin), Out: &out, ErrOut: &errOut}}
	cmd := NewLintCmd(deps, nil)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{}, args...))
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		errOut.WriteString(cli.Message(err))
	}
	return result{out.String(), errOut.String(), cli.CodeOf(err)}
}

func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(have), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if have != string(want) {
		t.Errorf("%s differs; rewrite with -update\nhave:\n%s\nwant:\n%s", path, have, want)
	}
}

func TestBad(t *testing.T) {
	for _, name := range []string{"schema", "meaning", "references"} {
		r := run(t, "", filepath.Join("testdata", "bad", name+".yaml"))
		if r.code != 1 {
			t.Errorf("%s: code %d", name, r.code)
		}
		golden(t, name, r.out+r.err+"\n")
	}
}

func TestFormats(t *testing.T) {
	for _, format := range []string{"json", "yaml", "github", "jsonpath={.findings[*].rule}"} {
		r := run(t, "", "testdata/kustomize/prod/faster.yaml", "testdata/kustomize/prod", "-o", format)
		if r.code != 1 {
			t.Errorf("-o %s: code %d: %s", format, r.code, r.err)
		}
		name, _, _ := strings.Cut(format, "=")
		golden(t, "format-"+name, r.out)
	}
}

// TestEveryRule sees to it that there is no rule that nothing tests.
func TestEveryRule(t *testing.T) {
	var all strings.Builder
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	// These need files that cannot be kept here; see TestHostile.
	elsewhere := map[string]bool{ruleSyntax: true, ruleUnreadable: true, ruleComplex: true}
	for _, rule := range Rules() {
		if !elsewhere[rule.ID] && !strings.Contains(all.String(), "("+rule.ID+")\n") {
			t.Errorf("no golden has the rule %s", rule.ID)
		}
		if severityOf(rule.ID) != rule.Severity {
			t.Errorf("%s is given twice", rule.ID)
		}
	}
}

func TestGood(t *testing.T) {
	r := run(t, "", "testdata/good")
	if r.code != 0 || r.out != "" || r.err != "2 files, 2 canaries, 1 metric template, 0 errors, 0 warnings\n" {
		t.Errorf("%+v", r)
	}
}

func TestSeeds(t *testing.T) {
	const fragment = "istio-podinfo-mirror.yaml" // The analysis of a canary, and nothing else of it.
	seeds, err := filepath.Glob("../../api/v1beta1/testdata/seeds/*.yaml")
	if err != nil || len(seeds) < 6 {
		t.Fatalf("%v, %v", seeds, err)
	}
	for _, seed := range seeds {
		r := run(t, "", seed, "-o", "jsonpath={range .findings[?(@.severity=='error')]}{.path} {end}")
		if filepath.Base(seed) == fragment {
			if r.code != 1 || r.out != "spec.service.port spec.targetRef " {
				t.Errorf("%s: %+v", seed, r)
			}
			continue
		}
		if r.code != 0 || r.out != "" {
			t.Errorf("%s: %+v", seed, r)
		}
	}
}

func TestDirectories(t *testing.T) {
	r := run(t, "", "testdata/chart")
	if r.code != 0 || r.out != "" {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{
		"skipped testdata/chart/Chart.yaml: it describes a chart\n",
		"skipped testdata/chart/values.yaml: it has the values of a chart\n",
		"skipped testdata/chart/templates/canary.yaml: it is a template: render it first",
		"skipped testdata/chart/templates/quoted.yaml: it is a template: render it first",
		"there is nothing to check",
	} {
		if !strings.Contains(r.err, want) {
			t.Errorf("no %q in %s", want, r.err)
		}
	}
	if r := run(t, "", "testdata/chart/templates/canary.yaml"); r.code != 1 || !strings.Contains(r.out, "canary.yaml:1:1: error: is a template and no YAML") {
		t.Errorf("a template that is named: %+v", r)
	}
	// Two directories are two places, unless they say the same namespace.
	r = run(t, "", "testdata/kustomize", "testdata/kustomize/base/canary.yaml")
	if r.code != 0 || r.out != "" || r.err != "skipped testdata/kustomize/prod/faster.yaml: it is a patch of a kustomization\n2 files, 2 canaries, 0 errors, 0 warnings, 1 skipped\n" {
		t.Errorf("%+v", r)
	}
}

func TestStdinAndFlags(t *testing.T) {
	canary, err := os.ReadFile("testdata/kustomize/base/canary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(canary), "  provider: traefik\n", "", 1)
	if r := run(t, text, "-"); r.code != 0 || r.out != "" {
		t.Errorf("%+v", r)
	}
	r := run(t, text, "-", "--provider", "istio")
	if r.code != 0 || !strings.Contains(r.out, "stdin:4:1: warning: spec.provider: istio is not served") {
		t.Errorf("%+v", r)
	}
	if r := run(t, text, "-", "--provider", "istio", "--strict"); r.code != 1 {
		t.Errorf("--strict: %+v", r)
	}
	if r := run(t, text, "-", "--provider", "istio", "--strict", "--disable", ruleProvider); r.code != 0 || r.out != "" {
		t.Errorf("--disable: %+v", r)
	}
	short := strings.Replace(text, "interval: 1m", "interval: 5s", 1)
	if r := run(t, short, "-"); r.code != 0 || !strings.Contains(r.out, "info: spec.analysis.interval: is 5s: Flagger waits at least 10s (flagger-portability)") {
		t.Errorf("%+v", r)
	}
	if r := run(t, short, "-", "--portable"); r.code != 1 || !strings.Contains(r.out, "error: spec.analysis.interval") {
		t.Errorf("--portable: %+v", r)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "which files?"},
		{[]string{"-", "-"}, "standard input can be read once only"},
		{[]string{"-", "--disable", "wrong-typ"}, `there is no rule "wrong-typ"; did you mean wrong-type?`},
		{[]string{"-", "--provider", "gatewayapi"}, `--provider "gatewayapi" is unknown`},
		{[]string{"-", "-o", "table"}, "there is no such format"},
		{[]string{"-", "-o", "name"}, "a report has no name"},
	} {
		if r := run(t, "", c.args...); r.code != 2 || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: %+v", c.args, r)
		}
	}
	if r := run(t, "", t.TempDir()); r.code != 1 || !strings.Contains(r.err, "the directory has no file that ends in .yaml, .yml or .json") {
		t.Errorf("an empty directory: %+v", r)
	}
	if r := run(t, "", "testdata/none.yaml"); r.code != 1 || r.err != "cannot check testdata/none.yaml: no such file or directory" {
		t.Errorf("%+v", r)
	}
}

func unknownKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  k%d: 1\n", i)
	}
	return b.String()
}

func TestHostile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const head = "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata:\n  name: a\n"
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'j'; c++ {
		bomb += fmt.Sprintf("%c: &%[1]c [%s]\n", c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	for _, c := range []struct{ name, text, want string }{
		{"large.yaml", head + strings.Repeat("#", maxFile), "cannot be read: is larger than 10 MB (unreadable-file)"},
		{"binary.yaml", head + "x: \x00", "cannot be read: is not text (unreadable-file)"},
		{"bomb.yaml", head + bomb, "the document has more than 300000 values once its aliases are resolved (too-complex)"},
		{"cycle.yaml", head + "x: &x [*x]\n", "has an alias that contains itself (too-complex)"},
		{"merge.yaml", head + "x: &x\n  <<: *x\n", "has an alias that contains itself (too-complex)"},
		{"flow.yaml", head + "x: " + strings.Repeat("[", 200_000), "is nested deeper than 100 levels (too-complex)"},
		{"deep.yaml", head + "x: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), "is nested deeper than 100 levels (too-complex)"},
		{"block.yaml", head + "x:\n" + strings.Repeat("- ", 5000) + "y\n", "(too-complex)"},
		{"keys.yaml", head + "spec:\n" + strings.Repeat("  a: 1\n", 3) + unknownKeys(20_000), "the object has 100 mistakes or more, of which the first are shown (too-complex)"},
		{"tab.yaml", head + "\tx: 1\n", "error: the document is not YAML: found a tab character that violates indentation (yaml-syntax)"},
		{"second.yaml", head + "spec: {}\n---\n" + head + "spec: {\n---\n" + head + "spec: []\n", "second.yaml:17:7: error: spec: is a list, but must be an object (wrong-type)"},
		{"utf8.yaml", head + "x: \xff\xfe\n", "(yaml-syntax)"},
		{"scalar.yaml", "flagger.app", ""},
		{"twice.yaml", head + "kind: Canary\n", "twice.yaml:5:1: error: key \"kind\" is given twice, first in line 2"},
		{"escape.yaml", head + "\"\\e]0;x\": 1\n", `error: ^[]0;x: there is no such field`},
		{"empty.yaml", "", ""},
		{"null.yaml", "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: ~\nspec: ~\n", "spec: is empty, but must be an object"},
		{"both.yaml", head + "spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, service: {port: 80}, analysis: ~, canaryAnalysis: {metrics: [{name: a}, 1]}}\n", "spec.analysis: is empty"},
		{"kind.yaml", "apiVersion: flagger.app/v1beta1\nkind: [1]\n", "unknown-kind"},
		{"version.yaml", "apiVersion: flagger.app\nkind: Canary\n", "api-version"},
	} {
		r := run(t, "", write(c.name, c.text))
		if c.want == "" {
			if r.code != 0 {
				t.Errorf("%s: %+v", c.name, r)
			}
			continue
		}
		if r.code != 1 || !strings.Contains(r.out, c.want) {
			t.Errorf("%s: code %d, want %q in %.2000s %s", c.name, r.code, c.want, r.out, r.err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("self.yaml", filepath.Join(dir, "self.yaml")); err != nil {
		t.Fatal(err)
	}
	r := run(t, "", dir)
	if r.code != 1 || !strings.Contains(r.out, "self.yaml: error: cannot be read: too many levels of symbolic links") {
		t.Errorf("a directory with loops: code %d, %.3000s %s", r.code, r.out, r.err)
	}
	if os.Getuid() != 0 {
		path := write("secret.yaml", head)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		if r := run(t, "", path); r.code != 1 || !strings.Contains(r.out, "cannot be read: permission denied") {
			t.Errorf("%+v", r)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := &Options{Deps: cli.Deps{Streams: genericiooptions.NewTestIOStreamsDiscard()}, Files: []string{"testdata/good"}}
	if err := o.Run(ctx); cli.CodeOf(err) != cli.CodeInterrupted {
		t.Errorf("%v", err)
	}
}
