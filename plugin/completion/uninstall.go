package completion

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// NewUninstallCmd builds `completion uninstall`. A nil runF runs it.
func NewUninstallCmd(deps cli.Deps, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{Deps: deps}
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove what completion install has put there",
		Long: `Remove the link called ` + name.CompletionExecutable(name.Plugin, "") + `. Do it before you uninstall
the plugin itself, since krew does not know of the link.

A file that is not ours is left alone, unless --force is given.`,
		Example:           `  ` + name.Display + ` completion uninstall`,
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              o.runE((*Options).Uninstall, runF),
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.Force, "force", false, "Remove a file that is not ours.")
	return cmd
}

// Uninstall removes the link. That there is none is no error.
func (o *Options) Uninstall() error {
	have, err := o.inspect("")
	if err != nil {
		return err
	}
	if have == absent {
		_, err := fmt.Fprintf(o.Streams.ErrOut, "nothing to remove: there is no %s\n", o.link())
		return err
	}
	if have == foreign && !o.Force {
		return fmt.Errorf("%s is not ours; remove it with --force, or by hand", o.link())
	}
	if !o.DryRun {
		if err := os.Remove(o.link()); err != nil {
			return fmt.Errorf("remove the link for completion: %w", err)
		}
	}
	_, err = fmt.Fprintf(o.Streams.Out, "%s removed%s\n", o.link(), o.dryRun())
	return err
}
