package completion

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
)

// NewCompletionCmd builds the command with its subcommands. It takes the place of cobra's own.
func NewCompletionCmd(deps cli.Deps) *cobra.Command {
	program := name.Executable(name.Plugin, "")
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "Set up completion in the shell",
		Long: `Set up completion of commands, flags, names and values in the shell.

kubectl completes the arguments of a plugin by a program that lies beside it:
"completion install" puts it there, once. The completion of kubectl itself has to
be set up in your shell; see: kubectl completion --help

The other subcommands print a script for those who call the program by its own
name, ` + program + `.`,
		Example: `  # Complete the arguments of ` + name.Display + `
  ` + name.Display + ` completion install

  # Complete those of ` + program + ` in this bash
  source <(` + program + ` completion bash)`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usagef("unknown command %q for %q; see: %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(NewInstallCmd(deps, nil), NewUninstallCmd(deps, nil))
	for _, s := range shells() {
		cmd.AddCommand(newScriptCmd(deps, s))
	}
	return cmd
}

// shell is one for which there is a script.
type shell struct {
	name, example string
	script        func(root *cobra.Command, w io.Writer, descriptions bool) error
}

func shells() []shell {
	program := name.Executable(name.Plugin, "")
	return []shell{
		{
			"bash", `  # In this shell; needs the package bash-completion
  source <(` + program + ` completion bash)

  # In all new ones
  ` + program + ` completion bash > ~/.local/share/bash-completion/completions/` + program,
			func(root *cobra.Command, w io.Writer, descriptions bool) error {
				return root.GenBashCompletionV2(w, descriptions)
			},
		},
		{
			"zsh", `  # In this shell, after: autoload -U compinit; compinit
  source <(` + program + ` completion zsh)

  # In all new ones
  ` + program + ` completion zsh > "${fpath[1]}/_` + program + `"`,
			func(root *cobra.Command, w io.Writer, descriptions bool) error {
				if !descriptions {
					return root.GenZshCompletionNoDesc(w)
				}
				return root.GenZshCompletion(w)
			},
		},
		{
			"fish", `  # In this shell
  ` + program + ` completion fish | source

  # In all new ones
  ` + program + ` completion fish > ~/.config/fish/completions/` + program + `.fish`,
			func(root *cobra.Command, w io.Writer, descriptions bool) error {
				return root.GenFishCompletion(w, descriptions)
			},
		},
		{
			"powershell", `  # In this shell; for all new ones, put the output into your profile
  ` + program + ` completion powershell | Out-String | Invoke-Expression`,
			func(root *cobra.Command, w io.Writer, descriptions bool) error {
				if !descriptions {
					return root.GenPowerShellCompletion(w)
				}
				return root.GenPowerShellCompletionWithDesc(w)
			},
		},
	}
}

func newScriptCmd(deps cli.Deps, s shell) *cobra.Command {
	bare := false
	cmd := &cobra.Command{
		Use:   s.name,
		Short: "Print the completion script for " + s.name,
		Long: `Print the script that completes ` + name.Executable(name.Plugin, "") + `, called by its own name, in ` + s.name + `.
To complete ` + name.Display + `, use: ` + name.Display + ` completion install`,
		Example:           s.example,
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.script(cmd.Root(), deps.Streams.Out, !bare)
		},
	}
	cmd.Flags().BoolVar(&bare, "no-descriptions", false, "Complete without descriptions.")
	return cmd
}
