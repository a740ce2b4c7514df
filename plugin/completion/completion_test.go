package completion

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// home is a folder laid out as krew does.
type home struct {
	t *testing.T
	// bin is on the PATH and has the link of krew; store is where the program is.
	bin, store string
	// other is on the PATH, before bin, and empty.
	other string
}

func newHome(t *testing.T) *home {
	t.Helper()
	dir := t.TempDir()
	h := &home{t: t, bin: filepath.Join(dir, "bin"), store: filepath.Join(dir, "store", "v1"), other: filepath.Join(dir, "other")}
	for _, folder := range []string{h.bin, h.store, h.other} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.write(filepath.Join(h.store, "kubectl-canary"), "#!/bin/sh\necho \"$0\"\n")
	h.link(filepath.Join(h.store, "kubectl-canary"), filepath.Join(h.bin, "kubectl-canary"))
	t.Setenv("PATH", h.other+string(filepath.ListSeparator)+h.bin)
	return h
}

func (h *home) write(file, text string) {
	h.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil { //nolint:gosec // It has to be executed.
		h.t.Fatal(err)
	}
}

func (h *home) link(target, path string) {
	h.t.Helper()
	if err := os.Symlink(target, path); err != nil {
		h.t.Fatal(err)
	}
}

// completion is the link that is made.
func (h *home) completion() string { return filepath.Join(h.bin, "kubectl_complete-canary") }

type result struct {
	out, err string
	code     int
}

// run runs a command line below a root, as the plugin has it.
func (h *home) run(args ...string) result {
	h.t.Helper()
	var out, errOut bytes.Buffer
	deps := cli.Deps{Streams: genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}}
	root := &cobra.Command{Use: "kubectl-canary", SilenceErrors: true, SilenceUsage: true}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return cli.Usagef("%w", err) })
	root.SetOut(&out)
	root.AddCommand(NewCompletionCmd(deps))
	root.SetArgs(append([]string{"completion"}, args...))
	err := root.ExecuteContext(h.t.Context())
	if err != nil {
		errOut.WriteString(cli.Message(err))
	}
	return result{out.String(), errOut.String(), cli.CodeOf(err)}
}

// want checks exit code and both outputs; an empty text has to be empty.
func (h *home) want(r result, code int, out, err string) {
	h.t.Helper()
	if r.code != code || !strings.Contains(r.out, out) || !strings.Contains(r.err, err) ||
		out == "" && r.out != "" || err == "" && r.err != "" {
		h.t.Errorf("code %d, stdout %q, stderr %q;\nwant %d, %q, %q", r.code, r.out, r.err, code, out, err)
	}
}

func (h *home) wantLink(target string) {
	h.t.Helper()
	have, err := os.Readlink(h.completion())
	if err != nil || have != target {
		h.t.Errorf("the link leads to %q (%v), want %q", have, err, target)
	}
}

func TestInstallLinksToTheNameBesideIt(t *testing.T) {
	h := newHome(t)
	h.want(h.run("install"), 0, h.completion()+" installed\n", "")
	h.wantLink("kubectl-canary")
	h.want(h.run("install"), 0, h.completion()+" unchanged\n", "")
	out, err := exec.CommandContext(t.Context(), h.completion()).Output()
	if err != nil || filepath.Base(strings.TrimSpace(string(out))) != "kubectl_complete-canary" {
		t.Errorf("called through the link, the program has the name %q: %v", out, err)
	}
}

func TestTheLinkSurvivesAnUpgrade(t *testing.T) {
	h := newHome(t)
	h.want(h.run("install"), 0, "installed", "")
	next := filepath.Join(filepath.Dir(h.store), "v2")
	if err := os.Rename(h.store, next); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(h.bin, "kubectl-canary")); err != nil {
		t.Fatal(err)
	}
	h.link(filepath.Join(next, "kubectl-canary"), filepath.Join(h.bin, "kubectl-canary"))
	if err := exec.CommandContext(t.Context(), h.completion()).Run(); err != nil {
		t.Error(err)
	}
	h.want(h.run("install"), 0, "unchanged", "")
}

