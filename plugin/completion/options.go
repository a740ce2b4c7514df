package completion

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// Options of install and uninstall.
type Options struct {
	cli.Deps

	// Dir is where the link is; by default the folder in which kubectl finds the plugin.
	Dir string
	// Force replaces and removes a file that is not ours.
	Force bool
	// DryRun changes nothing.
	DryRun bool

	// OS is the operating system in Go's words. On windows, where links need a privilege, a copy of
	// the program takes the place of the link.
	OS string

	// program is the plugin as kubectl finds it; empty when it is not on the PATH.
	program string
}

func (o *Options) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.Dir, "dir", "", "Folder of the link; it has to be on the PATH. By default the one of the plugin.")
	flags.BoolVar(&o.DryRun, "dry-run", false, "Say what would be done, and do nothing.")
	_ = cmd.MarkFlagDirname("dir")
}

// Complete finds the plugin on the PATH, as kubectl does. The path of the process itself would not do:
// it is the one of the file, with the version in it, and krew removes that file with the next upgrade.
func (o *Options) Complete() error {
	if o.OS == "" {
		o.OS = runtime.GOOS
	}
	program, err := exec.LookPath(o.executable())
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil && !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, exec.ErrDot) {
		return err
	}
	if err == nil {
		o.program = program
	}
	return nil
}

// Validate finds a folder that does not exist, and a plugin that cannot be found.
func (o *Options) Validate() error {
	if o.Dir == "" {
		if o.program == "" {
			return cli.Usagef("%s is not on the PATH, so kubectl does not find it either; "+
				"put its folder on the PATH, or name a folder with --dir", o.executable())
		}
		o.Dir = filepath.Dir(o.program)
		return nil
	}
	info, err := os.Stat(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return cli.Usagef("--dir %s: there is no such folder", o.Dir)
	}
	if err != nil {
		return cli.Usagef("--dir %s: %w", o.Dir, err)
	}
	if !info.IsDir() {
		return cli.Usagef("--dir %s: it is not a folder", o.Dir)
	}
	return nil
}

func (o *Options) executable() string { return name.Executable(name.Plugin, o.OS) }

// link is where kubectl looks for the program that completes.
func (o *Options) link() string {
	return filepath.Join(o.Dir, name.CompletionExecutable(name.Plugin, o.OS))
}

// dryRun is what is added to the line that says what was done.
func (o *Options) dryRun() string {
	if o.DryRun {
		return cli.DryRunClient.Suffix()
	}
	return ""
}
