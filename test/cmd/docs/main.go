// Command docs writes docs/commands, a page for each verb, from the commands themselves and from the
// transcripts that test/cli runs, and docs/output.md, the JSON that they print, from the Go types.
// `make generate` calls it, in the directory test.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-canary/kubectl-canary/plugin/cli"
	"github.com/kubectl-canary/kubectl-canary/plugin/root"
)

// Where the pages go, and where the transcripts are, seen from the directory test.
var (
	pages   = filepath.Join("..", "docs", "commands")
	scripts = []string{"cli/testdata", "cli/bare/testdata", "cli/setup/testdata"}
)

// transcript is the name of the file of a script that is shown.
const transcript = "example.console"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run() error {
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: os.Stdout, ErrOut: os.Stderr}
	program := root.NewRootCmd(root.NewDeps(streams, cli.Build{Version: "dev"}))
	program.InitDefaultHelpCmd()
	if err := os.RemoveAll(pages); err != nil {
		return err
	}
	if err := os.MkdirAll(pages, 0o755); err != nil { //nolint:gosec // Documents are for everybody.
		return err
	}
	var missing []error
	for _, verb := range verbs(program) {
		shown, err := example(verb.Name())
		if err != nil {
			missing = append(missing, err)
		}
		if err := write(verb.Name(), page(verb, shown)); err != nil {
			return err
		}
	}
	if err := writeOutput(); err != nil {
		return err
	}
	return errors.Join(append(missing, write("README", index(program)))...)
}

// verbs are the commands that have a page.
func verbs(program *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range program.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "options" {
			out = append(out, c)
		}
	}
	return out
}

func write(name, text string) error {
	return os.WriteFile(filepath.Join(pages, name+".md"), []byte(text), 0o644) //nolint:gosec // Documents are for everybody.
}

// example is the transcript of the script that is named after a verb. Every verb has one.
func example(verb string) (string, error) {
	for _, dir := range scripts {
		archive, err := txtar.ParseFile(filepath.Join(dir, verb+".txtar"))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		for _, f := range archive.Files {
			if f.Name == transcript {
				// Scripts have their directory as their home.
				return strings.ReplaceAll(string(f.Data), "WORK/", "~/"), nil
			}
		}
	}
	return "", fmt.Errorf("no script %s.txtar in %s has a %s: every verb has one that is run", verb, strings.Join(scripts, " or "), transcript)
}

// page documents a verb with its subcommands.
func page(verb *cobra.Command, shown string) string {
	var b strings.Builder
	section(&b, verb, 1)
	if shown != "" {
		fmt.Fprintf(&b, "\n## Seen\n\n```console\n%s```\n", shown)
	}
	for _, sub := range verb.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			b.WriteString("\n")
			section(&b, sub, 2)
		}
	}
	b.WriteString("\nEvery command has the flags of `kubectl canary options` besides.\n")
	return b.String()
}

func section(b *strings.Builder, c *cobra.Command, level int) {
	head := strings.Repeat("#", level)
	fmt.Fprintf(b, "%s %s\n\n%s.\n", head, c.CommandPath(), strings.TrimSuffix(c.Short, "."))
	if c.Runnable() {
		fmt.Fprintf(b, "\n```\n%s\n```\n", c.UseLine())
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(b, "\nAlso: `%s`.\n", strings.Join(c.Aliases, "`, `"))
	}
	if c.Long != "" {
		prose(b, c.Long)
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\n%s# Examples\n\n```sh\n%s\n```\n", head, dedent(c.Example))
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && !f.Hidden {
			flags.AddFlag(f)
		}
	})
	if usage := flags.FlagUsages(); usage != "" {
		fmt.Fprintf(b, "\n%s# Flags\n\n```\n%s```\n", head, usage)
	}
}

// prose writes paragraphs; those with indented lines, such as lists, keep their form.
func prose(b *strings.Builder, text string) {
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(paragraph, "  ") || strings.Contains(paragraph, "\n  ") {
			paragraph = "```text\n" + paragraph + "\n```"
		}
		fmt.Fprintf(b, "\n%s\n", paragraph)
	}
}

func dedent(text string) string {
	var out []string
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		out = append(out, strings.TrimPrefix(line, "  "))
	}
	return strings.Join(out, "\n")
}

// index lists the verbs as the help of the program does.
func index(program *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s. A page per verb, generated from the commands; what is under \"Seen\" is run by the tests.\n",
		root.Display, program.Short)
	for _, group := range program.Groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| verb | what it does |\n|---|---|\n", strings.TrimSuffix(group.Title, ":"))
		for _, c := range verbs(program) {
			if c.GroupID == group.ID {
				fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", c.Name(), c.Name(), c.Short)
			}
		}
	}
	b.WriteString("\n## Others\n\n| verb | what it does |\n|---|---|\n")
	for _, c := range verbs(program) {
		if c.GroupID == "" {
			fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", c.Name(), c.Name(), c.Short)
		}
	}
	fmt.Fprintf(&b, "\n## Exit codes\n\n```\n%s\n```\n", strings.TrimPrefix(cli.ExitCodesHelp, "Exit codes:\n"))
	return b.String()
}