func TestAStaleLinkIsReplaced(t *testing.T) {
	for _, target := range []string{"/gone/store/canary/v0/kubectl-canary", "../store/v1/kubectl-canary"} {
		h := newHome(t)
		h.link(target, h.completion())
		h.want(h.run("install", "--dry-run"), 0, "replaced (dry run)", "")
		h.wantLink(target)
		h.want(h.run("install"), 0, "replaced", "")
		h.wantLink("kubectl-canary")
	}
}

func TestAForeignFileIsLeftAlone(t *testing.T) {
	for name, put := range map[string]func(*home){
		"file": func(h *home) { h.write(h.completion(), "#!/bin/sh\n") },
		"link": func(h *home) { h.link("/bin/sh", h.completion()) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			put(h)
			h.want(h.run("install"), 1, "", "is not ours; remove it, or replace it with --force")
			h.want(h.run("uninstall"), 1, "", "is not ours")
			h.want(h.run("install", "--force"), 0, "replaced", "")
			h.wantLink("kubectl-canary")
			if err := os.Remove(h.completion()); err != nil {
				t.Fatal(err)
			}
			put(h)
			h.want(h.run("uninstall", "--force"), 0, "removed", "")
			if _, err := os.Lstat(h.completion()); err == nil {
				t.Error("it is still there")
			}
		})
	}
}

func TestAFolderIsNeverReplaced(t *testing.T) {
	h := newHome(t)
	if err := os.Mkdir(h.completion(), 0o755); err != nil {
		t.Fatal(err)
	}
	h.want(h.run("install", "--force"), 1, "", "is a folder; move it away")
	h.want(h.run("uninstall", "--force"), 1, "", "is a folder")
}

func TestDryRunDoesNothing(t *testing.T) {
	h := newHome(t)
	h.want(h.run("install", "--dry-run"), 0, "installed (dry run)", "")
	if _, err := os.Lstat(h.completion()); err == nil {
		t.Error("the link was made")
	}
	h.want(h.run("install"), 0, "installed", "")
	h.want(h.run("uninstall", "--dry-run"), 0, "removed (dry run)", "")
	h.wantLink("kubectl-canary")
}

func TestUninstall(t *testing.T) {
	h := newHome(t)
	h.want(h.run("uninstall"), 0, "", "nothing to remove")
	h.want(h.run("install"), 0, "installed", "")
	h.want(h.run("uninstall"), 0, h.completion()+" removed\n", "")
	if _, err := os.Lstat(h.completion()); err == nil {
		t.Error("the link is still there")
	}
	if _, err := os.Stat(filepath.Join(h.bin, "kubectl-canary")); err != nil {
		t.Errorf("the plugin is gone: %v", err)
	}
}

func TestAnotherFolderGetsTheNameThatKubectlFinds(t *testing.T) {
	h := newHome(t)
	h.want(h.run("install", "--dir", h.other), 0, "installed", "")
	have, err := os.Readlink(filepath.Join(h.other, "kubectl_complete-canary"))
	if want := filepath.Join(h.bin, "kubectl-canary"); err != nil || have != want {
		t.Errorf("leads to %q (%v), want %q", have, err, want)
	}
	// The one beside the plugin comes second on the PATH now.
	h.want(h.run("install"), 0, "installed", "warning: kubectl finds "+filepath.Join(h.other, "kubectl_complete-canary")+" first")
}

func TestAFolderThatIsNotOnThePath(t *testing.T) {
	h := newHome(t)
	h.want(h.run("install", "--dir", t.TempDir()), 0, "installed", "is not on the PATH, so kubectl will not find the link")
}

