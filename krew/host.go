package krew

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
)

// The rules about the program of this machine, run from where it was installed.
const (
	RuleRunVersion        Rule = "run-version"
	RuleCompletionLink    Rule = "completion-link"
	RuleCompletionAnswers Rule = "completion-answers"
	RuleCompletionUpgrade Rule = "completion-upgrade"
	RuleKubectlFinds      Rule = "kubectl-finds"
	RuleKubectlRuns       Rule = "kubectl-runs"
	RuleKubectlCompletes  Rule = "kubectl-completes"
)

// patience bounds each run of a program: none of them asks a cluster.
const patience = 30 * time.Second

// host is an installation that can be run here.
type host struct {
	where   string
	root    Root
	plugin  *Plugin
	goos    string
	bin     string
	kubectl string
}

// tryHost runs the program through the link that krew makes.
func tryHost(ctx context.Context, r *Report, h host) {
	if !r.inOrder(h.where,
		stage{RuleRunVersion, func() error { return h.checkRunVersion(ctx) }},
		stage{RuleCompletionLink, func() error { return h.checkCompletionLink(ctx) }},
		stage{RuleCompletionAnswers, func() error { return h.checkCompletion(ctx) }},
		stage{RuleCompletionUpgrade, func() error { return h.checkUpgrade(ctx) }},
	) {
		return
	}
	if h.kubectl == "" {
		for _, rule := range []Rule{RuleKubectlFinds, RuleKubectlRuns, RuleKubectlCompletes} {
			r.skip(h.where, rule, "there is no kubectl on the PATH")
		}
		return
	}
	plugin := h.plugin.Metadata.Name
	r.all(h.where,
		stage{RuleKubectlFinds, func() error {
			return h.says(ctx, name.Executable(plugin, h.goos), h.kubectl, "plugin", "list", "--name-only")
		}},
		stage{RuleKubectlRuns, func() error {
			return h.says(ctx, h.plugin.Spec.Version, h.kubectl, plugin, "version", "--client")
		}},
		stage{RuleKubectlCompletes, func() error {
			return h.says(ctx, "promote", h.kubectl, "__complete", plugin, "prom")
		}},
	)
}

func (h host) checkRunVersion(ctx context.Context) error {
	return h.says(ctx, h.plugin.Spec.Version, h.root.Link(h.plugin.Metadata.Name, h.goos), "version", "--client")
}

func (h host) completion() string {
	return filepath.Join(h.root.Bin(), name.CompletionExecutable(h.plugin.Metadata.Name, h.goos))
}

// checkCompletionLink wants the link to lead to the name beside it: the store has the version in its path.
func (h host) checkCompletionLink(ctx context.Context) error {
	plugin := h.root.Link(h.plugin.Metadata.Name, h.goos)
	if _, err := h.run(ctx, plugin, "completion", "install"); err != nil {
		return err
	}
	if h.goos == "windows" {
		_, err := os.Stat(h.completion())
		return err
	}
	target, err := os.Readlink(h.completion())
	if err != nil {
		return fmt.Errorf("completion install made no link: %w", err)
	}
	return equal("the link for completion", target, filepath.Base(plugin))
}

// checkCompletion runs what kubectl runs: the candidates, one per line, and a directive at the end.
func (h host) checkCompletion(ctx context.Context) error {
	out, err := h.run(ctx, h.completion(), "prom")
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	found := slices.ContainsFunc(lines, func(line string) bool {
		candidate, _, _ := strings.Cut(line, "\t")
		return candidate == "promote"
	})
	if !found {
		return fmt.Errorf(`"prom" is completed by %q, want promote`, out)
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, ":") {
		return fmt.Errorf("the last line is %q, want a directive such as :4", last)
	}
	return nil
}

// checkUpgrade does what krew does at an upgrade, new version in and old one out, and completes again.
func (h host) checkUpgrade(ctx context.Context) error {
	plugin := h.plugin.Metadata.Name
	next := h.plugin.Spec.Version + ".next"
	if err := os.Rename(h.root.Store(plugin, h.plugin.Spec.Version), h.root.Store(plugin, next)); err != nil {
		return err
	}
	program := filepath.Join(h.root.Store(plugin, next), filepath.FromSlash(h.bin))
	if err := link(h.root, h.plugin, h.goos, program); err != nil {
		return err
	}
	return h.checkCompletion(ctx)
}

// says runs a program and wants a word in its output.
func (h host) says(ctx context.Context, want, program string, args ...string) error {
	out, err := h.run(ctx, program, args...)
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		if slices.Contains(strings.Fields(line), want) {
			return nil
		}
	}
	return fmt.Errorf("%s %s prints %q, want %s in it", filepath.Base(program), strings.Join(args, " "), out, want)
}

// run runs a program in an environment in which the folder of the links is first on the PATH, and nothing
// of the user's configuration can be found.
func (h host) run(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // It is the program that is checked.
	cmd.Env = []string{
		"PATH=" + h.root.Bin() + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + h.root.Dir,
		"SYSTEMROOT=" + os.Getenv("SYSTEMROOT"),
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("it did not end within %s", patience)
		}
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}
