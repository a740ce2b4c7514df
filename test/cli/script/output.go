//go:build linux

package script

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
)

// commands are those that scripts have besides testscript's own.
func commands(dir string) map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"app":     cmdApp,
		"release": cmdRelease,
		"await":   cmdAwait,
		"load":    cmdLoad,
		"user":    cmdUser,
		"code":    cmdCode,
		"server":  cmdServer,

		"established": cmdEstablished,
		"norm":        cmdNorm,
		"example":     func(ts *testscript.TestScript, neg bool, args []string) { cmdExample(ts, neg, args, dir) },
	}
}

// cmdCode runs a program and wants an exit code.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	program, err := look(args[1], ts.Getenv("PATH"))
	ts.Check(err)
	cmd := exec.CommandContext(of(ts).ctx, program, args[2:]...) //nolint:gosec // It is what the script says.
	cmd.Dir, cmd.Env = ts.MkAbs("."), environment(ts)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	_, _ = ts.Stdout().Write(out.Bytes())
	_, _ = ts.Stderr().Write(errOut.Bytes())
	have := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		have = exit.ExitCode()
	case err != nil:
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if have != want {
		ts.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", have, want, out.String(), errOut.String())
	}
}

// look finds a program on the PATH of the script.
func look(program, path string) (string, error) {
	if strings.Contains(program, "/") {
		return program, nil
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, program)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file, nil
		}
	}
	return "", fmt.Errorf("there is no program %s on the PATH", program)
}

// environment is what programs of the script get.
func environment(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "KUBECONFIG", "NS", "TERM", "WORK", "TMPDIR", "NO_COLOR", "COLUMNS", "SERVER", "BIN", "ROOT"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// cmdNorm makes what the last command wrote the same in every run.
func cmdNorm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || args[0] != "stdout" && args[0] != "stderr" {
		ts.Fatalf("usage: norm stdout|stderr")
	}
	text := of(ts).norm(ts.ReadFile(args[0]))
	w := ts.Stdout()
	if args[0] == "stderr" {
		w = ts.Stderr()
	}
	_, _ = w.Write([]byte(text))
}

var (
	isoTime   = regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?`)
	clockTime = regexp.MustCompile(`\b\d\d:\d\d:\d\d(\.\d+)?\b`)
	revision  = regexp.MustCompile(`\b(rs|cr|ds|svc|kn):[0-9a-z]+(\+[0-9a-f]+)?`)
	podName   = regexp.MustCompile(`\b([a-z][a-z0-9-]*)-[0-9a-z]{8,10}-[0-9a-z]{5}\b`)
	uid       = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	id        = regexp.MustCompile(`\b[A-Z2-7]{26}\b`)
	runID     = regexp.MustCompile(`\b[0-9a-z]{8,10}-\d{10}\b`)
	duration  = regexp.MustCompile(`\b(\d+(\.\d+)?(ms|µs|s|m|h|d))+\b`)
	columns   = regexp.MustCompile(`(\S) {2,}`)
	trailing  = regexp.MustCompile(`(?m)[ \t]+$`)
	version   = regexp.MustCompile(`"?(resourceVersion|generation|observedGeneration)"?: "?\d+"?`)
)

// norm replaces what the cluster and the clock decide.
func (r *run) norm(text string) string {
	for _, rule := range []struct {
		pattern *regexp.Regexp
		with    string
	}{
		{isoTime, "TIME"},
		{clockTime, "TIME"},
		{revision, "$1:HASH"},
		{uid, "UID"},
		{runID, "RUN"},
		{podName, "$1-POD"},
		{id, "ID"},
		{duration, "DUR"},
		{version, "$1: N"},
		{columns, "$1  "},
		{trailing, ""},
	} {
		text = rule.pattern.ReplaceAllString(text, rule.with)
	}
	text = strings.ReplaceAll(text, r.cluster.RESTConfig.Host, "SERVER")
	text = strings.ReplaceAll(text, r.work, "WORK")
	return strings.ReplaceAll(text, r.namespace, "NS")
}

// exampleNamespace stands for the script's own in what is shown to people.
const exampleNamespace = "shop"

// cmdExample runs a transcript.
func cmdExample(ts *testscript.TestScript, neg bool, args []string, dir string) {
	var anyOrder bool
	var but string
	f := flag.NewFlagSet("example", flag.ContinueOnError)
	f.BoolVar(&anyOrder, "any-order", false, "")
	f.StringVar(&but, "but", "", "")
	if err := f.Parse(args); err != nil || neg || f.NArg() != 1 {
		ts.Fatalf("usage: example [-any-order] [-but PATTERN] FILE")
	}
	args = f.Args()
	r := of(ts)
	// Transcripts speak of namespace shop, which is the script's own when they run.
	text := strings.ReplaceAll(ts.ReadFile(args[0]), exampleNamespace, r.namespace)
	var have strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "$ ") {
			continue
		}
		have.WriteString(line)
		cmd := exec.CommandContext(r.ctx, "/bin/sh", "-c", strings.TrimPrefix(line, "$ ")) //nolint:gosec // It is what the script says.
		cmd.Dir, cmd.Env = ts.MkAbs("."), environment(ts)
		said, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			ts.Fatalf("run %s: %v", line, err)
		}
		have.Write(said)
	}
	wanted, seen := r.norm(text), r.norm(have.String())
	if but != "" {
		passing := regexp.MustCompile("(?m)^.*(" + but + ").*\n")
		wanted, seen = passing.ReplaceAllString(wanted, ""), passing.ReplaceAllString(seen, "")
	}
	if wanted == seen || anyOrder && sorted(wanted) == sorted(seen) {
		return
	}
	if *update {
		ts.Check(rewrite(filepath.Join(dir, ts.Name()+".txtar"), args[0], strings.ReplaceAll(have.String(), r.namespace, exampleNamespace)))
		return
	}
	ts.Fatalf("the transcript %s differs; rewrite with -update\nhave:\n%s\nwant:\n%s", args[0], seen, wanted)
}

func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// rewrite replaces a file of a script.
func rewrite(path, file, text string) error {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		return err
	}
	for i := range archive.Files {
		if archive.Files[i].Name == file {
			archive.Files[i].Data = []byte(text)
		}
	}
	return os.WriteFile(path, txtar.Format(archive), 0o644) //nolint:gosec // A file of the repository.
}
