package completion

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// NewInstallCmd builds `completion install`. A nil runF runs it.
func NewInstallCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Let kubectl complete the arguments of the plugin",
		Long: `Let kubectl complete the arguments of the plugin: put a link called
` + name.CompletionExecutable(name.Plugin, "") + ` beside the plugin, which is the program that kubectl
runs for it. The link leads to the name under which kubectl finds the plugin, so an
upgrade does not break it. On Windows it is a copy: install it again after an upgrade.

A file that is not ours is left alone, unless --force is given.`,
		Example: `  # Beside the plugin
  ` + name.Display + ` completion install

  # In a folder of your own, when the plugin's belongs to root
  ` + name.Display + ` completion install --dir ~/bin`,
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              o.runE((*Options).Install, runF),
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.Force, "force", false, "Replace a file that is not ours.")
	return cmd
}

// runE completes and validates the options, and runs one of the two commands.
func (o *Options) runE(run func(*Options) error, runF func(context.Context, *Options) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		if err := o.Complete(); err != nil {
			return err
		}
		if err := o.Validate(); err != nil {
			return err
		}
		if runF != nil {
			return runF(cmd.Context(), o)
		}
		return run(o)
	}
}

// Install puts the link in place and says so on standard output. That the link is not the one that
// kubectl finds is a warning: the PATH of the shell may be another.
func (o *Options) Install() error {
	target, err := o.target()
	if err != nil {
		return err
	}
	have, err := o.inspect(target)
	if err != nil {
		return err
	}
	done := "installed"
	switch {
	case have == foreign && !o.Force:
		return fmt.Errorf("%s exists and is not ours; remove it, or replace it with --force", o.link())
	case have == current:
		done = "unchanged"
	case have != absent:
		done = "replaced"
	}
	if have != current && !o.DryRun {
		if err := o.place(target); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(o.Streams.Out, "%s %s%s\n", o.link(), done, o.dryRun()); err != nil {
		return err
	}
	if warning := o.warning(); warning != "" {
		_, err := fmt.Fprintln(o.Streams.ErrOut, "warning: "+warning)
		return err
	}
	return nil
}

// target is what the link leads to: the plugin beside it by its name alone, else as kubectl finds it.
// A copy is made of the file itself.
func (o *Options) target() (string, error) {
	beside := filepath.Join(o.Dir, o.executable())
	_, err := os.Stat(beside)
	switch {
	case err == nil && o.OS != "windows":
		return o.executable(), nil
	case err == nil:
		return beside, nil
	case o.program == "":
		return "", cli.Usagef("there is no %s in %s and none on the PATH, so the link would lead nowhere", o.executable(), o.Dir)
	}
	return o.program, nil
}

// warning tells when kubectl will not find the link.
func (o *Options) warning() string {
	folder, err := os.Stat(o.Dir)
	if err != nil {
		return ""
	}
	onPath := false
	for _, entry := range filepath.SplitList(os.Getenv("PATH")) {
		if info, err := os.Stat(entry); err == nil && os.SameFile(info, folder) {
			onPath = true
		}
	}
	if !onPath {
		return o.Dir + " is not on the PATH, so kubectl will not find the link; add it"
	}
	found, err := exec.LookPath(filepath.Base(o.link()))
	if err != nil {
		return ""
	}
	if info, err := os.Stat(filepath.Dir(found)); err == nil && !os.SameFile(info, folder) {
		return "kubectl finds " + found + " first; remove it, or install with --dir " + filepath.Dir(found)
	}
	return ""
}
