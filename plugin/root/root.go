package root

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/krew/name"
	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/cluster"
	"github.com/kubectl-canary/kubectl-canary/plugin/view"
)

// Display is how the program is called.
const Display = name.Display

// NewDeps makes the dependencies of a real process.
func NewDeps(streams genericiooptions.IOStreams, build cli.Build) cli.Deps {
	return cli.Deps{
		Streams:  streams,
		Cluster:  &cluster.Access{UserAgent: "kubectl-canary/" + build.Version, Warnings: newWarnings(streams)},
		Now:      time.Now,
		Build:    build,
		Terminal: cli.TerminalOf(streams.In, streams.Out),
	}
}

// NewRootCmd builds `kubectl canary` with all commands.
func NewRootCmd(deps cli.Deps) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name.Executable(name.Plugin, ""),
		Short: "Progressive delivery from the command line",
		Long: `Release new versions step by step: list and watch canaries, promote and abort them.

` + cli.ExitCodesHelp,
		Example: `  kubectl canary create deployment/app --provider traefik
  kubectl canary watch app
  kubectl canary abort app --reason "errors in checkout"`,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: Display},
		Args:        unknownCommand,
		RunE:        func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		// Errors are printed in one place, Main, and never with a page of usage.
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	cmd.SetIn(deps.Streams.In)
	cmd.SetOut(deps.Streams.Out)
	cmd.SetErr(deps.Streams.ErrOut)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return cli.Usagef("%w; see: %s --help", err, cmd.CommandPath())
	})
	deps.Cluster.AddFlags(cmd.PersistentFlags())

	cobra.EnableCommandSorting = false // The order of the help is that of use.
	for _, g := range groups(deps) {
		cmd.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, verb := range g.verbs {
			verb.GroupID = g.id
			cmd.AddCommand(verb)
		}
	}
	cmd.AddCommand(newOptionsCmd(cmd))
	deps.RegisterCompletions(cmd)
	cmd.CompletionOptions.DisableDefaultCmd = true // Ours takes its place.
	cmd.SetUsageTemplate(usageTemplate(cmd.UsageTemplate()))
	return cmd
}

// newOptionsCmd shows the flags that every command has, as `kubectl options` does.
func newOptionsCmd(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "options",
		Short: "Show the flags that every command has",
		Args:  cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := pflag.NewFlagSet("all", pflag.ContinueOnError)
			root.PersistentFlags().VisitAll(func(f *pflag.Flag) {
				shown := *f
				shown.Hidden = f.Name == "password" || f.Name == "username"
				all.AddFlag(&shown)
			})
			_, err := fmt.Fprint(cmd.OutOrStdout(), "Every command has these flags:\n\n"+all.FlagUsages())
			return err
		},
	}
}

// usageTemplate points from every help to the flags that it leaves out.
func usageTemplate(template string) string {
	return strings.TrimRight(template, "\n") + `{{if .HasParent}}

Use "` + Display + ` options" for the flags that every command has.{{end}}
`
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	message := fmt.Sprintf("unknown command %q", args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		message += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return cli.Usagef("%s See: %s --help", punctuated(message), Display)
}

func punctuated(s string) string {
	if s[len(s)-1] == '?' {
		return s
	}
	return s + "."
}

// Main runs the command line, program name first, and returns the exit code.
func Main(ctx context.Context, deps cli.Deps, args []string) int {
	cmd := NewRootCmd(deps)
	program := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	args = args[1:]
	if program == name.CompletionExecutable(name.Plugin, "") {
		args = append([]string{cobra.ShellCompRequestCmd}, args...)
	}
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err != nil {
		if message := cli.Message(err); message != "" {
			_, _ = fmt.Fprintf(deps.Streams.ErrOut, "error: %s\n", view.Clean(message))
		}
	}
	return cli.CodeOf(err)
}