func TestBadInput(t *testing.T) {
	h := newHome(t)
	file := filepath.Join(h.bin, "kubectl-canary")
	h.want(h.run("install", "--dir", "/no/such/folder"), 2, "", "there is no such folder")
	h.want(h.run("install", "--dir", file), 2, "", "it is not a folder")
	h.want(h.run("install", "bash"), 2, "", "takes no argument")
	h.want(h.run("install", "--shell", "bash"), 2, "", "unknown flag: --shell")
	h.want(h.run("tcsh"), 2, "", `unknown command "tcsh"`)
	h.want(h.run("bash", "now"), 2, "", "takes no argument")
	t.Setenv("PATH", h.other)
	h.want(h.run("install"), 2, "", "kubectl-canary is not on the PATH, so kubectl does not find it either")
	h.want(h.run("install", "--dir", h.other), 2, "", "the link would lead nowhere")
}

func TestAFolderOfSomebodyElse(t *testing.T) {
	h := newHome(t)
	if err := os.Chmod(h.bin, 0o555); err != nil {
		t.Fatal(err)
	}
	withoutPrivileges(t, h.bin)
	h.want(h.run("install"), 1, "", "permission denied; with --dir another folder")
}

// On windows a link needs a privilege, so the program is copied; the logic is the same everywhere.
func TestWindowsGetsACopy(t *testing.T) {
	h := newHome(t)
	program := filepath.Join(h.bin, "kubectl-canary.exe")
	h.write(program, "MZ one")
	o := func() (*Options, *bytes.Buffer) {
		var out bytes.Buffer
		deps := cli.Deps{Streams: genericiooptions.IOStreams{Out: &out, ErrOut: &out}}
		return &Options{Deps: deps, OS: "windows"}, &out
	}
	install := func(want string) {
		t.Helper()
		options, out := o()
		if err := options.Complete(); err != nil {
			t.Fatal(err)
		}
		if err := options.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := options.Install(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("says %q, want %q", out, want)
		}
	}
	install("kubectl_complete-canary.exe installed")
	install("unchanged")
	copied := filepath.Join(h.bin, "kubectl_complete-canary.exe")
	info, err := os.Lstat(copied)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		t.Fatalf("the copy has mode %v: %v", info.Mode(), err)
	}
	// After an upgrade the copy is that of another version; that of a build of ours is known by its
	// build information, which this test has not: it is replaced by force only.
	h.write(program, "MZ two")
	options, _ := o()
	options.Dir = h.bin
	if err := options.Install(); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a copy of an unknown program: %v", err)
	}
	options.Force = true
	if err := options.Install(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(copied); err != nil || string(data) != "MZ two" {
		t.Errorf("the copy is %q: %v", data, err)
	}
}

func TestABuildOfOursIsKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".")
	cmd.Dir = t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module github.com/kubectl-canary/kubectl-canary/cmd/kubectl-canary\n\ngo 1.26\n",
		"main.go": "package main\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(cmd.Dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !isPlugin(file) {
		t.Error("a program with our main package is not known")
	}
	if self, err := os.Executable(); err != nil || isPlugin(self) {
		t.Errorf("a test program is taken for the plugin: %v", err)
	}
}

func TestScripts(t *testing.T) {
	h := newHome(t)
	for shell, want := range map[string]string{
		"bash":       "__start_kubectl-canary",
		"zsh":        "#compdef kubectl-canary",
		"fish":       "complete -c kubectl-canary",
		"powershell": "Register-ArgumentCompleter -CommandName 'kubectl-canary'",
	} {
		full := h.run(shell)
		h.want(full, 0, want, "")
		bare := h.run(shell, "--no-descriptions")
		h.want(bare, 0, want, "")
		if full.out == bare.out || !strings.Contains(bare.out, cobra.ShellCompNoDescRequestCmd) {
			t.Errorf("%s: --no-descriptions changes nothing", shell)
		}
	}
}

func TestOptionsReachTheCommand(t *testing.T) {
	h := newHome(t)
	var seen *Options
	runF := func(_ context.Context, o *Options) error {
		seen = o
		return nil
	}
	cmd := NewInstallCmd(cli.Deps{}, runF)
	cmd.SetArgs([]string{"--dir", h.other, "--force", "--dry-run"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen == nil || seen.Dir != h.other || !seen.Force || !seen.DryRun || seen.OS != runtime.GOOS {
		t.Errorf("options %+v", seen)
	}
}
