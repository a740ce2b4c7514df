package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// OneName accepts exactly one canary, as NAME or canary/NAME.
func OneName(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return Usagef("which canary? usage: %s", cmd.UseLine())
	case 1:
		_, err := Name(args[0])
		return err
	}
	return Usagef("one canary at a time, but there are %d arguments; usage: %s", len(args), cmd.UseLine())
}

// NoArgs accepts no argument.
func NoArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usagef("%s takes no argument, but there is %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// Name reads NAME, or TYPE/NAME as kubectl prints it.
func Name(arg string) (string, error) {
	kind, name, found := strings.Cut(arg, "/")
	if !found {
		kind, name = "canary", arg
	}
	switch strings.ToLower(kind) {
	case "canary", "canaries", "canary.flagger.app", "canaries.flagger.app":
	default:
		return "", Usagef("%q is not a canary: use NAME or canary/NAME", arg)
	}
	if name == "" || strings.Contains(name, "/") {
		return "", Usagef("%q is not the name of a canary", arg)
	}
	return name, nil
}

// Resource is how kubectl names an object in one word.
func Resource(name string) string { return "canary.flagger.app/" + name }
